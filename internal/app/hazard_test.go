package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/hazard"
)

// webhook is a receiver that hands what it is sent to the test, before it answers.
type webhook struct {
	*httptest.Server
	got chan sentAlert
}

// sentAlert is an alert in a webhook's body.
type sentAlert struct {
	Status      string
	Labels      map[string]string
	Annotations map[string]string
}

func newWebhook(t *testing.T) *webhook {
	t.Helper()
	w := &webhook{got: make(chan sentAlert, 1000)}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var body struct{ Alerts []sentAlert }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, a := range body.Alerts {
			w.got <- a
		}
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *webhook) next(t *testing.T) sentAlert {
	t.Helper()
	select {
	case a := <-w.got:
		return a
	case <-time.After(time.Minute):
		require.FailNow(t, "no page came")
		return sentAlert{}
	}
}

const hazardRules = `groups:
- name: wells
  rules:
  - alert: Methane
    expr: gas_ch4_lel_percent > 50
    labels: {severity: critical, domain: gas}
    annotations: {summary: "{{ $labels.asset }}", unit: "%LEL"}
`

// withWebhook has a directory in which a Belfry finds rules, and a pager that
// sends to a webhook.
func withWebhook(t *testing.T, w *webhook) (dir string) {
	t.Helper()
	dir = t.TempDir()
	put(t, dir, "rules.yml", hazardRules)
	put(t, dir, "alertmanager.yml", "route: {receiver: ops, group_by: [...]}\nreceivers: [{name: ops, webhook_configs: [{url: \""+w.URL+"\"}]}]\n")
	put(t, dir, "belfry.yml", strings.ReplaceAll("listen: 127.0.0.1:0\ndata_dir: DIR/data\nrules: [DIR/rules.yml]\npager: {config: DIR/alertmanager.yml}\nexternal_url: https://belfry.example/\n", "DIR", dir))
	return dir
}

// found is what the API says of a hazard.
type found struct {
	hazard.Hazard
	History []hazard.Event
}

func getHazard(t *testing.T, base, id string) (h found) {
	t.Helper()
	getJSON(t, base+"/api/belfry/v1/hazards/"+id, &h)
	return h
}

func getHazards(t *testing.T, base string) []hazard.Hazard {
	t.Helper()
	var all struct{ Hazards []hazard.Hazard }
	getJSON(t, base+"/api/belfry/v1/hazards?limit=1000", &all)
	return all.Hazards
}

func sendLine(t *testing.T, base, line string) {
	t.Helper()
	resp, err := http.Post(base+"/write", "", strings.NewReader(line))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 204, resp.StatusCode)
}

// TestAHazardOutlivesAKillAtTheInstantOfItsPage kills Belfry when a page has come,
// and looks up the id that is in the page.
func TestAHazardOutlivesAKillAtTheInstantOfItsPage(t *testing.T) {
	w := newWebhook(t)
	dir := withWebhook(t, w)
	ids := map[string]string{}
	for n := range 4 {
		c := startChild(t, dir)
		asset := fmt.Sprint("W", n)
		sendLine(t, c.url, "gas,asset="+asset+" ch4_lel_percent=60")
		var a sentAlert
		for a.Labels["asset"] != asset { // those of before may be sent again
			a = w.next(t)
		}
		c.end(t, syscall.SIGKILL)
		ids[asset] = a.Annotations["hazard"]
		require.Equal(t, "https://belfry.example/hazards/"+ids[asset], a.Annotations["hazard_url"])
	}
	c := startChild(t, dir)
	require.Eventually(t, func() bool { // a receiver that had no time to answer is told again
		for _, h := range getHazards(t, c.url) {
			if h.PageSent == 0 {
				return false
			}
		}
		return true
	}, time.Minute, 10*time.Millisecond)
	require.Len(t, getHazards(t, c.url), len(ids))
	for asset, id := range ids {
		h := getHazard(t, c.url, id)
		require.Equal(t, asset, h.Asset)
		require.Equal(t, hazard.StatusOpen, h.Status)
		require.Equal(t, hazard.KindOpened, h.History[0].Kind)
		require.InDelta(t, 60, *h.Value, 0)
		require.InDelta(t, 50, *h.Limit, 0)
		require.NotZero(t, h.FirstReading)
	}
	// Its end, and its return, are those of the same hazard.
	sendLine(t, c.url, "gas,asset=W0 ch4_lel_percent=1")
	require.Eventually(t, func() bool { return getHazard(t, c.url, ids["W0"]).Status == hazard.StatusResolved }, time.Minute, 10*time.Millisecond)
	sendLine(t, c.url, "gas,asset=W0 ch4_lel_percent=70")
	require.Eventually(t, func() bool { return getHazard(t, c.url, ids["W0"]).Reopened == 1 }, time.Minute, 10*time.Millisecond)
	require.Len(t, getHazards(t, c.url), len(ids))
	c.end(t, syscall.SIGTERM)
}

// TestAStreamGoesOnAfterAKill follows a Belfry that is killed again and again.
func TestAStreamGoesOnAfterAKill(t *testing.T) {
	w := newWebhook(t)
	dir := withWebhook(t, w)
	last := ""
	var got []string
	for n := range 4 {
		c := startChild(t, dir)
		req, err := http.NewRequest(http.MethodGet, c.url+"/api/belfry/v1/stream", nil)
		require.NoError(t, err)
		if last != "" {
			req.Header.Set("Last-Event-ID", last)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		asset, id := fmt.Sprint("W", n), ""
		for sent := false; lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				last = value
			case "event":
				id = last + " " + value
			case "data":
				var e struct{ Hazard hazard.Hazard }
				require.NoError(t, json.Unmarshal([]byte(value), &e))
				got = append(got, id+" "+e.Hazard.Asset)
				if strings.HasSuffix(id, "opened") && e.Hazard.Asset == asset {
					require.NoError(t, c.cmd.Process.Signal(syscall.SIGKILL))
				}
			case "":
				if !sent && last != "" {
					sent = true
					sendLine(t, c.url, "gas,asset="+asset+" ch4_lel_percent=60")
				}
			}
		}
		require.NoError(t, resp.Body.Close())
		_ = c.cmd.Wait()
	}
	c := startChild(t, dir)
	defer c.end(t, syscall.SIGTERM)
	seen, opened := map[string]bool{}, 0
	for _, e := range got {
		id, rest, _ := strings.Cut(e, " ")
		require.False(t, seen[id], "%s came twice", e)
		seen[id] = true
		if strings.HasPrefix(rest, "opened") {
			opened++
		}
	}
	require.Equal(t, 4, opened, "%v", got)
}

func TestEveryAlertHasAHazardExceptForTheWatchdog(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "rules.yml", hazardRules+"  - alert: Watchdog\n    expr: vector(1)\n    labels: {severity: none}\n")
	r := run(t, dir, "rules: [DIR/rules.yml]\n")
	r.write(t, "gas,asset=W1 ch4_lel_percent=60")
	r.paged(t, "Methane", "W1")
	require.Eventually(t, func() bool {
		_, alerts := r.do(t, http.MethodGet, "/api/v2/alerts", "")
		return strings.Contains(alerts, "Watchdog")
	}, time.Minute, 10*time.Millisecond)
	all := getHazards(t, r.URL())
	require.Len(t, all, 1)
	require.Equal(t, "Methane", all[0].Rule)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pages {
		if p.Rule == "Methane" {
			require.Equal(t, all[0].ID, p.Hazard)
		}
	}
}
