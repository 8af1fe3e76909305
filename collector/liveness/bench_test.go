package liveness_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/liveness"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// BenchmarkAppend is one sample an operation, of 34,000 assets with three fields
// each that all report every second by the clock of the benchmark: without
// anybody who listens, with what the catalog expects, and while all rhythms are
// learned. Run as well: the timers and the series of the devices are part of it.
func BenchmarkAppend(b *testing.B) {
	for _, devices := range []string{"none", "expected", "learned"} {
		b.Run("devices="+devices, func(b *testing.B) { benchmarkAppend(b, devices) })
	}
}

// BenchmarkBeat is one sign of life an operation, of 34,000 devices in turn, each
// of which gives one a second.
func BenchmarkBeat(b *testing.B) {
	const assets = 34_000
	for _, devices := range []string{"expected", "learned"} {
		b.Run("devices="+devices, func(b *testing.B) {
			l := liveness.New(liveness.Options{
				Catalog: catalog.Empty, Factor: 3, Least: 5 * time.Second, Max: assets, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(),
			})
			voices := make([]tsdb.Voice, assets)
			for i := range voices {
				asset := fmt.Sprintf("W%05d", i)
				if devices == "expected" { // as of a camera: there is nothing to learn
					l.Listen(labels.FromStrings("__name__", "camera_up", "asset", asset))
				}
				l.Listen(labels.FromStrings("__name__", "reading", "asset", asset)).Join(&voices[i])
			}
			now := time.Now().UnixMilli()
			for b.Loop() {
				now += 1000
				for i := range voices {
					voices[i].Hear(now, now)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/assets, "ns/sign")
		})
	}
}

func benchmarkAppend(b *testing.B, devices string) {
	const assets, fields, perBatch = 34_000, 3, 2_000
	var clock atomic.Int64
	clock.Store(time.Now().UnixMilli())
	now := func() time.Time { return time.UnixMilli(clock.Load()) }
	store, err := tsdb.Open(tsdb.Options{Dir: b.TempDir(), Now: now, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(), NoSync: true})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, store.Close()) })
	if devices != "none" {
		c := catalog.Empty()
		if devices == "expected" {
			var text strings.Builder
			text.WriteString("id,expected_interval\n")
			for i := range assets {
				fmt.Fprintf(&text, "W%05d,1\n", i)
			}
			file := filepath.Join(b.TempDir(), "catalog.csv")
			require.NoError(b, os.WriteFile(file, []byte(text.String()), 0o600))
			c, err = catalog.Load([]string{file})
			require.NoError(b, err)
		}
		l := liveness.New(liveness.Options{
			Store: store, Catalog: func() *catalog.Catalog { return c }, Factor: 3, Least: 5 * time.Second, Forget: time.Hour, Max: 1_000_000,
			Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(), Now: now,
		})
		store.Listen(l)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Run(ctx)
		}()
		b.Cleanup(func() {
			cancel()
			<-ended
		})
	}
	batches := make([]reading.Batch, assets/perBatch)
	for i := range batches {
		var w reading.Builder
		w.Reset(&batches[i])
		w.Message(nil)
		for j := range perBatch {
			w.Begin(0)
			w.Label("asset", fmt.Sprintf("W%05d", i*perBatch+j))
			for f := range fields {
				w.Value(fmt.Sprintf("reading_%d", f), 1)
			}
		}
		w.Done()
	}
	run := func(n int) {
		for i := 0; i < n; i += perBatch * fields {
			batch := &batches[i/(perBatch*fields)%len(batches)]
			if batch == &batches[0] {
				clock.Add(1000)
			}
			for j := range batch.Points {
				batch.Points[j].Time = clock.Load()
			}
			_, err := store.Append(b.Context(), batch, reading.LabelSpeller{})
			require.NoError(b, err)
			require.Empty(b, batch.Refusals)
		}
	}
	run(40 * assets * fields)
	b.ReportAllocs()
	b.ResetTimer()
	run(b.N)
}
