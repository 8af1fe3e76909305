package evaluate

import (
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// unitOf derives the unit of an expression's value from the metric's name, or
// "" where the expression changes the unit or none is known.
func unitOf(expr parser.Expr) string {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return unitOf(e.Expr)
	case *parser.UnaryExpr:
		return unitOf(e.Expr)
	case *parser.VectorSelector:
		return unitOfMetric(e.Name)
	case *parser.MatrixSelector:
		return unitOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return unitOf(e.Expr)
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.COUNT, parser.COUNT_VALUES, parser.GROUP, parser.STDVAR:
			return ""
		}
		return unitOf(e.Expr)
	case *parser.Call:
		switch e.Func.Name {
		case "quantile_over_time":
			return unitOf(e.Args[1])
		case "abs", "ceil", "floor", "round", "clamp", "clamp_min", "clamp_max", "delta", "idelta",
			"label_replace", "label_join", "sort", "sort_desc", "avg_over_time", "min_over_time",
			"max_over_time", "last_over_time", "stddev_over_time":
			return unitOf(e.Args[0])
		}
	}
	return ""
}

// unitOfMetric reads the unit at the end of a metric's name.
func unitOfMetric(name string) string {
	for _, known := range []struct{ suffix, unit string }{
		// A longer suffix stands before a shorter one that it ends with.
		{"_timestamp_seconds", ""},
		{"_lel_percent", "%LEL"}, {"_percent", "%"}, {"_ppm", "ppm"}, {"_ppb", "ppb"},
		{"_mm_per_hour", "mm/h"}, {"_m3_per_hour", "m³/h"}, {"_km_per_hour", "km/h"}, {"_per_m", "m⁻¹"},
		{"_mg_m3", "mg/m³"}, {"_ug_m3", "µg/m³"}, {"_m3", "m³"},
		{"_mm", "mm"}, {"_cm", "cm"}, {"_m", "m"}, {"_km", "km"},
		{"_kn", "kN"}, {"_mpa", "MPa"}, {"_kpa", "kPa"}, {"_hpa", "hPa"}, {"_pa", "Pa"},
		{"_mps2", "m/s²"}, {"_mps", "m/s"}, {"_microstrain", "µε"}, {"_degrees", "°"}, {"_celsius", "°C"},
		{"_ma", "mA"}, {"_amperes", "A"}, {"_volts", "V"}, {"_watts", "W"}, {"_kwh", "kWh"},
		{"_dbm", "dBm"}, {"_db", "dB"}, {"_hertz", "Hz"}, {"_lux", "lx"},
		{"_milliseconds", "ms"}, {"_seconds", "s"}, {"_bytes", "B"},
	} {
		if strings.HasSuffix(name, known.suffix) {
			return known.unit
		}
	}
	return ""
}
