package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/belfry-city/belfry/internal/config"
)

// serve runs an App until the test, or the returned function, ends it.
func serve(t *testing.T, a *App) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		http.DefaultClient.CloseIdleConnections()
		cancel()
		require.NoError(t, <-ended)
	}
	t.Cleanup(stop)
	return stop
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

func TestAServiceOfOpenTelemetryWaitsWhileBelfryRestarts(t *testing.T) {
	dir, addr := t.TempDir(), freeAddr(t)
	start := func() (*running, func()) {
		c, err := config.Parse(filepath.Join(dir, "belfry.yml"), []byte("listen: "+addr+"\ndata_dir: data\nrules: []\n"))
		require.NoError(t, err)
		a, err := New(t.Context(), Options{Config: c, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
		require.NoError(t, err)
		return &running{App: a, cfg: c}, serve(t, a)
	}
	exporter, err := otlpmetrichttp.New(t.Context(), otlpmetrichttp.WithEndpointURL("http://"+addr+"/api/v1/otlp/v1/metrics"),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: true, InitialInterval: 10 * time.Millisecond, MaxInterval: 100 * time.Millisecond, MaxElapsedTime: time.Minute}))
	require.NoError(t, err)
	p := sdk.NewMeterProvider(sdk.WithReader(sdk.NewPeriodicReader(exporter, sdk.WithInterval(time.Hour))))
	defer func() { _ = p.Shutdown(context.Background()) }()
	level, err := p.Meter("city").Int64Gauge("level")
	require.NoError(t, err)

	_, stop := start()
	level.Record(t.Context(), 1)
	require.NoError(t, p.ForceFlush(t.Context()))
	stop()

	level.Record(t.Context(), 2)
	flushed := make(chan error, 1)
	go func() { flushed <- p.ForceFlush(context.Background()) }()
	r, stop := start()
	err = <-flushed
	if err != nil {
		// The SDK does not try again where nobody listens at all, but keeps counting.
		require.NoError(t, p.ForceFlush(t.Context()))
	}
	require.Equal(t, "2", r.value(t, `count_over_time(level[5m])`), "what was acknowledged before the restart is there as well")
	stop()
}

func TestAReloadChangesWhatBecomesOfOTLP(t *testing.T) {
	r, rewrite := fromFile(t, t.TempDir(), "")
	post := func(name string, seconds int) string {
		now := time.Now().Add(time.Duration(seconds) * time.Second).UnixNano()
		status, text := r.do(t, http.MethodPost, "/api/v1/otlp/v1/metrics", fmt.Sprintf(
			`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":%q,"unit":"m","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"startTimeUnixNano":"%d","timeUnixNano":"%d","asInt":"2"}]}}]}]}]}`, name, now-1e9, now),
			"Content-Type", "application/json")
		require.Equal(t, 200, status, text)
		return text
	}
	require.Contains(t, post("water.drawn", -9), "deltas are refused here")
	rewrite("inputs: {otlp: {delta: cumulative, translation_strategy: NoTranslation}}\n")
	status, text := r.do(t, http.MethodPost, "/-/reload", "")
	require.Equal(t, 200, status, text)
	require.Equal(t, "reloaded\n", text)
	require.NotContains(t, post("water.drawn", -8), "rejected")
	require.Equal(t, "2", r.value(t, `{"water.drawn"}`))
	status, text = r.do(t, http.MethodPost, "/-/reload", "")
	require.Equal(t, 200, status, text)
	post("water.drawn", -7)
	require.Equal(t, "4", r.value(t, `{"water.drawn"}`), "a reload that does not change it keeps the sums")
}
