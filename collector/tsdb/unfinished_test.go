package tsdb

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/stretchr/testify/require"
)

// TestLateSamplesThatACrashLeftInOneLogOnlyAreStored cuts the log of late samples
// back to what it was before them, as a crash between the two logs leaves it.
func TestLateSamplesThatACrashLeftInOneLogOnlyAreStored(t *testing.T) {
	dir := t.TempDir()
	open := func() *Store {
		s, err := Open(Options{Dir: dir, Logger: quiet()})
		require.NoError(t, err)
		return s
	}
	now := time.Now().UnixMilli()
	write := func(s *Store, at int64, v float64) {
		app := s.Appender(t.Context())
		_, err := app.Append(0, labels.FromStrings("__name__", "m"), at, v)
		require.NoError(t, err)
		require.NoError(t, app.Commit())
	}
	s := open()
	write(s, now, 1)
	write(s, now-1000, 2)
	log := wlog.SegmentName(filepath.Join(dir, wlog.WblDirName), 0)
	before, err := os.Stat(log)
	require.NoError(t, err)
	write(s, now-2000, 3)
	require.NoError(t, s.Close())
	after, err := os.Stat(log)
	require.NoError(t, err)
	require.Greater(t, after.Size(), before.Size())
	require.NoError(t, os.Truncate(log, before.Size()))
	require.NoError(t, os.Remove(filepath.Join(dir, "finished"))) // it was no clean stop, after all

	want := map[int64]float64{now: 1, now - 1000: 2, now - 2000: 3}
	for range 3 {
		s = open()
		q, err := s.Querier(now-10_000, now)
		require.NoError(t, err)
		set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", "m"))
		require.True(t, set.Next())
		got := map[int64]float64{}
		for it := set.At().Iterator(nil); it.Next() != 0; {
			at, v := it.At()
			require.NotContains(t, got, at)
			got[at] = v
		}
		require.Equal(t, want, got)
		require.NoError(t, q.Close())
		require.NoError(t, s.Close())
	}
}

func TestNothingIsWrittenToTheLogByACleanRestart(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir, Logger: quiet()})
	require.NoError(t, err)
	app := s.Appender(t.Context())
	_, err = app.Append(0, labels.FromStrings("__name__", "m"), time.Now().UnixMilli(), 1)
	require.NoError(t, err)
	require.NoError(t, app.Commit())
	for range 3 {
		require.NoError(t, s.Close())
		s, err = Open(Options{Dir: dir, Logger: quiet()})
		require.NoError(t, err)
		info, err := os.Stat(wlog.SegmentName(s.LogDir(), 1))
		require.NoError(t, err)
		require.Zero(t, info.Size())
	}
	require.NoError(t, s.Close())
}
