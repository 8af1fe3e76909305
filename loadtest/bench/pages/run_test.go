package pages

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/internal/app"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/telemetry"
	"github.com/belfry-city/belfry/loadtest/bench/server"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		if err := serve(os.Args[3]); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// serve is this binary being belfry serve --config.
func serve(file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{
		Config: cfg, Read: func() (*config.Config, error) { return config.Load(file) },
		Logger: telemetry.NewLogger(os.Stderr, cfg.Log), Metrics: telemetry.NewSet(telemetry.ReadBuild()),
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

func tool(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	require.NoError(t, err, "make tools installs it")
	return path
}

func smallOptions(t *testing.T, systems ...System) Options {
	d := district(t, 0.01)
	return Options{
		Systems: systems, District: d, Rules: ruleSet(t, d, 468), Seed: 1,
		Rate: 2000, Connections: 2, Lines: 100, Warm: 2 * time.Second, During: 3 * time.Second, Patience: time.Minute,
		OfAssets: 8, OfStreets: 4, Dir: t.TempDir(), Say: t.Logf,
	}
}

func TestEachReadingHasItsPageFromBelfryAndFromItsPeer(t *testing.T) {
	o := smallOptions(t, Belfry{server.Belfry{Binary: os.Args[0]}},
		Peer{VictoriaMetrics: tool(t, "victoria-metrics"), VMAlert: tool(t, "vmalert"), Alertmanager: tool(t, "alertmanager")})
	result, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, result.Systems, 2)
	for _, m := range result.Systems {
		require.Equal(t, 24, m.Assets.Caused, m.System)
		require.Equal(t, 12, m.Streets.Caused, m.System)
		require.Zero(t, m.Assets.Lost+m.Streets.Lost, "%+v", m)
		require.Zero(t, m.Failed, m.Failure)
		require.Zero(t, m.SamplesLost)
		require.Empty(t, m.Others, m.System)
		require.Positive(t, m.PeakRSS)
		require.Positive(t, m.SamplesPerSecond)
	}
	left, err := os.ReadDir(o.Dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestRulesDoNotKeepWritesFromBeingTaken(t *testing.T) {
	d := district(t, 0.01)
	dir := t.TempDir()
	cost, err := Cost(t.Context(), server.Belfry{Binary: os.Args[0]}, CostOptions{
		District: d, Rules: ruleSet(t, d, 468), Samples: 20_000, Repeats: 1, Connections: 2, Lines: 100, Dir: dir, Say: t.Logf,
	})
	require.NoError(t, err)
	require.Len(t, cost.Ways, 4)
	for _, way := range cost.Ways {
		require.Len(t, way.PerSecond, 1)
		require.Positive(t, way.PerSecond[0])
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// forgetful stands in for a system that loses the first page of each sort, sends
// the second twice, and pages of its own accord; what is normal never pages.
type forgetful struct{ turnsAway bool }

func (forgetful) Name() string { return "forgetful" }

func (f forgetful) Start(ctx context.Context, s Setup) (*Running, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	seen := map[string]int{}
	srv := &http.Server{ReadHeaderTimeout: time.Minute}
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(text), "BENCH-") {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if f.turnsAway {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		if strings.Count(string(text), "\n") != 1 {
			return // what is normal of many
		}
		key, value, _ := strings.Cut(strings.Fields(string(text))[1], "=")
		over := map[string]string{
			"ch4_lel_percent 40.00": methaneOfStreet, "h2s_ppm 15.00": sulfideOfStreet, "co_ppm 120.00": monoxideOfStreet,
			"ch4_lel_percent 30.00": "GasCombustibleCritical", "h2s_ppm 10.00": "GasHydrogenSulfideCritical", "co_ppm 80.00": "GasCarbonMonoxideCritical",
		}
		alert, ok := over[key+" "+value]
		if !ok {
			return
		}
		mu.Lock()
		seen[alert]++
		n := seen[alert]
		mu.Unlock()
		asset := strings.TrimPrefix(strings.Split(string(text), ",")[1], "asset=")
		for range min(n-1, 1) + count(n == 2) {
			err = errors.Join(err, notify(ctx, s.Hook, "firing", alert, asset))
		}
		err = errors.Join(err, notify(ctx, s.Hook, "resolved", alert, asset), notify(ctx, s.Hook, "firing", "Whim", asset))
		if err != nil {
			panic(err)
		}
	})
	go func() { _ = srv.Serve(l) }()
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	return &Running{URL: "http://" + l.Addr().String(), KnowsCatalog: true}, nil
}

func notify(ctx context.Context, hook, status, alert, asset string) error {
	text, err := json.Marshal(map[string]any{"alerts": []any{map[string]any{
		"status": status, "labels": map[string]string{"alertname": alert, "asset": asset, "street": "daping"},
	}}})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func TestLostAndRepeatedPagesAreCounted(t *testing.T) {
	o := smallOptions(t, forgetful{})
	o.Warm, o.Patience, o.OfStreets = 100*time.Millisecond, 2*time.Second, 0.1
	result, err := Run(t.Context(), o)
	require.NoError(t, err)
	m := result.Systems[0]
	require.Equal(t, 24, m.Assets.Caused)
	require.Equal(t, 6, m.Assets.Lost, "the first of each of six alerts")
	require.Equal(t, 6, m.Assets.Twice)
	require.Equal(t, map[string]int{"Whim": 24}, m.Others)
	require.InDelta(t, 2000, m.Assets.P99, 2)
	require.Zero(t, m.Failed)
}

func TestReadingsThatAreTurnedAwayAreCounted(t *testing.T) {
	o := smallOptions(t, forgetful{turnsAway: true})
	o.Warm, o.Patience, o.During, o.OfStreets = 100*time.Millisecond, time.Millisecond, time.Second, 0.1
	// What is normal of known series is turned away, too, so there is no beginning.
	_, err := Run(t.Context(), o)
	require.ErrorContains(t, err, "measuring pages of forgetful: sending what is normal: the server answered 429")
}
