package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	notification "github.com/prometheus/alertmanager/notify/webhook"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
)

// phone is a webhook receiver over HTTP.
type phone struct {
	*httptest.Server
	mu   sync.Mutex
	rang []string // status and asset
	at   map[string]time.Time
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	p := &phone{at: map[string]time.Time{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m notification.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, a := range m.Alerts {
			call := a.Status + " " + a.Labels["asset"]
			p.rang = append(p.rang, call)
			p.at[call] = a.StartsAt
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// rings waits for a call, and returns how often there was such a one, and since
// when its alert is active.
func (p *phone) rings(t *testing.T, call string) (times int, since time.Time) {
	t.Helper()
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		_, ok := p.at[call]
		return ok
	}, time.Minute, 10*time.Millisecond, call)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.rang {
		if c == call {
			times++
		}
	}
	return times, p.at[call]
}

// reporting is a device that reports until it is stopped.
type reporting struct {
	stop func() (last time.Time)
}

// report has an asset report every 100 ms.
func (r *running) report(t *testing.T, asset string) *reporting {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan time.Time)
	r.write(t, "gas,asset="+asset+" ch4_lel_percent=1")
	go func() {
		last := time.Now()
		defer func() { ended <- last }()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			last = time.Now()
			resp, err := http.Post(r.URL()+"/write", "", strings.NewReader("gas,asset="+asset+" ch4_lel_percent=1"))
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
		}
	}()
	return &reporting{stop: func() time.Time {
		cancel()
		return <-ended
	}}
}

// watching starts a Belfry on dir that has rules whose intervals are so long
// that only data can have woken them.
func watching(t *testing.T, dir string, more ...string) (r *running, stop func()) {
	t.Helper()
	text := "listen: 127.0.0.1:0\ndata_dir: DIR/data\nrules: [DIR/rules.yml]\ncatalog: [DIR/catalog.yml]\npager: {config: DIR/pager.yml}\ndevices: {least: 1s}\n"
	c, err := config.Parse(filepath.Join(dir, "belfry.yml"), []byte(strings.ReplaceAll(text+strings.Join(more, ""), "DIR", dir)))
	require.NoError(t, err)
	r = &running{cfg: c}
	r.App, err = New(t.Context(), Options{Config: c, Read: func() (*config.Config, error) { return c, nil }, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return r, func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		require.NoError(t, <-ended)
	}
}

func TestADeviceThatFallsSilentRingsThePhoneAlsoOverARestart(t *testing.T) {
	dir, phone := t.TempDir(), newPhone(t)
	put(t, dir, "rules.yml", `groups:
- name: devices
  interval: 1h
  rules:
  - {alert: DeviceSilent, expr: device_silent > 0, labels: {severity: critical}, annotations: {summary: "{{ $labels.asset }}"}}
`)
	put(t, dir, "pager.yml", fmt.Sprintf(`route: {receiver: phone, group_by: [asset], group_wait: 0s, group_interval: 100ms}
receivers: [{name: phone, webhook_configs: [{url: %q}]}]
`, phone.URL))
	put(t, dir, "catalog.yml", `assets:
- {id: W1, expected_interval: 1}
- {id: W2, expected_interval: 1}
- {id: W3, expected_interval: 1}
- {id: never, expected_interval: 1}
`)
	vm := newVictoriaMetrics(t)
	target := fmt.Sprintf("forward: [{name: vm, type: victoriametrics, url: %q}]\n", vm.url())
	r, stop := watching(t, dir, target)
	w1, w2, w3 := r.report(t, "W1"), r.report(t, "W2"), r.report(t, "W3")
	phone.rings(t, "firing never") // which the catalog expects
	last := w1.stop()
	_, since := phone.rings(t, "firing W1")
	require.GreaterOrEqual(t, since.Sub(last), 3*time.Second, "not before its time is up")
	require.Equal(t, "1", r.sampleOf(t, `device_silent{asset="W1"}`))
	require.Equal(t, "0", r.sampleOf(t, `device_silent{asset="W2"}`))
	require.Equal(t, "1", r.sampleOf(t, fmt.Sprintf(`count(device_last_seen_timestamp_seconds{asset="W2"} > %d)`, last.Unix()-60)))
	require.NotEqual(t, "0", r.sampleOf(t, `sum(device_last_seen_timestamp_seconds{asset="W1"})`))
	require.Equal(t, 2.0, metricValue(t, r.URL(), `belfry_devices{state="silent"}`))
	require.Eventually(t, func() bool { return len(vm.samples(`device_silent`, "asset")) == 4 }, time.Minute, 50*time.Millisecond)

	// W3 falls silent while Belfry is away. What rang does not ring again.
	w2.stop()
	w3.stop()
	stop()
	r, stop = watching(t, dir, target)
	defer func() { stop() }()
	w2 = r.report(t, "W2")
	phone.rings(t, "firing W3")
	w1 = r.report(t, "W1")
	phone.rings(t, "resolved W1")
	require.Equal(t, "0", r.sampleOf(t, `device_silent{asset="W1"}`))
	times, _ := phone.rings(t, "firing W1")
	require.Equal(t, 1, times)

	// Who is taken out of the catalog is missed by nobody.
	put(t, dir, "catalog.yml", "assets: [{id: W1, expected_interval: 1}, {id: W2, expected_interval: 1}]\n")
	_, err := r.Reload(t.Context())
	require.NoError(t, err)
	phone.rings(t, "resolved W3")
	phone.rings(t, "resolved never")
	require.Empty(t, r.sampleOf(t, `device_silent{asset="W3"}`))
	w1.stop()
	w2.stop()
	phone.mu.Lock()
	defer phone.mu.Unlock()
	require.NotContains(t, phone.rang, "firing W2")
}

func TestNoDeviceIsWatchedWhereNoneIsToBe(t *testing.T) {
	r := run(t, t.TempDir(), "devices: {max: 0}\n")
	r.write(t, "gas,asset=W1 ch4_lel_percent=1")
	_, err := r.Reload(t.Context())
	require.NoError(t, err)
	require.Empty(t, r.sampleOf(t, "device_silent"))
	require.NotContains(t, metricNames(t, r.URL()), "belfry_devices")
}
