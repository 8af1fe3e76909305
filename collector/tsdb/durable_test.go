package tsdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// recordingDisk is a disk that remembers up to which length each file has been
// synced, and can be held.
type recordingDisk struct {
	mu     sync.Mutex
	synced map[string]int64
	hold   chan struct{} // closed: syncs go through
	began  chan struct{} // receives when a sync is asked for
}

func newRecordingDisk() *recordingDisk {
	d := &recordingDisk{synced: map[string]int64{}, hold: make(chan struct{}), began: make(chan struct{}, 1)}
	close(d.hold)
	return d
}

func (d *recordingDisk) sync(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	d.mu.Lock()
	hold := d.hold
	d.mu.Unlock()
	select {
	case d.began <- struct{}{}:
	default:
	}
	<-hold
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.synced[f.Name()] = max(d.synced[f.Name()], info.Size())
	return nil
}

func (d *recordingDisk) stop() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	hold := make(chan struct{})
	d.hold = hold
	select { // what was asked for before does not count
	case <-d.began:
	default:
	}
	return sync.OnceFunc(func() { close(hold) })
}

func TestNoAnswerLeavesBeforeTheSyncThatCoversIt(t *testing.T) {
	disk := newRecordingDisk()
	s := openStore(t, t.TempDir(), func(o *Options) { o.SyncFile = disk.sync })
	release := disk.stop()
	defer release()
	answered := make(chan error, 1)
	b := &batchBuilder{}
	b.add("a", "v", nowMs(), 1)
	go func() { answered <- write(t, s, b) }()
	<-disk.began // the write is in the log and its sync is under way

	select {
	case err := <-answered:
		t.Fatalf("answered before the sync returned: %v", err)
	default:
	}
	// A second write arrives during that sync: it must wait for another one.
	release()
	require.NoError(t, <-answered)
	wal := filepath.Join(s.opts.Dir, "wal")
	_, last, err := wlog.Segments(wal)
	require.NoError(t, err)
	info, err := os.Stat(wlog.SegmentName(wal, last))
	require.NoError(t, err)
	require.Equal(t, info.Size(), disk.synced[wlog.SegmentName(wal, last)])
}

func TestARoundThatHasBegunCoversNoLaterWrite(t *testing.T) {
	inSync, proceed := make(chan int), make(chan struct{})
	round := 0
	g := newGroupCommit(func() error {
		round++
		inSync <- round
		<-proceed
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { g.run(ctx) })
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- g.wait(ctx) }()
	require.Equal(t, 1, <-inSync)
	go func() { second <- g.wait(ctx) }()
	require.Eventually(t, func() bool { return len(g.kick) > 0 }, time.Minute, time.Millisecond, "the second waiter should have asked")
	proceed <- struct{}{}
	require.NoError(t, <-first)
	require.Equal(t, 2, <-inSync, "the second waiter needs a round of its own")
	require.Empty(t, second, "answered by a sync that began before the write")
	proceed <- struct{}{}
	require.NoError(t, <-second)
	cancel()
	done.Wait()
	require.ErrorIs(t, g.wait(context.Background()), ErrClosed)
}

func TestASyncThatFailsIsNoAcknowledgement(t *testing.T) {
	broken := errors.New("input/output error")
	var failing sync.Map
	s := openStore(t, t.TempDir(), func(o *Options) {
		o.SyncFile = func(f *os.File) error {
			if _, ok := failing.Load("now"); ok {
				return broken
			}
			return nil
		}
	})
	b := &batchBuilder{}
	b.add("a", "v", nowMs(), 1)
	require.NoError(t, write(t, s, b))
	failing.Store("now", true)
	b = &batchBuilder{}
	b.add("a", "v", nowMs()+1, 2)
	require.ErrorIs(t, write(t, s, b), ErrFailed)
	failing.Delete("now")
	require.Eventually(t, func() bool {
		b := &batchBuilder{}
		b.add("a", "v", nowMs()+2, 3)
		return write(t, s, b) == nil
	}, 30*time.Second, 10*time.Millisecond, "the store should reopen by itself")
}

// TestPowerCut writes from several connections, in order and late, and stops
// the machine at an arbitrary moment: what was never synced is gone. Every
// acknowledged sample must be there afterwards.
func TestPowerCut(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { powerCut(t, seed) })
	}
}

func powerCut(t *testing.T, seed uint64) {
	disk := newRecordingDisk()
	s := openStore(t, t.TempDir(), func(o *Options) {
		o.SyncFile = disk.sync
		o.segmentSize = 8 * 32 << 10 // rotate often
	})
	base := nowMs()
	var mu sync.Mutex
	acknowledged := map[string]map[int64]float64{}
	ctx, cancel := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	var batches [3]int
	off := false // answers after the power cut reach nobody
	for w := range 3 {
		writers.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(w)))
			for n := int64(0); ctx.Err() == nil; n++ {
				b, sent := randomBatch(rnd, w, base, n)
				if err := write(t, s, b); err != nil {
					return // the machine is off
				}
				mu.Lock()
				if off {
					mu.Unlock()
					return
				}
				batches[w]++
				for key, at := range sent {
					if acknowledged[key] == nil {
						acknowledged[key] = map[int64]float64{}
					}
					for ts, v := range at {
						if _, kept := acknowledged[key][ts]; !kept { // upstream keeps the first
							acknowledged[key][ts] = v
						}
					}
				}
				mu.Unlock()
			}
		})
	}
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return min(batches[0], batches[1], batches[2]) >= 20+int(seed)*7
	}, time.Minute, time.Millisecond)
	release := disk.stop()
	defer release()
	<-disk.began // a sync is under way and will not come back: the power is off now

	after := t.TempDir()
	mu.Lock()
	copyCut(t, s.opts.Dir, after, disk)
	off = true
	mu.Unlock()
	cancel()
	release()
	writers.Wait()

	got := readAll(t, openStore(t, after))
	require.NotEmpty(t, acknowledged)
	checkAcknowledged(t, acknowledged, got)
}

// randomBatch has, for series of its own writer, one sample in order and some
// hours late.
func randomBatch(rnd *rand.Rand, writer int, base, n int64) (*batchBuilder, map[string]map[int64]float64) {
	b, sent := &batchBuilder{}, map[string]map[int64]float64{}
	for range 200 {
		i := rnd.IntN(50)
		ts := base + n
		if rnd.IntN(3) == 0 {
			ts = base - rnd.Int64N(20*time.Hour.Milliseconds())
		}
		key := fmt.Sprintf(`{__name__="m_v", i="%d", w="%d"}`, i, writer)
		if sent[key] == nil {
			sent[key] = map[int64]float64{}
		}
		if _, double := sent[key][ts]; double {
			continue
		}
		v := float64(rnd.IntN(1000))
		sent[key][ts] = v
		b.add(fmt.Sprintf("m,w=%d,i=%d", writer, i), "v", ts, v)
	}
	return b, sent
}

func checkAcknowledged(t *testing.T, want map[string]map[int64]float64, got map[string][]sample) {
	t.Helper()
	missing, total := 0, 0
	for key, at := range want {
		stored := map[int64]float64{}
		for _, s := range got[key] {
			stored[s.t] = s.v
		}
		for ts, v := range at {
			total++
			if sv, ok := stored[ts]; !ok || sv != v {
				missing++
			}
		}
	}
	require.Zero(t, missing, "of %d acknowledged samples", total)
}

// copyCut copies the data directory as it would be found after a power cut:
// log files have the length up to which they were synced.
func copyCut(t *testing.T, from, to string, disk *recordingDisk) {
	t.Helper()
	disk.mu.Lock()
	defer disk.mu.Unlock()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		dst := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(dst, 0o777)
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		switch parent := filepath.Base(filepath.Dir(path)); parent {
		case "wal", wlog.WblDirName:
			data = data[:min(int64(len(data)), disk.synced[path])]
		case "chunks_head":
			data = data[:len(data)/2]
		}
		return os.WriteFile(dst, data, 0o666)
	})
	require.NoError(t, err)
}
