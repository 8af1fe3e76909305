package scrape_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/input/scrape"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is more than anything here may take.
const patience = time.Minute

// stand is a scraper in front of a real intake and store.
type stand struct {
	*scrape.Scraper
	t      testing.TB
	dir    string
	store  *tsdb.Store
	set    *metrics.Set
	engine *promql.Engine
	free   atomic.Int64
}

func start(t testing.TB) *stand {
	t.Helper()
	s := &stand{t: t, dir: t.TempDir(), set: metrics.NewSet(), engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: patience})}
	s.free.Store(1 << 30)
	var err error
	s.store, err = tsdb.Open(tsdb.Options{
		Dir: filepath.Join(s.dir, "data"), Logger: slog.New(slog.DiscardHandler), DiskReserve: 1 << 20,
		FreeBytes: func(string) (int64, int64, error) { return s.free.Load(), 1 << 30, nil },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.store.Close()) })
	in := intake.New(intake.Options{Store: s.store, Metrics: s.set, Lag: func() time.Duration { return 0 }})
	source := func(target string) intake.Source { return intake.Source{Input: "scrape", Sender: target} }
	s.Scraper, err = scrape.New(scrape.Options{
		Appender: func(ctx context.Context, target string) storage.AppenderV2 { return in.Appender(ctx, source(target)) },
		Refuse: func(target string, err error) {
			in.Refuse(source(target), reading.Refusal{Reason: intake.ReasonOf(err), Detail: err.Error()})
		},
		Room: s.store.CheckRoom, Stored: s.store, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

// jobs reads entries as they stand below inputs.scrape.
func (s *stand) jobs(entries string) ([]*scrape.Job, error) {
	file := filepath.Join(s.dir, "belfry.yml")
	text := "inputs:\n  scrape:\n" + indent(entries)
	c, err := config.Parse(file, []byte(text))
	require.NoError(s.t, err, text)
	return scrape.ReadJobs(c.Inputs.Scrape, file, 1<<20)
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
}

func (s *stand) apply(entries string) {
	s.t.Helper()
	jobs, err := s.jobs(entries)
	require.NoError(s.t, err)
	require.NoError(s.t, s.Apply(jobs))
}

// query is an instant query; the samples by what their metric looks like.
func (s *stand) query(q string) map[string]string {
	query, err := s.engine.NewInstantQuery(s.t.Context(), s.store, nil, q, time.Now())
	require.NoError(s.t, err)
	defer query.Close()
	res := query.Exec(s.t.Context())
	require.NoError(s.t, res.Err)
	got := map[string]string{}
	v, err := res.Vector()
	require.NoError(s.t, err)
	for _, sample := range v {
		got[sample.Metric.String()] = fmt.Sprint(sample.F)
	}
	return got
}

// eventually waits until a query has the result.
func (s *stand) eventually(q string, want map[string]string) {
	s.t.Helper()
	var got map[string]string
	defer func() {
		if s.t.Failed() {
			s.t.Logf("%s: %v", q, got)
		}
	}()
	require.Eventually(s.t, func() bool {
		got = s.query(q)
		return fmt.Sprint(got) == fmt.Sprint(want)
	}, patience, 20*time.Millisecond)
}

// series are the values of each series that has the label, also staleness
// markers.
func (s *stand) series(name, equal string) map[string][]string {
	q, err := s.store.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, q.Close()) }()
	all := map[string][]string{}
	set := q.Select(s.t.Context(), true, nil, labels.MustNewMatcher(labels.MatchEqual, name, equal))
	for set.Next() {
		var values []string
		for it := set.At().Iterator(nil); it.Next() != 0; {
			if _, v := it.At(); value.IsStaleNaN(v) {
				values = append(values, "stale")
			} else {
				values = append(values, fmt.Sprint(v))
			}
		}
		all[set.At().Labels().String()] = values
	}
	require.NoError(s.t, set.Err())
	return all
}

func (s *stand) write(name, text string) {
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600))
}

// target is a server whose pages are text.
type target struct {
	*httptest.Server
	text atomic.Pointer[string]
}

func serve(t *testing.T, text string) *target {
	t.Helper()
	p := &target{}
	p.text.Store(&text)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write([]byte(*p.text.Load()))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *target) say(text string) { p.text.Store(&text) }

func (p *target) addr() string { return p.Listener.Addr().String() }

// static is a job that scrapes the targets five times a second.
func static(job string, targets ...string) string {
	return fmt.Sprintf("- job_name: %s\n  scrape_interval: 200ms\n  static_configs:\n    - targets: [%s]\n", job, `"`+strings.Join(targets, `", "`)+`"`)
}
