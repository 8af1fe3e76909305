package pager

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/internal/telemetry/logged"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(runChild(dir))
	}
	goleak.VerifyTestMain(m)
}

const patience = 30 * time.Second

// eventually polls until the condition holds.
func eventually(t *testing.T, condition func() bool, what string) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, "waiting for %s", what)
}

// harness is a Pager under test, with what it logged and delivered.
type harness struct {
	*Pager
	dir   string
	set   *metrics.Set
	reg   *prometheus.Registry
	log   *logged.Text
	pages *collected[Page]
	sent  *collected[Notification]
	api   *httptest.Server
}

// collected is a list that several goroutines append to.
type collected[T any] struct {
	mu   sync.Mutex
	list []T
}

func (c *collected[T]) add(items ...T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, items...)
}

func (c *collected[T]) all() []T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]T(nil), c.list...)
}

func (c *collected[T]) len() int { return len(c.all()) }

// start makes and starts a Pager; change may alter its options. It is stopped at the end of the test.
func start(t *testing.T, dir string, change func(*Options)) *harness {
	t.Helper()
	h := &harness{
		dir: dir, set: metrics.NewSet(), reg: prometheus.NewRegistry(),
		log: &logged.Text{}, pages: &collected[Page]{}, sent: &collected[Notification]{},
	}
	opts := Options{
		DataDir: dir, Registerer: h.reg, Metrics: h.set,
		Logger:   slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
		Deliver:  func(_ context.Context, pages []Page) error { h.pages.add(pages...); return nil },
		OnNotify: func(n Notification) { h.sent.add(n) },
	}
	if change != nil {
		change(&opts)
	}
	p, err := New(opts)
	require.NoError(t, err)
	h.Pager = p
	require.NoError(t, p.Start())
	h.api = httptest.NewServer(p.Handler())
	t.Cleanup(func() {
		h.stop(t)
		if t.Failed() {
			t.Log(h.log.String())
		}
	})
	return h
}

func (h *harness) stop(t *testing.T) {
	t.Helper()
	h.api.Close()
	require.NoError(t, h.Stop(context.Background()))
}

// configFile writes a configuration.
func configFile(t *testing.T, format string, args ...any) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alertmanager.yml")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600))
	return path
}

func withConfig(path string) func(*Options) { return func(o *Options) { o.ConfigFile = path } }

// alert makes an alert that fires, of pairs of label names and values.
func firing(pairs ...string) *notifier.Alert {
	now := time.Now()
	return &notifier.Alert{
		Labels: labels.FromStrings(pairs...), StartsAt: now, EndsAt: now.Add(time.Hour),
		Annotations: labels.FromStrings(
			"name", "Well 17", "name_zh", "17号化粪池", "summary", "Methane", "summary_zh", "甲烷浓度",
			"value", "52.3", "limit", "50", "unit", "%LEL",
			"reading_time", now.Add(-10*time.Second).Format(time.RFC3339Nano), "due_time", now.Format(time.RFC3339Nano)),
	}
}

func resolved(a *notifier.Alert) *notifier.Alert {
	r := *a
	r.EndsAt = time.Now()
	return &r
}

// pagee is a webhook receiver.
type pagee struct {
	*httptest.Server
	got  collected[webhook.Message]
	down atomic.Bool
	met  atomic.Int64 // requests, answered well or not
	gate atomic.Pointer[gate]
}

// gate keeps a request from being answered.
type gate struct{ arrived, answer chan struct{} }

// hold keeps the next request from being answered until answer is called.
func (p *pagee) hold() (arrived <-chan struct{}, answer func()) {
	g := &gate{arrived: make(chan struct{}), answer: make(chan struct{})}
	p.gate.Store(g)
	return g.arrived, sync.OnceFunc(func() { close(g.answer) })
}

// enterable reports whether something new may begin.
func (f *inflight) enterable() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.closed
}

func newPagee(t *testing.T) *pagee {
	p := &pagee{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer p.met.Add(1)
		if g := p.gate.Swap(nil); g != nil {
			close(g.arrived)
			<-g.answer
		}
		body, err := io.ReadAll(r.Body)
		if p.down.Load() || err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var m webhook.Message
		if err := json.Unmarshal(body, &m); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		p.got.add(m)
	}))
	t.Cleanup(p.Close)
	return p
}

// request returns status and body of the answer.
func (h *harness) request(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.api.URL+path, bytes.NewBufferString(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(answer)
}

// post sends an alert by the API.
func (h *harness) post(t *testing.T, a *notifier.Alert) {
	t.Helper()
	body, err := json.Marshal([]*notifier.Alert{a})
	require.NoError(t, err)
	status, answer := h.request(t, http.MethodPost, "/api/v2/alerts", string(body))
	require.Equal(t, http.StatusOK, status, answer)
}

func silenceOf(name, value string) string {
	return fmt.Sprintf(`{"matchers":[{"name":%q,"value":%q,"isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"t","comment":"维修"}`,
		name, value, time.Now().Format(time.RFC3339Nano), time.Now().Add(time.Hour).Format(time.RFC3339Nano))
}

// silence adds a silence and returns its id.
func (h *harness) silence(t *testing.T, name, value string) string {
	t.Helper()
	status, body := h.request(t, http.MethodPost, "/api/v2/silences", silenceOf(name, value))
	require.Equal(t, http.StatusOK, status, body)
	var made struct {
		SilenceID string `json:"silenceID"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &made))
	return made.SilenceID
}

// silenceStates returns the states of the silences by id.
func (h *harness) silenceStates(t *testing.T) map[string]string {
	t.Helper()
	status, body := h.request(t, http.MethodGet, "/api/v2/silences", "")
	require.Equal(t, http.StatusOK, status, body)
	var list []struct {
		ID     string `json:"id"`
		Status struct {
			State string `json:"state"`
		} `json:"status"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	states := map[string]string{}
	for _, s := range list {
		states[s.ID] = s.Status.State
	}
	return states
}

// amtool runs the real one against the API.
func (h *harness) amtool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), amtoolPath(t), append([]string{"--alertmanager.url=" + h.api.URL}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "amtool %v: %s", args, out)
	return string(out)
}

func amtoolPath(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, ".tools", "bin", "amtool")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath("amtool")
	require.NoError(t, err, "amtool is missing: run `make tools`, or put it on the PATH")
	return path
}

// rename changes a name in a file.
func rename(path, from, to string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, bytes.ReplaceAll(text, []byte(from), []byte(to)), 0o600)
}
