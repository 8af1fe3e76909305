package external

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/telemetry/logged"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 60 * time.Second

func eventually(t *testing.T, condition func() bool, what string) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, "waiting for %s", what)
}

// targets reads the entries of pager.external as they stand in a file.
func targets(t testing.TB, entries string) ([]Target, error) {
	t.Helper()
	c, err := parsed(entries)
	require.NoError(t, err)
	return ReadTargets(c.Pager.External, "")
}

func parsed(entries string) (*config.Config, error) {
	return config.Parse("belfry.yml", []byte("pager:\n  external:\n"+entries))
}

// stand is a Fleet under test.
type stand struct {
	*Fleet
	set *metrics.Set
	log *logged.Text
}

func start(t *testing.T, addresses ...string) *stand {
	t.Helper()
	var entries strings.Builder
	for _, a := range addresses {
		_, _ = fmt.Fprintf(&entries, "    - %q\n", a)
	}
	list, err := targets(t, entries.String())
	require.NoError(t, err)
	s := &stand{set: metrics.NewSet(), log: &logged.Text{}}
	s.Fleet, err = New(Options{
		Targets: list, Metrics: s.set,
		Logger: logTo(s.log),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = s.Stop(t.Context())
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

func (s *stand) count(what, target string) int {
	return int(s.set.GetOrCreateCounter(fmt.Sprintf("belfry_alertmanager_%s{target=%q}", what, target)).Get())
}

func firing(pairs ...string) *notifier.Alert {
	now := time.Now()
	return &notifier.Alert{Labels: labels.FromStrings(pairs...), StartsAt: now, EndsAt: now.Add(time.Hour)}
}

func resolved(a *notifier.Alert) *notifier.Alert {
	r := *a
	r.EndsAt = time.Now()
	return &r
}

// taker is a server that takes alerts as an Alertmanager does, or answers otherwise.
type taker struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(http.ResponseWriter, *http.Request, models.PostableAlerts) (taken bool)
	got    []models.PostableAlerts
	met    int
}

func newTaker(t *testing.T) *taker {
	k := &taker{}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var alerts models.PostableAlerts
		body, err := io.ReadAll(r.Body)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.met++
		if err != nil || json.Unmarshal(body, &alerts) != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		if k.answer == nil || k.answer(w, r, alerts) {
			k.got = append(k.got, alerts)
		}
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *taker) does(answer func(http.ResponseWriter, *http.Request, models.PostableAlerts) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = answer
}

func (k *taker) host() string { return strings.TrimPrefix(k.URL, "http://") }

// taken lists what was taken, in order, as name or name! for what has ended.
func (k *taker) taken() (names []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, alerts := range k.got {
		for _, a := range alerts {
			name := a.Labels["alertname"]
			if !time.Time(a.EndsAt).After(time.Now()) {
				name += "!"
			}
			names = append(names, name)
		}
	}
	return names
}

// freePort is one that nobody listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// alertmanager is a real one, in a process of its own.
type alertmanager struct {
	address, gossip string
	args            []string
	cmd             *exec.Cmd
}

func newAlertmanager(t *testing.T, hook string, peers ...*alertmanager) *alertmanager {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `
route: {receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, hook), 0o600))
	am := &alertmanager{address: freePort(t), gossip: freePort(t)}
	am.args = []string{
		"--config.file=" + file, "--storage.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + am.address,
		"--cluster.listen-address=" + am.gossip, "--cluster.gossip-interval=20ms", "--cluster.pushpull-interval=500ms",
		"--cluster.peer-timeout=3s", "--cluster.probe-interval=200ms", "--cluster.probe-timeout=100ms", "--cluster.reconnect-interval=200ms",
	}
	for _, p := range peers {
		am.args = append(am.args, "--cluster.peer="+p.gossip)
	}
	t.Cleanup(am.kill)
	am.start(t)
	return am
}

func (am *alertmanager) start(t *testing.T) {
	t.Helper()
	am.cmd = exec.CommandContext(t.Context(), toolPath(t, "alertmanager"), am.args...)
	require.NoError(t, am.cmd.Start())
	eventually(t, func() bool { return am.get("/-/ready") != "" }, "Alertmanager to be ready")
}

func (am *alertmanager) kill() {
	_ = am.cmd.Process.Kill()
	_ = am.cmd.Wait()
}

// get returns the body of a good answer, or "".
func (am *alertmanager) get(path string) string {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + am.address + path)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// metric is the value of a metric without labels.
func (am *alertmanager) metric(name string) (v float64) {
	for line := range strings.Lines(am.get("/metrics")) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			_, _ = fmt.Sscan(text, &v)
		}
	}
	return v
}

// newHook is a webhook; told counts the notifications that say that a rule fires.
func newHook(t *testing.T) (url string, told func(rule string) int) {
	var mu sync.Mutex
	n := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m webhook.Message
		if json.NewDecoder(r.Body).Decode(&m) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		n[m.GroupLabels["alertname"]]++
	}))
	t.Cleanup(s.Close)
	return s.URL, func(rule string) int {
		mu.Lock()
		defer mu.Unlock()
		return n[rule]
	}
}

func toolPath(t *testing.T, tool string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if path := filepath.Join(dir, ".tools", "bin", tool); exec.Command(path, "--version").Run() == nil {
			return path
		}
	}
	path, err := exec.LookPath(tool)
	require.NoError(t, err, "%s is missing: run `make tools`, or put it on the PATH", tool)
	return path
}

func logTo(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }
