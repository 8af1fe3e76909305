package forward

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/forward/remote"
	"github.com/belfry-city/belfry/collector/tsdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// target is a database that writes down what it accepts.
type target struct {
	*httptest.Server
	mu       sync.Mutex
	answer   func(lines []string) int // nil: 204
	header   http.Header
	message  string
	lines    map[string]int // how often each was accepted
	requests int            // without those for a sign of life
	asked    atomic.Int64   // for one
	frozen   sync.RWMutex   // while it is stopped
}

func newTarget(t *testing.T) *target {
	t.Helper()
	g := &target{lines: map[string]int{}}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *target) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	g.frozen.RLock()
	defer g.frozen.RUnlock()
	if r.Method == http.MethodHead {
		g.asked.Add(1)
		return
	}
	lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests++
	status := http.StatusNoContent
	if g.answer != nil {
		status = g.answer(lines)
	}
	for name := range g.header {
		w.Header().Set(name, g.header.Get(name))
	}
	if status == http.StatusNoContent {
		for _, l := range lines {
			g.lines[l]++
		}
	}
	w.WriteHeader(status)
	if status != http.StatusNoContent {
		_, _ = io.WriteString(w, g.message)
	}
}

// do changes the target.
func (g *target) do(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}

func (g *target) accepted() (lines []string, most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for l, n := range g.lines {
		lines = append(lines, l)
		most = max(most, n)
	}
	slices.Sort(lines)
	return lines, most
}

func (g *target) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.requests
}

// stand is a store whose log is forwarded.
type stand struct {
	t       *testing.T
	dir     string
	store   *tsdb.Store
	metrics *metrics.Set
	log     *bytes.Buffer
	logMu   sync.Mutex
	written int
	options tsdb.Options
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{t: t, dir: t.TempDir(), metrics: metrics.NewSet(), log: &bytes.Buffer{}}
	s.open()
	t.Cleanup(func() { _ = s.store.Close() })
	return s
}

func (s *stand) open() {
	s.t.Helper()
	o := s.options
	o.Dir, o.Logger = filepath.Join(s.dir, "tsdb"), slog.New(slog.DiscardHandler)
	store, err := tsdb.Open(o)
	require.NoError(s.t, err)
	s.store = store
}

func (s *stand) restart() {
	s.t.Helper()
	require.NoError(s.t, s.store.Close())
	s.open()
}

// Write is for the logger.
func (s *stand) Write(b []byte) (int, error) {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	return s.log.Write(b)
}

func (s *stand) logged(text string) int {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	return strings.Count(s.log.String(), text)
}

// write stores n samples of a metric, whose values go on from the last.
func (s *stand) write(metric string, n int) {
	s.t.Helper()
	base := time.Now().Add(-time.Hour).UnixMilli()
	for n > 0 {
		app := s.store.Appender(context.Background())
		for range min(n, 1000) {
			s.written++
			_, err := app.Append(0, labels.FromStrings("__name__", metric, "asset", fmt.Sprint(s.written%50)), base+int64(s.written), float64(s.written))
			require.NoError(s.t, err)
			n--
		}
		require.NoError(s.t, app.Commit())
	}
}

// forwarder makes one that has not been started.
func (s *stand) forwarder(name string, g *target, change func(*Options)) *Forwarder {
	s.t.Helper()
	u, err := url.Parse(g.URL)
	require.NoError(s.t, err)
	o := Options{
		Name: name, Target: remote.Options{Type: remote.VictoriaMetrics, URL: u, Timeout: 10 * time.Second, Agent: "belfry"},
		Labels: labels.EmptyLabels(), Names: line.NamesSplit, Batch: 100, Wait: 10 * time.Millisecond, Connections: 2, Buffer: 1 << 30,
		Resend: 15 * time.Second, WAL: s.store.LogDir(), Dir: filepath.Join(s.dir, "forward", name), Log: s.store,
		Logger: slog.New(slog.NewTextHandler(s, nil)), Metrics: s.metrics,
	}
	if change != nil {
		change(&o)
	}
	f, err := New(o)
	require.NoError(s.t, err)
	return f
}

// started runs until the test ends, unless it is stopped before.
func (s *stand) started(name string, g *target, change func(*Options)) *Forwarder {
	s.t.Helper()
	f := s.forwarder(name, g, change)
	f.Start()
	s.t.Cleanup(func() { stop(s.t, f) })
	return f
}

func stop(t *testing.T, f *Forwarder) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(t, f.Stop(ctx))
}

func (s *stand) waitFor(g *target, lines int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		got, _ := g.accepted()
		return len(got) >= lines
	}, time.Minute, 5*time.Millisecond)
	got, _ := g.accepted()
	require.Len(s.t, got, lines)
}

// metric is the value of one of the forwarders' metrics.
func (s *stand) metric(name string) string {
	var out bytes.Buffer
	s.metrics.WritePrometheus(&out)
	for _, l := range strings.Split(out.String(), "\n") {
		if value, ok := strings.CutPrefix(l, "belfry_forward_"+name+" "); ok {
			return value
		}
	}
	return "none"
}

func matchers(t *testing.T, selectors ...string) (all [][]*labels.Matcher) {
	t.Helper()
	for _, text := range selectors {
		m, err := parser.NewParser(parser.Options{}).ParseMetricSelector(text)
		require.NoError(t, err)
		all = append(all, m)
	}
	return all
}

// crash stops f and takes back what it noted when it stopped.
func (s *stand) crash(f *Forwarder) {
	s.t.Helper()
	name := filepath.Join(f.opts.Dir, cursorFile)
	before, err := os.ReadFile(name)
	require.NoError(s.t, err)
	f.cancel()
	stop(s.t, f)
	require.NoError(s.t, os.WriteFile(name, before, 0o666))
}

// listenAt has a target served again where it was.
func listenAt(t *testing.T, addr string, g *target) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	again := httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
	require.NoError(t, again.Listener.Close())
	again.Listener = l
	again.Start()
	return again
}
