package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/hazard"
)

// hazardOf waits until an asset has a hazard of which something holds.
func hazardOf(t *testing.T, base, asset string, holds func(hazard.Hazard) bool) (found hazard.Hazard) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, h := range getHazards(t, base) {
			if h.Asset == asset && holds(h) {
				found = h
				return true
			}
		}
		return false
	}, time.Minute, 10*time.Millisecond, asset)
	return found
}

// TestAlertsOfOthersAreHazards posts alerts as amtool and scripts do.
func TestAlertsOfOthersAreHazards(t *testing.T) {
	w := newWebhook(t)
	dir := withWebhook(t, w)
	c := startChild(t, dir)
	am := "--alertmanager.url=" + c.url
	output(t, "amtool", am, "alert", "add", "Intrusion", "severity=critical", "asset=gate-3", "team=security", "street=Renmin Road",
		"--annotation=summary=Gate 3 was forced", "--annotation=value=7", "--annotation=limit=5")
	page := w.next(t)
	h := hazardOf(t, c.url, "gate-3", func(h hazard.Hazard) bool { return len(h.Pages) == 1 })
	require.Equal(t, h.ID, page.Annotations["hazard"])
	require.Equal(t, "https://belfry.example/hazards/"+h.ID, page.Annotations["hazard_url"])
	require.Equal(t, "Gate 3 was forced", h.Summary)
	require.Equal(t, []string{"Intrusion", "critical", "security", "Renmin Road", "open"},
		[]string{h.Rule, h.Severity, h.Team, h.Street, string(h.Status)})
	require.InDelta(t, 7, *h.Value, 0)
	require.InDelta(t, 5, *h.Limit, 0)
	require.Contains(t, output(t, "amtool", am, "alert", "query", "-o", "json"), h.ID)

	output(t, "amtool", am, "alert", "add", "Intrusion", "severity=critical", "asset=gate-3", "team=security", "street=Renmin Road",
		"--end="+time.Now().Format(time.RFC3339Nano))
	hazardOf(t, c.url, "gate-3", func(h hazard.Hazard) bool { return h.Status == hazard.StatusResolved && h.Resolution == hazard.Cleared })

	// One that says when it ends, one for nobody, and one that is wrong beside one that is right.
	end := time.Now().Add(2 * time.Second).Format(time.RFC3339Nano)
	for body, want := range map[string]int{
		`[{"labels":{"alertname":"Intrusion","asset":"gate-4"},"endsAt":"` + end + `"}]`:                   200,
		`[{"labels":{"alertname":"Heartbeat","asset":"gate-5","severity":"none"}}]`:                        200,
		`[{"labels":{"":"x"}},{"labels":{"alertname":"Intrusion","asset":"gate-6","severity":"warning"}}]`: 400,
	} {
		resp, err := http.Post(c.url+"/api/v2/alerts", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, body)
	}
	hazardOf(t, c.url, "gate-4", func(h hazard.Hazard) bool { return h.Status == hazard.StatusResolved && h.Resolution == hazard.Lapsed })
	hazardOf(t, c.url, "gate-6", func(h hazard.Hazard) bool { return h.Status == hazard.StatusOpen })
	require.Len(t, getHazards(t, c.url), 3)
}

// TestAlertsOfOthersForAnExternalAlertmanagerAreHazards posts one to a Belfry that pages through another.
func TestAlertsOfOthersForAnExternalAlertmanagerAreHazards(t *testing.T) {
	got := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body strings.Builder
		_ = r.Write(&body)
		select {
		case got <- body.String():
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(other.Close)
	r := run(t, t.TempDir(), "pager: {external: ["+other.URL+"]}\n")
	status, text := r.do(t, http.MethodPost, "/api/v2/alerts", `[{"labels":{"alertname":"Intrusion","asset":"gate-3","severity":"critical"}}]`)
	require.Equal(t, 200, status, text)
	_, text = r.do(t, http.MethodGet, "/api/belfry/v1/hazards", "")
	require.Contains(t, text, `"asset":"gate-3"`)
	require.Eventually(t, func() bool {
		body := <-got // the watchdog comes as well
		return strings.Contains(body, "gate-3") && strings.Contains(body, `"hazard"`)
	}, time.Minute, time.Millisecond, "the alert with its hazard")
}
