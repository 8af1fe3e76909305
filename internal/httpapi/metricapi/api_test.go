package metricapi

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/metric"
	"github.com/belfry-city/belfry/collector/tsdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type site struct {
	*httptest.Server
	store *tsdb.Store
}

func begin(t *testing.T) *site {
	t.Helper()
	store, err := tsdb.Open(tsdb.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	require.NoError(t, err)
	h, err := New(Options{Store: store, Metrics: metric.NewTable()})
	require.NoError(t, err)
	mux := http.NewServeMux()
	h.Routes(mux.Handle)
	s := &site{httptest.NewServer(mux), store}
	t.Cleanup(func() {
		s.Close()
		http.DefaultClient.CloseIdleConnections()
		_ = store.Close() // a test may have closed it
	})
	return s
}

func (s *site) write(t *testing.T, name string, series int) {
	t.Helper()
	app := s.store.Appender(t.Context())
	for i := range series {
		_, err := app.Append(0, labels.FromStrings("__name__", name, "asset", fmt.Sprint(i)), time.Now().UnixMilli(), 1)
		require.NoError(t, err)
	}
	require.NoError(t, app.Commit())
}

type reply struct {
	Metrics []shown
	Total   int
	Next    string
	Error   string
}

func (s *site) get(t *testing.T, query string) (int, reply) {
	t.Helper()
	resp, err := http.Get(s.URL + "/api/belfry/v1/metrics" + query)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var a reply
	require.NoError(t, json.Unmarshal(text, &a), string(text))
	return resp.StatusCode, a
}

func TestMetricsAreShownWithWhatTheyMean(t *testing.T) {
	s := begin(t)
	s.write(t, "gas_ch4_lel_percent", 3)
	s.write(t, "novel_depth_mm", 2)
	status, a := s.get(t, "?name=gas_ch4_lel_percent,novel_depth_mm,gas_co_ppm")
	require.Equal(t, 200, status)
	require.Equal(t, 3, a.Total)
	require.Equal(t, "gas_ch4_lel_percent", a.Metrics[0].Name)
	require.Equal(t, []any{"%LEL", "percent", "gas", 3}, []any{a.Metrics[0].Unit, a.Metrics[0].GrafanaUnit, a.Metrics[0].Domain, a.Metrics[0].Series})
	require.NotEmpty(t, a.Metrics[0].Help)
	require.NotEmpty(t, a.Metrics[0].HelpZH)
	require.Equal(t, 0, a.Metrics[1].Series, "explained, and not stored yet")
	require.Equal(t, shown{metric.Metric{Name: "novel_depth_mm", Unit: "mm", GrafanaUnit: "lengthmm"}, 2}, a.Metrics[2])

	for query, want := range map[string]int{"?stored=true": 2, "?domain=gas&stored=true": 1, "?domain=!gas&stored=true": 1, "?q=可燃": 1, "?q=COMBUSTIBLE": 1, "?q=novel": 1, "?name=x": 0} {
		query, _ = url.QueryUnescape(query)
		parts, _ := url.ParseQuery(query[1:])
		_, a = s.get(t, "?"+parts.Encode())
		require.Len(t, a.Metrics, want, query)
	}
}

func TestMetricsArePaged(t *testing.T) {
	s := begin(t)
	s.write(t, "zebra", 1)
	_, all := s.get(t, "")
	require.Greater(t, all.Total, 40)
	require.Len(t, all.Metrics, all.Total)
	require.True(t, slices.IsSortedFunc(all.Metrics, func(a, b shown) int { return strings.Compare(a.Name, b.Name) }))
	var paged []shown
	for cursor := ""; ; {
		_, a := s.get(t, "?limit=7&cursor="+cursor)
		paged = append(paged, a.Metrics...)
		require.Equal(t, all.Total, a.Total)
		if cursor = a.Next; cursor == "" {
			break
		}
		require.Len(t, a.Metrics, 7)
	}
	require.Equal(t, all.Metrics, paged)
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	s := begin(t)
	for query, want := range map[string]string{
		"?naming=x":     `unknown parameter "naming"; there are cursor, domain, limit, name, q, stored`,
		"?stored=maybe": `stored: want one of true, false; got "maybe"`,
		"?cursor=%21":   `cursor: want what the page before has as next; got "!"`,
		"?domain=x":     `domain: want one of gas, bridge, tunnel, road, drainage, water, lighting, landscape, parking, camera, device; got "x"`,
	} {
		status, a := s.get(t, query)
		require.Equal(t, 400, status, query)
		require.Equal(t, want, a.Error)
	}
	require.NoError(t, s.store.Close())
	status, a := s.get(t, "")
	require.Equal(t, 503, status)
	require.NotEmpty(t, a.Error)
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "q=A&stored=true", "cursor=emVicmE&limit=5", "name=!x,y&domain=gas"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		if q, err := readQuery(values); err == nil {
			require.Positive(t, q.limit)
			_ = q.matches(metric.Metric{Name: "x"})
		}
	})
}
