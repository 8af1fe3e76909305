package watch

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/telemetry/logged"
)

// BenchmarkEngine shows what a sample costs beside its model: reading the log,
// finding the series, and the way to the score. One operation is a sample; the
// scores are made and not stored, as the budget has it.
func BenchmarkEngine(b *testing.B) {
	for _, series := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("series=%d", series), func(b *testing.B) { benchmarkEngine(b, series, levels) })
	}
	b.Run("nothing-selected", func(b *testing.B) { benchmarkEngine(b, 100_000, "detectors: [{name: d, select: other_m}]") })
}

// unstored takes scores and keeps none.
type unstored struct{ Store }

type nowhere struct{ storage.Appender }

func (unstored) Appender(context.Context) storage.Appender { return nowhere{} }

func (nowhere) Append(storage.SeriesRef, labels.Labels, int64, float64) (storage.SeriesRef, error) {
	return 1, nil
}
func (nowhere) SetOptions(*storage.AppendOptions) {}
func (nowhere) Commit() error                     { return nil }

func benchmarkEngine(b *testing.B, n int, text string) {
	dir := b.TempDir()
	store, err := tsdb.Open(tsdb.Options{Dir: filepath.Join(dir, "tsdb"), Logger: slog.New(slog.DiscardHandler), NoSync: true})
	require.NoError(b, err)
	defer func() { require.NoError(b, store.Close()) }()
	c := &city{t: b, store: store, log: &logged.Text{}, epoch: time.Now().UnixMilli() - 3600_000}
	all := make([]labels.Labels, n)
	for i := range all {
		all[i] = series(fmt.Sprintf("level_m,asset=W%06d,probe=up,domain=water,street=Jiefangbei", i))
	}
	refs := make([]storage.SeriesRef, n)
	at := int64(0)
	write := func(samples int) {
		for samples > 0 {
			at += 10
			app := store.Appender(context.Background())
			for i := 0; i < n && samples > 0; i, samples = i+1, samples-1 {
				ref, err := app.Append(refs[i], all[i], c.epoch+at, float64(i+int(at)))
				require.NoError(b, err)
				refs[i] = ref
			}
			require.NoError(b, app.Commit())
		}
	}
	write(n)
	before := heap()
	w, err := New(Options{
		Store: unstored{store}, Detectors: detectors(b, text), Dir: filepath.Join(dir, "anomaly"), Limit: n, Workers: 1, Logger: slog.New(slog.DiscardHandler),
		Metrics: metrics.NewSet(),
	})
	require.NoError(b, err)
	w.place.Segment, w.place.Offset = 0, 0
	require.NoError(b, w.beginAt())
	catchUp := func() {
		for end := false; !end; {
			end = w.step(context.Background())
		}
	}
	catchUp()
	perSeries := float64(heap()-before) / float64(n)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		write(n)
		b.StartTimer()
		catchUp()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/sample")
	b.ReportMetric(perSeries, "B/series")
	runtime.KeepAlive(w)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
