package evaluate

import (
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// alertRule is what enrichment has to know of an alerting rule.
type alertRule struct {
	hold     time.Duration
	interval time.Duration
	// comparisons are the conditions on the alert's value, in the text's order.
	comparisons []comparison
	// reads is the first series that the expression reads, or nil.
	reads *parser.VectorSelector
	// notOnSeries are labels that alerts may have and the series read have not.
	notOnSeries map[string]bool
}

func newAlertRule(expr parser.Expr, hold, interval time.Duration, own labels.Labels) *alertRule {
	rule := &alertRule{
		hold:        hold,
		interval:    interval,
		comparisons: comparisons(expr),
		reads:       firstSeries(expr),
		notOnSeries: map[string]bool{labels.AlertName: true},
	}
	own.Range(func(l labels.Label) { rule.notOnSeries[l.Name] = true })
	for _, name := range madeLabels(expr) {
		rule.notOnSeries[name] = true
	}
	return rule
}
