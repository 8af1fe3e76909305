package app

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	"github.com/stretchr/testify/require"
)

// exporter is scraped; each scrape finds a counter one higher than the last.
type exporter struct {
	*httptest.Server
	scrapes atomic.Int64
	gone    atomic.Bool
}

func newExporter(t *testing.T) *exporter {
	t.Helper()
	e := &exporter{}
	reg := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "scrapes_total"})
	wait := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "wait_seconds", NativeHistogramBucketFactor: 1.1})
	reg.MustRegister(counter, wait)
	metrics := promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true})
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.gone.Load() {
			http.Error(w, "gone", http.StatusServiceUnavailable)
			return
		}
		n := e.scrapes.Add(1)
		trace := prometheus.Labels{"trace_id": fmt.Sprint("trace-", n)}
		counter.(prometheus.ExemplarAdder).AddWithExemplar(1, trace)
		wait.(prometheus.ExemplarObserver).ObserveWithExemplar(math.Exp(float64(n%20)-10), trace)
		metrics.ServeHTTP(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// program runs until the test ends.
func program(t *testing.T, name string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	cmd := exec.Command(tool(t, name), args...)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s said: %s", name, text[max(0, len(text)-4000):])
		}
		_ = log.Close()
	})
}

// killable is a Belfry that keeps its address and its data over kills.
type killable struct {
	dir, addr string
	child     *child
}

func newKillable(t *testing.T, config string) *killable {
	t.Helper()
	k := &killable{dir: t.TempDir(), addr: freeAddress(t)}
	put(t, k.dir, "belfry.yml", fmt.Sprintf("listen: %s\ndata_dir: data\n%s", k.addr, config))
	return k
}

func (k *killable) start(t *testing.T) {
	t.Helper()
	k.child = startChild(t, k.dir)
}

// killWhileFed kills Belfry twice while what it is sent goes on.
func (k *killable) killWhileFed(t *testing.T, query string) {
	t.Helper()
	k.start(t)
	for range 2 {
		before := len(k.values(t, query))
		require.Eventually(t, func() bool { return len(k.values(t, query)) > before+8 }, time.Minute, 20*time.Millisecond)
		k.child.end(t, syscall.SIGKILL)
		k.start(t)
	}
	before := len(k.values(t, query))
	require.Eventually(t, func() bool { return len(k.values(t, query)) > before+8 }, time.Minute, 20*time.Millisecond)
}

// rangeAnswer is what a range selector selects.
type rangeAnswer struct {
	Data struct {
		Result []struct {
			Metric     map[string]string
			Value      [2]any
			Values     [][2]any
			Histograms [][2]any
		}
	}
}

func askRange(t *testing.T, addr, query string, at time.Time) (a rangeAnswer) {
	t.Helper()
	getJSON(t, fmt.Sprintf("http://%s/api/v1/query?query=%s&time=%.3f", addr, url.QueryEscape(query), float64(at.UnixMilli())/1000), &a)
	return a
}

// values are those of one series, in the order of time.
func (k *killable) values(t *testing.T, selector string) (all []float64) {
	t.Helper()
	for _, r := range askRange(t, k.addr, selector, time.Now().Add(time.Minute)).Data.Result {
		for _, v := range r.Values {
			f, err := strconv.ParseFloat(v[1].(string), 64)
			require.NoError(t, err)
			all = append(all, f)
		}
	}
	return all
}

const senderRules = `groups:
- name: sender
  interval: 200ms
  rules:
  - {alert: Scraped, expr: scrapes_total > 3, labels: {severity: info}}
`

// TestARealPrometheusLosesNothingWhileBelfryIsKilled compares what a Prometheus
// has itself with what it wrote to a Belfry that was killed meanwhile.
func TestARealPrometheusLosesNothingWhileBelfryIsKilled(t *testing.T) {
	e, k := newExporter(t), newKillable(t, "rules: [rules.yml]\n")
	put(t, k.dir, "rules.yml", senderRules)
	addr, dir := freeAddress(t), t.TempDir()
	put(t, dir, "prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs: [{job_name: e2e, static_configs: [{targets: ["%s"]}]}]
remote_write:
- url: http://%s/api/v1/write
  send_exemplars: true
  send_native_histograms: true
  queue_config: {batch_send_deadline: 100ms, min_backoff: 30ms, max_backoff: 200ms}
`, e.Listener.Addr(), k.addr))
	program(t, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--enable-feature=native-histograms,exemplar-storage")
	k.killWhileFed(t, "scrapes_total[1h]")
	require.Eventually(t, func() bool { return len(alertsOf(t, k.addr)) == 1 }, time.Minute, 20*time.Millisecond)

	// The device goes away: Prometheus marks its series as stale.
	e.gone.Store(true)
	require.Eventually(t, func() bool {
		return len(askRange(t, k.addr, "scrapes_total", time.Now()).Data.Result) == 0 &&
			len(askRange(t, k.addr, "wait_seconds", time.Now()).Data.Result) == 0 && len(alertsOf(t, k.addr)) == 0
	}, time.Minute, 20*time.Millisecond, "long before the lookback of five minutes")
	until := time.Now()
	require.Eventually(t, func() bool {
		newest := askRange(t, k.addr, "timestamp(up)", time.Now()).Data.Result
		if len(newest) == 0 {
			return false
		}
		at, err := strconv.ParseFloat(newest[0].Value[1].(string), 64)
		return err == nil && at > float64(until.UnixMilli())/1000
	}, time.Minute, 20*time.Millisecond, "until Prometheus has caught up")
	for _, query := range []string{"scrapes_total[1h]", "wait_seconds[1h]", "up[1h]"} {
		want, got := askRange(t, addr, query, until), askRange(t, k.addr, query, until)
		require.NotEmpty(t, want.Data.Result)
		require.Equal(t, want, got, query)
	}
	require.NotEmpty(t, askRange(t, k.addr, "wait_seconds[1h]", until).Data.Result[0].Histograms)
	require.Equal(t, traces(t, addr), traces(t, k.addr))
	k.child.end(t, syscall.SIGTERM)
}

func alertsOf(t *testing.T, addr string) []any {
	t.Helper()
	var answer struct{ Data struct{ Alerts []any } }
	getJSON(t, "http://"+addr+"/api/v1/alerts", &answer)
	return answer.Data.Alerts
}

// traces are those of all exemplars.
func traces(t *testing.T, addr string) (ids []string) {
	t.Helper()
	var answer struct {
		Data []struct {
			Exemplars []struct{ Labels map[string]string }
		}
	}
	getJSON(t, "http://"+addr+"/api/v1/query_exemplars?query=scrapes_total&start=0&end=9999999999", &answer)
	require.NotEmpty(t, answer.Data)
	for _, e := range answer.Data[0].Exemplars {
		ids = append(ids, e.Labels["trace_id"])
	}
	slices.Sort(ids)
	return ids
}

// recordingProxy stands between a sender and Belfry, and notes what is sent.
type recordingProxy struct {
	*httptest.Server
	refuse string // an encoding that is answered with 415

	mu    sync.Mutex
	taken map[string]int    // requests that were answered with 204, by encoding
	sent  map[int64]float64 // of scrapes_total, in any attempt
}

func newRecordingProxy(t *testing.T, to, refuse string) *recordingProxy {
	t.Helper()
	p := &recordingProxy{taken: map[string]int{}, sent: map[int64]float64{}, refuse: refuse}
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: to})
	forward.Transport = &http.Transport{DisableKeepAlives: true}
	forward.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	forward.ModifyResponse = func(r *http.Response) error {
		if r.StatusCode == http.StatusNoContent {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.taken[r.Request.Header.Get("Content-Encoding")]++
		}
		return nil
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		enc := r.Header.Get("Content-Encoding")
		if err := p.note(enc, body); err != nil {
			t.Error(err)
		}
		if enc == p.refuse {
			http.Error(w, "not here", http.StatusUnsupportedMediaType)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *recordingProxy) note(encoding string, body []byte) (err error) {
	var raw []byte
	if encoding == "snappy" {
		raw, err = snappy.Decode(nil, body)
	} else {
		var d *zstd.Decoder
		if d, err = zstd.NewReader(nil); err == nil {
			raw, err = d.DecodeAll(body, nil)
			d.Close()
		}
	}
	if err != nil {
		return err
	}
	var req prompb.WriteRequest
	if err := req.Unmarshal(raw); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ts := range req.Timeseries {
		named := slices.ContainsFunc(ts.Labels, func(l prompb.Label) bool { return l.Name == "__name__" && l.Value == "scrapes_total" })
		for _, s := range ts.Samples {
			if named && !value.IsStaleNaN(s.Value) {
				p.sent[s.Timestamp] = s.Value
			}
		}
	}
	return nil
}

// allStored says whether Belfry has all that was ever sent.
func (p *recordingProxy) allStored(t *testing.T, addr string) bool {
	t.Helper()
	got := map[int64]float64{}
	for _, r := range askRange(t, addr, "scrapes_total[1h]", time.Now()).Data.Result {
		for _, v := range r.Values {
			f, err := strconv.ParseFloat(v[1].(string), 64)
			require.NoError(t, err)
			got[int64(math.Round(v[0].(float64)*1000))] = f
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Equal(p.sent, got)
}

// TestARealVmagentLosesNothingWhileBelfryIsKilled is fed once in VictoriaMetrics'
// own encoding, and once in the one that vmagent falls back to.
func TestARealVmagentLosesNothingWhileBelfryIsKilled(t *testing.T) {
	for refuse, wanted := range map[string]string{"": "zstd", "zstd": "snappy"} {
		t.Run(wanted, func(t *testing.T) {
			e, k := newExporter(t), newKillable(t, "rules: []\n")
			proxy := newRecordingProxy(t, k.addr, refuse)
			dir := t.TempDir()
			put(t, dir, "scrape.yml", fmt.Sprintf(`
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs: [{job_name: e2e, static_configs: [{targets: ["%s"]}]}]
`, e.Listener.Addr()))
			program(t, "vmagent", "-promscrape.config="+filepath.Join(dir, "scrape.yml"), "-remoteWrite.url="+proxy.URL+"/api/v1/write",
				"-remoteWrite.tmpDataPath="+filepath.Join(dir, "queue"), "-httpListenAddr="+freeAddress(t), "-promscrape.suppressScrapeErrors",
				"-remoteWrite.flushInterval=200ms", "-remoteWrite.retryMinInterval=100ms", "-remoteWrite.retryMaxInterval=300ms")
			k.killWhileFed(t, "scrapes_total[1h]")
			e.gone.Store(true)
			require.Eventually(t, func() bool {
				return len(askRange(t, k.addr, "scrapes_total", time.Now()).Data.Result) == 0
			}, time.Minute, 20*time.Millisecond, "stale long before the lookback of five minutes")
			require.Eventually(t, func() bool { return proxy.allStored(t, k.addr) }, time.Minute, 100*time.Millisecond)
			k.child.end(t, syscall.SIGTERM)
			proxy.mu.Lock()
			defer proxy.mu.Unlock()
			require.Greater(t, len(proxy.sent), 20)
			require.NotZero(t, proxy.taken[wanted], "%v", proxy.taken)
		})
	}
}
