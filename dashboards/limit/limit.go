package limit

import (
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/belfry-city/belfry/alerting/ruleset"
)

// Levels are where each severity begins, in the metric's unit; NaN: nowhere.
type Levels struct {
	Info, Warning, Critical float64
}

// Bounds are the default limits of one metric. Either tells that Above is meant of
// the amount, whichever its sign.
type Bounds struct {
	Above, Below Levels
	Either       bool
}

// None has no limit.
func None() Bounds {
	nowhere := Levels{Info: math.NaN(), Warning: math.NaN(), Critical: math.NaN()}
	return Bounds{Above: nowhere, Below: nowhere}
}

type key struct{ domain, metric string }

// Table has the bounds of each metric that a rule compares with a number, by the
// domain of the rule: water is deeper on a road than in a tunnel before it is one.
type Table map[key]Bounds

// Read takes the limits out of the rule files at the top of files.
func Read(files fs.FS) (Table, error) {
	set, err := ruleset.Load(nil, files)
	if err != nil {
		return nil, fmt.Errorf("read limits of rules: %w", err)
	}
	t := Table{}
	for _, group := range set.Groups() {
		for _, rule := range group.Rules {
			if rule.Alert {
				t.add(rule)
			}
		}
	}
	return t, nil
}

// Of returns the bounds of a metric. That no rule compares it with a number is an
// error: who asks expects one.
func (t Table) Of(domain, metric string) (Bounds, error) {
	b, ok := t[key{domain, metric}]
	if !ok {
		return None(), fmt.Errorf("no rule of the domain %s compares %s with a number", domain, metric)
	}
	return b, nil
}

// add takes up the limits of a rule that is about one metric. Which it is, the label
// quantity says, where there is one: a rule about fans reads carbon monoxide too.
func (t Table) add(rule ruleset.Rule) {
	quantity := rule.Labels["quantity"]
	if strings.Contains(quantity, "{{") {
		quantity = "" // whatever metric the score is of
	}
	all := comparisons(rule.Expr, quantity)
	if quantity == "" && slices.ContainsFunc(all, func(c comparison) bool { return c.metric != all[0].metric }) {
		return
	}
	for _, c := range all {
		if quantity != "" && c.metric != quantity {
			continue
		}
		k := key{rule.Labels["domain"], c.metric}
		b, ok := t[k]
		if !ok {
			b = None()
		}
		if b.set(c.op, rule.Labels["severity"], c.value) {
			b.Either = b.Either || c.either
			t[k] = b
		}
	}
}

// comparison is one of a metric with a number.
type comparison struct {
	metric string
	either bool
	op     parser.ItemType
	value  float64
}

func comparisons(e parser.Expr, quantity string) []comparison {
	var out []comparison
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		b, ok := n.(*parser.BinaryExpr)
		if !ok || !b.Op.IsComparisonOperator() {
			return nil
		}
		value, constant := number(b.RHS)
		metric, either := judged(b.LHS, quantity)
		if constant && metric != "" {
			out = append(out, comparison{metric, either, b.Op, value})
		}
		return nil
	})
	return out
}

// set takes up one comparison, and says whether it is a limit.
func (b *Bounds) set(op parser.ItemType, severity string, value float64) bool {
	var side *Levels
	switch op {
	case parser.GTR, parser.GTE:
		side = &b.Above
	case parser.LSS, parser.LTE:
		side = &b.Below
	default:
		return false
	}
	switch severity {
	case "critical":
		side.Critical = value
	case "warning":
		side.Warning = value
	case "info":
		side.Info = value
	default:
		return false
	}
	return true
}

func number(e parser.Expr) (float64, bool) {
	switch e := e.(type) {
	case *parser.NumberLiteral:
		return e.Val, true
	case *parser.ParenExpr:
		return number(e.Expr)
	case *parser.UnaryExpr:
		v, ok := number(e.Expr)
		if e.Op == parser.SUB {
			v = -v
		}
		return v, ok
	case *parser.BinaryExpr:
		a, okA := number(e.LHS)
		b, okB := number(e.RHS)
		return a * b, okA && okB && e.Op == parser.MUL
	}
	return 0, false
}

// judged names the one metric that an expression is about, and says whether its
// sign is taken off. What has gone by since is the rule's quantity.
func judged(e parser.Expr, quantity string) (metric string, either bool) {
	switch e := e.(type) {
	case *parser.VectorSelector:
		return e.Name, false
	case *parser.MatrixSelector:
		return judged(e.VectorSelector, quantity)
	case *parser.ParenExpr:
		return judged(e.Expr, quantity)
	case *parser.AggregateExpr:
		return judged(e.Expr, quantity)
	case *parser.BinaryExpr:
		if now, ok := e.LHS.(*parser.Call); ok && e.Op == parser.SUB && now.Func.Name == "time" {
			return quantity, false
		}
	case *parser.Call:
		switch e.Func.Name {
		case "abs":
			metric, _ = judged(e.Args[0], quantity)
			return metric, true
		case "last_over_time", "max_over_time", "min_over_time", "avg_over_time":
			return judged(e.Args[0], quantity)
		}
	}
	return "", false
}
