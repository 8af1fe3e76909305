package trigger

import (
	"github.com/prometheus/prometheus/promql/parser"
)

// ThresholdMetric holds each asset's own thresholds.
const ThresholdMetric = "asset_threshold"

// Plain finds the selector of an expression whose value is a series' newest
// sample or the amount of it.
func Plain(expr parser.Expr) (series *parser.VectorSelector, abs bool) {
	expr = Unwrap(expr)
	if call, ok := expr.(*parser.Call); ok && call.Func.Name == "abs" {
		expr, abs = Unwrap(call.Args[0]), true
	}
	if s, ok := expr.(*parser.VectorSelector); ok && Current(s) {
		return s, abs
	}
	return nil, false
}

// Current says that a selector takes the newest sample, not one at another time.
func Current(s *parser.VectorSelector) bool {
	return s.OriginalOffset == 0 && s.OriginalOffsetExpr == nil && s.Timestamp == nil && s.StartOrEnd == 0 && !s.Anchored && !s.Smoothed
}

// Constant folds numbers and the four operations on them.
func Constant(expr parser.Expr) (float64, bool) {
	switch e := Unwrap(expr).(type) {
	case *parser.NumberLiteral:
		return e.Val, true
	case *parser.UnaryExpr:
		v, ok := Constant(e.Expr)
		if e.Op == parser.SUB {
			v = -v
		}
		return v, ok
	case *parser.BinaryExpr:
		left, okL := Constant(e.LHS)
		right, okR := Constant(e.RHS)
		if !okL || !okR {
			return 0, false
		}
		switch e.Op {
		case parser.ADD:
			return left + right, true
		case parser.SUB:
			return left - right, true
		case parser.MUL:
			return left * right, true
		case parser.DIV:
			return left / right, true
		}
	}
	return 0, false
}

// Mirrored is the comparison with its sides exchanged.
func Mirrored(op parser.ItemType) parser.ItemType {
	switch op {
	case parser.GTR:
		return parser.LSS
	case parser.GTE:
		return parser.LTE
	case parser.LSS:
		return parser.GTR
	case parser.LTE:
		return parser.GTE
	}
	return op
}

// Unwrap takes parentheses off.
func Unwrap(expr parser.Expr) parser.Expr {
	for {
		p, ok := expr.(*parser.ParenExpr)
		if !ok {
			return expr
		}
		expr = p.Expr
	}
}
