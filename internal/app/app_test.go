package app

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/httpapi/access"
)

// running is a Belfry inside this process.
type running struct {
	*App
	cfg *config.Config

	mu    sync.Mutex
	pages []pager.Page
}

// run starts a Belfry from configuration text; DIR stands for a directory of
// the test's.
func run(t *testing.T, dir, text string) *running {
	t.Helper()
	return runReading(t, dir, func() string { return text })
}

// runReading is run with text that a reload asks for again.
func runReading(t *testing.T, dir string, text func() string) *running {
	t.Helper()
	read := func() (*config.Config, error) {
		return config.Parse(filepath.Join(dir, "belfry.yml"), []byte(strings.ReplaceAll("listen: 127.0.0.1:0\ndata_dir: DIR/data\n"+text(), "DIR", dir)))
	}
	c, err := read()
	require.NoError(t, err)
	r, stop := start(t, Options{Config: c, Read: read})
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
	})
	return r
}

// start starts a Belfry that keeps its pages, until stop.
func start(t *testing.T, o Options) (r *running, stop func()) {
	t.Helper()
	r = &running{cfg: o.Config}
	o.Logger, o.Metrics = slog.New(slog.DiscardHandler), metrics.NewSet()
	o.Deliver = func(_ context.Context, pages []pager.Page) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.pages = append(r.pages, pages...)
		return nil
	}
	a, err := New(t.Context(), o)
	require.NoError(t, err)
	r.App = a
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	return r, func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

func (r *running) write(t *testing.T, lines string) {
	t.Helper()
	status, text := r.do(t, http.MethodPost, "/write", lines)
	require.Equal(t, 204, status, text)
}

func (r *running) do(t *testing.T, method, path, body string, header ...string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequest(method, r.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

// page waits for the nth page.
func (r *running) page(t *testing.T, n int) pager.Page {
	t.Helper()
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.pages) > n
	}, time.Minute, 10*time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pages[n]
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666))
}

// tool finds a program that `make tools` installs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath(filepath.Join("..", "..", ".tools", "bin", name))
	}
	require.NoError(t, err, "%s is missing: run make tools", name)
	return path
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool(t, name), args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Run(), "%s %v: %s", name, args, &out)
	return out.String()
}

const gasCatalog = `assets:
- id: W17
  domain: gas
  kind: well
  name: Jiefangbei well 17
  name_zh: 解放碑17号井
  district: yuzhong
  street: 解放碑街道
  team: TEAM
`

// From a reading to a page, with what an on-call engineer needs; a team that
// changes while the alert fires takes the next one.
func TestAReadingBecomesAPageForTheRightTeam(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "catalog.yml", strings.Replace(gasCatalog, "TEAM", "municipal", 1))
	r := run(t, dir, "catalog: [DIR/catalog.yml]\nevaluation_interval: 100ms\n")
	r.write(t, "gas,asset=W17 ch4_lel_percent=60")
	p := r.page(t, 0)
	require.Equal(t, "firing", p.Status)
	require.Equal(t, "critical", p.Severity)
	require.Equal(t, "W17", p.Asset)
	require.Equal(t, "municipal", p.Team)
	require.Equal(t, "解放碑17号井", p.NameZH)
	require.Equal(t, "解放碑街道", p.Street)
	require.InDelta(t, 60, *p.Value, 0)
	require.InDelta(t, 50, *p.Limit, 0)
	require.Equal(t, "%LEL", p.Unit)

	put(t, dir, "catalog.yml", strings.Replace(gasCatalog, "TEAM", "sanitation", 1))
	status, text := r.do(t, http.MethodPost, "/-/reload", "")
	require.Equal(t, 200, status, text)
	r.write(t, "gas,asset=W17 ch4_lel_percent=1")
	resolved := r.page(t, 1)
	require.Equal(t, "resolved", resolved.Status)
	require.Equal(t, "municipal", resolved.Team)
	r.write(t, "gas,asset=W17 ch4_lel_percent=70")
	require.Equal(t, "sanitation", r.page(t, 2).Team)
}

func TestAReloadWithAMistakeKeepsTheRunningRules(t *testing.T) {
	dir := t.TempDir()
	const good = "groups:\n- name: g\n  rules:\n  - {alert: One, expr: a > 1}\n"
	put(t, dir, "rules.yml", good)
	r := run(t, dir, "rules: [DIR/rules.yml]\nevaluation_interval: 100ms\n")
	put(t, dir, "rules.yml", "groups:\n- name: g\n  rules:\n  - alert: Two\n    expr: a >\n")
	status, text := r.do(t, http.MethodPost, "/-/reload", "")
	require.Equal(t, 500, status)
	require.Contains(t, text, "rules.yml:5:")
	_, text = r.do(t, http.MethodGet, "/api/v1/rules", "")
	require.Contains(t, text, `"name":"One"`)
	put(t, dir, "rules.yml", strings.Replace(good, "One", "Three", 1))
	status, text = r.do(t, http.MethodPost, "/-/reload", "")
	require.Equal(t, 200, status, text)
	require.Equal(t, "reloaded\n", text)
	_, text = r.do(t, http.MethodGet, "/api/v1/rules", "")
	require.Contains(t, text, `"name":"Three"`)
	require.NotContains(t, text, `"name":"One"`)
}

func TestAReloadNamesWhatNeedsARestart(t *testing.T) {
	dir := t.TempDir()
	r := run(t, dir, "")
	r.opts.Read = func() (*config.Config, error) {
		c := *r.cfg
		c.Limits.Series, c.Language = 5, config.LanguageChinese
		return &c, nil
	}
	status, text := r.do(t, http.MethodPost, "/-/reload", "")
	require.Equal(t, 200, status, text)
	require.Contains(t, text, "restart: limits, language")
}

func TestTheLinkOfAnAlertLeadsToItsExpression(t *testing.T) {
	r := run(t, t.TempDir(), "evaluation_interval: 100ms\n")
	r.write(t, "gas,asset=W1 ch4_lel_percent=60")
	r.page(t, 0)
	_, text := r.do(t, http.MethodGet, "/api/v2/alerts", "")
	var alerts []struct{ GeneratorURL string }
	require.NoError(t, json.Unmarshal([]byte(text), &alerts))
	link := strings.TrimPrefix(alerts[0].GeneratorURL, r.URL())
	status, text := r.do(t, http.MethodGet, link, "")
	require.Equal(t, 200, status, text)
	require.Contains(t, text, `"success"`)
}

func TestPromtoolAndAmtoolWorkUnchanged(t *testing.T) {
	dir := t.TempDir()
	r := run(t, dir, "evaluation_interval: 100ms\n")
	r.write(t, "gas,asset=井1 ch4_lel_percent=60")
	require.Contains(t, output(t, "promtool", "query", "instant", r.URL(), "gas_ch4_lel_percent"), `gas_ch4_lel_percent{asset="井1"} => 60`)
	require.Contains(t, output(t, "promtool", "query", "labels", r.URL(), "asset"), "井1")
	require.Contains(t, output(t, "promtool", "query", "series", "--match", "gas_ch4_lel_percent", r.URL()), "井1")
	require.Equal(t, "firing", r.page(t, 0).Status)
	am := "--alertmanager.url=" + r.URL()
	require.Contains(t, output(t, "amtool", am, "alert", "query"), "Gas")
	id := strings.TrimSpace(output(t, "amtool", am, "silence", "add", "asset=井1", "--comment", "planned work", "--author", "ops"))
	require.Contains(t, output(t, "amtool", am, "silence", "query"), id)
	require.Contains(t, output(t, "amtool", am, "config", "routes"), "belfry-terminal")
	output(t, "amtool", am, "silence", "expire", id)
}

func TestOwnMetricsAreStored(t *testing.T) {
	r := run(t, t.TempDir(), "")
	r.write(t, "a v=1")
	require.Eventually(t, func() bool {
		_, text := r.do(t, http.MethodGet, `/api/v1/query?query=belfry_store_series{job="belfry"}`, "")
		return strings.Contains(text, `"instance"`)
	}, time.Minute, 50*time.Millisecond)
	_, text := r.do(t, http.MethodGet, "/metrics", "")
	require.Contains(t, text, "belfry_samples_total{input=\"lineproto\"} 1")
	require.Contains(t, text, "prometheus_tsdb_head_series")
}

func TestTokensAreDemandedInEveryClientsWay(t *testing.T) {
	writer, writeHash := access.NewToken()
	reader, readHash := access.NewToken()
	r := run(t, t.TempDir(), "auth:\n  tokens:\n  - {name: sensor, hash: \""+config.FormatHash(writeHash)+"\", scopes: [write]}\n  - {name: wall, hash: \""+config.FormatHash(readHash)+"\", scopes: [read]}\n")
	for _, c := range []struct {
		what, method, path string
		header             []string
		status             int
	}{
		{"nothing", "POST", "/write", nil, 401},
		{"nothing", "GET", "/api/v1/query?query=1", nil, 401},
		{"nothing", "GET", "/metrics", nil, 401},
		{"nothing", "GET", "/", nil, 401},
		{"nothing", "GET", "/ready", nil, 401},
		{"nothing", "GET", "/api/v2/alerts", nil, 401},
		{"open", "GET", "/ping", nil, 204},
		{"open", "GET", "/health", nil, 200},
		{"open", "GET", "/-/healthy", nil, 200},
		{"open", "GET", "/-/ready", nil, 200},
		{"influx 2", "POST", "/api/v2/write", []string{"Authorization", "Token " + writer}, 204},
		{"influx 1 query", "POST", "/write?u=sensor&p=" + writer, nil, 204},
		{"bearer", "GET", "/api/v1/query?query=1", []string{"Authorization", "Bearer " + reader}, 200},
		{"alertmanager", "GET", "/api/v2/alerts", []string{"Authorization", "Bearer " + reader}, 200},
		{"nothing", "GET", "/api/belfry/v1/assets", nil, 401},
		{"assets", "GET", "/api/belfry/v1/assets", []string{"Authorization", "Bearer " + reader}, 200},
		{"metrics", "GET", "/api/belfry/v1/metrics", []string{"Authorization", "Bearer " + reader}, 200},
		{"statistics", "GET", "/api/belfry/v1/hazards/stats", []string{"Authorization", "Bearer " + reader}, 200},
		{"wrong scope", "GET", "/api/belfry/v1/assets", []string{"Authorization", "Bearer " + writer}, 403},
		{"wrong scope", "GET", "/api/belfry/v1/stream?values=up", []string{"Authorization", "Bearer " + writer}, 403},
		{"wrong scope", "POST", "/write", []string{"Authorization", "Token " + reader}, 403},
		{"wrong scope", "POST", "/-/reload", []string{"Authorization", "Token " + reader}, 403},
		{"wrong scope", "POST", "/api/v2/silences", []string{"Authorization", "Token " + reader}, 403},
		{"wrong token", "POST", "/write", []string{"Authorization", "Token bf_nonsense"}, 401},
	} {
		status, text := r.do(t, c.method, c.path, "", c.header...)
		require.Equal(t, c.status, status, "%s: %s %s: %s", c.what, c.method, c.path, text)
	}
	req, err := http.NewRequest(http.MethodGet, r.URL()+"/api/v1/query?query=1", nil)
	require.NoError(t, err)
	req.SetBasicAuth("wall", reader)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
}

// selfSigned writes a certificate for 127.0.0.1 and returns who trusts it.
func selfSigned(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "belfry"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	put(t, dir, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	put(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})))
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	pool := selfSigned(t, dir)
	r := run(t, dir, "tls: {cert: DIR/cert.pem, key: DIR/key.pem}\n")
	require.True(t, strings.HasPrefix(r.URL(), "https://"))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	resp, err := client.Post(r.URL()+"/write", "", strings.NewReader("a v=1"))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 204, resp.StatusCode)
}

func TestTwoBelfrysInOneProcess(t *testing.T) {
	a, b := run(t, t.TempDir(), ""), run(t, t.TempDir(), "")
	a.write(t, "only_a v=1")
	_, text := b.do(t, http.MethodGet, "/api/v1/query?query=only_a_v", "")
	require.NotContains(t, text, "only_a_v\"")
	require.NotEqual(t, a.Addr(), b.Addr())
}

func TestABusyPortAndAnUnusableDirectoryAreSaidInOneLine(t *testing.T) {
	r := run(t, t.TempDir(), "")
	c := config.Default()
	c.Listen, c.DataDir = r.Addr(), t.TempDir()
	_, err := New(t.Context(), Options{Config: c, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	require.ErrorContains(t, err, "address already in use")
	require.NotContains(t, err.Error(), "\n")

	c.Listen, c.DataDir = "127.0.0.1:0", filepath.Join(os.Args[0], "no-directory")
	_, err = New(t.Context(), Options{Config: c, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	require.ErrorContains(t, err, "not a directory")
	require.NotContains(t, err.Error(), "\n")
}

func TestQueriesAreLimitedInTimeAndSamples(t *testing.T) {
	r := run(t, t.TempDir(), "query: {max_samples: 100, timeout: 2s}\n")
	var lines strings.Builder
	for i := range 500 {
		fmt.Fprintf(&lines, "q,i=%d v=1\n", i)
	}
	r.write(t, lines.String())
	status, text := r.do(t, http.MethodGet, "/api/v1/query?query=q_v", "")
	require.Equal(t, 422, status, text)
	require.Contains(t, text, "too many samples")

	r = run(t, t.TempDir(), "query: {timeout: 100ms}\n")
	r.write(t, lines.String())
	heavy := url.QueryEscape("sum(count_over_time((q_v * on () group_left () sum(q_v))[23h:1s]))")
	status, text = r.do(t, http.MethodGet, "/api/v1/query?query="+heavy, "")
	require.Equal(t, 503, status, text)
	require.Contains(t, text, "timed out")
}
