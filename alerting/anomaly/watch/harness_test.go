package watch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	anomaly "github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/telemetry/logged"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerVariable); dir != "" {
		writeUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// wander is a model that depends on all that it has seen, and on the order.
type wander struct {
	mean []float64
	seen float64
	last int64
}

func (m *wander) Observe(t int64, values []float64) anomaly.Verdict {
	score := 0.0
	for i, v := range values {
		if math.IsNaN(v) {
			score += 0.125
			continue
		}
		if v == 666 {
			panic("a value that nobody thought of")
		}
		if m.seen == 0 {
			m.mean[i] = v
		}
		score += math.Abs(v-m.mean[i]) / (1 + float64(t-m.last)/1000)
		m.mean[i] += (v - m.mean[i]) / 3
	}
	m.seen++
	m.last = t
	return anomaly.Verdict{Score: score, Expected: m.mean[0], Lower: m.mean[0] - m.seen, Upper: math.NaN()}
}

func (m *wander) AppendBinary(b []byte) ([]byte, error) {
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(m.seen))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.last))
	for _, v := range m.mean {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b, nil
}

func (m *wander) UnmarshalBinary(b []byte) error {
	if len(b) != 16+8*len(m.mean) {
		return errors.New("no state of a wander")
	}
	m.seen = math.Float64frombits(binary.LittleEndian.Uint64(b))
	m.last = int64(binary.LittleEndian.Uint64(b[8:]))
	for i := range m.mean {
		m.mean[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[16+8*i:]))
	}
	return nil
}

func testKinds() []anomaly.Kind {
	return []anomaly.Kind{
		{Name: "auto", Options: []anomaly.Option{{Name: "o", Max: 9}}, New: func(n int, _ anomaly.Settings, _ *time.Location) anomaly.Model {
			return &wander{mean: make([]float64, n)}
		}},
		{Name: "together", Joint: true, New: func(n int, _ anomaly.Settings, _ *time.Location) anomaly.Model {
			return &wander{mean: make([]float64, n)}
		}},
	}
}

func detectors(t testing.TB, text string) *detector.Set {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	set, err := detector.Load([]string{path}, nil, testKinds(), nil)
	require.NoError(t, err)
	return set
}

// city is a database with a Watcher.
type city struct {
	t     require.TestingT
	store *tsdb.Store
	*Watcher
	set   *metrics.Set
	opts  Options
	log   *logged.Text
	epoch int64 // what times in tests count from, in milliseconds
}

func newCity(t testing.TB, text string, change ...func(*Options)) *city {
	t.Helper()
	dir := t.TempDir()
	store, err := tsdb.Open(tsdb.Options{Dir: filepath.Join(dir, "tsdb"), Logger: slog.New(slog.DiscardHandler), NoSync: true})
	require.NoError(t, err)
	c := &city{t: t, store: store, log: &logged.Text{}, epoch: time.Now().Add(-time.Hour).Truncate(time.Hour).UnixMilli()}
	c.opts = Options{
		Store: store, Detectors: detectors(t, text), Dir: filepath.Join(dir, "anomaly"), Limit: 1000, Workers: 2,
		Round: time.Millisecond, tick: 5 * time.Millisecond, pace: 128,
		Logger: slog.New(slog.NewTextHandler(c.log, nil)),
	}
	for _, f := range change {
		f(&c.opts)
	}
	t.Cleanup(c.close)
	c.start()
	return c
}

func (c *city) close() {
	c.stop()
	if c.store != nil {
		require.NoError(c.t, c.store.Close())
		c.store = nil
	}
}

func (c *city) start() {
	c.set = metrics.NewSet()
	c.opts.Metrics = c.set
	w, err := New(c.opts)
	require.NoError(c.t, err)
	c.Watcher = w
	w.Start()
}

func (c *city) stop() {
	if c.Watcher != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(c.t, c.Stop(ctx))
		c.Watcher = nil
	}
}

// crash has the states on disk be those of now, whatever the Watcher does until
// it ends.
func (c *city) crash() {
	kept := c.opts.Dir + ".kept"
	for { // files go while they are copied
		require.NoError(c.t, os.RemoveAll(kept))
		if os.CopyFS(kept, os.DirFS(c.opts.Dir)) == nil {
			break
		}
	}
	c.stop()
	require.NoError(c.t, os.RemoveAll(c.opts.Dir))
	require.NoError(c.t, os.Rename(kept, c.opts.Dir))
}

func series(text string) labels.Labels {
	name, rest, _ := strings.Cut(text, ",")
	pairs := []string{"__name__", name}
	if rest != "" {
		for _, pair := range strings.Split(rest, ",") {
			k, v, _ := strings.Cut(pair, "=")
			pairs = append(pairs, k, v)
		}
	}
	return labels.FromStrings(pairs...)
}

// point is a sample of a series.
type point struct {
	series string
	t      int64 // milliseconds after epoch
	v      float64
}

func (c *city) write(points ...point) {
	app := c.store.Appender(context.Background())
	for _, p := range points {
		if _, err := app.Append(0, series(p.series), c.epoch+p.t, p.v); err != nil {
			_ = app.Rollback()
			require.NoError(c.t, err)
		}
	}
	require.NoError(c.t, app.Commit())
}

// stored are the samples of all series of a name, as `labels value@time`.
func (c *city) stored(name string) []string {
	q, err := c.store.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(c.t, err)
	defer func() { _ = q.Close() }()
	all := []string{}
	set := q.Select(context.Background(), true, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", name))
	for set.Next() {
		s := set.At()
		it := s.Iterator(nil)
		for it.Next() == chunkenc.ValFloat {
			at, v := it.At()
			all = append(all, fmt.Sprintf("%s %v@%d", strings.TrimPrefix(s.Labels().String(), "{__name__=\""+name+"\", "), v, at-c.epoch))
		}
		require.NoError(c.t, it.Err())
	}
	require.NoError(c.t, set.Err())
	return all
}

const patience = 20 * time.Second

func (c *city) eventually(what func() bool, why string) {
	for deadline := time.Now().Add(patience); !what(); {
		if time.Now().After(deadline) {
			require.Fail(c.t, why, c.log.String())
		}
		time.Sleep(time.Millisecond) //nolint:forbidigo // polls with a deadline
	}
}

// wait returns when so many samples have been given to models or skipped.
func (c *city) wait(name string, want []string) {
	var got []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if got = c.stored(name); len(got) >= len(want) {
			break
		}
		_ = sleep(context.Background(), time.Millisecond)
	}
	require.Equal(c.t, append([]string{}, want...), got, c.log.String())
}

func (c *city) counter(name string) int { return int(c.set.GetOrCreateCounter(name).Get()) }

func quietLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }
