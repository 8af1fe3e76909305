package hazard_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/belfry-city/belfry/alerting/hazard"
)

// occupy holds the database's lock for writing until the returned function is
// called.
func occupy(t *testing.T, dir string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "hazards.db")+"?_txlock=immediate")
	require.NoError(t, err)
	tx, err := db.Begin()
	require.NoError(t, err)
	return func() {
		require.NoError(t, tx.Rollback())
		require.NoError(t, db.Close())
	}
}

func TestPagesDoNotWaitForADatabaseThatIsStuck(t *testing.T) {
	s := openStore(t, t.TempDir())
	s.send(t, s.alert("Gas", "before"))
	release := occupy(t, s.opts.Dir)
	ids := map[string]bool{}
	for _, asset := range assets(500) {
		s.Send(s.alert("Gas", asset))
		got := s.inbox.take()
		require.Len(t, got, 1)
		ids[got[0].Annotations.Get("hazard")] = true
	}
	require.Positive(t, s.counter("belfry_hazard_pages_before_disk_total"))
	require.Len(t, ids, 500)
	for id := range ids { // known, although not on disk
		h, history := s.get(t, id)
		require.Equal(t, hazard.StatusOpen, h.Status)
		require.Equal(t, s.opts.ExternalURL.String()+"/hazards/"+id, h.URL)
		require.Empty(t, history)
	}
	require.Len(t, s.list(t, hazard.Query{}), 1)
	require.Len(t, s.everything(t, 0), 1, "followers are not told what a kill would undo")
	release()
	s.settle(t)
	require.Len(t, s.list(t, hazard.Query{}), 501)
	require.Len(t, s.everything(t, 0), 501)
	require.Zero(t, s.counter("belfry_hazard_events_lost_total"))
}

// TestWhatWaitsForTheDiskIsBounded loses events, but no hazard.
func TestWhatWaitsForTheDiskIsBounded(t *testing.T) {
	s := openStore(t, t.TempDir(), func(o *hazard.Options) { o.Waiting(1000) })
	release := occupy(t, s.opts.Dir)
	var alerts []*notifier.Alert
	for _, asset := range assets(1500) {
		alerts = append(alerts, s.alert("Gas", asset))
	}
	s.Send(alerts...)
	require.Len(t, s.inbox.take(), 1500)
	require.Positive(t, s.counter("belfry_hazard_events_lost_total"))
	release()
	require.Eventually(t, func() bool { return len(s.list(t, hazard.Query{})) == 1500 }, 2*time.Minute, 20*time.Millisecond)
	require.EqualValues(t, 1500, uint64(len(s.everything(t, 0)))+s.counter("belfry_hazard_events_lost_total"))
}

func damaged(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "hazards.db.damaged-*"))
	require.NoError(t, err)
	return files
}

func overwrite(path string, at int64, n int) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	noise := make([]byte, n)
	_, _ = rand.Read(noise)
	if _, err := f.WriteAt(noise, at); err != nil {
		return err
	}
	return f.Close()
}

func fill(t *testing.T, s *store, n int) {
	t.Helper()
	var alerts []*notifier.Alert
	for _, asset := range assets(n) {
		alerts = append(alerts, s.alert("Gas", asset))
	}
	s.send(t, alerts...)
}

func TestAFileThatIsNoDatabaseIsSetAside(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"rubbish": func(path string) error {
			return os.WriteFile(path, []byte("not a database at all, but long enough"), 0o600)
		},
		"rubbish pages":   func(path string) error { return overwrite(path, 4096, 60_000) },
		"a broken header": func(path string) error { return overwrite(path, 0, 60) },
		"cut off":         func(path string) error { return os.Truncate(path, 10_000) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			fill(t, s, 300)
			_, newest := s.Extent()
			require.NoError(t, s.Close())
			require.NoError(t, spoil(filepath.Join(s.opts.Dir, "hazards.db")))
			c := s.clock
			c.advance(time.Second)
			s = openStore(t, s.opts.Dir, func(o *hazard.Options) { o.Now = c.now }).on(c)
			require.Len(t, damaged(t, s.opts.Dir), 1)
			require.Contains(t, s.log.String(), "damaged; it is set aside, and a new one is begun")
			require.EqualValues(t, 1, s.counter(`belfry_hazard_store_damaged_total`))
			trimmed, _ := s.Extent()
			require.Greater(t, trimmed, newest, "who followed the old one learns that there is a gap")
			s.send(t, s.alert("Gas", "W1"))
			require.Len(t, s.list(t, hazard.Query{}), 1)
		})
	}
}

// TestAFileThatBreaksWhileBelfryRunsKeepsWhatIsOpen has the hazards that are known
// in the new file, by their ids.
func TestAFileThatBreaksWhileBelfryRunsKeepsWhatIsOpen(t *testing.T) {
	s := openStore(t, t.TempDir())
	fill(t, s, 1000)
	s = s.reopened(t)
	before := s.list(t, hazard.Query{})
	path := filepath.Join(s.opts.Dir, "hazards.db")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, overwrite(path, 8192, int(info.Size())-8192))
	n := 0
	require.Eventually(t, func() bool {
		n++
		_, _, _ = s.List(context.Background(), hazard.Query{Limit: 1000, Text: "x"})
		s.Send(s.alert("Gas", fmt.Sprint("after ", n)))
		return len(damaged(t, s.opts.Dir)) > 0
	}, waiting, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		after, _, err := s.List(context.Background(), hazard.Query{Limit: 100_000})
		return err == nil && len(after) == len(before)+n
	}, waiting, 10*time.Millisecond)
	for _, h := range before {
		again, _ := s.get(t, h.ID)
		require.Equal(t, h.Labels, again.Labels)
	}
}

func TestAFileOfANewerBelfryIsLeftAlone(t *testing.T) {
	s := openStore(t, t.TempDir())
	require.NoError(t, s.Close())
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.opts.Dir, "hazards.db"))
	require.NoError(t, err)
	_, err = db.Exec("PRAGMA user_version = 99")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	s.opts.Metrics = metrics.NewSet()
	_, err = hazard.Open(s.opts)
	require.ErrorContains(t, err, "made by a newer Belfry (its version is 99")
}
