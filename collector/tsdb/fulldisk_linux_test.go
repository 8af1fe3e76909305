package tsdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of its own, which only root may do.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		t.Skipf("mounting a small file system takes root: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fill leaves exactly the given number of bytes free and returns how to free
// the rest again.
func fill(t *testing.T, dir string, leave int64) (empty func()) {
	t.Helper()
	free, _, err := freeBytes(dir)
	require.NoError(t, err)
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	require.NoError(t, err)
	require.NoError(t, unix.Fallocate(int(f.Fd()), 0, 0, free-leave))
	require.NoError(t, f.Close())
	return func() { require.NoError(t, os.Remove(name)) }
}

// writeUntil writes batches of new times until one is refused, and returns how
// many were acknowledged.
func writeUntil(t *testing.T, s *Store, at *int64, most int) (acknowledged int, refused error) {
	t.Helper()
	for range most {
		b := &batchBuilder{}
		for i := range 3000 {
			b.add(fmt.Sprintf("m,i=%d,%s", i, "pad="+strings.Repeat("x", 20)), "v", *at, float64(*at)*0.1)
		}
		if err := write(t, s, b); err != nil {
			return acknowledged, err
		}
		acknowledged++
		*at++
	}
	return acknowledged, nil
}

func countPerSeries(t *testing.T, s *Store) int {
	t.Helper()
	n := -1
	for _, samples := range readAll(t, s) {
		require.True(t, n < 0 || n == len(samples), "batches are stored as a whole")
		n = len(samples)
	}
	return n
}

func TestBelowTheReserveWritesAreRefusedAndReadsGoOn(t *testing.T) {
	dir := smallDisk(t, 64)
	s := openStore(t, filepath.Join(dir, "data"))
	at := nowMs()
	stored, err := writeUntil(t, s, &at, 3)
	require.NoError(t, err)
	empty := fill(t, dir, 1<<20)
	_, err = writeUntil(t, s, &at, 1)
	require.ErrorIs(t, err, ErrDiskFull)
	require.Equal(t, stored, countPerSeries(t, s))
	require.ErrorIs(t, s.Maintain(t.Context()), ErrDiskFull)
	empty()
	more, err := writeUntil(t, s, &at, 3)
	require.NoError(t, err)
	require.Equal(t, stored+more, countPerSeries(t, s))
}

// Something else may eat the reserve faster than we look. Upstream would then
// go on committing to memory; here no further write is acknowledged until the
// files have been opened again.
func TestALogThatMetAFullDiskLosesNothingAcknowledged(t *testing.T) {
	dir := smallDisk(t, 64)
	var asked atomic.Int64
	s := openStore(t, filepath.Join(dir, "data"), func(o *Options) {
		o.DiskReserve = 1 << 10
		o.FreeBytes = func(dir string) (int64, int64, error) {
			asked.Add(1)
			return freeBytes(dir)
		}
	})
	at := nowMs()
	stored, err := writeUntil(t, s, &at, 20)
	require.NoError(t, err)
	empty := fill(t, dir, 300<<10+5<<10)
	more, err := writeUntil(t, s, &at, 10_000)
	require.Error(t, err)
	stored += more
	_, err = writeUntil(t, s, &at, 1)
	require.Error(t, err, "nothing is acknowledged while the store has failed")
	require.NotEmpty(t, readAll(t, s), "reads go on")

	before := asked.Load()
	require.Never(t, func() bool { return asked.Load() > before+100 }, 2*time.Second, 10*time.Millisecond, "waiting must not be busy")

	empty()
	require.Eventually(t, func() bool {
		n, _ := writeUntil(t, s, &at, 1)
		stored += n
		return n == 1
	}, 30*time.Second, 20*time.Millisecond)
	require.NotZero(t, s.reopened.Get())
	more, err = writeUntil(t, s, &at, 20)
	require.NoError(t, err)
	stored += more
	require.GreaterOrEqual(t, countPerSeries(t, s), stored)

	killed := t.TempDir() // as kill -9 would leave it
	require.NoError(t, os.CopyFS(killed, os.DirFS(s.opts.Dir)))
	require.GreaterOrEqual(t, countPerSeries(t, openStore(t, killed)), stored)
}
