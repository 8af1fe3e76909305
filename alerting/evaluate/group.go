package evaluate

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/alerting/trigger"
)

// group is a group of rules that are evaluated one after the other on an
// interval; each of them also when data wakes it.
type group struct {
	evaluator      *Evaluator
	file, name     string
	interval       time.Duration
	offset         time.Duration
	limit          int
	definition     string // of all that matters
	externalLabels map[string]string
	rules          []*rule
	// clock is upstream's group of the same name, without rules: it knows the
	// instants, and counts the rounds.
	clock *rules.Group
	// times has those of the clock's newest round; the clock itself is not to be
	// copied from while it runs.
	times atomic.Pointer[rules.Group]

	stop, stopped chan struct{}
	// ended are series of rules that are gone.
	ended map[string]labels.Labels
}

// newGroup makes a group of what upstream has read.
func (e *Evaluator) newGroup(set *ruleset.Set, file string, def rulefmt.RuleGroup) (*group, error) {
	g := &group{
		evaluator: e, file: file, name: def.Name, interval: time.Duration(def.Interval), limit: def.Limit,
		externalLabels: e.options.ExternalLabels.Map(), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if g.interval == 0 {
		g.interval = e.options.Interval
	}
	if def.QueryOffset != nil {
		g.offset = time.Duration(*def.QueryOffset)
	}
	for i := range def.Rules {
		r, err := g.newRule(set, def, &def.Rules[i])
		if err != nil {
			return nil, err
		}
		g.rules = append(g.rules, r)
		g.definition += r.shadow().String()
	}
	g.definition += fmt.Sprint(g.interval, g.offset, g.limit)
	g.clock = rules.NewGroup(rules.GroupOptions{
		Name: g.name, File: g.file, Interval: g.interval, Rules: []rules.Rule{newRound(g)},
		Opts: &rules.ManagerOptions{Metrics: e.groupMetrics, Logger: e.logger, Appendable: nothing{}, QueryFunc: e.query},
	})
	return g, nil
}

func (g *group) newRule(set *ruleset.Set, def rulefmt.RuleGroup, d *rulefmt.Rule) (*rule, error) {
	expr, err := set.Parse(d.Expr)
	if err != nil {
		return nil, err
	}
	r := &rule{
		group: g, name: d.Alert + d.Record, record: d.Record != "", expr: expr, text: expr.String(), hold: time.Duration(d.For),
		keep: time.Duration(d.KeepFiringFor), labels: rules.FromMaps(def.Labels, d.Labels), annotations: labels.FromMap(d.Annotations),
		steady: steady(labels.FromMap(d.Annotations)),
		parts:  map[string]*part{}, reminders: map[string]time.Time{}, whole: make(chan struct{}, 1), health: rules.HealthUnknown,
	}
	r.evidence = newAlertRule(expr, r.hold, g.interval, r.labels)
	newPlan := trigger.NewPlan
	if r.record {
		newPlan = trigger.NewValuePlan
	}
	if r.plan, err = newPlan(r.text, set.ParseAnew); err != nil {
		return nil, err
	}
	if g.limit > 0 || slices.ContainsFunc(r.plan.By, r.labels.Has) || slices.Contains(r.plan.By, labels.AlertName) {
		r.plan.Whole()
	}
	return r, nil
}

// run evaluates the group on its interval until it is stopped.
func (g *group) run(ctx context.Context) {
	defer close(g.stopped)
	now := g.evaluator.now
	slot := g.clock.EvalTimestamp(now().UnixNano()).Add(g.interval)
	wait := time.NewTimer(slot.Sub(now()))
	defer wait.Stop()
	for {
		select {
		case <-g.stop:
			return
		case <-wait.C:
		}
		g.evaluator.pace.iterate(ctx, g.clock, slot)
		times := g.evaluator.shadowGroup(g)
		times.CopyState(g.clock)
		g.times.Store(times)
		missed := now().Sub(slot) / g.interval // negative where the clock has been set back
		slot = slot.Add((missed + 1) * g.interval)
		wait.Reset(slot.Sub(now()))
	}
}

// evaluate evaluates all rules in order, at an instant, or now where that is long
// gone or far off: the clock may have been set.
func (g *group) evaluate(ctx context.Context, at time.Time) {
	if now := g.evaluator.schedule.lookAtClock(); at.Sub(now).Abs() > clockSlew {
		at = now
	}
	for _, r := range g.rules {
		select {
		case <-g.stop:
			return
		default:
		}
		if r.dear() {
			g.evaluator.schedule.whole(r)
		} else {
			r.evaluate(ctx, at)
		}
	}
	if len(g.ended) > 0 {
		g.evaluator.end(ctx, at, g.ended)
		g.ended = nil
	}
}

// end marks series as ended whose rules are gone.
func (e *Evaluator) end(ctx context.Context, at time.Time, series map[string]labels.Labels) {
	o := e.newOutput(ctx, at)
	for _, s := range series {
		o.add(s, math.Float64frombits(value.StaleNaN))
	}
	if err := o.commit(); err != nil {
		e.logger.Warn("Series of rules that are gone could not be ended", "err", err)
	}
}

// takeOver takes what the rules of an earlier group of the same name have found,
// the first of several alike by the first, and so on.
func (g *group) takeOver(from *group) {
	free := slices.Clone(from.rules)
	g.ended = from.ended
	for _, r := range g.rules {
		i := slices.IndexFunc(free, func(old *rule) bool { return old != nil && old.same(r) })
		if i < 0 {
			continue
		}
		r.takeOver(free[i])
		free[i] = nil
	}
	for _, old := range free {
		if old != nil {
			g.endSeries(old)
		}
	}
}

func (g *group) endSeries(old *rule) {
	if g.ended == nil {
		g.ended = map[string]labels.Labels{}
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	for _, p := range old.parts {
		for key, series := range p.written {
			g.ended[key] = series
		}
	}
}

// round is the one rule of a group's clock: all rules of the group.
type round struct {
	*rules.RecordingRule
	group *group
}

func newRound(g *group) *round {
	return &round{rules.NewRecordingRule(g.name, &parser.NumberLiteral{}, labels.EmptyLabels()), g}
}

// Eval implements upstream's rules.Rule.
func (r *round) Eval(ctx context.Context, _ time.Duration, at time.Time, _ rules.QueryFunc, _ *url.URL, _ int) (promql.Vector, error) {
	r.group.evaluate(ctx, at)
	return nil, nil
}

// nothing is where a round stores its result, of which there is none.
type nothing struct{}

func (nothing) Appender(context.Context) storage.Appender { return emptyTransaction{} }

type emptyTransaction struct{ storage.Appender }

func (emptyTransaction) Commit() error   { return nil }
func (emptyTransaction) Rollback() error { return nil }
