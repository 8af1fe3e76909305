package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/internal/config"
)

// childEnv names the data directory for a test process that is to be a Belfry
// and be killed.
const childEnv = "BELFRY_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := serveChild(dir); err != nil {
			_, _ = io.WriteString(os.Stderr, err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// tortureRule is pending for as long as the test lasts.
const tortureRule = `groups:
- name: torture
  interval: 200ms
  rules:
  - alert: Pending
    expr: pending > 0
    for: 1h
    labels: {severity: warning}
`

func serveChild(dir string) error {
	c := config.Default()
	c.Listen, c.DataDir = "127.0.0.1:0", filepath.Join(dir, "data")
	c.Rules = []string{filepath.Join(dir, "rules.yml")}
	if file := filepath.Join(dir, "belfry.yml"); exists(file) {
		var err error
		if c, err = config.Load(file); err != nil {
			return err
		}
	}
	a, err := New(context.Background(), Options{Config: c, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, a.URL()); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return a.Run(ctx)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// child is one life of a Belfry.
type child struct {
	cmd *exec.Cmd
	url string
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "Belfry should start and say where it listens")
	c := &child{cmd: cmd, url: strings.TrimSpace(line)}
	require.Eventually(t, func() bool {
		resp, err := http.Get(c.url + "/-/ready")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == 200
	}, time.Minute, 5*time.Millisecond)
	return c
}

func (c *child) end(t *testing.T, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Signal(sig))
	err := c.cmd.Wait()
	if sig == syscall.SIGTERM {
		require.NoError(t, err)
	}
}

// ledger is what has been acknowledged, by series and time.
type ledger struct {
	mu      sync.Mutex
	samples map[string]map[int64]float64
	writes  int
	clock   int64 // of writeOnce
}

func (l *ledger) acknowledge(sent map[string]map[int64]float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	for series, at := range sent {
		if l.samples[series] == nil {
			l.samples[series] = map[int64]float64{}
		}
		for ts, v := range at {
			l.samples[series][ts] = v
		}
	}
}

// writeUntilKilled sends samples in order and late, and notes what was
// answered with 204. Values are a function of series and time, so that a
// repetition is a duplicate.
func (l *ledger) writeUntilKilled(base string, worker, life int) {
	rnd := rand.New(rand.NewPCG(uint64(worker), uint64(life)))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for {
		now := time.Now().UnixMilli()
		var body bytes.Buffer
		sent := map[string]map[int64]float64{}
		for range 300 {
			i, ts := rnd.IntN(40), now
			if rnd.IntN(4) == 0 {
				ts -= rnd.Int64N(10 * time.Hour.Milliseconds())
			}
			series := fmt.Sprintf("%d-%d", worker, i)
			if sent[series] == nil {
				sent[series] = map[int64]float64{}
			}
			v := float64((ts*31 + int64(i)) % 1009)
			sent[series][ts] = v
			fmt.Fprintf(&body, "torture,series=%s v=%v %d\n", series, v, ts)
		}
		resp, err := client.Post(base+"/write?precision=ms", "", &body)
		if err != nil {
			return
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusNoContent {
			return
		}
		l.acknowledge(sent)
	}
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

func getJSON(t *testing.T, from string, into any) {
	t.Helper()
	resp, err := http.Get(from)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, 200, resp.StatusCode)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}

func (l *ledger) check(t *testing.T, base string) {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	getJSON(t, base+"/api/v1/query?query="+url.QueryEscape("torture_v[12h]"), &answer)
	stored := map[string]map[int64]float64{}
	for _, r := range answer.Data.Result {
		at := map[int64]float64{}
		for _, v := range r.Values {
			value, err := strconv.ParseFloat(v[1].(string), 64)
			require.NoError(t, err)
			at[int64(v[0].(float64)*1000+0.5)] = value
		}
		stored[r.Metric["series"]] = at
	}
	missing, total := 0, 0
	for series, at := range l.samples {
		for ts, v := range at {
			total++
			if got, ok := stored[series][ts]; !ok || got != v {
				missing++
			}
		}
	}
	require.NotZero(t, total)
	require.Zero(t, missing, "of %d acknowledged samples", total)
}

// pendingSince returns when the alert of tortureRule became active, or false.
func pendingSince(t *testing.T, base string) (time.Time, bool) {
	t.Helper()
	var answer struct {
		Data struct {
			Alerts []struct{ ActiveAt time.Time }
		}
	}
	getJSON(t, base+"/api/v1/alerts", &answer)
	if len(answer.Data.Alerts) == 0 {
		return time.Time{}, false
	}
	return answer.Data.Alerts[0].ActiveAt, true
}

func silence(t *testing.T, base string) {
	t.Helper()
	body := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":"x","isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"test","comment":"kept"}`,
		time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339))
	resp, err := http.Post(base+"/api/v2/silences", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
}

func kills() int {
	if os.Getenv("BELFRY_TORTURE") != "" {
		return 40
	}
	return 3
}

// TestTortureByKill kills Belfry under load, again and again. After each
// start every acknowledged sample, every silence and every pending alert is
// there.
func TestTortureByKill(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(tortureRule), 0o666))
	l := &ledger{samples: map[string]map[int64]float64{}}
	var pending time.Time
	for life := range kills() + 1 {
		c := startChild(t, dir)
		if life > 0 {
			l.check(t, c.url)
			require.Eventually(t, func() bool {
				since, ok := pendingSince(t, c.url)
				return ok && since.Before(pending.Add(time.Minute)) && !since.Before(pending.Add(-time.Second))
			}, 30*time.Second, 20*time.Millisecond, "the alert should still be pending since about %s", pending)
			var silences []any
			getJSON(t, c.url+"/api/v2/silences", &silences)
			require.Len(t, silences, life)
		}
		silence(t, c.url)
		before := l.count()
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() { l.writeUntilKilled(c.url, w, life) })
		}
		require.Eventually(t, func() bool { return l.count() > before+50+rand.IntN(50) }, time.Minute, time.Millisecond)
		if life == 0 {
			pending = waitPending(t, c.url)
		}
		sig := syscall.SIGKILL
		if life == kills() {
			sig = syscall.SIGTERM
		}
		c.end(t, sig)
		writers.Wait()
	}
	c := startChild(t, dir)
	l.check(t, c.url)
	c.end(t, syscall.SIGTERM)
}

func waitPending(t *testing.T, base string) (since time.Time) {
	t.Helper()
	resp, err := http.Post(base+"/write", "", strings.NewReader("pending value=1"))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Eventually(t, func() bool {
		var ok bool
		since, ok = pendingSince(t, base)
		var state struct{ Data struct{ Result []any } }
		getJSON(t, base+"/api/v1/query?query=ALERTS_FOR_STATE", &state)
		return ok && len(state.Data.Result) > 0
	}, 30*time.Second, 20*time.Millisecond)
	return since
}
