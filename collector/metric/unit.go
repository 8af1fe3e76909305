package metric

import "strings"

// UnitOf reads the unit at the end of a metric's name, as people write it; "" where
// there is none.
func UnitOf(name string) string {
	unit, _ := ofSuffix(name)
	return unit
}

// ofSuffix is the unit of a name, and Grafana's id for it.
func ofSuffix(name string) (unit, grafana string) {
	for _, known := range []struct{ suffix, unit, grafana string }{
		// A longer suffix stands before a shorter one that it ends with.
		{"_timestamp_seconds", "", "none"},
		{"_lel_percent", "%LEL", "percent"}, {"_percent", "%", "percent"}, {"_ratio", "", "percentunit"}, {"_ppm", "ppm", "ppm"}, {"_ppb", "ppb", "conppb"},
		{"_mm_per_hour", "mm/h", custom}, {"_m3_per_hour", "m³/h", custom}, {"_km_per_hour", "km/h", "velocitykmh"}, {"_mm_per_s", "mm/s", custom}, {"_per_m", "m⁻¹", custom},
		{"_mg_m3", "mg/m³", "conmgm3"}, {"_ug_m3", "µg/m³", "conμgm3"}, {"_m3", "m³", "m3"},
		{"_mm", "mm", "lengthmm"}, {"_cm", "cm", custom}, {"_m", "m", "lengthm"}, {"_km", "km", "lengthkm"},
		{"_kn", "kN", "forcekN"}, {"_mpa", "MPa", custom}, {"_kpa", "kPa", "pressurekpa"}, {"_hpa", "hPa", "pressurehpa"}, {"_pa", "Pa", custom},
		{"_mps2", "m/s²", "accMS2"}, {"_mps", "m/s", "velocityms"}, {"_microstrain", "µε", custom}, {"_degrees", "°", "degree"}, {"_celsius", "°C", "celsius"},
		{"_ma", "mA", "mamp"}, {"_amperes", "A", "amp"}, {"_volts", "V", "volt"}, {"_watts", "W", "watt"}, {"_kwh", "kWh", "kwatth"},
		{"_dbm", "dBm", "dBm"}, {"_db", "dB", "dB"}, {"_hertz", "Hz", "hertz"}, {"_lux", "lx", "lux"},
		{"_milliseconds", "ms", "ms"}, {"_seconds", "s", "s"}, {"_bytes", "B", "bytes"}, {"_total", "", "short"},
	} {
		if !strings.HasSuffix(name, known.suffix) {
			continue
		}
		if known.grafana == custom {
			return known.unit, custom + known.unit
		}
		return known.unit, known.grafana
	}
	return "", "short"
}

// custom is how Grafana is given a unit that it has no id for.
const custom = "suffix: "
