package evaluate

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
)

// Rules shows what there is in the form that upstream's HTTP API takes.
type Rules struct{ evaluator *Evaluator }

// RuleGroups implements upstream's RulesRetriever.
func (s Rules) RuleGroups() []*rules.Group {
	groups := s.evaluator.running()
	all := make([]*rules.Group, 0, len(groups))
	for _, g := range groups {
		shown := s.evaluator.shadowGroup(g, g.shadows()...)
		if times := g.times.Load(); times != nil {
			shown.CopyState(times)
		}
		all = append(all, shown)
	}
	return all
}

// AlertingRules implements upstream's RulesRetriever.
func (s Rules) AlertingRules() (all []*rules.AlertingRule) {
	for _, g := range s.evaluator.running() {
		for _, r := range g.shadows() {
			if alerting, ok := r.(*rules.AlertingRule); ok {
				all = append(all, alerting)
			}
		}
	}
	return all
}

// running are the groups, in the order of files and names.
func (e *Evaluator) running() []*group {
	e.groupsMu.Lock()
	defer e.groupsMu.Unlock()
	all := make([]*group, 0, len(e.groups))
	for _, g := range e.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *group) int {
		if c := strings.Compare(a.file, b.file); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

func (g *group) shadows() []rules.Rule {
	all := make([]rules.Rule, 0, len(g.rules))
	for _, r := range g.rules {
		all = append(all, r.shadow())
	}
	return all
}

// shadow is a rule of upstream's with the state of this one.
func (r *rule) shadow() rules.Rule {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.record {
		return r.dress(rules.NewRecordingRule(r.name, r.expr, r.labels))
	}
	alerting := rules.NewAlertingRule(r.name, r.expr, r.hold, r.keep, r.labels, r.annotations,
		r.group.evaluator.options.ExternalLabels, r.group.evaluator.options.ExternalURL.String(), true, r.group.evaluator.logger)
	r.showAlerts(alerting)
	return r.dress(alerting)
}

func (r *rule) dress(shown rules.Rule) rules.Rule {
	shown.SetHealth(r.health)
	shown.SetLastError(r.err)
	shown.SetEvaluationDuration(r.duration)
	shown.SetEvaluationTimestamp(r.began)
	return shown
}

// alerts are those of all parts.
func (r *rule) alerts() (all []*rules.Alert) {
	for _, p := range r.parts {
		for _, a := range p.alerts {
			all = append(all, a)
		}
	}
	return all
}

// shadowLabel tells the alerts of a shadow apart while they are made.
const shadowLabel = "belfry_shadow"

// showAlerts gives an upstream rule the alerts. It takes them only as results of
// an evaluation, or from a rule that is replaced by it: so one is made that has
// them, and replaced.
func (r *rule) showAlerts(shown *rules.AlertingRule) {
	alerts := r.alerts()
	if len(alerts) == 0 {
		return
	}
	donor := rules.NewAlertingRule(r.name, r.expr, 0, 0, r.labels, labels.EmptyLabels(), labels.EmptyLabels(), "", true, r.group.evaluator.logger)
	result := make(promql.Vector, len(alerts))
	for i := range alerts {
		result[i] = promql.Sample{Metric: labels.FromStrings(shadowLabel, strconv.Itoa(i))}
	}
	given := func(context.Context, string, time.Time) (promql.Vector, error) { return result, nil }
	if _, err := donor.Eval(context.Background(), 0, time.Unix(0, 0), given, &url.URL{}, 0); err != nil {
		return // its elements differ in shadowLabel, and nothing is asked of a store
	}
	donor.ForEachActiveAlert(func(a *rules.Alert) {
		if i, err := strconv.Atoi(a.Labels.Get(shadowLabel)); err == nil {
			*a = *alerts[i]
		}
	})
	r.group.evaluator.shadowGroup(r.group, shown).CopyState(r.group.evaluator.shadowGroup(r.group, donor))
}

func (e *Evaluator) shadowGroup(g *group, all ...rules.Rule) *rules.Group {
	return rules.NewGroup(rules.GroupOptions{
		Name: g.name, File: g.file, Interval: g.interval, Limit: g.limit, QueryOffset: &g.offset, Rules: all,
		Opts: &rules.ManagerOptions{Metrics: e.shadowMetrics},
	})
}
