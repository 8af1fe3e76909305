package liveness_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/liveness"
	"github.com/belfry-city/belfry/collector/tsdb"
)

func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"asset":"W1","newest":1,"heard":1,"rhythm":{"gaps":[1000],"since":1,"counted":5}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "devices.jsonl")
		require.NoError(t, os.WriteFile(file, text, 0o600))
		l := liveness.New(liveness.Options{
			Store: &tape{}, Catalog: catalog.Empty, File: file, Factor: 3, Least: time.Second, Forget: time.Hour, Max: 10,
			Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(),
		})
		if p := l.Listen(labels.FromStrings("__name__", "x", "asset", "W1")); p != nil {
			now := time.Now().UnixMilli()
			var voice tsdb.Voice
			p.Join(&voice)
			for i := range int64(40) {
				voice.Hear(now+i*1000, now+i*1000)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		l.Run(ctx)
	})
}
