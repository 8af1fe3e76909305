package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// deadline is a webhook at whose page about an asset a Belfry dies: before the answer, or when it has left.
type deadline struct {
	*httptest.Server
	mu     sync.Mutex
	told   map[string]int // firing pages by asset
	asset  string
	answer bool
	kill   func()
	killed chan struct{}
}

func newDeadline(t *testing.T) *deadline {
	t.Helper()
	d := &deadline{told: map[string]int{}, killed: make(chan struct{}, 1)}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Alerts []sentAlert }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, a := range body.Alerts {
			asset := a.Labels["asset"]
			if d.told[asset]++; d.kill == nil || asset != d.asset {
				continue
			}
			if d.answer {
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
			}
			d.kill()
			d.kill = nil
			d.killed <- struct{}{}
		}
	}))
	t.Cleanup(d.Close)
	return d
}

// TestAKillLosesNoPageAndRepeatsAtMostOne kills Belfry while a page is on the wire, or just after it was accepted.
func TestAKillLosesNoPageAndRepeatsAtMostOne(t *testing.T) {
	d := newDeadline(t)
	dir := withWebhook(t, &webhook{Server: d.Server})
	settled := func(c *child, n int) {
		require.Eventually(t, func() bool {
			all := getHazards(t, c.url)
			for _, h := range all {
				if h.PageSent == 0 {
					return false
				}
			}
			return len(all) == n
		}, time.Minute, 10*time.Millisecond)
	}
	lives := max(6, kills())
	for n := range lives {
		c := startChild(t, dir)
		settled(c, n)
		d.mu.Lock()
		d.asset, d.answer = fmt.Sprint("W", n), n%2 == 1
		d.kill = func() { _ = c.cmd.Process.Signal(syscall.SIGKILL) }
		d.mu.Unlock()
		// The answer may not come: the page is as quick.
		if resp, err := http.Post(c.url+"/write", "", strings.NewReader(fmt.Sprintf("gas,asset=W%d ch4_lel_percent=60", n))); err == nil {
			require.NoError(t, resp.Body.Close())
		}
		select {
		case <-d.killed:
		case <-time.After(time.Minute):
			require.FailNow(t, "no page came")
		}
		_ = c.cmd.Wait()
	}
	c := startChild(t, dir)
	settled(c, lives)
	sendLine(t, c.url, "gas,asset=Last ch4_lel_percent=60")
	settled(c, lives+1)
	c.end(t, syscall.SIGTERM)
	d.mu.Lock()
	defer d.mu.Unlock()
	require.Len(t, d.told, lives+1)
	for asset, times := range d.told {
		require.LessOrEqual(t, times, 2, "%s; all: %v", asset, d.told)
	}
	require.Equal(t, 1, d.told["Last"])
}
