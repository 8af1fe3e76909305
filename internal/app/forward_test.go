package app

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// victoriaMetrics is a real one, which keeps its address and its data over
// restarts.
type victoriaMetrics struct {
	t    *testing.T
	addr string
	dir  string
	cmd  *exec.Cmd
}

func newVictoriaMetrics(t *testing.T) *victoriaMetrics {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	vm := &victoriaMetrics{t: t, addr: l.Addr().String(), dir: t.TempDir()}
	require.NoError(t, l.Close())
	vm.start()
	t.Cleanup(func() { vm.end(syscall.SIGKILL) })
	return vm
}

func (vm *victoriaMetrics) url() string { return "http://" + vm.addr }

func (vm *victoriaMetrics) start() {
	vm.t.Helper()
	path, err := exec.LookPath("victoria-metrics")
	require.NoError(vm.t, err, "run `make tools`, and put .tools/bin in the PATH")
	vm.cmd = exec.Command(path, "-storageDataPath="+vm.dir, "-httpListenAddr="+vm.addr, "-retentionPeriod=100y",
		"-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s", "-loggerLevel=ERROR", "-memory.allowedBytes=256MB")
	require.NoError(vm.t, vm.cmd.Start())
	require.Eventually(vm.t, func() bool {
		resp, err := http.Get(vm.url() + "/health")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == 200
	}, time.Minute, 10*time.Millisecond, "VictoriaMetrics should start")
}

func (vm *victoriaMetrics) end(sig syscall.Signal) {
	_ = vm.cmd.Process.Signal(sig)
	_ = vm.cmd.Wait()
}

// samples are those of the series that a selector selects, by the given label,
// and without any doubt about which is at an instant: none is there twice.
func (vm *victoriaMetrics) samples(selector, by string) map[string]map[int64]float64 {
	vm.t.Helper()
	resp, err := http.Get(vm.url() + "/internal/force_flush")
	require.NoError(vm.t, err)
	require.NoError(vm.t, resp.Body.Close())
	resp, err = http.Get(vm.url() + "/api/v1/export?match[]=" + url.QueryEscape(selector))
	require.NoError(vm.t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(vm.t, 200, resp.StatusCode)
	all := map[string]map[int64]float64{}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 256<<20)
	for lines.Scan() {
		var series struct {
			Metric     map[string]string
			Values     []float64
			Timestamps []int64
		}
		require.NoError(vm.t, json.Unmarshal(lines.Bytes(), &series))
		at := all[series.Metric[by]]
		if at == nil {
			at = map[int64]float64{}
			all[series.Metric[by]] = at
		}
		for i, ts := range series.Timestamps {
			if _, twice := at[ts]; twice {
				require.Fail(vm.t, "a sample is there twice", "%v at %d", series.Metric, ts)
			}
			at[ts] = series.Values[i]
		}
	}
	require.NoError(vm.t, lines.Err())
	return all
}

// stored is what a Belfry answers for a metric, by a label.
func stored(t *testing.T, base, metric, by string) map[string]map[int64]float64 {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	getJSON(t, base+"/api/v1/query?query="+url.QueryEscape(metric+"[20h]"), &answer)
	all := map[string]map[int64]float64{}
	for _, r := range answer.Data.Result {
		at := map[int64]float64{}
		for _, v := range r.Values {
			value, err := strconv.ParseFloat(v[1].(string), 64)
			require.NoError(t, err)
			at[int64(math.Round(v[0].(float64)*1000))] = value
		}
		all[r.Metric[by]] = at
	}
	return all
}

func count(all map[string]map[int64]float64) (n int) {
	for _, at := range all {
		n += len(at)
	}
	return n
}

// missing counts the samples of a that b does not have.
func missing(a, b map[string]map[int64]float64) (n int) {
	for series, at := range a {
		for ts, v := range at {
			if got, ok := b[series][ts]; !ok || got != v {
				n++
			}
		}
	}
	return n
}

// metric is the value of one of a Belfry's own metrics.
func metricValue(t *testing.T, base, name string) float64 {
	t.Helper()
	resp, err := http.Get(base + "/metrics")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err)
			return v
		}
	}
	require.Fail(t, "no such metric", name)
	return 0
}

// write sends one request of samples in order and late.
func (l *ledger) write(client *http.Client, base string, worker int, rnd *rand.Rand) bool {
	now := time.Now().UnixMilli()
	var body bytes.Buffer
	sent := map[string]map[int64]float64{}
	for range 100 {
		i, ts := rnd.IntN(40), now
		if rnd.IntN(4) == 0 {
			ts -= rnd.Int64N(10 * time.Hour.Milliseconds())
		}
		series := fmt.Sprintf("%d-%d", worker, i)
		if rnd.IntN(50) == 0 { // new series all the time
			series = fmt.Sprintf("%d-new-%d", worker, ts)
		}
		if sent[series] == nil {
			sent[series] = map[int64]float64{}
		}
		v := float64((ts*31+int64(i))%1009) / 4
		if strings.Contains(series, "new") {
			v = 1
		}
		sent[series][ts] = v
		fmt.Fprintf(&body, "torture,series=%s v=%v %d\n", series, v, ts)
	}
	resp, err := client.Post(base+"/write?precision=ms", "", &body)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusNoContent {
		return false
	}
	l.acknowledge(sent)
	return true
}

// chaos kills and pauses a database until it is told to end, and then brings it
// back.
func chaos(vm *victoriaMetrics, end <-chan struct{}) {
	defer func() { _ = vm.cmd.Process.Signal(syscall.SIGCONT) }()
	wait := func(atLeast, most time.Duration) bool {
		select {
		case <-end:
			return false
		case <-time.After(atLeast + rand.N(most-atLeast)):
			return true
		}
	}
	longest := 2 * time.Second
	if os.Getenv("BELFRY_TORTURE") != "" {
		longest = 20 * time.Second // longer than `resend`
	}
	for wait(time.Second, 4*time.Second) {
		if rand.IntN(3) == 0 {
			_ = vm.cmd.Process.Signal(syscall.SIGSTOP)
			wait(500*time.Millisecond, longest)
			_ = vm.cmd.Process.Signal(syscall.SIGCONT)
			if rand.IntN(2) == 0 {
				continue
			}
			wait(time.Millisecond, 400*time.Millisecond)
		}
		vm.end(syscall.SIGKILL)
		wait(time.Millisecond, 1500*time.Millisecond)
		vm.start()
	}
}

const forwardBoth = `listen: 127.0.0.1:0
data_dir: data
rules: []
forward:
  - {name: line, type: victoriametrics, url: "VM", filter: ['torture_v'], labels: {way: line}, timeout: 1s}
  - {name: client, type: influxdb2, url: "VM", org: city, bucket: b, filter: ['torture_v'], labels: {way: client}, timeout: 1s}
`

// TestTortureForward kills and pauses a VictoriaMetrics, and kills the Belfry
// that sends to it in both ways. In the end both have the same samples.
func TestTortureForward(t *testing.T) {
	vm := newVictoriaMetrics(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "belfry.yml"), []byte(strings.ReplaceAll(forwardBoth, "VM", vm.url())), 0o666))
	end := make(chan struct{})
	var disturbing sync.WaitGroup
	disturbing.Go(func() { chaos(vm, end) })
	l := &ledger{samples: map[string]map[int64]float64{}}
	for life := range kills() {
		c := startChild(t, dir)
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() {
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				rnd := rand.New(rand.NewPCG(uint64(w), uint64(life)))
				for l.write(client, c.url, w, rnd) {
					<-time.After(20 * time.Millisecond)
				}
			})
		}
		<-time.After(2*time.Second + rand.N(4*time.Second))
		c.end(t, syscall.SIGKILL)
		writers.Wait()
	}
	close(end)
	disturbing.Wait()
	c := startChild(t, dir)
	requireSame(t, c, vm, l)
	c.end(t, syscall.SIGTERM)
}

// requireSame waits until a Belfry has sent everything, and compares.
func requireSame(t *testing.T, c *child, vm *victoriaMetrics, l *ledger) {
	t.Helper()
	for _, target := range []string{"line", "client"} {
		require.Eventually(t, func() bool {
			return metricValue(t, c.url, fmt.Sprintf(`belfry_forward_lag_bytes{target=%q}`, target)) == 0
		}, time.Minute, 100*time.Millisecond, "everything should be sent")
	}
	here := stored(t, c.url, "torture_v", "series")
	require.Zero(t, missing(l.samples, here), "acknowledged samples are stored")
	for _, way := range []string{"line", "client"} {
		// VictoriaMetrics shows new series a second or two after it has taken them.
		var there map[string]map[int64]float64
		for deadline := time.Now().Add(30 * time.Second); ; <-time.After(time.Second) {
			there = vm.samples(`torture_v{way="`+way+`"}`, "series")
			if missing(here, there) == 0 || time.Now().After(deadline) {
				break
			}
		}
		require.Zero(t, missing(here, there), "of %d samples that should be there by %s", count(here), way)
		require.Equal(t, count(here), count(there), "by "+way)
		require.Zero(t, missing(there, here))
	}
	t.Logf("%d samples here and there, %d acknowledged", count(here), count(l.samples))
}

// counting is a target that takes everything.
type counting struct {
	*httptest.Server
	requests atomic.Int64
	mu       sync.Mutex
	text     strings.Builder
}

func newCounting(t *testing.T, start func(*httptest.Server)) *counting {
	t.Helper()
	c := &counting{}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Method == http.MethodHead { // is asked for a sign of life
			return
		}
		c.requests.Add(1)
		c.mu.Lock()
		c.text.Write(body)
		c.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	}))
	start(c.Server)
	t.Cleanup(c.Close)
	return c
}

func (c *counting) has(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return c.count(text) > 0 }, time.Minute, time.Millisecond, text)
	require.Equal(t, 1, c.count(text))
}

func (c *counting) count(text string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Count(c.text.String(), text)
}

func TestForwardingFollowsTheConfigurationWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	one, two := newCounting(t, (*httptest.Server).Start), newCounting(t, (*httptest.Server).Start)
	config := "external_labels: {district: yuzhong}\nrules: []\n"
	file := filepath.Join(dir, "forward")
	put(t, dir, "forward", "")
	read := func() string {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return config + string(text)
	}
	r := runReading(t, dir, read)
	reload := func(text string) string {
		put(t, dir, "forward", strings.NewReplacer("ONE", one.URL, "TWO", two.URL).Replace(text))
		status, answer := r.do(t, http.MethodPost, "/-/reload", "")
		require.Equal(t, 200, status, answer)
		return answer
	}
	at := time.Now().UnixMilli()
	r.write(t, fmt.Sprintf("gas,asset=w1 ch4=1 %d000000", at))
	require.NotContains(t, reload(`forward: [{name: a, type: victoriametrics, url: "ONE", filter: ['{asset!=""}']}]`), "forward")
	one.has(t, fmt.Sprintf("gas,asset=w1,district=yuzhong ch4=1 %d\n", at))

	reload(`forward: [{name: a, type: victoriametrics, url: "ONE", filter: ['{asset!=""}']}, {name: b, type: influxdb1, url: "TWO", bucket: x, labels: {site: north, district: x}, filter: ['{asset="w1"}']}]`)
	two.has(t, fmt.Sprintf("gas,asset=w1,district=x,site=north ch4=1 %d\n", at))
	r.write(t, fmt.Sprintf("gas,asset=w1 ch4=2 %d000000", at+1))
	one.has(t, fmt.Sprintf("ch4=2 %d\n", at+1))
	two.has(t, fmt.Sprintf("ch4=2 %d\n", at+1))
	require.Contains(t, metricNames(t, r.URL()), `belfry_forward_up{target="b"}`)

	reload(`forward: [{name: b, type: influxdb1, url: "TWO", bucket: x, filter: ['{asset="w1"}']}]`)
	require.NotContains(t, metricNames(t, r.URL()), `belfry_forward_up{target="a"}`)
	require.NoDirExists(t, filepath.Join(dir, "data", "forward", "a", "log"), "its part of the log is let go")
	before := one.requests.Load()
	r.write(t, fmt.Sprintf("gas,asset=w1 ch4=3 %d000000", at+2))
	two.has(t, fmt.Sprintf("gas,asset=w1,district=yuzhong ch4=3 %d\n", at+2))
	require.Equal(t, before, one.requests.Load())

	put(t, dir, "forward", "forward: [{name: b, type: influxdb1}]")
	status, answer := r.do(t, http.MethodPost, "/-/reload", "")
	require.NotEqual(t, 200, status)
	require.Contains(t, answer, "want name, type and url")
	r.write(t, fmt.Sprintf("gas,asset=w1 ch4=4 %d000000", at+3))
	two.has(t, fmt.Sprintf("ch4=4 %d\n", at+3))
}

func metricNames(t *testing.T, base string) string {
	t.Helper()
	resp, err := http.Get(base + "/metrics")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(text)
}

// TestACleanRestartForwardsNothingAgain counts requests over restarts of the whole.
func TestACleanRestartForwardsNothingAgain(t *testing.T) {
	dir := t.TempDir()
	c := newCounting(t, (*httptest.Server).Start)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "belfry.yml"), []byte(strings.ReplaceAll(forwardBoth, "VM", c.URL)), 0o666))
	at := time.Now().UnixMilli()
	for life := range 3 {
		child := startChild(t, dir)
		if life == 0 {
			resp, err := http.Post(child.url+"/write?precision=ms", "", strings.NewReader(fmt.Sprintf("torture,series=a v=1 %d", at)))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, 204, resp.StatusCode)
		}
		for _, target := range []string{"line", "client"} {
			require.Eventually(t, func() bool {
				return metricValue(t, child.url, fmt.Sprintf(`belfry_forward_series{target=%q}`, target)) == 1 &&
					metricValue(t, child.url, fmt.Sprintf(`belfry_forward_lag_bytes{target=%q}`, target)) == 0
			}, time.Minute, 10*time.Millisecond)
		}
		child.end(t, syscall.SIGTERM)
		require.Equal(t, int64(3), c.requests.Load(), "one by each way, and one that asks what the target is")
	}
	require.Equal(t, 1, c.count(fmt.Sprintf("torture,series=a,way=line v=1 %d\n", at)))
	require.Equal(t, 1, c.count(fmt.Sprintf("torture,series=a,way=client v=1 %d\n", at)))
}

func TestForwardingTrustsTheCertificateThatIsGiven(t *testing.T) {
	dir := t.TempDir()
	c := newCounting(t, (*httptest.Server).StartTLS)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})
	put(t, dir, "ca.pem", string(ca))
	r := run(t, dir, `forward:
  - {name: trusts, type: influxdb2, dialect: influxdb, url: "`+c.URL+`", bucket: b, filter: ['gas_ch4'], tls: {ca: ca.pem}}
  - {name: distrusts, type: victoriametrics, url: "`+c.URL+`", filter: ['gas_ch4'], labels: {never: sent}}
`)
	at := time.Now().UnixMilli()
	r.write(t, fmt.Sprintf("gas,asset=w1 ch4=1 %d000000", at))
	c.has(t, fmt.Sprintf("gas,asset=w1 ch4=1 %d\n", at))
	require.Eventually(t, func() bool {
		return metricValue(t, r.URL(), `belfry_forward_failed_requests_total{target="distrusts",reason="away"}`) > 0
	}, time.Minute, 10*time.Millisecond)
	require.Zero(t, c.count("never"))
}
