package scrape_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
)

func TestTargetsOfTheClientLibraryAreScrapedWithNativeHistograms(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	stay := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "stay_seconds", NativeHistogramBucketFactor: 1.1, Buckets: []float64{1}})
	cars := prometheus.NewCounter(prometheus.CounterOpts{Name: "cars_total"})
	level := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "水位.m"}, []string{"区域"})
	reg.MustRegister(stay, cars, level)
	for _, v := range []float64{0.5, 5, 50} {
		stay.Observe(v)
	}
	cars.(prometheus.ExemplarAdder).AddWithExemplar(3, prometheus.Labels{"trace_id": "abc"})
	level.WithLabelValues("渝中").Set(1.5)
	server := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	t.Cleanup(server.Close)
	addr := server.Listener.Addr().String()

	s := start(t)
	s.apply(static("native", addr) + "  scrape_native_histograms: true\n  extra_scrape_metrics: true\n" + static("classic", addr))
	s.eventually(`histogram_count(stay_seconds{job="native"})`, map[string]string{fmt.Sprintf(`{instance=%q, job="native"}`, addr): "3"})
	s.eventually(`stay_seconds_bucket{job="classic",le="1.0"}`, map[string]string{fmt.Sprintf(`{__name__="stay_seconds_bucket", instance=%q, job="classic", le="1.0"}`, addr): "1"})
	s.eventually(`sum by ("区域") ({"水位.m",job="classic"})`, map[string]string{`{"区域"="渝中"}`: "1.5"})
	for _, name := range []string{"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"} {
		require.Len(t, s.query(name), 2, name)
	}
	require.Len(t, s.query("scrape_timeout_seconds"), 1)
	exemplars, err := s.store.ExemplarQuerier(t.Context())
	require.NoError(t, err)
	found, err := exemplars.Select(0, time.Now().UnixMilli(), []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, "job", "native")})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, `{trace_id="abc"}`, found[0].Exemplars[0].Labels.String())
	require.Equal(t, []string{addr}, active(s, "native"))
}

// active are the addresses of a job's targets.
func active(s *stand, job string) (addrs []string) {
	for _, t := range s.Targets().TargetsActive()[job] {
		addrs = append(addrs, t.GetValue("instance"))
	}
	return addrs
}

func TestTargetsComeAndGoWithTheirFiles(t *testing.T) {
	t.Parallel()
	one, two := serve(t, "a 1\n"), serve(t, "a 2\n")
	s := start(t)
	file := func(targets ...string) {
		s.write("targets.json", fmt.Sprintf(`[{"targets": [%s], "labels": {"street": "jiefangbei"}}]`, `"`+strings.Join(targets, `","`)+`"`))
	}
	file(one.addr(), two.addr())
	s.apply("- job_name: files\n  scrape_interval: 200ms\n  file_sd_configs:\n    - files: [\"targets.json\"]\n")
	s.eventually(`sum by (street) (a)`, map[string]string{`{street="jiefangbei"}`: "3"})
	file(one.addr())
	s.eventually(`sum by (street) (a)`, map[string]string{`{street="jiefangbei"}`: "1"})
	gone := s.series("instance", two.addr())
	require.NotEmpty(t, gone)
	for name, values := range gone {
		require.Equal(t, "stale", values[len(values)-1], name)
	}
	file(one.addr(), two.addr())
	s.eventually(`sum by (street) (a)`, map[string]string{`{street="jiefangbei"}`: "3"})
	require.Len(t, s.query("up"), 2)
}

func TestTargetsComeFromAnHTTPService(t *testing.T) {
	t.Parallel()
	one := serve(t, "a 1\n")
	directory := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `[{"targets": [%q], "labels": {"__meta_team": "municipal"}}]`, one.addr())
	}))
	t.Cleanup(directory.Close)
	s := start(t)
	s.apply(fmt.Sprintf("- job_name: http\n  scrape_interval: 200ms\n  http_sd_configs:\n    - url: %s\n      refresh_interval: 1s\n  relabel_configs:\n    - {source_labels: [__meta_team], target_label: team}\n", directory.URL))
	s.eventually(`sum by (team) (a)`, map[string]string{`{team="municipal"}`: "1"})
}

func TestSeriesEndWhenTheirTargetDoesNotAnswer(t *testing.T) {
	t.Parallel()
	one, two := serve(t, "a 1\nb 1\n"), serve(t, "a 2\n")
	s := start(t)
	s.apply(static("j", one.addr(), two.addr()))
	s.eventually(`count(a)`, map[string]string{`{}`: "2"})
	one.say("a 1\n")
	s.eventually(`count(b)`, map[string]string{})
	one.Close()
	s.eventually(`a`, map[string]string{fmt.Sprintf(`{__name__="a", instance=%q, job="j"}`, two.addr()): "2"})
	s.eventually(`sum by (job) (up)`, map[string]string{`{job="j"}`: "1"})
}

func TestAJobThatIsTakenOutOfTheConfigurationEndsItsSeries(t *testing.T) {
	t.Parallel()
	one := serve(t, "a 1\n")
	s := start(t)
	s.apply(static("stays", one.addr()) + static("goes", one.addr()))
	s.eventually(`count by (job) (a)`, map[string]string{`{job="goes"}`: "1", `{job="stays"}`: "1"})
	s.apply(static("stays", one.addr()))
	s.eventually(`count by (job) (a)`, map[string]string{`{job="stays"}`: "1"})
	for name, values := range s.series("job", "goes") {
		require.Equal(t, "stale", values[len(values)-1], name)
	}
	require.Eventually(t, func() bool { return len(s.Targets().ScrapePools()) == 1 }, patience, 50*time.Millisecond, "nothing is left of it")
	s.apply(static("stays", one.addr()) + static("goes", one.addr()))
	s.eventually(`count by (job) (a)`, map[string]string{`{job="goes"}`: "1", `{job="stays"}`: "1"})
	s.apply("[]")
	s.eventually(`count by (job) (a)`, map[string]string{})
}

func TestATargetThatMovesToAnotherJobWithItsLabelsIsNotEnded(t *testing.T) {
	t.Parallel()
	one := serve(t, "a 1\n")
	s := start(t)
	moved := "  relabel_configs:\n    - {target_label: job, replacement: same}\n"
	s.apply(static("first", one.addr()) + moved)
	s.eventually(`count by (job) (a)`, map[string]string{`{job="same"}`: "1"})
	s.apply(static("second", one.addr()) + moved)
	require.Eventually(t, func() bool { return fmt.Sprint(s.Targets().ScrapePools()) == "[second]" }, patience, 50*time.Millisecond)
	for name, values := range s.series("job", "same") {
		require.NotContains(t, values, "stale", name)
	}
}

func TestTheSettingsOfAJobAreFollowed(t *testing.T) {
	t.Parallel()
	one := serve(t, "keep{job=\"own\"} 1\ndrop_me 2\n")
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "belfry" || password != "geheim" || r.URL.Path != "/probe" || r.FormValue("module") != "icmp" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("secret 7\n"))
	}))
	t.Cleanup(secret.Close)
	s := start(t)
	s.write("password", "geheim")
	s.apply(static("relabel", one.addr()) + `  metric_relabel_configs:
    - {source_labels: [__name__], regex: drop_.*, action: drop}
    - {target_label: district, replacement: yuzhong}
` + static("honor", one.addr()) + "  honor_labels: true\n" + static("few", one.addr()) + "  sample_limit: 1\n" + static("secret", secret.Listener.Addr().String()) + `  metrics_path: /probe
  params: {module: [icmp]}
  fallback_scrape_protocol: PrometheusText0.0.4
  basic_auth: {username: belfry, password_file: password}
`)
	s.eventually(`secret`, map[string]string{fmt.Sprintf(`{__name__="secret", instance=%q, job="secret"}`, secret.Listener.Addr()): "7"})
	s.eventually(`keep`, map[string]string{
		fmt.Sprintf(`{__name__="keep", district="yuzhong", exported_job="own", instance=%q, job="relabel"}`, one.addr()): "1",
		fmt.Sprintf(`{__name__="keep", instance=%q, job="own"}`, one.addr()):                                             "1",
	})
	s.eventually(`count by (job) (drop_me)`, map[string]string{`{job="honor"}`: "1"})
	s.eventually(`sum by (job) (up)`, map[string]string{`{job="few"}`: "0", `{job="honor"}`: "1", `{job="relabel"}`: "1", `{job="secret"}`: "1"})
}
