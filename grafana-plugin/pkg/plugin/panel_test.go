package plugin

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

// gate holds requests back until it is opened, and counts those that wait.
type gate struct {
	mu               sync.Mutex
	waiting, highest int
	open, gone       chan struct{}
}

func (g *gate) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // the body is read, so that the server sees who goes away
		g.mu.Lock()
		g.waiting++
		g.highest = max(g.highest, g.waiting)
		g.mu.Unlock()
		defer func() {
			g.mu.Lock()
			g.waiting--
			g.mu.Unlock()
		}()
		select {
		case <-g.open:
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"data":{"resultType":"scalar","result":[1,%q]}}`, r.Form.Get("query"))
		case <-r.Context().Done():
			g.gone <- struct{}{}
		}
	})
}

// openAt opens when so many wait.
func (g *gate) openAt(ctx context.Context, n int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for g.now() < n {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	close(g.open)
}

func (g *gate) now() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}

func TestQueriesOfAPanelRunSideBySideWithABound(t *testing.T) {
	g := &gate{open: make(chan struct{}), gone: make(chan struct{}, 100)}
	srv := httptest.NewServer(g.wrap(nil))
	defer srv.Close()
	c := startPlugin(t).at(srv.URL)
	queries := make([]string, 20)
	for i := range queries {
		queries[i] = fmt.Sprintf(`{"expr":"%d","instant":true}`, i)
	}
	go g.openAt(t.Context(), 6)
	now := time.Now()
	for i, answer := range c.ask(t, now.Add(-time.Hour), now, queries...) {
		require.NoError(t, answer.Error)
		require.InDelta(t, float64(i), answer.Frames[0].Fields[1].At(0), 0, "each has its own")
	}
	require.Equal(t, 6, g.highest)
}

func TestWhoGoesAwayCancelsHisQueries(t *testing.T) {
	g := &gate{open: make(chan struct{}), gone: make(chan struct{}, 100)}
	srv := httptest.NewServer(g.wrap(nil))
	defer srv.Close()
	c := startPlugin(t).at(srv.URL)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req := &backend.QueryDataRequest{PluginContext: c.context()}
	for i := range 3 {
		req.Queries = append(req.Queries, backend.DataQuery{RefID: fmt.Sprint(i), JSON: []byte(`{"expr":"1"}`), TimeRange: backend.TimeRange{From: time.Now().Add(-time.Hour), To: time.Now()}})
	}
	failed := make(chan error)
	go func() {
		_, err := c.data.QueryData(ctx, backend.ToProto().QueryDataRequest(req))
		failed <- err
	}()
	eventually(t, func() bool { return g.now() == 3 }, func() string { return fmt.Sprint(g.now()) })
	cancel()
	require.Error(t, <-failed)
	for range 3 {
		<-g.gone
	}
}

const exposition = `# TYPE request_seconds histogram
request_seconds_bucket{le="1.0"} 3 # {trace_id="<b>abc</b>"} 0.7
request_seconds_bucket{le="+Inf"} 4 # {trace_id="def"} 2.5
request_seconds_sum 4.2
request_seconds_count 4
# EOF
`

func TestExemplars(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
		_, _ = w.Write([]byte(exposition))
	}))
	defer target.Close()
	b := serve(t, "rules: []\ndetectors: []\ninputs:\n  scrape:\n    - {job_name: app, scrape_interval: 1s, static_configs: [{targets: ["+target.Listener.Addr().String()+"]}]}\n")
	c := startPlugin(t).at(b.url())
	var answer backend.DataResponse
	eventually(t, func() bool {
		now := time.Now()
		answer = c.ask(t, now.Add(-time.Minute), now.Add(time.Second), `{"expr":"histogram_quantile(0.9, rate(request_seconds_bucket[1m]))","range":true,"exemplar":true}`)[0]
		return len(answer.Frames) == 2
	}, func() string { return fmt.Sprint(answer) })
	found := answer.Frames[1]
	require.Equal(t, "exemplar", found.Name)
	require.Equal(t, data.DataTopicAnnotations, found.Meta.DataTopic)
	require.Equal(t, []string{"Time", "Value", "__name__", "instance", "job", "le", "trace_id"}, names(found))
	require.Contains(t, column(t, found, "trace_id"), "<b>abc</b>")
	require.Contains(t, column(t, found, "Value"), "0.7")
	rule := c.panel(t, map[string]string{"FromAlert": "true"}, time.Now().Add(-time.Minute), time.Now(), `{"expr":"sum(request_seconds_count)","range":true,"exemplar":true}`)[0]
	require.Len(t, rule.Frames, 1, "no rule counts exemplars")
}
