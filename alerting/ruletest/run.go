package ruletest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"

	"github.com/belfry-city/belfry/alerting/ruleset"
)

// suite is what the tests of a file have in common.
type suite struct {
	file   string
	set    *ruleset.Set
	parser parser.Parser
	step   time.Duration
	order  []located
	fuzzy  bool
	debug  bool
}

// running is one test that is being run.
type running struct {
	*suite
	*test
	loader   *promqltest.LazyLoader
	groups   []*rules.Group
	start    time.Time
	failures []string
	dumped   strings.Builder
}

// fail notes what is wrong with the test, on a line of the test file.
func (r *running) fail(line int, format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf("%s:%d: test %q: ", r.file, line, r.name)+fmt.Sprintf(format, args...))
}

func (s *suite) run(ctx context.Context, t *test) Test {
	r := &running{suite: s, test: t, start: time.Unix(0, 0).UTC()}
	r.run(ctx)
	return Test{Name: t.name, Checks: len(t.alerts) + len(t.exprs), Failures: r.failures, Debug: r.dumped.String()}
}

func (r *running) run(ctx context.Context) {
	t := r.test
	if !t.start.IsZero() {
		r.start = t.start
	}
	for _, a := range t.alerts {
		if a.name == "" {
			r.fail(a.line, "alert_rule_test: want an alertname")
			return
		}
	}
	loader, err := promqltest.NewLazyLoader(t.load(), promqltest.LazyLoaderOpts{
		EnableAtModifier: true, EnableNegativeOffset: true, StartTime: t.start,
	})
	if err != nil {
		r.failInput(err)
		return
	}
	loader.SubqueryInterval = r.step
	r.loader = loader
	defer func() {
		if err := loader.Close(); err != nil {
			r.fail(t.line, "closing the test's storage: %v", err)
		}
	}()
	if r.loadGroups(); len(r.failures) == 0 && r.evaluate(ctx) {
		r.checkExprs()
		r.dump()
	}
}

// failInput finds the series that upstream could not read.
func (r *running) failInput(err error) {
	line := r.line
	var (
		one  *parser.ParseErr
		many parser.ParseErrors
	)
	at := 0 // of upstream's command, the first line of which is no series
	switch {
	case errors.As(err, &one):
		at = one.LineOffset
		err = one.Err
	case errors.As(err, &many) && len(many) > 0:
		at = many[0].LineOffset
		err = many[0].Err
	}
	if at >= 1 && at <= len(r.series) {
		line = r.series[at-1].line
		r.fail(line, "input_series: %v, in %q; write a series such as up{asset=\"W17\"} and values such as 0 1+1x5 _ stale", err, r.series[at-1].notation())
		return
	}
	r.fail(line, "input_series: %v", err)
}

func (r *running) loadGroups() {
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:   rules.EngineQueryFunc(r.loader.QueryEngine(), r.loader.Storage()),
		Appendable:  r.loader.Storage(),
		Context:     r.loader.Context(),
		NotifyFunc:  func(context.Context, string, ...*rules.Alert) {},
		Logger:      promslog.NewNopLogger(),
		Parser:      r.parser,
		GroupLoader: r.set,
	})
	loaded, errs := manager.LoadGroups(r.interval, labels.FromMap(r.externalLabels), r.externalURL, nil, false, r.set.Sources()...)
	for _, err := range errs {
		r.fail(r.line, "%v", err)
	}
	for _, g := range r.set.Groups() {
		group := loaded[rules.GroupKey(g.File, g.Name)]
		if group == nil {
			continue // there were errors
		}
		r.groups = append(r.groups, group)
		for _, rule := range group.Rules() {
			if alert, ok := rule.(*rules.AlertingRule); ok {
				alert.SetRestored(true) // else the first evaluations write no ALERTS
			}
		}
	}
	// Groups that are not mentioned may come anywhere.
	place := func(g *rules.Group) int {
		return max(0, slices.IndexFunc(r.order, func(l located) bool { return l.text == g.Name() }))
	}
	slices.SortStableFunc(r.groups, func(a, b *rules.Group) int { return cmp.Compare(place(a), place(b)) })
}

// evaluate takes the rules through the time of the test, and looks at its
// alerts on the way. It reports whether all rules could be evaluated.
func (r *running) evaluate(ctx context.Context) bool {
	cases := slices.Clone(r.alerts)
	slices.SortStableFunc(cases, func(a, b alertCase) int { return cmp.Compare(a.at, b.at) })
	end := r.start.Add(r.until())
	for now := r.start; !now.After(end); now = now.Add(r.step) {
		if ctx.Err() != nil {
			r.fail(r.line, "not finished: %v", ctx.Err())
			return false
		}
		before := len(r.failures)
		r.loader.WithSamplesTill(now, func(err error) {
			if err != nil {
				r.fail(r.line, "input_series: storing the samples until %s: %v", model.Duration(now.Sub(r.start)), err)
				return
			}
			r.evaluateAll(now)
		})
		if len(r.failures) > before {
			return false
		}
		for len(cases) > 0 && cases[0].at < now.Sub(r.start)+r.step {
			r.checkAlert(cases[0])
			cases = cases[1:]
		}
	}
	return true
}

func (r *running) evaluateAll(now time.Time) {
	for _, g := range r.groups {
		g.Eval(r.loader.Context(), now)
		for i, rule := range g.Rules() {
			if err := rule.LastError(); err != nil {
				r.fail(r.line, "at %s, %s:%d: rule %q: %v", model.Duration(now.Sub(r.start)), g.File(), r.lineOf(g, i), rule.Name(), err)
			}
		}
	}
}

// lineOf is where a rule of a group stands in its file.
func (r *running) lineOf(g *rules.Group, rule int) int {
	for _, of := range r.set.Groups() {
		if of.File == g.File() && of.Name == g.Name() && rule < len(of.Rules) {
			return of.Rules[rule].Line
		}
	}
	return 1
}

// dump writes all that there is at the end of the test.
func (r *running) dump() {
	if !r.debug {
		return
	}
	// A range has whole seconds in PromQL, eval_time need not.
	all := (r.until() + time.Second).Truncate(time.Second)
	fmt.Fprintf(&r.dumped, "%s:%d: test %q: input_series and what rules made of them, until %s:\n", r.file, r.line, r.name, model.Duration(all))
	query, err := r.loader.QueryEngine().NewInstantQuery(r.loader.Context(), r.loader.Queryable(), nil,
		fmt.Sprintf(`{__name__=~".+"}[%s]`, model.Duration(all)), r.start.Add(all))
	if err != nil {
		fmt.Fprintln(&r.dumped, "  ", err)
		return
	}
	defer query.Close()
	result := query.Exec(r.loader.Context())
	if result.Err != nil {
		fmt.Fprintln(&r.dumped, "  ", result.Err)
		return
	}
	series, _ := result.Value.(promql.Matrix)
	slices.SortFunc(series, func(a, b promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
	for _, s := range series {
		fmt.Fprintf(&r.dumped, "  %s\n", s.Metric)
		for _, f := range s.Floats {
			fmt.Fprintf(&r.dumped, "    %s  %v\n", sinceStart(r.start, f.T), f.F)
		}
		for _, h := range s.Histograms {
			fmt.Fprintf(&r.dumped, "    %s  %s\n", sinceStart(r.start, h.T), promqltest.HistogramTestExpression(h.H))
		}
	}
}

func sinceStart(start time.Time, ms int64) string {
	return model.Duration(time.UnixMilli(ms).Sub(start)).String()
}
