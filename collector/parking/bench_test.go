package parking

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

const cityBays = 24_000

func bays(w *reading.Builder, b *reading.Batch, at int64, state func(i int) float64) {
	b.Reset()
	w.Reset(b)
	for i := range cityBays {
		w.Begin(at)
		w.Label("asset", fmt.Sprintf("YZ-P%03d-B%05d", i/400, i))
		w.Label("source", "geomagnetic")
		w.Label("lot", fmt.Sprintf("YZ-P%03d", i/400))
		w.Value(bayOccupied, state(i))
	}
	w.Done()
}

// BenchmarkDerive is one reading an operation, of a bay whose state stays, which
// is nearly every one; and of one whose state changes.
func BenchmarkDerive(b *testing.B) {
	for name, state := range map[string]func(round, i int) float64{
		"stays":   func(_, i int) float64 { return float64(i % 2) },
		"changes": func(round, i int) float64 { return float64((round + i) % 2) },
	} {
		b.Run(name, func(b *testing.B) {
			now := time.Now()
			tr := New(Options{Metrics: metrics.NewSet(), Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
			var batch reading.Batch
			var w reading.Builder
			b.ReportAllocs()
			b.ResetTimer()
			for round := range b.N/cityBays + 2 {
				b.StopTimer()
				bays(&w, &batch, now.UnixMilli()+int64(round), func(i int) float64 { return state(round, i) })
				b.StartTimer()
				w.Message(nil)
				tr.Derive(&batch, &w)
			}
		})
	}
}

// BenchmarkDeriveWrite is one line of line protocol an operation.
func BenchmarkDeriveWrite(b *testing.B) {
	for name, line := range map[string]string{
		"bays":  "parking_bay,asset=YZ-P%03d-B%05d,source=geomagnetic occupied=1,battery_volts=3.5 1700000000000000000\n",
		"other": "gas,asset=YZ-P%03d-B%05d,source=geomagnetic ch4_lel_percent=1,h2s_ppm=3.5 1700000000000000000\n",
	} {
		b.Run(name, func(b *testing.B) {
			var body []byte
			for i := range cityBays {
				body = fmt.Appendf(body, line, i/400, i)
			}
			now := time.UnixMilli(1_700_000_000_000)
			tr := New(Options{Metrics: metrics.NewSet(), Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
			var batch, derived reading.Batch
			var w reading.Builder
			new(lineproto.Parser).ParseSome(&batch, body, lineproto.Position{Line: 1}, 1<<30, lineproto.Options{})
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N/cityBays + 1 {
				for i := range batch.Points {
					batch.Points[i].Time++
				}
				derived.Reset()
				w.Reset(&derived)
				tr.DeriveWrite(&batch, lineproto.Speller{}, &w)
			}
		})
	}
}

// BenchmarkRefresh is one minute's refresh of all bays an operation; it also
// says what a bay takes in memory.
func BenchmarkRefresh(b *testing.B) {
	s, err := tsdb.Open(tsdb.Options{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var before, after runtime.MemStats
	now := time.Now().Add(-time.Hour)
	var batch reading.Batch
	var w reading.Builder
	bays(&w, &batch, now.UnixMilli(), func(i int) float64 { return float64(i % 3 / 2) })
	runtime.GC()
	runtime.ReadMemStats(&before)
	tr := New(Options{Metrics: metrics.NewSet(), Logger: slog.New(slog.DiscardHandler), Store: s, Now: func() time.Time { return now }})
	tr.Derive(&batch, &w)
	batch, w = reading.Batch{}, reading.Builder{}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ResetTimer()
	for range b.N {
		now = now.Add(time.Minute)
		if err := tr.once(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/cityBays, "B/bay")
	b.ReportMetric(0, "B/op")
}
