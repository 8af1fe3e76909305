package cityload_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/app"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/telemetry"
	"github.com/belfry-city/belfry/loadtest"
	"github.com/belfry-city/belfry/loadtest/cityload"
)

// serve runs a Belfry until the test ends.
func serve(t *testing.T) (url string) {
	cfg := config.Default()
	cfg.Listen, cfg.DataDir, cfg.Rules = "127.0.0.1:0", t.TempDir(), []string{}
	a, err := app.New(t.Context(), app.Options{
		Config: cfg, Logger: slog.New(slog.DiscardHandler), Metrics: telemetry.NewSet(telemetry.ReadBuild()),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return a.URL()
}

func TestEverythingAcknowledgedIsStored(t *testing.T) {
	url := serve(t)
	for name, opt := range map[string]cityload.Options{
		"the present, at a rate":     {Pregenerate: 3, Plan: loadtest.Plan{Rate: 20_000, Duration: time.Second}},
		"a past, as fast as it goes": {Pregenerate: 3, Gzip: true, Tags: []string{"street", "name_zh"}, Plan: loadtest.Plan{Samples: 50_000, Interval: 10 * time.Second}},
		"another past, exactly":      {Tags: []string{"team"}, Plan: loadtest.Plan{Samples: 20_000, Interval: 7 * time.Second}},
	} {
		opt.URL, opt.Seed, opt.Scale, opt.Lines, opt.Verify = url, 1, 0.01, 100, true
		report, err := cityload.Run(t.Context(), opt)
		require.NoError(t, err, name)
		require.True(t, report.OK, "%s: %+v", name, report)
		require.Equal(t, 875, report.Series)
		require.Positive(t, report.Acknowledged)
		require.Equal(t, report.Acknowledged, report.Verified.Expected)
		require.GreaterOrEqual(t, report.Verified.Stored, report.Verified.Expected)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	forgetful, full := serve(t), serve(t)
	report, err := cityload.Run(t.Context(), cityload.Options{
		URL: full, QueryURL: forgetful, Seed: 1, Scale: 0.001, Lines: 100, Pregenerate: 2,
		Plan: loadtest.Plan{Samples: 1000, Interval: 10 * time.Second}, Verify: true, Patience: time.Millisecond,
	})
	require.NoError(t, err)
	require.False(t, report.OK)
	require.Zero(t, report.Verified.Stored)
	require.Contains(t, report.Verified.Missing, loadtest.MetricCount{Metric: "camera_up", Expected: 2 * report.Acknowledged / 90})
}

func TestWhatCannotBeIsRefusedBeforeAnythingIsSent(t *testing.T) {
	for says, opt := range map[string]cityload.Options{
		"reading the server's address": {URL: "nowhere", Lines: 1},
		"no attribute":                 {URL: "http://127.0.0.1:1", Lines: 1, Tags: []string{"colour"}},
		"lines a request":              {URL: "http://127.0.0.1:1"},
		"scale":                        {URL: "http://127.0.0.1:1", Lines: 1, Scale: -1},
	} {
		_, err := cityload.Run(t.Context(), opt)
		require.ErrorContains(t, err, says)
	}
}
