package keep_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/wal/keep"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

// database is a directory of segments as a database keeps it.
type database struct {
	t   *testing.T
	dir string
}

func (d *database) path(name string) string { return filepath.Join(d.dir, name) }

func (d *database) segment(index int, text string) {
	d.t.Helper()
	require.NoError(d.t, os.WriteFile(d.path(fmt.Sprintf("%08d", index)), []byte(text), 0o666))
}

// truncate replaces the segments up to one by a checkpoint.
func (d *database) truncate(to int) {
	d.t.Helper()
	old, err := filepath.Glob(d.path("checkpoint.*"))
	require.NoError(d.t, err)
	dir := d.path(fmt.Sprintf("checkpoint.%08d", to))
	require.NoError(d.t, os.Mkdir(dir, 0o777))
	require.NoError(d.t, os.WriteFile(filepath.Join(dir, "00000000"), []byte("checkpoint"), 0o666))
	for i := range to + 1 {
		_ = os.Remove(d.path(fmt.Sprintf("%08d", i)))
	}
	for _, dir := range old {
		require.NoError(d.t, os.RemoveAll(dir))
	}
}

func start(t *testing.T, limit int64) (*database, *keep.Keeper) {
	t.Helper()
	dir := t.TempDir()
	d := &database{t: t, dir: filepath.Join(dir, "wal")}
	require.NoError(t, os.Mkdir(d.dir, 0o777))
	k, err := keep.New(keep.Options{WAL: d.dir, Dir: filepath.Join(dir, "kept"), Limit: limit, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return d, k
}

func hold(t *testing.T, k *keep.Keeper, segment int) keep.Report {
	t.Helper()
	r, err := k.Hold(segment, tail.Position{Segment: segment, Offset: 1})
	require.NoError(t, err)
	return r
}

func read(t *testing.T, k *keep.Keeper, segment int) string {
	t.Helper()
	path, ok := k.Segment(segment)
	require.True(t, ok)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func TestWhatIsNeededOutlivesTheDatabasesUseForIt(t *testing.T) {
	d, k := start(t, 1000)
	d.segment(0, "zero")
	d.segment(1, "one")
	require.Equal(t, keep.Report{Bytes: 6, Last: 1, Size: 3}, hold(t, k, 0))
	d.segment(1, "one and more")
	require.Equal(t, "one and more", read(t, k, 1), "it is the same file")
	d.segment(2, "two")
	hold(t, k, 0)
	d.truncate(1)
	r := hold(t, k, 0)
	require.Equal(t, int64(len("zero")+len("one and more")), r.Kept)
	require.Equal(t, "zero", read(t, k, 0))
	next, ok := k.After(0)
	require.True(t, ok)
	require.Equal(t, 1, next)
	_, _, ok = k.Checkpoint(1)
	require.False(t, ok, "no checkpoint is below the first segments")
	dir, index, ok := k.Checkpoint(2)
	require.True(t, ok)
	require.Equal(t, 1, index)
	require.FileExists(t, filepath.Join(dir, "00000000"))
}

func TestWhatHasBeenSentIsLetGo(t *testing.T) {
	d, k := start(t, 1000)
	for i := range 4 {
		d.segment(i, "text")
	}
	hold(t, k, 0)
	d.truncate(2)
	require.Equal(t, int64(12), hold(t, k, 1).Kept, "the checkpoint is not below segment 1, so its series are in segment 0")
	r := hold(t, k, 3)
	require.Equal(t, int64(0), r.Kept)
	_, ok := k.Segment(2)
	require.False(t, ok)
	_, index, ok := k.Checkpoint(3)
	require.True(t, ok)
	require.Equal(t, 2, index)
	d.segment(4, "text")
	d.truncate(3)
	require.Equal(t, int64(len("checkpoint")+4), hold(t, k, 3).Kept, "checkpoint 2 names the series of segment 3")
	require.Zero(t, hold(t, k, 4).Kept)
}

func TestBeyondTheLimitTheOldestIsGivenUp(t *testing.T) {
	d, k := start(t, 20)
	for i := range 3 {
		d.segment(i, "12345678")
	}
	hold(t, k, 0)
	d.truncate(1)
	require.Equal(t, 0, hold(t, k, 0).GivenUp)
	d.segment(3, "12345678")
	d.segment(4, "12345678")
	hold(t, k, 0)
	d.truncate(3)
	r := hold(t, k, 0)
	require.Equal(t, 4, r.GivenUp, "segments 0 and 1, and then, because of the checkpoint's own size, 2 and 3")
	first, _ := k.After(-1)
	require.Equal(t, 4, first)
	_, index, ok := k.Checkpoint(first)
	require.True(t, ok)
	require.Equal(t, 3, index)
}

func TestWhereTheDiskIsFullNothingIsKept(t *testing.T) {
	d, _ := start(t, 0)
	full := false
	k, err := keep.New(keep.Options{
		WAL: d.dir, Dir: filepath.Join(t.TempDir(), "kept"), Limit: 1 << 30,
		Short: func() bool { return full }, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	d.segment(0, "zero")
	d.segment(1, "one")
	hold(t, k, 0)
	d.truncate(0)
	require.Equal(t, int64(4), hold(t, k, 0).Kept)
	full = true
	r := hold(t, k, 0)
	require.Equal(t, 1, r.GivenUp)
	require.Zero(t, r.Kept)
}

func TestSegmentsThatTheDatabaseHasReplacedAreDropped(t *testing.T) {
	d, k := start(t, 1000)
	d.segment(0, "zero")
	d.segment(1, "torn")
	d.segment(2, "never acknowledged")
	hold(t, k, 0)
	// After a failed write the database sets segments aside and begins anew.
	require.NoError(t, os.Rename(d.path("00000001"), d.path("aside1")))
	require.NoError(t, os.Rename(d.path("00000002"), d.path("aside2")))
	d.segment(1, "new")
	require.NoError(t, k.Refresh())
	require.Equal(t, "zero", read(t, k, 0))
	require.Equal(t, "new", read(t, k, 1))
	_, ok := k.Segment(2)
	require.False(t, ok)
	hold(t, k, 0)
	require.Equal(t, "new", read(t, k, 1))
}
