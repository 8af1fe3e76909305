package city_test

import (
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/rules"
)

// history stores what a city reports in the minutes before an instant, and what
// Belfry itself would add.
func history(t *testing.T, c *city.City, at time.Time) (db *tsdb.DB, add func(labels.Labels, float64)) {
	t.Helper()
	const minutes = 20
	db, err := tsdb.Open(t.TempDir(), promslog.NewNopLogger(), nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for now := at.Add(-minutes * time.Minute); !now.After(at); now = now.Add(time.Minute) {
		app := db.Appender(t.Context())
		store := func(v float64, l ...string) {
			_, err := app.Append(0, labels.FromStrings(l...), now.UnixMilli(), v)
			require.NoError(t, err)
		}
		for _, s := range c.Streams() {
			values, ok := s.Read(now, nil)
			require.True(t, ok)
			for i, v := range values {
				l := []string{"__name__", s.Metric(i), "asset", s.Asset.ID}
				for _, own := range s.Labels {
					l = append(l, own.Name, own.Value)
				}
				store(v, l...)
			}
			if s.Measurement == "parking_bay" && len(values) > 1 && values[0] > 0 {
				store(values[1], "__name__", s.Metric(1), "asset", s.Asset.ID, "source", "geomagnetic")
			}
		}
		for _, a := range c.Assets() {
			store(1, "__name__", "asset_info", "asset", a.ID, "domain", a.Domain)
			store(0, "__name__", "device_silent", "asset", a.ID)
			for _, own := range a.Thresholds {
				store(own.Value, "__name__", "asset_threshold", "asset", a.ID, "metric", own.Metric, "direction", own.Direction, "level", own.Level)
			}
		}
		require.NoError(t, app.Commit())
	}
	return db, func(l labels.Labels, v float64) {
		app := db.Appender(t.Context())
		_, err := app.Append(0, l, at.UnixMilli(), v)
		require.NoError(t, err)
		require.NoError(t, app.Commit())
	}
}

// TestTheDefaultRulesSayNothingOfAHealthyCity evaluates every rule, by day and
// by night. No alert may even be pending.
func TestTheDefaultRulesSayNothingOfAHealthyCity(t *testing.T) {
	set, err := ruleset.Load(nil, rules.FS)
	require.NoError(t, err)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e7, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	for name, mix := range map[string]city.Mix{"district": {}, "whole": city.Whole()} {
		t.Run(name, func(t *testing.T) {
			saysNothingOf(t, build(t, city.Options{Seed: 1, Scale: 0.02, Mix: mix}), set, engine)
		})
	}
}

func saysNothingOf(t *testing.T, c *city.City, set *ruleset.Set, engine *promql.Engine) {
	for _, after := range []time.Duration{0, 6 * time.Hour, 10 * time.Hour, 15 * time.Hour} { // noon, evening, lamps are lit, night
		at := noon.Add(after)
		db, add := history(t, c, at)
		for _, group := range set.Groups() {
			for _, rule := range group.Rules {
				query, err := engine.NewInstantQuery(t.Context(), db, nil, rule.Expr.String(), at)
				require.NoError(t, err)
				result, err := query.Exec(t.Context()).Vector()
				require.NoError(t, err, rule.Name)
				if rule.Alert && rule.Labels["severity"] != "none" { // the watchdog always fires
					require.Empty(t, result, "%s at %s", rule.Name, at)
				}
				for _, s := range result {
					b := labels.NewBuilder(s.Metric)
					b.Set("__name__", rule.Name)
					add(b.Labels(), s.F)
				}
				query.Close()
			}
		}
	}
}
