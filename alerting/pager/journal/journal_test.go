package journal_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/pager/journal"
	"github.com/belfry-city/belfry/alerting/pager/journal/faultdisk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// words is a state: a set of words.
type words struct {
	mu   sync.Mutex
	set  map[string]bool
	tell func([]byte)
}

func newWords() *words { return &words{set: map[string]bool{}, tell: func([]byte) {}} }

func (w *words) Add(word string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set[word] = true
	w.tell([]byte(word + "\n"))
}

func (w *words) Has(word string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.set[word]
}

func (w *words) Merge(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for word := range strings.Lines(string(b)) {
		trimmed, whole := strings.CutSuffix(word, "\n")
		if !whole {
			return fmt.Errorf("half a word: %q", word)
		}
		w.set[trimmed] = true
	}
	return nil
}

func (w *words) Snapshot(out io.Writer) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var n int64
	for word := range w.set {
		m, err := fmt.Fprintln(out, word)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (w *words) SetBroadcast(f func([]byte)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tell = f
}

func (w *words) GC() (int, error) { return 0, nil }

func options(disk journal.Disk) journal.Options {
	return journal.Options{
		Dir: "data", Name: "words", Disk: disk,
		Logger:        slog.New(slog.DiscardHandler),
		RetryInterval: time.Millisecond,
	}
}

func open(t require.TestingT, disk journal.Disk) (*words, *journal.Journal) {
	w := newWords()
	j, err := journal.Open(w, options(disk))
	require.NoError(t, err)
	return w, j
}

func TestWhatWasSyncedSurvivesAPowerCut(t *testing.T) {
	disk := faultdisk.New()
	w, j := open(t, disk)
	w.Add("bell")
	w.Add("rope")
	require.NoError(t, j.Sync(t.Context()))

	after := disk.CutPower(0)
	require.NoError(t, j.Close(t.Context()))

	again, j := open(t, after)
	require.True(t, again.Has("bell"))
	require.True(t, again.Has("rope"))
	require.NoError(t, j.Close(t.Context()))
}

func TestSyncWaitsForTheDisk(t *testing.T) {
	disk := faultdisk.New()
	w, j := open(t, disk)
	release := disk.Hold()
	w.Add("bell")
	synced := make(chan error, 1)
	go func() { synced <- j.Sync(context.Background()) }()
	disk.AwaitHeld()
	require.Empty(t, synced, "no answer while the sync is under way")

	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, j.Sync(hurried), context.Canceled)

	release()
	require.NoError(t, <-synced)
	require.NoError(t, j.Close(t.Context()))
}

func TestFullDiskIsSaidAndRecoveredFrom(t *testing.T) {
	disk := faultdisk.New()
	health := make(chan error, 100)
	opts := options(disk)
	opts.OnHealth = func(err error) { health <- err }
	w := newWords()
	j, err := journal.Open(w, opts)
	require.NoError(t, err)
	require.NoError(t, j.Reserve(t.Context(), 1000))

	disk.Fail(syscall.ENOSPC)
	w.Add("reserved")
	require.NoError(t, j.Sync(t.Context()), "room was reserved for it")
	require.ErrorIs(t, j.Reserve(t.Context(), 1<<20), syscall.ENOSPC)
	w.Add(strings.Repeat("long", 100_000))
	require.ErrorIs(t, j.Sync(t.Context()), syscall.ENOSPC)
	require.ErrorIs(t, <-health, syscall.ENOSPC)
	w.Add("late")
	require.ErrorIs(t, j.Sync(t.Context()), syscall.ENOSPC)

	disk.Fail(nil)
	require.NoError(t, <-health, "it recovers by itself")
	require.NoError(t, j.Sync(t.Context()))
	require.NoError(t, j.Reserve(t.Context(), 1<<20))

	after := disk.CutPower(0)
	require.NoError(t, j.Close(t.Context()))
	again, j := open(t, after)
	for _, word := range []string{"reserved", "late", strings.Repeat("long", 100_000)} {
		require.True(t, again.Has(word))
	}
	require.NoError(t, j.Close(t.Context()))
}

func TestStartOnAFullDisk(t *testing.T) {
	disk := faultdisk.New()
	w, j := open(t, disk)
	w.Add("bell")
	require.NoError(t, j.Close(t.Context()))

	disk.Fail(syscall.ENOSPC)
	again, j := open(t, disk)
	require.True(t, again.Has("bell"))
	again.Add("rope")
	require.ErrorIs(t, j.Sync(t.Context()), syscall.ENOSPC)
	disk.Fail(nil)
	require.NoError(t, j.Reserve(t.Context(), 1))
	require.NoError(t, j.Sync(t.Context()))
	require.NoError(t, j.Close(t.Context()))

	disk.Fail(syscall.EROFS)
	_, err := journal.Open(newWords(), options(disk))
	require.ErrorIs(t, err, syscall.EROFS)
}

func TestCloseLosesNothing(t *testing.T) {
	disk := faultdisk.New()
	w, j := open(t, disk)
	w.Add("bell")
	require.NoError(t, j.Close(t.Context()))
	w.Add("after")
	require.ErrorIs(t, j.Sync(t.Context()), journal.ErrClosed)
	require.ErrorIs(t, j.Reserve(t.Context(), 1), journal.ErrClosed)

	names, err := disk.List("data")
	require.NoError(t, err)
	require.Equal(t, []string{"words"}, names, "a clean stop leaves the snapshot alone")
	again, j := open(t, disk.CutPower(0))
	require.True(t, again.Has("bell"))
	require.False(t, again.Has("after"))
	require.NoError(t, j.Close(t.Context()))
}

func TestJournalIsCompactedWhenItGrows(t *testing.T) {
	disk := faultdisk.New()
	opts := options(disk)
	opts.CompactBytes = 1000
	w := newWords()
	j, err := journal.Open(w, opts)
	require.NoError(t, err)
	for i := range 500 {
		w.Add(fmt.Sprintf("word-%d", i))
		require.NoError(t, j.Sync(t.Context()))
	}
	require.NoError(t, j.Reserve(t.Context(), 1), "comes after the last compaction")
	names, err := disk.List("data")
	require.NoError(t, err)
	require.Len(t, names, 2, "snapshot and one segment, in %v", names)
	after := disk.CutPower(0)
	require.NoError(t, j.Close(t.Context()))
	again, j := open(t, after)
	for i := range 500 {
		require.True(t, again.Has(fmt.Sprintf("word-%d", i)))
	}
	require.NoError(t, j.Close(t.Context()))
}

func TestDamagedFilesAreSetAside(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "words"), []byte("no newline"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "words.00000007.journal"), []byte("what is this?"), 0o600))
	opts := options(nil)
	opts.Dir = dir
	w := newWords()
	j, err := journal.Open(w, opts)
	require.NoError(t, err)
	w.Add("bell")
	require.NoError(t, j.Sync(t.Context()))
	require.NoError(t, j.Close(t.Context()))

	names, err := filepath.Glob(filepath.Join(dir, "*damaged*"))
	require.NoError(t, err)
	require.Len(t, names, 2)
	again := newWords()
	j, err = journal.Open(again, opts)
	require.NoError(t, err)
	require.True(t, again.Has("bell"))
	require.NoError(t, j.Close(t.Context()))
}

// TestNothingAcknowledgedIsEverLost does random things to a journal and checks, after every loss of power, that
// each word whose Sync succeeded is there.
func TestNothingAcknowledgedIsEverLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		disk := faultdisk.New()
		w, j := open(t, disk)
		ctx := context.Background()
		var acknowledged []string
		var n int
		add := func(size int) {
			n++
			word := fmt.Sprintf("%d-%s", n, strings.Repeat("x", size))
			w.Add(word)
			if rapid.Bool().Draw(t, "sync") && j.Sync(ctx) == nil {
				acknowledged = append(acknowledged, word)
			}
		}
		reopen := func(after *faultdisk.Disk) {
			_ = j.Close(ctx)
			disk = after
			w, j = open(t, disk)
			for _, word := range acknowledged {
				require.True(t, w.Has(word), "lost %.20s", word)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add":       func(t *rapid.T) { add(rapid.IntRange(0, 100).Draw(t, "size")) },
			"add long":  func(t *rapid.T) { add(rapid.IntRange(50_000, 150_000).Draw(t, "size")) },
			"disk full": func(*rapid.T) { disk.Fail(syscall.ENOSPC) },
			"disk free": func(*rapid.T) { disk.Fail(nil) },
			"reserve":   func(*rapid.T) { _ = j.Reserve(ctx, 1000) },
			"power cut": func(t *rapid.T) { reopen(disk.CutPower(rapid.IntRange(0, 50).Draw(t, "torn"))) },
			"restart": func(*rapid.T) {
				disk.Fail(nil)
				require.NoError(t, j.Close(ctx))
				reopen(disk)
			},
		})
		_ = j.Close(ctx)
	})
}

func FuzzReadingASegment(f *testing.F) {
	disk := faultdisk.New()
	w, j := open(f, disk)
	w.Add("bell")
	require.NoError(f, j.Sync(f.Context()))
	names, err := disk.List("data")
	require.NoError(f, err)
	slices.Sort(names)
	content, err := disk.ReadFile(filepath.Join("data", names[len(names)-1]))
	require.NoError(f, err)
	require.NoError(f, j.Close(f.Context()))
	f.Add(content[:100])
	f.Fuzz(func(t *testing.T, content []byte) {
		disk := faultdisk.New()
		file, err := disk.Create("data/words.00000001.journal")
		require.NoError(t, err)
		_, err = file.WriteAt(content, 0)
		require.NoError(t, err)
		w, j := open(t, disk)
		w.Add("rope")
		require.NoError(t, j.Sync(t.Context()))
		require.NoError(t, j.Close(t.Context()))
	})
}
