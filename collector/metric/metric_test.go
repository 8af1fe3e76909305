package metric_test

import (
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"unicode"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/metric"
	"github.com/belfry-city/belfry/rules"
)

func TestUnits(t *testing.T) {
	for name, unit := range map[string]string{
		"gas_ch4_lel_percent": "%LEL", "gas_o2_percent": "%", "gas_h2s_ppm": "ppm", "well_level_m": "m",
		"road_water_depth_mm": "mm", "structure_strain_microstrain": "µε", "structure_tilt_degrees": "°",
		"structure_acceleration_mps2": "m/s²", "structure_cable_force_kn": "kN", "tunnel_visibility_per_m": "m⁻¹",
		"lamp_leakage_current_ma": "mA", "water_pressure_mpa": "MPa", "parking_stay_seconds": "s",
		"water_flow_m3_per_hour": "m³/h", "device_battery_volts": "V", "device_rssi_dbm": "dBm",
		"device_last_seen_timestamp_seconds": "", "manhole_open": "", "lamp_power_watts": "W",
	} {
		require.Equal(t, unit, metric.UnitOf(name), name)
	}
}

func TestEveryMetricIsExplained(t *testing.T) {
	table := metric.NewTable()
	seen := map[string]bool{}
	for _, m := range table.All() {
		require.False(t, seen[m.Name], m.Name)
		seen[m.Name] = true
		require.NotEmpty(t, m.Help, m.Name)
		require.True(t, strings.ContainsFunc(m.HelpZH, func(r rune) bool { return unicode.Is(unicode.Han, r) }), m.Name)
		require.NotEmpty(t, m.GrafanaUnit, m.Name)
		if m.Domain != "" {
			require.Contains(t, catalog.Domains(), m.Domain, m.Name)
		}
		of, known := table.Of(m.Name)
		require.True(t, known)
		require.Equal(t, m, of)
	}
	m, known := table.Of("pump_head_m")
	require.False(t, known)
	require.Equal(t, metric.Metric{Name: "pump_head_m", Unit: "m", GrafanaUnit: "lengthm"}, m)
}

// TestTheTableHasWhatRulesRead holds the table against the rules that Belfry brings.
func TestTheTableHasWhatRulesRead(t *testing.T) {
	table := metric.NewTable()
	files, err := fs.Glob(rules.FS, "*.yml")
	require.NoError(t, err)
	names := map[string]string{}
	for _, file := range files {
		text, err := fs.ReadFile(rules.FS, file)
		require.NoError(t, err)
		groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		require.Empty(t, errs, file)
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				if r.Record != "" {
					names[r.Record] = file
				}
				expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
				require.NoError(t, err)
				for _, ms := range parser.ExtractSelectors(expr) {
					for _, m := range ms {
						if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
							names[m.Value] = file
						}
					}
				}
			}
		}
	}
	require.Greater(t, len(names), 40)
	for name, file := range names {
		if _, known := table.Of(name); !known {
			t.Errorf("%s, which %s reads, has no explanation", name, file)
		}
	}
}
