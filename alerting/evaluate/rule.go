package evaluate

import (
	"context"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"

	"github.com/belfry-city/belfry/alerting/trigger"
)

// rule is a rule of a group and what its evaluations have found.
type rule struct {
	group *group
	name  string
	// record is whether its result is stored instead of raising alerts.
	record      bool
	expr        parser.Expr
	text        string // of expr
	hold, keep  time.Duration
	labels      labels.Labels
	annotations labels.Labels
	steady      bool // its annotations
	plan        *trigger.Plan
	evidence    *alertRule

	whole chan struct{} // holds one while all of it is evaluated
	// gone says that another rule has taken over, or none.
	gone atomic.Bool
	// took is how long the newest evaluation of all of it took, in nanoseconds.
	took atomic.Int64

	mu    sync.Mutex
	parts map[string]*part
	// newest is the instant of the newest evaluation.
	newest time.Time
	// taken is the instant of the newest evaluation of all of it.
	taken time.Time
	// reminders are when parts are to be evaluated because an alert comes due.
	reminders map[string]time.Time
	// apart are the parts that were evaluated while the whole was: nil while it
	// is not.
	apart map[string]bool

	health   rules.RuleHealth
	err      error
	duration time.Duration
	began    time.Time
}

// part is a part of a rule that has alerts, or has written series.
type part struct {
	values []string
	alerts instances
	notes  map[uint64]noted // by the hash of an alert's labels
	// written are the series that its newest evaluation has stored.
	written map[string]labels.Labels
	// patient is until when alerts of before a restart are kept while there is
	// nothing of their series to judge by.
	patient time.Time
}

const partSeparator = "\xff"

// partOf is the part that an element of the result belongs to.
func (r *rule) partOf(l labels.Labels) (key string, values []string) {
	if r.plan.By == nil {
		return "", nil
	}
	values = make([]string, len(r.plan.By))
	for i, name := range r.plan.By {
		values[i] = l.Get(name)
	}
	return strings.Join(values, partSeparator), values
}

// evaluate evaluates all of the rule at an instant, or a little later where a
// part of it has been evaluated since.
func (r *rule) evaluate(ctx context.Context, at time.Time) {
	r.whole <- struct{}{}
	defer func() { <-r.whole }()
	if r.gone.Load() {
		return
	}
	began := time.Now()
	r.mu.Lock()
	at = r.instant(at, r.group.evaluator.now())
	maps.DeleteFunc(r.reminders, func(_ string, due time.Time) bool { return !due.After(at) })
	r.apart = map[string]bool{}
	r.mu.Unlock()

	result, err := r.group.evaluator.query(ctx, r.plan.Text(nil), at.Add(-r.group.offset))

	r.took.Store(int64(time.Since(began)))
	r.mu.Lock()
	defer r.mu.Unlock()
	apart := r.apart
	r.apart = nil
	switch {
	case r.gone.Load():
		return
	case err == nil && r.record:
		err = r.store(ctx, at, result)
	case err == nil:
		r.taken = at
		err = r.take(ctx, at, r.divided(result, apart))
	}
	r.done(began, err)
}

// dear says that the rule takes so much of its interval that the others of its
// group would be late. It is evaluated apart, as often as its share allows.
func (r *rule) dear() bool {
	took := time.Duration(r.took.Load())
	return took > saved && took > r.group.interval/2
}

// instant is when to evaluate: after what has been evaluated, so that what
// resolves an alert is later than what raised it, unless the clock has been set
// back.
func (r *rule) instant(at, now time.Time) time.Time {
	at = at.Round(0) // without the monotonic clock, which a step does not move
	if !at.After(r.newest) && r.newest.Sub(now.Round(0)) < clockSlack {
		at = r.newest.Add(time.Nanosecond)
	}
	r.newest = at
	return at
}

// clockSlack is by how much evaluations are ahead of the clock at most, where it
// has not been set back: each is a nanosecond later than the one before.
const clockSlack = time.Millisecond

// divided sorts a result by parts, among them those that have alerts and none
// in the result; those that have been evaluated meanwhile know better.
func (r *rule) divided(result promql.Vector, apart map[string]bool) map[string]*found {
	all := map[string]*found{}
	for key, p := range r.parts {
		if !apart[key] {
			all[key] = &found{values: p.values}
		}
	}
	for _, sample := range result {
		key, values := r.partOf(sample.Metric)
		if apart[key] {
			continue
		}
		f, ok := all[key]
		if !ok {
			f = &found{values: values}
			all[key] = f
		}
		f.result = append(f.result, sample)
	}
	return all
}

// found is the result of one part.
type found struct {
	values []string
	result promql.Vector
}

// evaluateParts evaluates some parts now.
func (r *rule) evaluateParts(ctx context.Context, parts map[string]*found) {
	if r.gone.Load() {
		return
	}
	began := time.Now()
	r.mu.Lock()
	now := r.group.evaluator.now()
	at := r.instant(now, now)
	for key := range parts {
		if remind, ok := r.reminders[key]; ok && !remind.After(at) {
			delete(r.reminders, key)
		}
		if r.apart != nil {
			r.apart[key] = true
		}
	}
	r.mu.Unlock()
	var failed error
	for key, f := range parts {
		var err error
		if f.result, err = r.group.evaluator.query(ctx, r.plan.Text(f.values), at.Add(-r.group.offset)); err != nil {
			failed = err
			delete(parts, key)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone.Load() || r.taken.After(at) {
		return // all of it has been evaluated since
	}
	if err := r.take(ctx, at, parts); err != nil {
		failed = err
	}
	r.done(began, failed)
}

// take steps the alerts of parts, stores what they are, and sends what is to be
// sent.
func (r *rule) take(ctx context.Context, at time.Time, parts map[string]*found) (err error) {
	e := r.group.evaluator
	out := e.newOutput(ctx, at.Add(-r.group.offset))
	var told []*rules.Alert
	written := map[*part]map[string]labels.Labels{}
	differs := false
	for key, f := range parts {
		p := r.parts[key]
		switch {
		case p == nil && len(f.result) == 0:
			continue
		case p == nil:
			p = &part{values: f.values, alerts: instances{}}
			r.parts[key] = p
		}
		before := p.alerts.fingerprint()
		again := false
		result, failed := r.raise(ctx, p, f.result, at)
		if failed == nil {
			again, failed = p.alerts.step(at, result, e.unheard(ctx, r, p, result, at), r.hold, r.keep, r.group.limit)
			differs = differs || failed != nil
		}
		if failed != nil {
			err = failed
			continue
		}
		told = append(told, p.alerts.send(at, r.group.interval)...)
		differs = differs || p.alerts.fingerprint() != before
		written[p] = p.written
		r.write(out, p)
		r.remind(key, p)
		if again {
			e.schedule.at(at.Add(time.Millisecond), r, p.values)
		}
	}
	if len(told) > 0 {
		e.notify(ctx, r, told)
	}
	if differs {
		e.state.changed()
	}
	if failed := out.committed(written); failed != nil {
		return failed
	}
	for key := range parts {
		if p := r.parts[key]; p != nil && len(p.alerts) == 0 && len(p.written) == 0 {
			delete(r.parts, key)
		}
	}
	return err
}

// remind has the part evaluated again when one of its alerts comes due.
func (r *rule) remind(key string, p *part) {
	var first time.Time
	for _, a := range p.alerts {
		// What was due already has had its evaluation, and waits for something else.
		if at := due(a, r.hold, r.keep); at.After(r.newest) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if before, ok := r.reminders[key]; first.IsZero() || ok && before.After(r.newest) && !first.Before(before) {
		return // it is looked at before, and then again
	}
	r.reminders[key] = first
	r.group.evaluator.schedule.at(first, r, p.values)
}

func (r *rule) done(began time.Time, err error) {
	r.began, r.duration, r.err, r.health = began, time.Since(began), err, rules.HealthGood
	if err == nil {
		return
	}
	r.health = rules.HealthBad
	if !cancelled(err) {
		r.group.evaluator.logger.Warn("Evaluating rule failed", "file", r.group.file, "group", r.group.name, "rule", r.name, "err", err)
	}
}

// same says whether the other rule can take over what this one has found.
func (r *rule) same(other *rule) bool {
	return r.name == other.name && r.record == other.record && labels.Equal(r.labels, other.labels)
}

// takeOver takes what another rule has found: its alerts, by the parts that
// they belong to now.
func (r *rule) takeOver(from *rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from.mu.Lock()
	defer from.mu.Unlock()
	r.newest, r.health, r.err, r.duration, r.began = from.newest, from.health, from.err, from.duration, from.began
	for _, p := range from.parts {
		for name, series := range p.written {
			r.part(r.partOf(series)).written[name] = series
		}
		for hash, a := range p.alerts {
			into := r.part(r.partOf(a.Labels))
			copied := *a // the other one may be shown still
			into.alerts[hash] = &copied
			if r.text == from.text { // else the series that it reads are others
				into.patient = p.patient
			}
		}
	}
	for key, p := range r.parts {
		r.remind(key, p)
	}
}

func (r *rule) part(key string, values []string) *part {
	p, ok := r.parts[key]
	if !ok {
		p = &part{values: values, alerts: instances{}, written: map[string]labels.Labels{}}
		r.parts[key] = p
	}
	return p
}
