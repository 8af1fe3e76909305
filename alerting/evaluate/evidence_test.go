package evaluate_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/stretchr/testify/require"

	defaults "github.com/belfry-city/belfry/rules"

	"github.com/belfry-city/belfry/alerting/ruleset"
)

func TestEvidenceOfTheDefaultRules(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		set, err := ruleset.Load(nil, defaults.FS)
		require.NoError(t, err)
		c.set = set
		c.start()
		own := metric("asset_threshold", "asset", "W17", "metric", "gas_ch4_lel_percent", "direction", "above", "level", "critical")
		other := metric("gas_ch4_lel_percent", "asset", "W18")
		c.report(own, 30)
		c.report(metric("structure_tilt_degrees", "asset", "B1", "sensor", "pier"), -0.1)
		c.pass(20*time.Second, other, 40)

		c.report(own, 30)
		broke := c.report(well(), 31) // over its own threshold, not over the default
		tilted := c.report(metric("structure_tilt_degrees", "asset", "B1", "sensor", "pier"), -0.7)
		over := c.pass(10*time.Second, other, 55)
		c.pass(40*time.Second, other, 56)
		seen := map[string]delivered{}
		for _, d := range c.inbox.take() {
			seen[d.labels["alertname"]+d.labels["asset"]] = d
		}
		require.Equal(t, "30", seen["GasCombustibleCriticalW17"].annotations["limit"])
		require.Equal(t, "%LEL", seen["GasCombustibleCriticalW17"].annotations["unit"])
		require.Equal(t, broke.Format(time.RFC3339Nano), seen["GasCombustibleCriticalW17"].annotations["reading_time"])
		require.Equal(t, "50", seen["GasCombustibleCriticalW18"].annotations["limit"])
		require.Equal(t, over.Format(time.RFC3339Nano), seen["GasCombustibleCriticalW18"].annotations["reading_time"])
		require.Equal(t, "10", seen["GasCombustibleHighW18"].annotations["limit"])
		require.Equal(t, "0.7", seen["BridgeTiltCriticalB1"].annotations["value"])
		require.Equal(t, "0.46", seen["BridgeTiltCriticalB1"].annotations["limit"])
		require.Equal(t, tilted.Format(time.RFC3339Nano), seen["BridgeTiltCriticalB1"].annotations["reading_time"])
		require.Equal(t, tilted.Add(30*time.Second).Format(time.RFC3339Nano), seen["BridgeTiltCriticalB1"].annotations["due_time"])
	})
}

// The readings of well W17, one a second, are 1 2 3 9 4 7 8 6 and then 6; it is
// the run that began with 7 that matters where the limit is 5, because the 9 before
// it was over already when the rule was looked at.
func TestTheReadingThatBeganIt(t *testing.T) {
	const began, newest = "began", "newest"
	for _, test := range []struct{ expr, limit, unit, reading string }{
		{"gas_co_ppm > 5", "5", "ppm", began},
		{"5 < gas_co_ppm", "5", "ppm", began},
		{"gas_co_ppm > 5 and on (asset) well_level_m > 0", "5", "ppm", began},
		{"gas_co_ppm < 0 or gas_co_ppm > 5", "5", "ppm", began},
		{`label_replace(gas_co_ppm > 5, "floor", "1", "", "")`, "5", "ppm", began},
		{"(gas_co_ppm > 5) * on (asset) group_left (team) asset_info", "5", "ppm", began},
		{`gas_co_ppm > on (asset) group_left () asset_threshold{metric="gas_co_ppm"}`, "5.5", "ppm", began},
		{"max by (asset) (gas_co_ppm) > 5", "5", "ppm", newest},
		{"max_over_time(gas_co_ppm[3s]) > 5", "5", "ppm", newest},
		{"2 * gas_co_ppm > 10", "10", "", newest},
		{"gas_co_ppm > well_level_m", "", "", newest},
		{"gas_co_ppm offset 1s > 5", "5", "ppm", ""},
		{"count(gas_co_ppm > 5)", "", "", newest},
		{"vector(6)", "", "", ""},
	} {
		t.Run(test.expr, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *city) {
				c.rules(fmt.Sprintf(`groups: [{name: g, interval: 20s, rules: [
  {alert: A, expr: '%s', labels: {severity: info, zone: set by the rule}, annotations: {summary: s}}]}]`, test.expr))
				co := metric("gas_co_ppm", "asset", "W17", "zone", "north")
				c.report(metric("asset_threshold", "asset", "W17", "metric", "gas_co_ppm"), 5.5)
				c.report(metric("asset_info", "asset", "W17", "team", "municipal"), 1)
				c.report(metric("well_level_m", "asset", "W17", "zone", "north"), 1)
				c.report(metric("gas_co_ppm", "asset", "W18", "zone", "north"), 1)
				var run, last time.Time
				for _, v := range []float64{1, 2, 3, 9, 4, 7, 8, 6} {
					at := c.report(co, v)
					if v == 7 {
						run = at
					}
					last = at
					<-time.After(time.Second)
				}
				c.start()
				<-time.After(time.Second)
				sent := c.inbox.take()
				require.Len(t, sent, 1)
				notes := sent[0].annotations
				require.Equal(t, test.limit, notes["limit"])
				require.Equal(t, test.unit, notes["unit"])
				want := map[string]time.Time{began: run, newest: last}[test.reading]
				if want.IsZero() {
					require.NotContains(t, notes, "reading_time")
					require.NotContains(t, notes, "due_time")
					return
				}
				require.Equal(t, want.Format(time.RFC3339Nano), notes["reading_time"])
				require.Equal(t, notes["reading_time"], notes["due_time"])
			})
		})
	}
}

func TestARunIsBrokenByASeriesThatEnded(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(`groups: [{name: g, rules: [{alert: A, expr: gas_ch4_lel_percent > 5, labels: {severity: info}, annotations: {summary: s}}]}]`)
		c.report(well(), 9)
		<-time.After(time.Second)
		c.report(well(), math.Float64frombits(value.StaleNaN))
		<-time.After(time.Second)
		began := c.report(well(), 9)
		c.start()
		c.pass(2*interval, metric("other"), 0)
		sent := c.inbox.take()
		require.Len(t, sent, 1)
		require.Equal(t, began.Format(time.RFC3339Nano), sent[0].annotations["reading_time"])
	})
}

// TestAReadingOfTheAlertsOwnSeriesBeganIt has two series of an asset, of which one has all labels of the other.
func TestAReadingOfTheAlertsOwnSeriesBeganIt(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(`groups: [{name: g, rules: [{alert: A, expr: gas_ch4_lel_percent > 5, labels: {severity: info}, annotations: {summary: s}}]}]`)
		began := map[string]time.Time{"north": c.report(metric("gas_ch4_lel_percent", "asset", "W17", "zone", "north"), 9)}
		<-time.After(time.Second)
		began[""] = c.report(metric("gas_ch4_lel_percent", "asset", "W17"), 8)
		c.start()
		c.pass(2*interval, metric("other"), 0)
		sent := c.inbox.take()
		require.Len(t, sent, 2)
		for _, d := range sent {
			require.Equal(t, began[d.labels["zone"]].Format(time.RFC3339Nano), d.annotations["reading_time"], d.labels)
		}
	})
}

func TestWhatTheRuleSaysItselfCounts(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(`groups: [{name: g, rules: [
  {alert: A, expr: gas_ch4_lel_percent > 5, labels: {severity: info, team: volunteers}, annotations: {summary: s, unit: vol, limit: five, value: v, name: n}},
  {alert: B, expr: gas_ch4_lel_percent / 0 > 5, labels: {severity: info}, annotations: {summary: s}}]}]`)
		c.assets(w17)
		c.start()
		c.pass(2*interval, well(), 9)
		sent := c.inbox.take()
		require.Len(t, sent, 2)
		a, b := sent[0], sent[1]
		if a.labels["alertname"] == "B" {
			a, b = b, a
		}
		require.Equal(t, "volunteers", a.labels["team"])
		require.Equal(t, "drainage", a.labels["domain"])
		for key, own := range map[string]string{"unit": "vol", "limit": "five", "value": "v", "name": "n"} {
			require.Equal(t, own, a.annotations[key])
		}
		require.NotContains(t, b.annotations, "value", "infinity is no number to show")
	})
}

// Rules of one name and expression are told apart by their labels.
func TestEachRuleHasItsOwnDueTime(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(`groups: [{name: g, rules: [
  {alert: A, expr: gas_ch4_lel_percent > 5, for: 10s, labels: {severity: warning}, annotations: {summary: s}},
  {alert: A, expr: gas_ch4_lel_percent > 5, for: 20s, labels: {severity: critical}, annotations: {summary: s}}]}]`)
		c.start()
		began := c.pass(40*time.Second, well(), 9)
		due := map[string]string{}
		for _, d := range c.inbox.take() {
			due[d.labels["severity"]] = d.annotations["due_time"]
		}
		require.Equal(t, map[string]string{
			"warning":  began.Add(10 * time.Second).Format(time.RFC3339Nano),
			"critical": began.Add(20 * time.Second).Format(time.RFC3339Nano),
		}, due)
	})
}

func TestTenThousandAlertsAtOnceAreAllSent(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(`groups: [{name: g, rules: [{alert: A, expr: gas_ch4_lel_percent > 5, labels: {severity: info}, annotations: {summary: s}}]}]`)
		app := c.db.Appender(t.Context())
		for i := range 10_000 {
			_, err := app.Append(0, labels.FromStrings(model.MetricNameLabel, "gas_ch4_lel_percent", "asset", fmt.Sprint("W", i)), time.Now().UnixMilli(), 9)
			require.NoError(t, err)
		}
		require.NoError(t, app.Commit())
		c.start()
		c.pass(2*interval, metric("other"), 0)
		sent := c.inbox.take()
		require.Len(t, sent, 10_000)
		for _, d := range sent {
			require.Equal(t, "9", d.annotations["value"])
		}
	})
}
