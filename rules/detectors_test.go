package rules_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/rules"
)

func detectors(t *testing.T) []*detector.Detector {
	t.Helper()
	set, err := detector.Load(nil, rules.Detectors(), model.Kinds(), nil)
	require.NoError(t, err)
	require.NotEmpty(t, set.Detectors())
	return set.Detectors()
}

// TestWhatIsWatchedIsReadAndWhatIsReadIsWatched keeps detectors and rules in step.
func TestWhatIsWatchedIsReadAndWhatIsReadIsWatched(t *testing.T) {
	read := map[string]bool{}
	set, err := ruleset.Load(nil, rules.FS)
	require.NoError(t, err)
	for _, group := range set.Groups() {
		for _, rule := range group.Rules {
			parser.Inspect(rule.Expr, func(n parser.Node, _ []parser.Node) error {
				if s, ok := n.(*parser.VectorSelector); ok && detector.Own(s.Name) {
					i := slices.IndexFunc(s.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == detector.NameLabel })
					require.GreaterOrEqual(t, i, 0, "%s: which detector's", rule.Name)
					read[s.LabelMatchers[i].Value] = true
				}
				return nil
			})
		}
	}
	list, err := os.ReadFile("../docs/anomalies.md")
	require.NoError(t, err)
	for _, d := range detectors(t) {
		require.True(t, read[d.Name], "%s: no rule reads it", d.Name)
		require.Contains(t, string(list), "| `"+d.Name+"` | "+d.Kind.Name, "docs/anomalies.md lists each detector")
		delete(read, d.Name)
	}
	require.Empty(t, read, "of no detector")
}

// TestTheDetectorsLeaveRoom says that all of them together stay below what may be
// watched, so that detectors of users have their place too.
func TestTheDetectorsLeaveRoom(t *testing.T) {
	c, err := config.Parse("belfry.yml", nil)
	require.NoError(t, err)
	limits := 0
	for _, d := range detectors(t) {
		limits += d.Limit
	}
	require.Less(t, limits, int(c.Limits.Watched))
}

// TestNothingIsWatchedThatNobodyAskedFor takes series of a city that have no rule
// on scores.
func TestNothingIsWatchedThatNobodyAskedFor(t *testing.T) {
	watched := func(series ...string) bool {
		return slices.ContainsFunc(detectors(t), func(d *detector.Detector) bool { return d.Select.Match(labels.FromStrings(series...)) })
	}
	for _, metric := range []string{
		"device_battery_volts", "camera_event_confidence", "parking_lot_occupied", "lamp_power_watts", "tunnel_fan_running", "pump_running",
		"structure_acceleration_mps2", "water_flow_m3_per_hour", "asset_info", "ALERTS", "up",
	} {
		require.False(t, watched("__name__", metric, "asset", "A1"), metric)
	}
	require.False(t, watched("__name__", "parking_bay_occupied", "asset", "P1", "source", "handheld"))
	for _, metric := range []string{
		"structure_strain_microstrain", "structure_tilt_degrees", "structure_acceleration_rms_mps2", "tunnel_co_ppm", "tunnel_visibility_per_m",
		"tunnel_air_speed_mps", "tunnel_fan_current_amperes", "road_water_depth_mm", "pump_vibration_mm_per_s", "pump_current_amperes",
		"pump_flow_m3_per_hour", "water_night_flow_m3_per_hour", "water_dma_night_flow_m3_per_hour", "parking_bay_occupied", "gas_co_ppm",
	} {
		require.True(t, watched("__name__", metric, "asset", "A1"), metric)
	}
}

// TestWhoIsPagedNeedsMoreThanOneSample says that a score alone is for the wall,
// unless it lasts or something else is asked too.
func TestWhoIsPagedNeedsMoreThanOneSample(t *testing.T) {
	set, err := ruleset.Load(nil, rules.FS)
	require.NoError(t, err)
	alone := regexp.MustCompile(`^(max_over_time\()?anomaly_score\{[^}]*\}(\[2m\]\))? >`)
	n := 0
	for _, group := range set.Groups() {
		for _, rule := range group.Rules {
			if !rule.Alert || !onScores(rule) {
				continue
			}
			n++
			if alone.MatchString(rule.Expr.String()) && rule.For == 0 {
				require.Equal(t, "info", rule.Labels["severity"], rule.Name)
			}
			if rule.Labels["severity"] == "critical" {
				require.True(t, strings.HasPrefix(rule.Expr.String(), "count by (asset) (ALERTS{"), "%s: it follows from several", rule.Name)
			}
		}
	}
	require.Positive(t, n)
}
