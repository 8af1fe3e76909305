package evaluate

import (
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/belfry-city/belfry/alerting/ruleset"
)

// alertRule is what enrichment has to know of an alerting rule.
type alertRule struct {
	labels   map[string]string
	hold     time.Duration
	interval time.Duration
	// comparisons are the conditions on the alert's value, in the text's order.
	comparisons []comparison
	// reads is the first series that the expression reads, or nil.
	reads *parser.VectorSelector
	// notOnSeries are labels that alerts may have and the series read have not.
	notOnSeries map[string]bool
}

type ruleKey struct{ name, expr string }

// ruleIndex finds the rule of an alert. It does not change once it is made.
type ruleIndex map[ruleKey][]*alertRule

func indexRules(set *ruleset.Set, interval time.Duration) ruleIndex {
	index := ruleIndex{}
	for _, g := range set.Groups() {
		if g.Interval == 0 {
			g.Interval = interval
		}
		for _, r := range g.Rules {
			if !r.Alert {
				continue
			}
			rule := &alertRule{
				labels:      r.Labels,
				hold:        r.For,
				interval:    g.Interval,
				comparisons: comparisons(r.Expr),
				reads:       firstSeries(r.Expr),
				notOnSeries: map[string]bool{labels.AlertName: true},
			}
			for name := range r.Labels {
				rule.notOnSeries[name] = true
			}
			for _, name := range madeLabels(r.Expr) {
				rule.notOnSeries[name] = true
			}
			key := ruleKey{r.Name, r.Expr.String()}
			index[key] = append(index[key], rule)
		}
	}
	return index
}

// with has the rules of both, this one's first.
func (x ruleIndex) with(other ruleIndex) ruleIndex {
	both := make(ruleIndex, len(x)+len(other))
	for _, index := range []ruleIndex{x, other} {
		for key, rules := range index {
			both[key] = append(both[key], rules...)
		}
	}
	return both
}

// find returns the rule that raised an alert. Rules of the same name and
// expression are told apart by their labels; where even those are alike, it
// makes no difference to the page which one it was.
func (x ruleIndex) find(expr string, alert labels.Labels) *alertRule {
	rules := x[ruleKey{alert.Get(labels.AlertName), expr}]
	for _, r := range rules {
		if r.labelled(alert) {
			return r
		}
	}
	if len(rules) > 0 {
		return rules[0]
	}
	return nil
}

func (r *alertRule) labelled(alert labels.Labels) bool {
	for name, value := range r.labels {
		if !strings.Contains(value, "{{") && alert.Get(name) != value {
			return false
		}
	}
	return true
}
