package limit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/dashboards/limit"
	"github.com/belfry-city/belfry/rules"
)

// TestReadsWhatTheDefaultRulesSay uses the figures of docs/rules.md.
func TestReadsWhatTheDefaultRulesSay(t *testing.T) {
	table, err := limit.Read(rules.FS)
	require.NoError(t, err)
	of := func(domain, metric string) limit.Bounds {
		b, err := table.Of(domain, metric)
		require.NoError(t, err)
		return b
	}
	t.Run("above", func(t *testing.T) {
		gas := of("gas", "gas_ch4_lel_percent")
		require.Equal(t, []float64{10, 50}, []float64{gas.Above.Warning, gas.Above.Critical})
	})
	t.Run("below and above", func(t *testing.T) {
		air := of("gas", "gas_o2_percent")
		require.Equal(t, []float64{19.5, 18, 23}, []float64{air.Below.Warning, air.Below.Critical, air.Above.Warning})
	})
	t.Run("either way", func(t *testing.T) {
		tilt := of("bridge", "structure_tilt_degrees")
		require.True(t, tilt.Either)
		require.Equal(t, []float64{0.23, 0.46}, []float64{tilt.Above.Warning, tilt.Above.Critical})
	})
	t.Run("by domain", func(t *testing.T) {
		require.InDelta(t, 50, of("tunnel", "road_water_depth_mm").Above.Warning, 0)
		require.InDelta(t, 150, of("road", "road_water_depth_mm").Above.Warning, 0)
	})
	t.Run("not that of a rule about something else", func(t *testing.T) {
		require.InDelta(t, 150, of("tunnel", "tunnel_co_ppm").Above.Critical, 0, "TunnelFansStopped reads it too")
	})
	t.Run("within last_over_time", func(t *testing.T) {
		require.InDelta(t, 30, of("drainage", "manhole_tilt_degrees").Above.Critical, 0)
	})
	t.Run("time that has gone by", func(t *testing.T) {
		require.InDelta(t, 72*3600, of("parking", "parking_stay_seconds").Above.Warning, 0)
	})
	t.Run("info", func(t *testing.T) {
		require.InDelta(t, 99, of("parking", "parking_lot_fill_percent").Above.Info, 0)
	})
	t.Run("a metric without a default", func(t *testing.T) {
		_, err := table.Of("bridge", "structure_strain_microstrain")
		require.ErrorContains(t, err, "structure_strain_microstrain")
	})
}
