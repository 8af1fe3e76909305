package evaluate

import (
	"math"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/belfry-city/belfry/alerting/trigger"
)

// comparison is one condition of a rule on the value that its alerts have.
type comparison struct {
	// op reads as if the series stood on the left.
	op parser.ItemType
	// limit is what the series is compared with, unless thresholds is set: then
	// it is the value of the one of those series that belongs to the asset.
	limit      float64
	thresholds []*labels.Matcher
	// series selects what is compared, where it is a series' own value or the
	// amount of it; otherwise it is nil.
	series *parser.VectorSelector
	abs    bool
	unit   string
}

// holds says whether a value, as an alert of the rule has it, meets the condition.
func (c *comparison) holds(value, limit float64) bool {
	switch c.op {
	case parser.GTR:
		return value > limit
	case parser.GTE:
		return value >= limit
	case parser.LSS:
		return value < limit
	case parser.LTE:
		return value <= limit
	case parser.EQLC:
		return value == limit
	case parser.NEQ:
		return value != limit
	}
	return false
}

// holdsSample is holds for a stored sample of series.
func (c *comparison) holdsSample(value, limit float64) bool {
	if c.abs {
		value = math.Abs(value)
	}
	return c.holds(value, limit)
}

// comparisons lists the conditions that an expression puts on the value of its
// result, in the order of the text. What stands behind `and` or `unless` decides
// whether there is a result, not which value it has, and is left out.
func comparisons(expr parser.Expr) []comparison {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return comparisons(e.Expr)
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.MAX, parser.MIN, parser.AVG, parser.TOPK, parser.BOTTOMK:
			return comparisons(e.Expr)
		}
	case *parser.Call:
		switch e.Func.Name {
		case "label_replace", "label_join", "sort", "sort_desc":
			return comparisons(e.Args[0])
		}
	case *parser.BinaryExpr:
		switch {
		case e.Op == parser.LOR:
			return append(comparisons(e.LHS), comparisons(e.RHS)...)
		case e.Op == parser.LAND, e.Op == parser.LUNLESS:
			return comparisons(e.LHS)
		case e.Op == parser.MUL && isInfo(e.RHS):
			return comparisons(e.LHS)
		case e.Op == parser.MUL && isInfo(e.LHS):
			return comparisons(e.RHS)
		case e.Op.IsComparisonOperator() && !e.ReturnBool:
			found := append(comparisons(e.LHS), comparisons(e.RHS)...)
			if c, ok := compare(e); ok {
				found = append(found, c)
			}
			return found
		}
	}
	return nil
}

// compare understands a comparison with a constant or with asset_threshold, on
// either side.
func compare(e *parser.BinaryExpr) (comparison, bool) {
	c := comparison{op: e.Op}
	subject := e.LHS
	var ok bool
	if c.limit, ok = trigger.Constant(e.RHS); !ok {
		c.thresholds, ok = thresholds(e.RHS)
	}
	if !ok {
		subject, c.op = e.RHS, trigger.Mirrored(e.Op)
		if c.limit, ok = trigger.Constant(e.LHS); !ok {
			c.thresholds, ok = thresholds(e.LHS)
		}
	}
	if !ok {
		return c, false
	}
	c.series, c.abs = trigger.Plain(subject)
	c.unit = unitOf(subject)
	return c, true
}

func thresholds(expr parser.Expr) ([]*labels.Matcher, bool) {
	s, ok := trigger.Unwrap(expr).(*parser.VectorSelector)
	if !ok || s.Name != trigger.ThresholdMetric || !trigger.Current(s) {
		return nil, false
	}
	return s.LabelMatchers, true
}

func isInfo(expr parser.Expr) bool {
	s, ok := trigger.Unwrap(expr).(*parser.VectorSelector)
	return ok && strings.HasSuffix(s.Name, "_info")
}

// firstSeries finds the first selector that readings can answer.
func firstSeries(expr parser.Expr) *parser.VectorSelector {
	var found *parser.VectorSelector
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if ok && found == nil && s.Name != trigger.ThresholdMetric && !strings.HasSuffix(s.Name, "_info") && trigger.Current(s) {
			found = s
		}
		return nil
	})
	return found
}

// madeLabels lists the labels that an expression puts on its result from
// elsewhere, so that the series need not have them.
func madeLabels(expr parser.Expr) []string {
	var made []string
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch e := n.(type) {
		case *parser.BinaryExpr:
			if e.VectorMatching != nil {
				made = append(made, e.VectorMatching.Include...)
			}
		case *parser.Call:
			if name := e.Func.Name; name == "label_replace" || name == "label_join" {
				if to, ok := trigger.Unwrap(e.Args[1]).(*parser.StringLiteral); ok {
					made = append(made, to.Val)
				}
			}
		case *parser.AggregateExpr:
			if to, ok := e.Param.(*parser.StringLiteral); ok && e.Op == parser.COUNT_VALUES {
				made = append(made, to.Val)
			}
		}
		return nil
	})
	slices.Sort(made)
	return slices.Compact(made)
}
