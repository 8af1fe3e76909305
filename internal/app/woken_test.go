package app

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/internal/config"
)

// wakeful has rules whose intervals are so long that only readings, and what
// comes due, can have evaluated them.
const wakeful = `groups:
- name: wells
  interval: 1h
  rules:
  - alert: Methane
    expr: gas_ch4_lel_percent > on (asset) group_left () asset_threshold{metric="gas_ch4_lel_percent"} or gas_ch4_lel_percent > 50 unless on (asset) asset_threshold{metric="gas_ch4_lel_percent"}
    labels: {severity: critical}
    annotations: {summary: "{{ $labels.asset }}"}
  - alert: Level
    expr: well_level_m > 2
    for: 2s
    labels: {severity: critical}
    annotations: {summary: "{{ $labels.asset }}"}
  - alert: Rising
    expr: deriv(well_level_m[1m]) > 0.01
    labels: {severity: critical}
    annotations: {summary: "{{ $labels.asset }}"}
`

// awake starts a Belfry on dir that stop ends.
func awake(t *testing.T, dir string) (r *running, stop func()) {
	t.Helper()
	text := strings.ReplaceAll("listen: 127.0.0.1:0\ndata_dir: DIR/data\nrules: [DIR/rules.yml]\ncatalog: [DIR/catalog.yml]\n", "DIR", dir)
	c, err := config.Parse(filepath.Join(dir, "belfry.yml"), []byte(text))
	require.NoError(t, err)
	return start(t, Options{Config: c})
}

// paged waits for a page of the rule about the asset.
func (r *running) paged(t *testing.T, rule, asset string) {
	t.Helper()
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, p := range r.pages {
			if p.Rule == rule && p.Asset == asset && p.Status == pager.Firing {
				return true
			}
		}
		return false
	}, time.Minute, 5*time.Millisecond, "%s %s", rule, asset)
}

func TestReadingsWakeRules(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "rules.yml", wakeful)
	put(t, dir, "catalog.yml", `assets:
- {id: W2, domain: gas, thresholds: [{metric: gas_ch4_lel_percent, direction: above, level: critical, value: 5}]}
`)
	r, stop := awake(t, dir)
	defer func() { stop() }()
	r.write(t, "gas,asset=W1 ch4_lel_percent=60") // a series that nobody has seen
	r.paged(t, "Methane", "W1")
	require.Eventually(t, func() bool {
		_, text := r.do(t, "GET", "/api/v1/query?query=asset_threshold", "")
		return strings.Contains(text, "W2")
	}, time.Minute, 10*time.Millisecond)
	r.write(t, fmt.Sprintf("gas,asset=W2 ch4_lel_percent=1 %d", time.Now().Add(-time.Second).UnixNano()))
	r.write(t, "gas,asset=W2 ch4_lel_percent=6")
	r.paged(t, "Methane", "W2") // over its own threshold
	r.write(t, "well_level_m,asset=W3 value=2.5")
	r.paged(t, "Level", "W3") // when `for` comes due
	now := time.Now()
	for i := range 3 {
		r.write(t, fmt.Sprintf("well_level_m,asset=W4 value=%d.1 %d", i, now.Add(time.Duration(i-2)*10*time.Second).UnixNano()))
	}
	r.paged(t, "Rising", "W4") // any reading may change it

	_, alerts := r.do(t, "GET", "/api/v1/alerts", "")
	for _, asset := range []string{"W1", "W2", "W3", "W4"} {
		require.Contains(t, alerts, asset)
	}
	before := alertsBy(t, r)
	stop()
	r, stop = awake(t, dir)
	require.Equal(t, before, alertsBy(t, r), "a restart changes nothing")
	r.write(t, "gas,asset=W5 ch4_lel_percent=70")
	r.paged(t, "Methane", "W5")
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.pages, 1, "what had been paged is not paged again")
}

// alertsBy are the alerts with since when they are active.
func alertsBy(t *testing.T, r *running) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, rule := range r.evaluator.Rules().AlertingRules() {
		for _, a := range rule.ActiveAlerts() {
			all[rule.Name()+" "+a.Labels.Get("asset")] = fmt.Sprint(a.State, " since ", a.ActiveAt.UTC(), " fired ", a.FiredAt.UTC())
		}
	}
	return all
}
