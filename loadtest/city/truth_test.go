package city_test

import (
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/rules"
)

// severities are those of the default alerting rules by name.
func severities(t *testing.T) map[string]string {
	out := map[string]string{}
	files, err := fs.Glob(rules.FS, "*.yml")
	require.NoError(t, err)
	for _, file := range files {
		text, err := fs.ReadFile(rules.FS, file)
		require.NoError(t, err)
		groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		require.Empty(t, errs)
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				if r.Alert != "" {
					out[r.Alert] = r.Labels["severity"]
				}
			}
		}
	}
	return out
}

func TestTheGroundTruthNamesRulesThatExist(t *testing.T) {
	defaults := severities(t)
	c := build(t, city.Options{Seed: 1, Scale: 0.01, Mix: city.Whole()})
	named := 0
	for _, kind := range city.FaultKinds() {
		fault, err := c.Schedule(city.Fault{Kind: kind, Asset: c.Suited(kind)[0], Onset: noon})
		require.NoError(t, err)
		named++
		require.Equal(t, defaults[fault.Rule], fault.Severity, "%s is expected to fire %s", kind, fault.Rule)
	}
	require.Equal(t, len(city.FaultKinds()), named)
}

// TestNothingIsAlarmingWithoutAFault looks at a year, so that pages can be
// judged: one without a fault is a false alarm.
func TestNothingIsAlarmingWithoutAFault(t *testing.T) {
	limits := map[string][]limit{ // warning levels of the default rules
		"gas_ch4_lel_percent": {{true, 10}}, "gas_co_ppm": {{true, 24}}, "gas_h2s_ppm": {{true, 6.6}}, "gas_o2_percent": {{false, 19.5}, {true, 23}},
		"tunnel_co_ppm": {{true, 70}}, "tunnel_no2_ppm": {{true, 1}}, "tunnel_visibility_per_m": {{true, 0.007}},
		"structure_tilt_degrees": {{true, 0.23}, {false, -0.23}}, "structure_acceleration_mps2": {{true, 0.315}},
		"road_water_depth_mm": {{true, 150}}, "water_pressure_mpa": {{false, 0.14}}, "device_battery_volts": {{false, 3.2}},
		"camera_up": {{false, 1}}, "structure_crack_width_mm": {{true, 0.2}},
		"manhole_open": {{true, 0}}, "manhole_tilt_degrees": {{true, 10}}, "lamp_leakage_current_ma": {{true, 10}},
		"tree_tilt_degrees": {{true, 5}, {false, -5}}, "soil_moisture_percent": {{false, 10}, {true, 45}},
		"device_rssi_dbm": {{false, -120}}, "device_clock_offset_seconds": {{true, 60}, {false, -60}},
		"water_flow_m3_per_hour":  {{false, 5}, {true, 120}}, // no rule: what is plausible
		"pump_vibration_mm_per_s": {{false, 1}, {true, 4.5}}, "pump_current_amperes": {{false, 30}, {true, 55}},
		"pump_speed_rpm": {{false, 1440}, {true, 1500}}, "pump_running": {{false, 1}, {true, 1}},
		"tunnel_fan_running": {{false, 0}, {true, 1}}, "lamp_on": {{false, 0}, {true, 1}}, "lamp_power_watts": {{false, 0}, {true, 120}},
		"parking_lot_occupied": {{false, 0}, {true, 1e4}}, "parking_lot_capacity": {{false, 1}},
	}
	for name, mix := range map[string]city.Mix{"district": {}, "whole": city.Whole()} {
		t.Run(name, func(t *testing.T) {
			nothingIsBeyond(t, build(t, city.Options{Seed: 1, Scale: 0.007, Mix: mix}), limits)
		})
	}
}

type limit struct {
	above bool
	value float64
}

func nothingIsBeyond(t *testing.T, c *city.City, limits map[string][]limit) {
	var values []float64
	for _, s := range c.Streams() {
		if s.Measurement == "parking_bay" {
			continue
		}
		for at := noon; at.Before(noon.AddDate(1, 0, 0)); at = at.Add(5*time.Hour + 7*time.Minute) {
			values, _ = s.Read(at, values[:0])
			for i, v := range values {
				all := limits[s.Metric(i)]
				for _, own := range s.Asset.Thresholds {
					if own.Metric == s.Metric(i) {
						all = append(all, limit{own.Direction == "above", own.Value})
					}
				}
				require.NotEmpty(t, all, s.Metric(i))
				for _, l := range all {
					if l.above {
						require.LessOrEqual(t, v, l.value, "%s of %s at %s", s.Metric(i), s.Asset.ID, at)
					} else {
						require.GreaterOrEqual(t, v, l.value, "%s of %s at %s", s.Metric(i), s.Asset.ID, at)
					}
				}
			}
		}
	}
}

func TestPlacesHaveNamesInBothLanguages(t *testing.T) {
	for _, a := range build(t, city.Options{Seed: 1, Scale: 0.01}).Assets() {
		for _, slug := range []string{a.District, a.Street, a.Community} {
			en, zh, known := city.PlaceName(slug)
			require.True(t, known, slug)
			require.NotEmpty(t, en)
			require.True(t, strings.ContainsAny(zh, "街社区"), zh)
		}
	}
	_, _, known := city.PlaceName("atlantis")
	require.False(t, known)
}
