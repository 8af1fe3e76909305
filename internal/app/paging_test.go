package app

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPagesOfTheDefaultRulesInChinese has a team and a dead man's switch, and the rules that come with Belfry.
func TestPagesOfTheDefaultRulesInChinese(t *testing.T) {
	team, away := newWebhook(t), newWebhook(t)
	dir := t.TempDir()
	put(t, dir, "alertmanager.yml", `
route:
  receiver: team
  group_by: [alertname]
  routes:
    - {matchers: ['alertname="Watchdog"'], receiver: away, group_wait: 0s, group_interval: 100ms, repeat_interval: 300ms}
receivers:
  - {name: team, webhook_configs: [{url: "`+team.URL+`"}]}
  - {name: away, webhook_configs: [{url: "`+away.URL+`"}]}
`)
	r := run(t, dir, "language: zh-CN\nexternal_url: https://belfry.example/\npager: {config: DIR/alertmanager.yml}\n")
	for range 3 {
		require.Equal(t, "Watchdog", away.next(t).Labels["alertname"], "again and again")
	}
	r.write(t, "gas,asset=W1 ch4_lel_percent=60")
	a := team.next(t)
	require.Equal(t, "GasCombustibleCritical", a.Labels["alertname"])
	require.Regexp(t, `\p{Han}`, a.Annotations["summary"])
	require.Regexp(t, `\p{Han}`, a.Annotations["description"])
	require.Equal(t, a.Annotations["summary_zh"], a.Annotations["summary"])
	require.NotRegexp(t, `\p{Han}`, a.Annotations["summary_en"])
	require.Equal(t, "https://belfry.example/hazards/"+a.Annotations["hazard"], a.Annotations["hazard_url"])

	r.write(t, "gas,asset=W2 ch4_lel_percent=60") // joins, and group_interval is five minutes
	for a = team.next(t); a.Labels["asset"] != "W2"; a = team.next(t) {
		require.Equal(t, "W1", a.Labels["asset"])
	}
}
