package tsdb

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/stretchr/testify/require"
)

// A process that dies in the middle of a record leaves a part of it. Upstream
// then skips the out-of-order log for that run; late samples that had been
// acknowledged must be there all the same.
func TestATornRecordCostsNothingThatWasAcknowledged(t *testing.T) {
	for _, torn := range logDirs("") {
		t.Run(torn, func(t *testing.T) {
			dir, now := t.TempDir(), nowMs()
			s := openStore(t, dir)
			b := &batchBuilder{}
			b.add("a", "v", now, 1)
			require.NoError(t, write(t, s, b))
			b = &batchBuilder{}
			b.add("a", "v", now-3_600_000, 2) // late: goes to the out-of-order log
			b.add("a", "v", now+1, 3)
			require.NoError(t, write(t, s, b))

			killed := t.TempDir()
			require.NoError(t, os.CopyFS(killed, os.DirFS(dir)))
			logDir := filepath.Join(killed, torn)
			_, last, err := wlog.Segments(logDir)
			require.NoError(t, err)
			f, err := os.OpenFile(wlog.SegmentName(logDir, last), os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.Write([]byte{1, 0, 200, 1, 2, 3, 4, 5, 6}) // a full record of 200 bytes, of which two arrived
			require.NoError(t, err)
			require.NoError(t, f.Close())

			want := map[string][]sample{`{__name__="a_v"}`: {{now - 3_600_000, 2}, {now, 1}, {now + 1, 3}}}
			again := openStore(t, killed)
			require.Equal(t, want, readAll(t, again))
			require.NoError(t, again.Close())
			require.Equal(t, want, readAll(t, openStore(t, killed)))
		})
	}
}

// A series that was gone for hours has two records in the WAL. Upstream drops
// its late samples at a restart if they had filled a chunk.
func TestLateSamplesOfASeriesThatCameBackSurviveRestarts(t *testing.T) {
	dir, now := t.TempDir(), nowMs()
	restart := func(s *Store) *Store {
		if s != nil {
			require.NoError(t, s.Close())
		}
		return openStore(t, dir, func(o *Options) { o.Now = func() time.Time { return time.UnixMilli(now) } })
	}
	s := restart(nil)
	one := func(key string, at int64) {
		b := &batchBuilder{}
		b.add(key, "v", at, float64(at%1000))
		require.NoError(t, write(t, s, b))
		require.Empty(t, b.Refusals)
	}
	one("gone", now)
	one("stays", now)
	now += 10 * time.Hour.Milliseconds()
	one("stays", now)
	require.NoError(t, s.Maintain(t.Context()))
	one("gone", now)
	s = restart(s)
	for i := range int64(40) { // more than a chunk of late samples holds
		one("gone", now-60_000+i*1000)
	}
	before := readAll(t, s)
	require.Len(t, before[`{__name__="gone_v"}`], 42)
	for range 2 {
		s = restart(s)
		require.Equal(t, before, readAll(t, s))
	}
}
