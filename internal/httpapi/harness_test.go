package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/httpapi/access"
)

type noRules struct{}

func (noRules) RuleGroups() []*rules.Group           { return nil }
func (noRules) AlertingRules() []*rules.AlertingRule { return nil }

// belfry is the handler with a real store behind it, on a real listener.
type belfry struct {
	*httptest.Server
	store *tsdb.Store
	set   *metrics.Set
	lag   time.Duration
}

func start(t *testing.T, change ...func(*Options)) *belfry {
	t.Helper()
	return startWith(t, tsdb.Options{Dir: t.TempDir()}, change...)
}

func startWith(t *testing.T, so tsdb.Options, change ...func(*Options)) *belfry {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	b := &belfry{set: metrics.NewSet()}
	so.Logger, so.Metrics = logger, b.set
	store, err := tsdb.Open(so)
	require.NoError(t, err)
	b.store = store
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	lag := func() time.Duration { return b.lag }
	guard, err := access.New(context.Background(), access.Options{
		Listen: "127.0.0.1:0", Auth: config.Auth{}, Metrics: b.set, Logger: logger,
	})
	require.NoError(t, err)
	reg := prometheus.NewRegistry()
	o := Options{
		MaxBody:       4 << 20,
		MaxLine:       64 << 10,
		BodyTime:      10 * time.Second,
		InFlight:      64 << 20,
		Store:         store,
		Engine:        promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute, EnableAtModifier: true}),
		Lookback:      5 * time.Minute,
		Queries:       4,
		QueryTimeout:  10 * time.Second,
		Rules:         noRules{},
		EvaluationLag: lag,
		Alertmanager:  http.NotFoundHandler(),
		Guard:         guard,
		Ready:         func() error { return nil },
		Reload:        func(context.Context) ([]string, error) { return nil, nil },
		WriteMetrics:  func(w io.Writer) error { b.set.WritePrometheus(w); return nil },
		Listen:        "127.0.0.1:0",
		Metrics:       b.set,
		Registerer:    reg,
		Gatherer:      reg,
		Logger:        logger,
	}
	for _, c := range change {
		c(&o)
	}
	o.Intake = intake.New(intake.Options{Store: store, Metrics: b.set, Lag: lag, MaxNew: o.MaxBody})
	b.Server = httptest.NewServer(New(o))
	t.Cleanup(b.Close)
	return b
}

// query returns the values of an instant query by their metric's text form.
func (b *belfry) query(t *testing.T, q string) map[string]string {
	t.Helper()
	resp, err := http.Get(b.URL + "/api/v1/query?query=" + url.QueryEscape(q))
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Status string
		Error  string
		Data   struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Equal(t, "success", answer.Status, answer.Error)
	got := map[string]string{}
	for _, r := range answer.Data.Result {
		m, _ := json.Marshal(r.Metric)
		got[string(m)] = r.Value[1].(string)
	}
	return got
}

// post sends a body and returns status and answer.
func (b *belfry) post(t *testing.T, path string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	return b.send(t, http.MethodPost, path, body, header...)
}

func (b *belfry) send(t *testing.T, method, path string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, b.URL+path, body)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(text)
}

func (b *belfry) counter(name string) uint64 { return b.set.GetOrCreateCounter(name).Get() }
