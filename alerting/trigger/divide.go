package trigger

import (
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// assetLabel is the label by which most expressions divide.
const assetLabel = "asset"

// divide returns labels by which an expression falls into independent parts:
// with the values v, the elements of the result that have them are the result
// of the expression with {label="v"} added to all its selectors. It returns nil
// where the expression is to be evaluated as a whole.
func divide(expr parser.Expr) []string {
	d := partsOf(expr)
	switch {
	case !d.possible || !d.reads:
		return nil
	case d.allows(assetLabel):
		return []string{assetLabel}
	case d.only == nil:
		return nil // by anything but the asset, and nothing says by what
	}
	by := slices.DeleteFunc(slices.Clone(d.only), func(name string) bool { return !d.allows(name) })
	slices.Sort(by)
	if by = slices.Compact(by); len(by) == 0 {
		return nil
	}
	return by
}

// parts is by which labels an expression may be divided.
type parts struct {
	possible bool
	// reads is whether it has selectors. What has none is the same in all parts.
	reads bool
	// only are the labels that may be used, nil: all.
	only   []string
	except []string
}

func anyLabel(reads bool) parts { return parts{possible: true, reads: reads} }

func (p parts) allows(name string) bool {
	return p.possible && !slices.Contains(p.except, name) && (p.only == nil || slices.Contains(p.only, name))
}

func (p parts) without(names ...string) parts {
	p.except = append(slices.Clip(p.except), names...)
	return p
}

func (p parts) within(names []string) parts {
	if p.only == nil {
		p.only = append([]string{}, names...)
		return p
	}
	p.only = slices.DeleteFunc(slices.Clone(p.only), func(name string) bool { return !slices.Contains(names, name) })
	return p
}

func (p parts) and(q parts) parts {
	both := parts{possible: p.possible && q.possible, reads: p.reads || q.reads, only: p.only}
	both.except = append(slices.Clone(p.except), q.except...)
	if q.only != nil {
		both = both.within(q.only)
	}
	return both
}

func partsOf(expr parser.Expr) parts {
	switch e := expr.(type) {
	case *parser.NumberLiteral, *parser.StringLiteral:
		return anyLabel(false)
	case *parser.VectorSelector:
		// The name is dropped on the way.
		return anyLabel(true).without(model.MetricNameLabel)
	case *parser.MatrixSelector:
		return partsOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return partsOf(e.Expr)
	case *parser.ParenExpr:
		return partsOf(e.Expr)
	case *parser.UnaryExpr:
		return partsOf(e.Expr)
	case *parser.StepInvariantExpr:
		return partsOf(e.Expr)
	case *parser.Call:
		return partsOfCall(e)
	case *parser.AggregateExpr:
		return partsOfAggregate(e)
	case *parser.BinaryExpr:
		return partsOfBinary(e)
	}
	return parts{reads: true}
}

func partsOfCall(e *parser.Call) parts {
	all := anyLabel(false)
	for _, arg := range e.Args {
		all = all.and(partsOf(arg))
	}
	switch e.Func.Name {
	case "absent", "absent_over_time", "scalar", "info":
		// Their result depends on what else there is.
		all.possible = all.possible && !all.reads
	case "label_replace", "label_join":
		to, ok := Unwrap(e.Args[1]).(*parser.StringLiteral)
		if !ok {
			return parts{reads: true}
		}
		return all.without(to.Val)
	case "histogram_quantile", "histogram_quantiles", "histogram_fraction":
		return all.without("le", "quantile")
	}
	return all
}

func partsOfAggregate(e *parser.AggregateExpr) parts {
	inner := partsOf(e.Expr)
	if e.Param != nil {
		inner = inner.and(partsOf(e.Param))
	}
	switch e.Op {
	case parser.LIMITK, parser.LIMIT_RATIO:
		return parts{reads: true} // which ones are taken is nobody's to say
	case parser.COUNT_VALUES:
		to, ok := Unwrap(e.Param).(*parser.StringLiteral)
		if !ok {
			return parts{reads: true}
		}
		inner = inner.without(to.Val)
	}
	if e.Without {
		return inner.without(e.Grouping...)
	}
	return inner.within(e.Grouping)
}

func partsOfBinary(e *parser.BinaryExpr) parts {
	left, right := partsOf(e.LHS), partsOf(e.RHS)
	if e.VectorMatching == nil || e.LHS.Type() == parser.ValueTypeScalar || e.RHS.Type() == parser.ValueTypeScalar {
		return left.and(right)
	}
	m := e.VectorMatching
	if m.FillValues.LHS != nil || m.FillValues.RHS != nil {
		return parts{reads: true}
	}
	switch {
	case left.reads && right.reads:
	case !left.reads && !right.reads:
		return left.and(right)
	case left.reads && (m.Card == parser.CardManyToOne || e.Op == parser.LAND || e.Op == parser.LUNLESS):
		// The right side is the same for all parts, such as the time of day.
		return left.and(right).without(m.Include...)
	case right.reads && m.Card == parser.CardOneToMany:
		return left.and(right).without(m.Include...)
	default:
		return parts{reads: true} // an element without labels belongs to one part only
	}
	both := left.and(right).without(m.Include...)
	if m.On {
		return both.within(m.MatchingLabels)
	}
	return both.without(m.MatchingLabels...)
}
