package watch

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/telemetry/logged"
)

const writerVariable = "BELFRY_TEST_ANOMALY_WRITER"

const killedSeries = 20

// killedValue is what the sample of a series at a time is.
func killedValue(series int, t int64) float64 { return float64((t*int64(series+3))%97) / 7 }

// openKilled opens what is in a directory. first is the time of the first sample
// that is to be written.
func openKilled(dir string, text string) (*tsdb.Store, *Watcher, error) {
	store, err := tsdb.Open(tsdb.Options{Dir: filepath.Join(dir, "tsdb"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	file := filepath.Join(dir, "d.yml")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		return nil, nil, err
	}
	set, err := detector.Load([]string{file}, nil, testKinds(), nil)
	if err != nil {
		return nil, nil, err
	}
	w, err := New(Options{
		Store: store, Detectors: set, Dir: filepath.Join(dir, "anomaly"), Limit: 1000, Round: 20 * time.Millisecond, tick: 5 * time.Millisecond,
		pace: 300, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Metrics: metrics.NewSet(),
	})
	return store, w, err
}

// writeUntilKilled writes a sample of each series at a time, syncs, and says so.
func writeUntilKilled(dir string) {
	store, w, err := openKilled(dir, levels)
	if err != nil {
		panic(err)
	}
	w.Start()
	c := &city{t: panics{}, store: store}
	base, err := strconv.ParseInt(os.Getenv(writerVariable+"_EPOCH"), 10, 64)
	if err != nil {
		panic(err)
	}
	first, err := strconv.ParseInt(os.Getenv(writerVariable+"_FIRST"), 10, 64)
	if err != nil {
		panic(err)
	}
	c.epoch = base
	for t := first; ; t++ {
		for s := range killedSeries {
			c.write(point{fmt.Sprintf("level_m,asset=W%02d", s), t, killedValue(s, t)})
		}
		if err := store.Sync(context.Background(), store.Generation()); err != nil {
			panic(err)
		}
		_, _ = fmt.Fprintln(os.Stdout, t)
	}
}

type panics struct{}

func (panics) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (panics) FailNow()                          { panic("failed") }

// TestAKillLosesNoSampleOfAModel kills the process while samples are written,
// scored, and states are saved; then all scores are those of models that nobody
// has killed.
func TestAKillLosesNoSampleOfAModel(t *testing.T) {
	dir := t.TempDir()
	epoch, next := time.Now().Add(-time.Hour).UnixMilli(), int64(1)
	for round := range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writerVariable+"="+dir, fmt.Sprintf("%s_EPOCH=%d", writerVariable, epoch), fmt.Sprintf("%s_FIRST=%d", writerVariable, next))
		var errors logged.Text
		cmd.Stderr = &errors
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < 150+37*round; n++ {
			require.True(t, lines.Scan(), errors.String())
		}
		require.NoError(t, cmd.Process.Kill())
		last := next
		for more := true; more; more = lines.Scan() {
			if at, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
				last = at
			}
		}
		require.Error(t, cmd.Wait())
		require.NotContains(t, errors.String(), "level=ERROR")
		next = last + 1
	}
	store, w, err := openKilled(dir, levels)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	w.Start()
	c := &city{t: t, store: store, Watcher: w, log: &logged.Text{}, epoch: epoch}
	defer c.stop()
	f := &fed{models: map[string]*wander{}, last: map[string]int64{}, epoch: epoch}
	for s := range killedSeries {
		// The last instant may have been written in part when it was killed, and is
		// so, or not, for the model too: the one after it has other values.
		for at := int64(1); at < next; at++ {
			f.write(point{fmt.Sprintf("level_m,asset=W%02d", s), at, killedValue(s, at)})
		}
		c.write(point{fmt.Sprintf("level_m,asset=W%02d", s), next, killedValue(s, next)})
		f.write(point{fmt.Sprintf("level_m,asset=W%02d", s), next, killedValue(s, next)})
	}
	c.wait("anomaly_score", f.scores)
	require.Zero(t, w.metrics.notStored("conflict").Get())
}
