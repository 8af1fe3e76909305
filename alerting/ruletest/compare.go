package ruletest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

// alert is an alert that fires, or that is to.
type alert struct{ labels, annotations labels.Labels }

func (a alert) equal(b alert) bool {
	return labels.Equal(a.labels, b.labels) && labels.Equal(a.annotations, b.annotations)
}

func compareAlerts(a, b alert) int {
	if c := labels.Compare(a.labels, b.labels); c != 0 {
		return c
	}
	return labels.Compare(a.annotations, b.annotations)
}

// lines spells the alert as a test file would.
func (a alert) lines() []string {
	lines := []string{"labels:"}
	a.labels.Range(func(l labels.Label) {
		if l.Name != labels.AlertName { // which test files do not write
			lines = append(lines, fmt.Sprintf("  %s: %q", l.Name, l.Value))
		}
	})
	if len(lines) == 1 {
		lines = []string{"labels: {}"}
	}
	if a.annotations.Len() > 0 {
		lines = append(lines, "annotations:")
		a.annotations.Range(func(l labels.Label) { lines = append(lines, fmt.Sprintf("  %s: %q", l.Name, l.Value)) })
	}
	return lines
}

func (r *running) checkAlert(c alertCase) {
	var want, got []alert
	for _, e := range c.expected {
		b := labels.NewBuilder(labels.FromMap(e.labels))
		b.Set(labels.AlertName, c.name)
		want = append(want, alert{b.Labels(), labels.FromMap(e.annotations)})
	}
	for _, g := range r.groups {
		for _, rule := range g.Rules() {
			alerting, ok := rule.(*rules.AlertingRule)
			if !ok || alerting.Name() != c.name {
				continue
			}
			for _, a := range alerting.ActiveAlerts() {
				if a.State == rules.StateFiring {
					got = append(got, alert{a.Labels.Copy(), a.Annotations.Copy()})
				}
			}
		}
	}
	slices.SortFunc(want, compareAlerts)
	slices.SortFunc(got, compareAlerts)
	if slices.EqualFunc(want, got, alert.equal) {
		return
	}
	r.fail(c.line, "alert %s at %s: %s", c.name, model.Duration(c.at), difference(want, got, alert.equal, alert.lines))
}

// sample is what an expression gives, or is to give.
type sample struct {
	labels    labels.Labels
	value     float64
	histogram string // in upstream's test language; empty where value counts
}

func compareSamples(a, b sample) int { return labels.Compare(a.labels, b.labels) }

func (s sample) lines() []string {
	value := s.histogram
	if value == "" {
		value = strconv.FormatFloat(s.value, 'g', -1, 64)
	}
	return []string{s.labels.String() + " " + value}
}

func (r *running) equalSamples(a, b sample) bool {
	if !labels.Equal(a.labels, b.labels) || a.histogram != b.histogram {
		return false
	}
	return a.value == b.value ||
		r.fuzzy && (math.Nextafter(a.value, math.Inf(-1)) == b.value || math.Nextafter(a.value, math.Inf(1)) == b.value)
}

func (r *running) checkExprs() {
	for _, c := range r.exprs {
		got, err := r.ask(c)
		if err != nil {
			r.fail(c.line, "expr %s at %s: %v", c.expr, model.Duration(c.at), err)
			continue
		}
		want, ok := r.expected(c)
		if !ok {
			continue
		}
		slices.SortFunc(want, compareSamples)
		slices.SortFunc(got, compareSamples)
		if slices.EqualFunc(want, got, r.equalSamples) {
			continue
		}
		text := difference(want, got, r.equalSamples, sample.lines)
		if slices.ContainsFunc(want, func(s sample) bool { return math.IsNaN(s.value) }) {
			text += "\n    NaN equals nothing, not even NaN: ask for EXPR != EXPR instead, which is there where it is NaN"
		}
		r.fail(c.line, "expr %s at %s: %s", c.expr, model.Duration(c.at), text)
	}
}

func (r *running) ask(c exprCase) ([]sample, error) {
	query, err := r.loader.QueryEngine().NewInstantQuery(r.loader.Context(), r.loader.Queryable(), nil, c.expr, r.start.Add(c.at))
	if err != nil {
		return nil, err
	}
	defer query.Close()
	result := query.Exec(r.loader.Context())
	if result.Err != nil {
		return nil, result.Err
	}
	var samples []sample
	switch v := result.Value.(type) {
	case promql.Vector:
		for _, s := range v {
			samples = append(samples, sample{s.Metric.Copy(), s.F, promqltest.HistogramTestExpression(s.H)})
		}
	case promql.Scalar:
		samples = append(samples, sample{value: v.V})
	default:
		return nil, fmt.Errorf("want an expression that gives a vector or a number; this gives a %s", v.Type())
	}
	return samples, nil
}

// expected reads the samples of a case; it has failed where that is not
// possible.
func (r *running) expected(c exprCase) (samples []sample, ok bool) {
	for _, e := range c.expected {
		metric, err := r.parser.ParseMetric(e.labels)
		if err != nil {
			r.fail(e.line, "labels %q: %v; write a series such as up{asset=\"W17\"}", e.labels, err)
			return nil, false
		}
		s := sample{labels: metric, value: e.value}
		if e.histogram != "" {
			if s.histogram, err = r.readHistogram(e.histogram); err != nil {
				r.fail(e.line, "histogram %q: %v; write one such as {{schema:1 sum:3 count:2 buckets:[1 1]}}", e.histogram, err)
				return nil, false
			}
		}
		samples = append(samples, s)
	}
	return samples, true
}

func (r *running) readHistogram(text string) (string, error) {
	_, values, err := r.parser.ParseSeriesDesc("{} " + text)
	switch {
	case err != nil:
		return "", err
	case len(values) != 1:
		return "", fmt.Errorf("want one value; got %d", len(values))
	case values[0].Histogram == nil:
		return "", errors.New("want a histogram; got a number")
	}
	return promqltest.HistogramTestExpression(values[0].Histogram), nil
}

// difference says what is missing and what is too much; both are sorted. What
// is as expected is counted.
func difference[T any](want, got []T, equal func(a, b T) bool, lines func(T) []string) string {
	same := 0
	for i := 0; i < len(want); i++ {
		if j := slices.IndexFunc(got, func(g T) bool { return equal(want[i], g) }); j >= 0 {
			want, got = slices.Delete(slices.Clone(want), i, i+1), slices.Delete(slices.Clone(got), j, j+1)
			same++
			i--
		}
	}
	var b strings.Builder
	b.WriteString("not as expected (- expected, + got)")
	if same > 0 {
		fmt.Fprintf(&b, ", besides %d as expected", same)
	}
	b.WriteString(":")
	for _, line := range diff(all(want, lines), all(got, lines)) {
		b.WriteString("\n    " + line)
	}
	return b.String()
}

func all[T any](of []T, lines func(T) []string) (text []string) {
	for _, one := range of {
		text = append(text, lines(one)...)
	}
	return text
}
