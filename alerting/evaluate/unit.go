package evaluate

import (
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/belfry-city/belfry/collector/metric"
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
		return metric.UnitOf(e.Name)
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
