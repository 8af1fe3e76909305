package pager

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
)

// flushes returns how often a group asked the notification log whether it has anything to tell.
func (h *harness) flushes(t *testing.T) float64 {
	t.Helper()
	return h.upstreamMetric(t, "alertmanager_nflog_queries_total")
}

func (h *harness) upstreamMetric(t *testing.T, name string) float64 {
	t.Helper()
	families, err := h.reg.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// twoMoreFlushes returns when every group that existed has been flushed to the end at least once more.
func (h *harness) twoMoreFlushes(t *testing.T) {
	t.Helper()
	from := h.flushes(t)
	eventually(t, func() bool { return h.flushes(t) >= from+2 }, "two more flushes")
}

func TestDefaultShowsPagesOnTerminalAndInLog(t *testing.T) {
	h := start(t, t.TempDir(), nil)
	h.Send(firing("alertname", "GasMethaneCritical", "severity", "critical", "domain", "gas", "asset", "well-017",
		"team", "municipal", "street", "大坪街道"))
	eventually(t, func() bool { return h.sent.len() == 1 }, "the page")
	pages := h.pages.all()
	require.Len(t, pages, 1)
	page := pages[0]
	require.Equal(t, "GasMethaneCritical", page.Rule)
	require.Equal(t, "well-017", page.Asset)
	require.Equal(t, "17号化粪池", page.NameZH)
	require.InDelta(t, 52.3, *page.Value, 0)
	require.Equal(t, Firing, page.Status)
	require.Less(t, page.LatencyMS, float64(9000), "counted from due_time, not from reading_time ten seconds earlier")
	require.Contains(t, h.log.String(), "status=firing severity=critical rule=GasMethaneCritical summary=Methane")
	require.EqualValues(t, 1, h.set.GetOrCreateCounter(`belfry_pages_total{severity="critical",status="firing"}`).Get())
}

func TestTerminalIsToldOfNewsOnly(t *testing.T) {
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: belfry-terminal, group_by: [alertname], group_wait: 10ms, group_interval: 50ms, repeat_interval: 1h}
receivers: [{name: belfry-terminal}]
`)))
	a := firing("alertname", "Flood", "asset", "underpass-1")
	b := firing("alertname", "Flood", "asset", "underpass-2")
	h.Send(a)
	eventually(t, func() bool { return h.pages.len() == 1 }, "the first page")
	h.Send(a, b)
	eventually(t, func() bool { return h.pages.len() == 2 }, "the second")
	h.Send(resolved(a))
	eventually(t, func() bool { return h.pages.len() == 3 }, "the resolution of the first")
	h.twoMoreFlushes(t)
	pages := h.pages.all()
	require.Len(t, pages, 3, "and no more than that")
	require.Equal(t, "underpass-2", pages[1].Asset)
	require.Equal(t, "underpass-1", pages[2].Asset)
	require.Equal(t, Resolved, pages[2].Status)
	require.Equal(t, pages[0].Hazard, pages[2].Hazard)
	require.False(t, pages[2].EndsAt.IsZero())
}

func TestRepeatsSayThatTheyAre(t *testing.T) {
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: belfry-terminal, group_wait: 0s, group_interval: 20ms, repeat_interval: 40ms}
receivers: [{name: belfry-terminal}]
`)))
	h.Send(firing("alertname", "Flood", "severity", "critical"))
	eventually(t, func() bool { return h.pages.len() >= 3 }, "repeats")
	pages := h.pages.all()
	require.False(t, pages[0].Repeat)
	require.True(t, pages[1].Repeat)
	require.Zero(t, pages[1].LatencyMS)
}

func TestDeliveryThatFailsIsTriedAgain(t *testing.T) {
	var tries atomic.Int64
	h := start(t, t.TempDir(), func(o *Options) {
		o.Deliver = func(context.Context, []Page) error {
			if tries.Add(1) == 1 {
				return errors.New("terminal is gone")
			}
			return nil
		}
	})
	h.Send(firing("alertname", "Flood", "severity", "critical"))
	eventually(t, func() bool { return h.sent.len() == 1 }, "the second try")
	require.EqualValues(t, 2, tries.Load())
	require.Len(t, h.sent.all()[0].Pages, 1)
}

func TestWebhookGetsGroups(t *testing.T) {
	team := newPagee(t)
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_by: [street], group_wait: 200ms, group_interval: 50ms}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, team.URL)))
	h.Send(
		firing("alertname", "BayBlocked", "street", "解放碑街道", "asset", "bay-1"),
		firing("alertname", "LampLeak", "street", "解放碑街道", "asset", "lamp-2"),
		firing("alertname", "BayBlocked", "street", "大坪街道", "asset", "bay-3"),
	)
	eventually(t, func() bool { return h.sent.len() == 2 }, "two groups")
	sizes := map[string]int{}
	for _, m := range team.got.all() {
		require.Equal(t, "4", m.Version)
		require.Equal(t, Firing, m.Status)
		require.NotEmpty(t, m.GroupKey)
		sizes[m.GroupLabels["street"]] = len(m.Alerts)
	}
	require.Equal(t, map[string]int{"解放碑街道": 2, "大坪街道": 1}, sizes)
}

func TestWarningIsInhibitedByCriticalOfTheSameQuantityOfTheSameAsset(t *testing.T) {
	h := start(t, t.TempDir(), nil)
	h.Send(
		firing("alertname", "GasCombustibleCritical", "severity", "critical", "domain", "gas", "asset", "well-1", "quantity", "gas_ch4_lel_percent"),
		firing("alertname", "OwnRuleCritical", "severity", "critical", "domain", "gas", "asset", "well-1"),
	)
	eventually(t, func() bool { return h.pages.len() == 2 }, "the critical pages")
	warning := func(rule string, more ...string) {
		a := firing(append([]string{"alertname", rule, "severity", "warning", "domain", "gas", "street", rule}, more...)...)
		a.StartsAt = a.StartsAt.Add(-time.Minute) // longer ago than group_wait: it is flushed at once
		h.Send(a)
	}
	warning("SameQuantity", "asset", "well-1", "quantity", "gas_ch4_lel_percent")
	warning("OtherQuantity", "asset", "well-1", "quantity", "gas_h2s_ppm")
	warning("NoQuantity", "asset", "well-1")
	warning("OtherAsset", "asset", "well-2", "quantity", "gas_ch4_lel_percent")
	warning("NoAsset", "quantity", "gas_ch4_lel_percent")
	eventually(t, func() bool { return h.pages.len() == 6 }, "the warnings of other hazards")
	eventually(t, func() bool {
		return h.upstreamMetric(t, "alertmanager_notifications_suppressed_total") == 1
	}, "the warning to be suppressed")
	var told []string
	for _, p := range h.pages.all()[2:] {
		told = append(told, p.Rule)
	}
	require.ElementsMatch(t, []string{"OtherQuantity", "NoQuantity", "OtherAsset", "NoAsset"}, told)

	_, body := h.request(t, http.MethodGet, "/api/v2/alerts?active=false", "")
	var inhibited []struct{ Labels map[string]string }
	require.NoError(t, json.Unmarshal([]byte(body), &inhibited))
	require.Len(t, inhibited, 1)
	require.Equal(t, "SameQuantity", inhibited[0].Labels["alertname"])
}

func TestSilenceSuppressesPages(t *testing.T) {
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: belfry-terminal, group_by: ['...'], group_wait: 0s, group_interval: 20ms}
receivers: [{name: belfry-terminal}]
`)))
	id := h.silence(t, "street", "大坪街道")
	h.Send(firing("alertname", "LampLeak", "street", "大坪街道"))
	h.Send(firing("alertname", "LampLeak", "street", "解放碑街道"))
	eventually(t, func() bool { return h.pages.len() == 1 }, "the page of the other street")
	eventually(t, func() bool {
		return h.upstreamMetric(t, "alertmanager_notifications_suppressed_total") >= 1
	}, "the silenced alert to be flushed")
	require.Equal(t, "解放碑街道", h.pages.all()[0].Street)

	status, body := h.request(t, http.MethodDelete, "/api/v2/silence/"+id, "")
	require.Equal(t, http.StatusOK, status, body)
	eventually(t, func() bool { return h.pages.len() == 2 }, "the page that was silenced")
	require.Equal(t, map[string]string{id: "expired"}, h.silenceStates(t))
}

func TestReceiverThatWasDownGetsItsPageOnce(t *testing.T) {
	team := newPagee(t)
	team.down.Store(true)
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_wait: 0s, group_interval: 50ms}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, team.URL)))
	h.Send(firing("alertname", "Flood"))
	eventually(t, func() bool { return team.met.Load() >= 2 }, "attempts that fail")
	require.Zero(t, h.sent.len())
	team.down.Store(false)
	eventually(t, func() bool { return h.sent.len() == 1 }, "the attempt that succeeds")
	h.twoMoreFlushes(t)
	require.Equal(t, 1, team.got.len())
	require.NotZero(t, h.set.GetOrCreateCounter(`belfry_pager_failed_attempts_total{receiver="team"}`).Get())
}

func TestTemplatesOfTheUser(t *testing.T) {
	var posts collected[string]
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posts.add(string(body))
		_, _ = io.WriteString(w, "ok")
	}))
	defer slack.Close()
	path := configFile(t, `
templates: ['texts/*.tmpl']
route: {receiver: team, group_wait: 0s}
receivers: [{name: team, slack_configs: [{api_url: %q, channel: '#巡查', text: '{{ template "belfry.text" . }}'}]}]
`, slack.URL)
	texts := filepath.Join(filepath.Dir(path), "texts")
	require.NoError(t, os.Mkdir(texts, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(texts, "a.tmpl"), []byte(
		`{{ define "belfry.text" }}{{ range .Alerts }}{{ .Annotations.name_zh }}：{{ .Annotations.value }}{{ end }}{{ end }}{{ define "slack.default.title" }}自拟标题{{ end }}`), 0o600))
	h := start(t, t.TempDir(), withConfig(path))
	h.Send(firing("alertname", "GasMethaneCritical"))
	eventually(t, func() bool { return h.sent.len() == 1 }, "the post")
	require.Contains(t, posts.all()[0], "17号化粪池：52.3")
	require.Contains(t, posts.all()[0], "自拟标题", "also where a default is replaced")
}

func TestAlertsWithoutAnEndResolveByThemselves(t *testing.T) {
	h := start(t, t.TempDir(), withConfig(configFile(t, `
global: {resolve_timeout: 300ms}
route: {receiver: belfry-terminal, group_wait: 0s, group_interval: 20ms}
receivers: [{name: belfry-terminal}]
`)))
	a := firing("alertname", "Flood")
	a.EndsAt = time.Time{}
	h.Send(a)
	eventually(t, func() bool { return h.pages.len() == 2 }, "page and resolution")
	require.Equal(t, Resolved, h.pages.all()[1].Status)
}

func TestAlertsThatMakeNoSenseAreRefused(t *testing.T) {
	h := start(t, t.TempDir(), nil)
	h.Send(&notifier.Alert{Labels: labels.EmptyLabels()})
	require.EqualValues(t, 1, h.set.GetOrCreateCounter("belfry_pager_alerts_refused_total").Get())
	h.stop(t)
	h.Send(firing("alertname", "TooLate"))
}

func TestTwoPagersInOneProcess(t *testing.T) {
	one := start(t, t.TempDir(), nil)
	two := start(t, t.TempDir(), nil)
	one.silence(t, "asset", "well-1")
	for _, h := range []*harness{one, two} {
		h.Send(firing("alertname", "Gas", "severity", "critical", "asset", "well-1"))
		h.Send(firing("alertname", "Gas", "severity", "critical", "asset", "well-2"))
	}
	eventually(t, func() bool { return one.pages.len() == 1 && two.pages.len() == 2 }, "three pages")
	require.Equal(t, "well-2", one.pages.all()[0].Asset)
	require.Len(t, one.silenceStates(t), 1)
	require.Empty(t, two.silenceStates(t))
}

func TestAPagerCanBeMadeAnewOnTheSameRegistry(t *testing.T) {
	dir := t.TempDir()
	h := start(t, dir, nil)
	h.stop(t)
	start(t, dir, func(o *Options) { o.Registerer = h.reg })
}

func TestNoWebPageMaySilence(t *testing.T) {
	h := start(t, t.TempDir(), nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, h.api.URL+"/api/v2/silences", nil)
	require.NoError(t, err)
	r.Header.Set("Origin", "https://example.org")
	r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	r.Header.Set("Access-Control-Request-Headers", "content-type")
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"))
}
