package pager

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
)

// troubled is a webhook receiver that answers as it is told until it is well.
type troubled struct {
	*httptest.Server
	got   collected[webhook.Message] // what it has taken
	met   atomic.Int64
	well  atomic.Bool
	ended chan struct{}
}

func newTroubled(t *testing.T, trouble func(w http.ResponseWriter, r *http.Request, ended <-chan struct{})) *troubled {
	t.Helper()
	k := &troubled{ended: make(chan struct{})}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.met.Add(1)
		if !k.well.Load() {
			trouble(w, r, k.ended)
			return
		}
		var m webhook.Message
		if body, err := io.ReadAll(r.Body); err == nil && json.Unmarshal(body, &m) == nil {
			k.got.add(m)
		}
	}))
	t.Cleanup(func() {
		close(k.ended)
		k.Close()
	})
	return k
}

// hijacked does something to the connection itself.
func hijacked(do func(net.Conn)) func(http.ResponseWriter, *http.Request, <-chan struct{}) {
	return func(w http.ResponseWriter, r *http.Request, ended <-chan struct{}) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		do(conn)
		select {
		case <-ended:
		case <-r.Context().Done():
		}
		_ = conn.Close()
	}
}

func status(code int, header ...string) func(http.ResponseWriter, *http.Request, <-chan struct{}) {
	return func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// TestTroubledReceiversGetTheirPagesOnce has receivers in all kinds of trouble, and another that is not to be disturbed
// by it. What they get when they are well again is all that happened, once.
func TestTroubledReceiversGetTheirPagesOnce(t *testing.T) {
	for story, trouble := range map[string]func(http.ResponseWriter, *http.Request, <-chan struct{}){
		"500":                    status(http.StatusInternalServerError),
		"503 and when":           status(http.StatusServiceUnavailable, "Retry-After", "1"),
		"429 and when":           status(http.StatusTooManyRequests, "Retry-After", "1"),
		"slow":                   func(_ http.ResponseWriter, r *http.Request, ended <-chan struct{}) { <-ended; _ = r },
		"hangs in its answer":    hijacked(func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le") }),
		"breaks off":             func(http.ResponseWriter, *http.Request, <-chan struct{}) { panic(http.ErrAbortHandler) },
		"answers something else": hijacked(func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n"); _ = c.Close() }),
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			bad, good := newTroubled(t, trouble), newPagee(t)
			h := start(t, t.TempDir(), withConfig(configFile(t, `
route:
  receiver: good
  group_by: [asset]
  group_interval: 5m
  routes:
    - {matchers: ['alertname=~".+"'], receiver: bad, continue: true}
    - {matchers: ['alertname=~".+"'], receiver: good}
receivers:
  - {name: bad, webhook_configs: [{url: %q, timeout: 300ms}]}
  - {name: good, webhook_configs: [{url: %q}]}
`, bad.URL, good.URL)))
			for _, asset := range []string{"one", "two"} {
				h.Send(firing(critical("Flood", asset)...))
			}
			eventually(t, func() bool { return good.got.len() == 2 }, "the other receiver")
			met := bad.met.Load()
			eventually(t, func() bool { return bad.met.Load() >= met+2 }, "more attempts")
			require.Zero(t, bad.got.len())
			bad.well.Store(true)
			eventually(t, func() bool { return bad.got.len() == 2 }, "both pages")
			h.Send(firing(critical("Fire", "one")...)) // joins
			eventually(t, func() bool { return bad.got.len() == 3 && good.got.len() == 3 }, "a third page")
			news := map[string]int{}
			for _, m := range bad.got.all() {
				news[fmt.Sprint(m.GroupLabels["asset"], len(m.Alerts))]++
			}
			require.Equal(t, map[string]int{"one1": 1, "two1": 1, "one2": 1}, news)
		})
	}
}

// TestTenThousandGroupsAtOnce has a group for each alert: few connections are enough.
func TestTenThousandGroupsAtOnce(t *testing.T) {
	const all = 10_000
	var now, most atomic.Int64
	told := &collected[string]{}
	team := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		var m webhook.Message
		if json.NewDecoder(r.Body).Decode(&m) == nil {
			told.add(assets(m, Firing)...)
		}
	}))
	t.Cleanup(team.Close)
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_by: ['...'], group_interval: 5m}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, team.URL)))
	for i := range all {
		h.Send(firing(critical("Flood", fmt.Sprint(i))...))
	}
	require.Eventually(t, func() bool { return h.sent.len() == all }, 10*patience, 50*time.Millisecond)
	list := told.all()
	require.Len(t, list, all)
	slices.Sort(list)
	require.Len(t, slices.Compact(list), all, "each once")
	require.LessOrEqual(t, most.Load(), int64(maxAttempts))
}

// TestTenThousandAlertsAtOnce sends them in one go, as after a power cut of a whole district: pages are grouped, each
// alert is told once, and little stays in memory.
func TestTenThousandAlertsAtOnce(t *testing.T) {
	const all, streets = 10_000, 40
	team := newPagee(t)
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_by: [alertname, street], group_interval: 5m}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, team.URL)))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var alerts []*notifier.Alert
	for i := range all {
		alerts = append(alerts, firing(critical("Flood", fmt.Sprint(i), "street", fmt.Sprint(i%streets))...))
	}
	h.Send(alerts...)
	toldOnce := func() bool {
		known := map[string]map[string]bool{}
		n := 0
		for _, m := range team.got.all() {
			street := m.GroupLabels["street"]
			if known[street] == nil {
				known[street] = map[string]bool{}
			}
			had := len(known[street])
			for _, asset := range assets(m, Firing) {
				known[street][asset] = true
			}
			require.Len(t, m.Alerts, len(known[street]), "a notification has all so far")
			require.Greater(t, len(known[street]), had, "and news")
			n += len(known[street]) - had
		}
		return n == all
	}
	require.Eventually(t, toldOnce, 10*patience, 50*time.Millisecond)
	require.Less(t, team.got.len(), 4*streets, "few pages for many alerts")
	pages := func() (n int) {
		for _, sent := range h.sent.all() {
			n += len(sent.Pages)
		}
		return n
	}
	eventually(t, func() bool { return pages() >= all }, "the answers")
	require.Equal(t, all, pages(), "each alert is told once")
	team.got.mu.Lock()
	team.got.list = nil
	team.got.mu.Unlock()
	h.sent.mu.Lock()
	h.sent.list = nil
	h.sent.mu.Unlock()
	h.log.Reset()
	grown := int64(heap()) - int64(before)
	t.Logf("%d alerts in %d groups hold %d bytes each", all, streets, grown/all)
	require.Less(t, grown/all, int64(8_000))
}
