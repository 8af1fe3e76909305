package evaluate

import (
	"container/heap"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/belfry-city/belfry/alerting/trigger"
)

const (
	// share is which part of a processor a rule may use for being woken.
	share = 0.1
	// saved is how much of its share a rule may have saved up.
	saved = 100 * time.Millisecond
	// dearest is the most that one evaluation counts for, of a rule whose evaluations
	// do not take as long usually: it may have waited for a disk, or for another
	// evaluation.
	dearest = time.Second
	// nameAgain is how long a dear rule is not complained of again.
	nameAgain = 10 * time.Minute
	// manyParts is from how many woken parts on a rule is evaluated as a whole, unless
	// that takes no longer from fewer on.
	manyParts = 64
	// longTime is from how long an evaluation takes on that others should not wait
	// for it.
	longTime = 10 * time.Millisecond
	// lookAgain is how long nothing is waited for at most: the clock may be set.
	lookAgain = time.Second
	// clockSlew is by how much the clock may differ from what it should be.
	clockSlew = 100 * time.Millisecond
)

// schedule evaluates rules when they are woken, at once or when their time
// comes. No rule uses more than its share of a processor for it, and of the
// workers some are always there for what is quickly found out and matters.
type schedule struct {
	evaluator *Evaluator
	// patientWorkers is how many workers may do what can wait.
	patientWorkers int

	mu       sync.Mutex
	patient  int // workers that do what can wait
	patience patience
	ready    []*wakened // to be evaluated, in order
	rules    map[*rule]*wakened
	timers   timers
	closed   bool
	// kick says that there is something new; it holds one.
	kick chan struct{}
	// index is told which rules are going to be evaluated as a whole, by their
	// numbers in it.
	index   *trigger.Index
	numbers map[*rule]int

	// began is when the clock was wrong by nothing, and ahead is how much that is now.
	began struct{ processor, clock time.Time }
	ahead time.Duration
}

// wakened is what is known of a rule that has been woken, or was.
type wakened struct {
	rule  *rule
	parts map[string]*found
	all   bool
	// sure is whether a result may well have changed.
	sure   bool
	queued bool
	busy   bool
	// takesAll and takesPart are how long evaluations take, of all and of one part,
	// the newest ones counting more; 0: none has been yet.
	takesAll, takesPart time.Duration
	// credit is what is left of the rule's share.
	credit credit
	named  time.Time // when it was last complained of
}

func newSchedule(e *Evaluator) *schedule {
	s := &schedule{
		evaluator: e, patientWorkers: workers() / 2, rules: map[*rule]*wakened{}, kick: make(chan struct{}, 1),
	}
	s.patience = newPatience(e.options.Storing)
	s.began.processor, s.began.clock = time.Now(), e.now().Round(0)
	return s
}

// workers is how many evaluate what is woken.
func workers() int { return max(2, runtime.GOMAXPROCS(0)) }

// timer is a part of a rule that is to be evaluated at an instant by the clock,
// which may be set.
type timer struct {
	at     time.Time
	rule   *rule
	values []string
}

type timers []timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)        { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	all := *t
	last := all[len(all)-1]
	all[len(all)-1] = timer{}
	*t = all[:len(all)-1]
	return last
}

// at has a part of a rule evaluated at an instant.
func (s *schedule) at(when time.Time, r *rule, values []string) {
	s.add(timer{when.Round(0), r, values})
}

func (s *schedule) add(t timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || t.rule.gone.Load() {
		return
	}
	heap.Push(&s.timers, t)
	if s.timers[0].at.Equal(t.at) {
		s.notice()
	}
}

// wake has a part of a rule evaluated as soon as may be, because of a sample;
// sure says that its result may well have changed.
func (s *schedule) wake(r *rule, values []string, sure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push(r, values, sure)
}

// whole has all of a rule evaluated as soon as may be.
func (s *schedule) whole(r *rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || r.gone.Load() {
		return
	}
	w := s.of(r)
	s.ask(w)
	s.queue(w)
}

// ask has all of a rule evaluated.
func (s *schedule) ask(w *wakened) {
	w.all, w.parts = true, nil
	s.tellIndex(w.rule, true)
}

func (s *schedule) tellIndex(r *rule, asked bool) {
	if n, ok := s.numbers[r]; ok {
		s.index.Asked(n, asked)
	}
}

// watch has an index be told of the rules, which have the numbers of their
// positions.
func (s *schedule) watch(x *trigger.Index, all []*rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index, s.numbers = x, make(map[*rule]int, len(all))
	for n, r := range all {
		s.numbers[r] = n
		if w := s.rules[r]; w != nil && w.all {
			x.Asked(n, true)
		}
	}
}

func (s *schedule) of(r *rule) *wakened {
	w, ok := s.rules[r]
	if !ok {
		w = &wakened{rule: r, credit: newCredit(share, saved)}
		s.rules[r] = w
	}
	return w
}

func (s *schedule) push(r *rule, values []string, sure bool) {
	if s.closed || r.gone.Load() {
		return
	}
	w := s.of(r)
	if sure && !w.sure {
		w.sure = true
		s.notice() // it may have been waiting among those that can
	}
	switch {
	case w.all:
	case r.plan.By == nil || len(w.parts) >= w.manyParts():
		s.ask(w)
	default:
		if w.parts == nil {
			w.parts = map[string]*found{}
		}
		key := strings.Join(values, partSeparator)
		w.parts[key] = &found{values: values}
	}
	s.queue(w)
}

func (s *schedule) queue(w *wakened) {
	if !w.queued && !w.busy {
		w.queued = true
		s.ready = append(s.ready, w)
		s.notice()
	}
}

func (s *schedule) notice() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// forget drops a rule that is gone.
func (s *schedule) forget(r *rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rules, r)
}

// run evaluates what is woken until ending ends; ctx ends running queries.
func (s *schedule) run(ending, ctx context.Context) {
	wait := time.NewTimer(lookAgain)
	defer wait.Stop()
	for {
		w, until := s.next(time.Now(), s.lookAtClock())
		if w != nil {
			w.serve(ctx)
			continue
		}
		wait.Reset(until)
		select {
		case <-ending.Done():
			s.close()
			return
		case <-s.kick:
		case <-wait.C:
		}
	}
}

// lookAtClock returns the time. When the clock has been set, or the machine has
// slept, it has all rules evaluated: by another time, other samples count.
func (s *schedule) lookAtClock() time.Time {
	clock, isSet := s.readClock()
	for range 2 { // it may have been interrupted between two readings
		if isSet {
			clock, isSet = s.readClock()
		}
	}
	if !isSet {
		return clock
	}
	s.mu.Lock()
	s.ahead = s.aheadOf(clock)
	s.mu.Unlock()
	for _, g := range s.evaluator.running() {
		for _, r := range g.rules {
			s.whole(r)
		}
	}
	return clock
}

func (s *schedule) aheadOf(clock time.Time) time.Duration {
	return clock.Sub(s.began.clock) - time.Since(s.began.processor)
}

func (s *schedule) readClock() (clock time.Time, isSet bool) {
	clock = s.evaluator.now().Round(0)
	ahead := s.aheadOf(clock)
	s.mu.Lock()
	defer s.mu.Unlock()
	return clock, (ahead - s.ahead).Abs() >= clockSlew
}

func (s *schedule) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.ready, s.rules, s.timers = true, nil, map[*rule]*wakened{}, nil
	s.notice() // the other one
}

// next takes what is to be evaluated now, or says how long to wait. clock is the
// time by which rules are evaluated; credit is earned by the other.
func (s *schedule) next(now, clock time.Time) (*job, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.timers) > 0 && !s.timers[0].at.After(clock) {
		t := heap.Pop(&s.timers).(timer)
		s.push(t.rule, t.values, true)
	}
	until := lookAgain
	if len(s.timers) > 0 {
		until = min(until, s.timers[0].at.Sub(clock))
	}
	pick, canWait := -1, false
	short := s.patience.earn(now)
	for i, w := range s.ready {
		if short := w.credit.earn(now); short > 0 {
			until = min(until, short)
		} else if !w.canWait() {
			pick, canWait = i, false
			break
		} else if pick < 0 && s.patient < s.patientWorkers {
			pick, canWait = i, true
		}
	}
	switch {
	case pick < 0:
		return nil, max(until, time.Millisecond)
	case canWait && short > 0:
		return nil, max(min(until, short), time.Millisecond)
	}
	return s.take(pick, canWait), 0
}

// job is what is to be evaluated of a rule.
type job struct {
	*wakened
	schedule *schedule
	parts    map[string]*found
	count    int // of parts
	all      bool
	canWait  bool
}

func (s *schedule) take(i int, canWait bool) *job {
	w := s.ready[i]
	s.ready = append(s.ready[:i:i], s.ready[i+1:]...)
	if canWait {
		s.patient++
	}
	j := &job{wakened: w, schedule: s, parts: w.parts, count: max(1, len(w.parts)), all: w.all, canWait: canWait}
	if w.all {
		s.tellIndex(w.rule, false)
	}
	w.parts, w.all, w.sure, w.queued, w.busy = nil, false, false, false, true
	if len(s.ready) > 0 || len(s.timers) > 0 {
		s.notice() // for the other one
	}
	return j
}

func (w *wakened) manyParts() int {
	if w.takesAll == 0 || w.takesPart == 0 {
		return manyParts
	}
	return min(manyParts, int(w.takesAll/w.takesPart)+1)
}

// canWait says that what is woken takes long, or need not have changed anything.
// Parts take long only where all processors are busy anyway.
func (w *wakened) canWait() bool { return !w.sure || w.all && w.takesAll > longTime }

// serve evaluates what is woken of a rule.
func (j *job) serve(ctx context.Context) {
	s, w := j.schedule, j.wakened
	began := time.Now()
	if j.all {
		w.rule.evaluate(ctx, s.evaluator.now())
	} else {
		w.rule.evaluateParts(ctx, j.parts)
	}
	s.evaluator.woken.Inc()
	s.mu.Lock()
	defer s.mu.Unlock()
	took := time.Since(began)
	usual := w.takesAll
	if j.all {
		w.takesAll = newer(usual, took)
	} else {
		usual = w.takesPart * time.Duration(j.count)
		w.takesPart = newer(w.takesPart, took/time.Duration(j.count))
	}
	if j.canWait {
		s.patient--
		s.patience.left -= min(took, max(dearest, usual))
		s.notice()
	}
	if w.rule.record {
		took = max(took, saved) // so that hardly more than a sample a second is stored
	}
	w.credit.left -= min(took, max(dearest, usual))
	w.busy = false
	w.complain(s.evaluator.logger, began, took)
	if (w.all || len(w.parts) > 0) && !s.closed {
		w.queued = true
		s.ready = append(s.ready, w)
		s.notice()
	}
}

// newer is what an evaluation takes usually, after one more.
func newer(usual, took time.Duration) time.Duration {
	if usual == 0 {
		return took
	}
	return usual + (took-usual)/4
}

// complain names a dear rule, now and then.
func (w *wakened) complain(logger *slog.Logger, now time.Time, took time.Duration) {
	if took <= saved || now.Sub(w.named) <= nameAgain {
		return
	}
	w.named = now
	says := "a rule is dear, and is woken less often for it; its interval stays"
	if w.rule.dear() {
		says = "a rule takes more than half of its interval; it is evaluated apart from the others of its group, less often"
	}
	logger.Warn(says, "file", w.rule.group.file, "group", w.rule.group.name, "rule", w.rule.name, "took", took.Round(time.Millisecond),
		"interval", w.rule.group.interval, "next", w.credit.wait().Round(time.Millisecond))
}
