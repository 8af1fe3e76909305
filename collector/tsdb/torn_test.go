package tsdb

import (
	"os"
	"path/filepath"
	"testing"

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
			require.NoError(t, os.Remove(filepath.Join(killed, "lock")))
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
