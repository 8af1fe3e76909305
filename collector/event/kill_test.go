package event_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/reading"
)

const writerVariable = "BELFRY_TEST_EVENT_WRITER"

func writerDir() string { return os.Getenv(writerVariable) }

// writeUntilKilled adds events, and says on stdout which are acknowledged.
func writeUntilKilled(dir string) {
	s, err := event.Open(event.Options{
		Dir: dir, MaxRaw: 1 << 20, MaxPicture: 1 << 20, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(),
	})
	if err != nil {
		panic(err)
	}
	var writers conc.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				e := seen(func(e *reading.Event) {
					e.ID, e.Description, e.Picture, e.PictureType = id, id, make([]byte, 20_000), "image/jpeg"
				})
				if err := s.Add(context.Background(), []reading.Event{e}); err != nil {
					panic(err)
				}
				_, _ = os.Stdout.WriteString(id + "\n")
			}
		})
	}
	writers.Wait()
}

func TestWhatWasAcknowledgedIsThereAfterAKill(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writerVariable+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < 60+37*round && lines.Scan(); n++ {
			acknowledged[lines.Text()] = true
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() { // what was said before it died
			if strings.Count(lines.Text(), "-") == 2 {
				acknowledged[lines.Text()] = true
			}
		}
		require.Error(t, cmd.Wait())
	}
	s := openStore(t, dir)
	require.Empty(t, aside(t, dir), s.log.String())
	kept := map[string]bool{}
	for cursor := ""; ; {
		records, next, err := s.List(context.Background(), event.Query{Limit: 500, Cursor: cursor})
		require.NoError(t, err)
		for _, r := range records {
			require.False(t, kept[r.Description], "each once")
			kept[r.Description] = true
		}
		if cursor = next; next == "" {
			break
		}
	}
	for id := range acknowledged {
		require.True(t, kept[id], "%s was acknowledged, and is lost", id)
	}
	require.Greater(t, len(acknowledged), 200)
	require.NoError(t, s.Close())
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "events.db"))
	require.NoError(t, err)
	var said string
	require.NoError(t, db.QueryRow("PRAGMA integrity_check").Scan(&said))
	require.Equal(t, "ok", said)
	require.NoError(t, db.Close())
}
