package event_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/reading"
)

func setVersion(t *testing.T, dir string, version int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "events.db"))
	require.NoError(t, err)
	_, err = db.Exec(fmt.Sprintf("PRAGMA user_version = %d", version))
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// aside are the files that have been set aside.
func aside(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "events.db.damaged-*"))
	require.NoError(t, err)
	return files
}

func filled(t *testing.T, dir string, n int) {
	t.Helper()
	s := openStore(t, dir)
	for i := range n {
		s.add(t, seen(func(e *reading.Event) { e.ID = fmt.Sprint(i) }))
	}
	require.NoError(t, s.Close())
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
			dir := t.TempDir()
			filled(t, dir, 300)
			require.NoError(t, spoil(filepath.Join(dir, "events.db")))
			s := openStore(t, dir)
			require.Len(t, aside(t, dir), 1)
			require.Contains(t, s.log.String(), "level=ERROR")
			require.Contains(t, s.log.String(), "damaged; it is set aside, and a new one is begun")
			require.EqualValues(t, 1, s.set.GetOrCreateCounter(`belfry_event_store_damaged_total`).Get())
			require.Empty(t, s.list(t, event.Query{}))
			s.add(t, seen())
			require.Len(t, s.list(t, event.Query{}), 1)
		})
	}
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

func TestAFileThatBreaksWhileBelfryRunsIsSetAside(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir, 2000)
	s := openStore(t, dir)
	info, err := os.Stat(filepath.Join(dir, "events.db"))
	require.NoError(t, err)
	require.NoError(t, overwrite(filepath.Join(dir, "events.db"), 8192, int(info.Size())-8192))
	// Whoever meets the damage first, a writer or a reader: afterwards all is well.
	require.Eventually(t, func() bool {
		_, _, _ = s.List(context.Background(), event.Query{Limit: 1000, Text: "x"})
		_ = s.Add(context.Background(), []reading.Event{seen(func(e *reading.Event) { e.ID = time.Now().String() })})
		return len(aside(t, dir)) > 0
	}, 20*time.Second, 10*time.Millisecond)
	s.add(t, seen(func(e *reading.Event) { e.ID = "after" }))
	records, _, err := s.List(context.Background(), event.Query{Limit: 1000})
	require.NoError(t, err)
	require.NotEmpty(t, records)
}

func TestADirectoryWithOddCharactersWillDo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "事件 50%?#&mode=ro")
	s := openStore(t, dir)
	s.add(t, seen())
	require.Len(t, s.list(t, event.Query{}), 1)
	require.FileExists(t, filepath.Join(dir, "events.db"))
}

func TestADirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s := openStore(t, t.TempDir())
	o := s.opts
	o.Dir = filepath.Join(file, "events")
	_, err := event.Open(o)
	require.ErrorContains(t, err, "open the event store")
	for _, spoil := range []func(*event.Options){
		func(o *event.Options) { o.Dir = "" }, func(o *event.Options) { o.Logger = nil }, func(o *event.Options) { o.Metrics = nil },
	} {
		o := s.opts
		spoil(&o)
		_, err := event.Open(o)
		require.ErrorContains(t, err, "event: no ")
	}
}
