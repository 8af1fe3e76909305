package trigger

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Plan is what is known of one expression. It does not change.
type Plan struct {
	// By are the labels by which the expression falls into parts that can be
	// evaluated alone; nil: it is evaluated as a whole.
	By []string
	// Sources are the selectors of the expression.
	Sources   []Source
	narrowing narrowing
	// whole is the text of the expression.
	whole string
}

// Source is a selector, and what of the samples of its series matters.
type Source struct {
	Matchers []*labels.Matcher
	// Limits are what the samples are compared with, where only the truth of these
	// comparisons matters, and that there are samples at all.
	Limits []Limit
	// Changes says that samples matter that differ from the one before.
	Changes bool
	// Differing says that samples may matter that differ from the one before.
	Differing bool
	// Any says that each sample may matter. With neither Limits, Changes, Differing
	// nor Any, what matters is that there are samples.
	Any bool
	// On are the labels by which samples of this source, being thresholds, are
	// found; nil: they are none.
	On []string
	// Offset is by how much later a sample counts, with `offset`.
	Offset time.Duration
	// Missed says that it matters when there have been no samples, of any series,
	// for Window; 0 stands for PromQL's lookback.
	Missed bool
	Window time.Duration
	// Newest says that of each series the newest sample is read.
	Newest bool
}

// Limit is a comparison of a sample with a constant, or with a threshold of the
// same asset.
type Limit struct {
	// Op reads as if the sample stood on the left.
	Op parser.ItemType
	// Abs says that the amount of the sample is compared.
	Abs   bool
	Value float64
	// Thresholds selects the threshold, if not nil: the one whose labels On are
	// those of the sample's series.
	Thresholds []*labels.Matcher
	On         []string
}

// holds says whether a sample meets the condition, for the value that it is
// compared with.
func (l *Limit) holds(v, limit float64) bool {
	if l.Abs {
		v = math.Abs(v)
	}
	switch l.Op {
	case parser.GTR:
		return v > limit
	case parser.GTE:
		return v >= limit
	case parser.LSS:
		return v < limit
	case parser.LTE:
		return v <= limit
	case parser.EQLC:
		return v == limit
	case parser.NEQ:
		return v != limit
	}
	return false
}

// NewPlan looks at an expression. parse makes another copy of it.
func NewPlan(text string, parse func(string) (parser.Expr, error)) (*Plan, error) {
	expr, err := parse(text)
	if err != nil {
		return nil, err
	}
	p := &Plan{By: divide(expr), whole: expr.String()}
	l := levels{}
	if l.set(expr) {
		p.Sources = l.sources
	} else {
		p.Sources = everySample(expr)
	}
	if p.By != nil {
		p.narrowing = newNarrowing(expr, p.By)
	}
	return p, nil
}

// NewValuePlan is NewPlan for an expression whose values matter too, such as that
// of a recording rule. It is evaluated as a whole.
func NewValuePlan(text string, parse func(string) (parser.Expr, error)) (*Plan, error) {
	expr, err := parse(text)
	if err != nil {
		return nil, err
	}
	return &Plan{Sources: everySample(expr), whole: expr.String()}, nil
}

// Reads says whether series of a metric may be among those of the expression.
func (p *Plan) Reads(metric string) bool {
	return slices.ContainsFunc(p.Sources, func(s Source) bool {
		return !slices.ContainsFunc(s.Matchers, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel && !m.Matches(metric) })
	})
}

// Whole makes the expression one that is evaluated as a whole.
func (p *Plan) Whole() { p.By = nil }

// Text is the expression for one part, or with no values the whole.
func (p *Plan) Text(values []string) string {
	if p.By == nil || values == nil {
		return p.whole
	}
	return p.narrowing.text(values)
}

// levels are the sources of an expression whose result depends on the truth of
// comparisons and on what there is, and on nothing else but values that alerts
// show.
type levels struct{ sources []Source }

// set looks at an expression whose elements matter, and not their values. It
// says no where it does not understand.
func (l *levels) set(expr parser.Expr) bool {
	if !partsOf(expr).reads {
		return true // samples do not change it
	}
	switch e := Unwrap(expr).(type) {
	case *parser.VectorSelector:
		if !Current(e) {
			return false
		}
		l.sources = append(l.sources, Source{Matchers: e.LabelMatchers, Newest: true})
		return true
	case *parser.Call:
		// Functions that make an element of an element.
		switch e.Func.Name {
		case "abs", "ceil", "floor", "round", "sgn", "clamp_max", "clamp_min", "sort", "sort_desc", "label_replace", "label_join":
			return l.set(e.Args[0]) && constants(e.Args[1:])
		case "absent":
			first := len(l.sources)
			if !l.set(e.Args[0]) {
				return false
			}
			for i := range l.sources[first:] {
				l.sources[first+i].Missed = true
			}
			return true
		case "absent_over_time":
			return l.missed(Unwrap(e.Args[0]))
		}
	case *parser.AggregateExpr:
		switch e.Op {
		// A group is there while there is an element in it.
		case parser.MAX, parser.MIN, parser.SUM, parser.AVG, parser.GROUP, parser.COUNT, parser.STDDEV, parser.STDVAR:
			return l.set(e.Expr)
		}
	case *parser.BinaryExpr:
		switch {
		case e.Op.IsSetOperator():
			return l.set(e.LHS) && l.set(e.RHS)
		case e.Op.IsComparisonOperator():
			return l.compare(e)
		case e.LHS.Type() == parser.ValueTypeVector && e.RHS.Type() == parser.ValueTypeVector:
			return plainMatching(e) && l.set(e.LHS) && l.set(e.RHS)
		case e.LHS.Type() == parser.ValueTypeVector:
			return constants([]parser.Expr{e.RHS}) && l.set(e.LHS)
		case e.RHS.Type() == parser.ValueTypeVector:
			return constants([]parser.Expr{e.LHS}) && l.set(e.RHS)
		}
	}
	return false
}

// missed understands absent_over_time of a selector.
func (l *levels) missed(expr parser.Expr) bool {
	m, ok := expr.(*parser.MatrixSelector)
	if !ok || m.RangeExpr != nil {
		return false
	}
	s, ok := m.VectorSelector.(*parser.VectorSelector)
	if !ok || !Current(s) {
		return false
	}
	l.sources = append(l.sources, Source{Matchers: s.LabelMatchers, Missed: true, Window: m.Range})
	return true
}

func plainMatching(e *parser.BinaryExpr) bool {
	m := e.VectorMatching
	return m != nil && m.FillValues.LHS == nil && m.FillValues.RHS == nil
}

// compare understands comparisons of a series' newest sample, or of its amount,
// with a constant or with asset_threshold, on either side.
func (l *levels) compare(e *parser.BinaryExpr) bool {
	if e.ReturnBool {
		return l.bools(e)
	}
	return l.limit(e.LHS, e.RHS, e.Op, e) || l.limit(e.RHS, e.LHS, Mirrored(e.Op), e) || l.counted(e)
}

// counted are elements whose values follow from how many other elements there
// are, such as the share of lamps that are off.
func (l *levels) counted(expr parser.Expr) bool {
	if _, ok := Constant(expr); ok {
		return true
	}
	switch e := Unwrap(expr).(type) {
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.COUNT, parser.GROUP:
			return l.set(e.Expr)
		case parser.SUM, parser.AVG, parser.MAX, parser.MIN:
			return l.counted(e.Expr)
		}
	case *parser.BinaryExpr:
		switch {
		case e.Op.IsSetOperator(), e.VectorMatching != nil && !plainMatching(e):
			return false
		case e.ReturnBool && (l.limit(e.LHS, e.RHS, e.Op, e) || l.limit(e.RHS, e.LHS, Mirrored(e.Op), e)):
			return true
		}
		return l.counted(e.LHS) && l.counted(e.RHS)
	}
	return false
}

// bools are elements whose values nobody compares again.
func (l *levels) bools(e *parser.BinaryExpr) bool {
	switch {
	case e.LHS.Type() == parser.ValueTypeVector && e.RHS.Type() == parser.ValueTypeVector:
		return plainMatching(e) && l.set(e.LHS) && l.set(e.RHS)
	case e.LHS.Type() == parser.ValueTypeVector:
		return constants([]parser.Expr{e.RHS}) && l.set(e.LHS)
	}
	return constants([]parser.Expr{e.LHS}) && l.set(e.RHS)
}

func (l *levels) limit(subject, with parser.Expr, op parser.ItemType, e *parser.BinaryExpr) bool {
	series, abs := Plain(subject)
	if series == nil {
		return false
	}
	if v, ok := Constant(with); ok {
		l.sources = append(l.sources, Source{Matchers: series.LabelMatchers, Newest: true, Limits: []Limit{{Op: op, Abs: abs, Value: v}}})
		return true
	}
	t, ok := Unwrap(with).(*parser.VectorSelector)
	if !ok || t.Name != ThresholdMetric || !Current(t) || !plainMatching(e) || !e.VectorMatching.On || len(e.VectorMatching.MatchingLabels) == 0 {
		return false
	}
	on := slices.Sorted(slices.Values(e.VectorMatching.MatchingLabels))
	l.sources = append(l.sources,
		Source{Matchers: series.LabelMatchers, Newest: true, Limits: []Limit{{Op: op, Abs: abs, Thresholds: t.LabelMatchers, On: on}}},
		Source{Matchers: t.LabelMatchers, Newest: true, Changes: true, On: on})
	return true
}

// everySample are the selectors of an expression of which each sample matters, or
// each that differs from the one before.
func everySample(expr parser.Expr) (sources []Source) {
	parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		newest := Current(s) && !slices.ContainsFunc(path, looksBack)
		source := Source{Matchers: s.LabelMatchers, Offset: max(0, s.OriginalOffset), Newest: newest}
		switch {
		case strings.HasSuffix(s.Name, "_info") || s.Name == ThresholdMetric:
			source.Changes = true // written again and again, and nearly always the same
		case newest:
			source.Differing = true
		default:
			source.Any = true
		}
		sources = append(sources, source)
		return nil
	})
	return sources
}

// looksBack says that more matters of the samples below than the newest value.
func looksBack(n parser.Node) bool {
	switch e := n.(type) {
	case *parser.MatrixSelector, *parser.SubqueryExpr:
		return true
	case *parser.Call:
		return e.Func.Name == "timestamp"
	}
	return false
}

func constants(exprs []parser.Expr) bool {
	for _, e := range exprs {
		if _, ok := Unwrap(e).(*parser.StringLiteral); ok {
			continue
		}
		if _, ok := Constant(e); !ok {
			return false
		}
	}
	return true
}
