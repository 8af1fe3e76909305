package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/alerting/ruleset"
)

// Options say which rules are evaluated, over which time.
type Options struct {
	Set *ruleset.Set
	// Alerts are the names of those that matter, none for all.
	Alerts   []string
	From, To time.Time
	// Oldest, unless zero, is from when on anything is stored.
	Oldest time.Time
	// Interval is that of groups that name none, Step, unless 0, that of all.
	Interval, Step time.Duration
	// MaxSamples, Lookback and Subquery are the engine's: how many samples a query may hold, for how long a sample counts, and
	// the step of subqueries that name none.
	MaxSamples         int
	Lookback, Subquery time.Duration
	ExternalLabels     labels.Labels
	ExternalURL        *url.URL
	// Progress, if any, is told now and then how far it is, from 0 to 1.
	Progress func(share float64, at time.Time, fired int)
}

// Fired is an alert that would have fired.
type Fired struct {
	Alert string
	// File and Line are where its rule stands.
	File string
	Line int
	// Labels are all of its labels but the name.
	Labels      map[string]string
	Annotations map[string]string
	// Active is since when the expression held, Fired is after "for". Both are zero where that was before the time that was
	// asked for.
	Active, Fired time.Time
	// Resolved is zero where it fires at the end.
	Resolved time.Time
	// Value is that of the expression when it fired.
	Value float64
}

// Failure is a rule that could not be evaluated, at times.
type Failure struct {
	File  string
	Line  int
	Rule  string
	Times int
	First time.Time
	Err   error
}

// Result is what rules made of the past.
type Result struct {
	// Fired are alerts in the order in which they fired.
	Fired    []Fired
	Failures []Failure
	// Rules and Evaluations count what was evaluated.
	Rules, Evaluations int
	From, To           time.Time
}

// replay is rules on their way through the past.
type replay struct {
	Options
	plan   *plan
	query  *querying
	past   *past
	groups []*group
	result *Result
	told   time.Time
	at     time.Time // the instant that is evaluated
}

// interrupted is the error of a replay that was asked to end.
type interrupted struct {
	at    time.Time
	of    Options
	cause error
}

func (i *interrupted) Error() string {
	return fmt.Sprintf("interrupted while rules were evaluated at %s, on the way from %s to %s",
		i.at.Format(time.RFC3339), i.of.From.Format(time.RFC3339), i.of.To.Format(time.RFC3339))
}

func (i *interrupted) Unwrap() error { return i.cause }

type group struct {
	*groupPlan
	next  time.Time
	rules []*rule
}

type rule struct {
	*rulePlan
	group    *rules.Group // upstream's, with nothing but this rule
	upstream rules.Rule
	alert    *rules.AlertingRule // nil: it records
	ahead    *ahead              // nil: its results are not known in advance
	idle     bool                // its last evaluation found nothing
	firing   map[uint64]int      // by labels, in Result.Fired
	failure  *Failure
}

// Replay evaluates rules over what is stored.
func Replay(ctx context.Context, stored storage.Queryable, o Options) (result *Result, err error) {
	if !o.From.Before(o.To) {
		return nil, fmt.Errorf("want --from before --to; got %s and %s", o.From.Format(time.RFC3339), o.To.Format(time.RFC3339))
	}
	p, err := newPlan(o.Set, o)
	if err != nil {
		return nil, err
	}
	if len(p.groups) == 0 {
		return nil, errors.New("there are no rules to evaluate")
	}
	s, err := newPast(stored, p)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r := &replay{Options: o, plan: p, query: newQuerying(engine(o, o.MaxSamples), engine(o, min(o.MaxSamples, atOnce)), s), past: s, result: &Result{From: o.From, To: o.To}, told: time.Now()}
	r.makeGroups()
	if err := r.run(ctx); err != nil {
		if ctx.Err() != nil {
			err = &interrupted{at: r.at.In(o.To.Location()), of: o, cause: err}
		}
		return nil, err
	}
	return r.finish(), nil
}

func engine(o Options, samples int) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger: promslog.NewNopLogger(), MaxSamples: samples, Timeout: time.Hour, LookbackDelta: o.Lookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return o.Subquery.Milliseconds() }, EnableAtModifier: true, EnableNegativeOffset: true,
	})
}

func (r *replay) makeGroups() {
	opts := &rules.ManagerOptions{
		QueryFunc: r.query.query, Appendable: r.past, Queryable: r.past, ExternalURL: r.ExternalURL, Logger: promslog.NewNopLogger(),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, Context: context.Background(), Metrics: rules.NewGroupMetrics(nil),
	}
	external := ""
	if r.ExternalURL != nil {
		external = r.ExternalURL.String()
	}
	for _, g := range r.plan.groups {
		made := &group{groupPlan: g, next: r.begin(g)}
		for _, of := range g.rules {
			one := &rule{rulePlan: of, firing: map[uint64]int{}}
			if of.def.Alert != "" {
				one.alert = rules.NewAlertingRule(of.def.Alert, of.expr, time.Duration(of.def.For), time.Duration(of.def.KeepFiringFor), of.labels,
					labels.FromMap(of.def.Annotations), r.ExternalLabels, external, true, promslog.NewNopLogger())
				one.upstream = one.alert
			} else {
				one.upstream = rules.NewRecordingRule(of.def.Record, of.expr, of.labels)
			}
			offset := (*time.Duration)(g.def.QueryOffset)
			one.group = rules.NewGroup(rules.GroupOptions{
				Name: g.def.Name, File: g.file, Interval: g.interval, Limit: g.def.Limit, Rules: []rules.Rule{one.upstream}, Opts: opts, QueryOffset: offset,
			})
			if !r.plan.readsMade(of) && !of.reads.fixed {
				one.ahead = r.query.plan(of.expr.String(), g.interval, one.group.QueryOffset(), r.To)
			}
			made.rules = append(made.rules, one)
			r.result.Rules++
		}
		r.groups = append(r.groups, made)
	}
}

// begin is when a group is evaluated first: so that it is evaluated at the beginning of what is asked for, and as early
// before it as its alerts need, and once more, which tells what begins then from what has begun; but not before anything
// is stored.
func (r *replay) begin(g *groupPlan) time.Time {
	early := g.early + g.interval
	if !r.Oldest.IsZero() {
		early = max(0, min(early, r.From.Sub(r.Oldest)))
	}
	return r.From.Add(-(early + g.interval - 1) / g.interval * g.interval)
}

// run evaluates groups in the order of their instants, at the same instant in that of the files.
func (r *replay) run(ctx context.Context) error {
	begin := r.groups[0].next
	for _, g := range r.groups {
		if g.next.Before(begin) {
			begin = g.next
		}
	}
	for {
		due := slices.MinFunc(r.groups, func(a, b *group) int { return a.next.Compare(b.next) })
		if due.next.After(r.To) {
			return nil
		}
		at := due.next
		r.at = at
		for _, one := range due.rules {
			if err := r.evaluate(ctx, due, one, at); err != nil {
				return err
			}
		}
		due.next = at.Add(due.interval)
		const often = 500 * time.Millisecond
		if r.Progress != nil && time.Since(r.told) > often {
			r.told = time.Now()
			r.Progress(float64(at.Sub(begin))/float64(r.To.Sub(begin)), at, len(r.result.Fired))
		}
	}
}

// evaluate evaluates a rule, unless it is known that it finds as little as before.
func (r *replay) evaluate(ctx context.Context, g *group, one *rule, at time.Time) error {
	r.result.Evaluations++
	if one.ahead != nil && (one.alert == nil || one.alert.ActiveAlertsCount() == 0) {
		nothing, err := r.query.nothing(ctx, one.ahead, at.Add(-one.group.QueryOffset()))
		if err != nil {
			return err
		}
		if nothing && one.idle {
			return nil
		}
		one.idle = nothing
	}
	one.group.Eval(ctx, at)
	r.look(g, one, at)
	return ctx.Err()
}

// look notes what an evaluation has changed.
func (r *replay) look(g *group, one *rule, at time.Time) {
	if err := one.upstream.LastError(); err != nil {
		if one.failure == nil {
			one.failure = &Failure{File: g.file, Line: one.line, Rule: one.def.Alert + one.def.Record, First: at, Err: err}
		}
		one.failure.Times++
	}
	if one.alert == nil || len(one.firing) == 0 && one.alert.ActiveAlertsCount() == 0 {
		return
	}
	still := map[uint64]bool{}
	one.alert.ForEachActiveAlert(func(a *rules.Alert) {
		if a.State != rules.StateFiring {
			return
		}
		key := a.Labels.Hash()
		still[key] = true
		if _, known := one.firing[key]; known {
			return
		}
		one.firing[key] = len(r.result.Fired)
		all := a.Labels.Map()
		delete(all, labels.AlertName)
		r.result.Fired = append(r.result.Fired, Fired{
			Alert: one.def.Alert, File: g.file, Line: one.line, Labels: all, Annotations: a.Annotations.Map(), Active: a.ActiveAt, Fired: a.FiredAt, Value: a.Value,
		})
	})
	for key, i := range one.firing {
		if !still[key] {
			r.result.Fired[i].Resolved = at
			delete(one.firing, key)
		}
	}
}

// finish leaves out what was over before the time that was asked for, and the beginnings of what began before.
func (r *replay) finish() *Result {
	r.result.Fired = slices.DeleteFunc(r.result.Fired, func(f Fired) bool { return !f.Resolved.IsZero() && !f.Resolved.After(r.From) })
	for i := range r.result.Fired {
		if f := &r.result.Fired[i]; f.Fired.Before(r.From) {
			f.Active, f.Fired = time.Time{}, time.Time{}
		}
	}
	slices.SortStableFunc(r.result.Fired, func(a, b Fired) int {
		return cmp.Or(a.Fired.Compare(b.Fired), cmp.Compare(a.Alert, b.Alert), labels.Compare(labels.FromMap(a.Labels), labels.FromMap(b.Labels)))
	})
	for _, g := range r.groups {
		for _, one := range g.rules {
			if one.failure != nil {
				r.result.Failures = append(r.result.Failures, *one.failure)
			}
		}
	}
	return r.result
}
