package loadtest

import (
	"context"
	"sync"
	"time"
)

// slot is one request of the run.
type slot struct {
	part  int
	round int64
	// due is when it is to be sent; zero for as soon as possible.
	due time.Time
}

// schedule hands out the run's requests in order and says of which instant
// each round is. It is safe for concurrent use.
type schedule struct {
	plan  Plan
	load  Load
	begin time.Time

	mu      sync.Mutex
	next    slot
	handed  int64 // samples
	instant map[int64]time.Time
	last    time.Time
}

func newSchedule(plan Plan, load Load, begin time.Time) *schedule {
	return &schedule{plan: plan, load: load, begin: begin, instant: map[int64]time.Time{}, last: plan.After.Truncate(time.Millisecond)}
}

// take returns the next request, and false when there is none left.
func (s *schedule) take() (slot, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.plan.Duration > 0 && now.Sub(s.begin) >= s.plan.Duration {
		return slot{}, false
	}
	if s.plan.Samples > 0 && s.handed >= s.plan.Samples {
		return slot{}, false
	}
	out := s.next
	if s.plan.Rate > 0 {
		out.due = s.begin.Add(time.Duration(float64(s.handed) / s.plan.Rate * float64(time.Second)))
		if s.plan.Duration > 0 && out.due.Sub(s.begin) >= s.plan.Duration {
			return slot{}, false
		}
	}
	s.handed += int64(s.load.Samples(out.part))
	if s.next.part++; s.next.part == s.load.Parts() {
		s.next = slot{round: s.next.round + 1}
	}
	return out, true
}

// due is how many samples the schedule wanted sent by now; 0 without a rate.
func (s *schedule) due(now time.Time) int64 {
	elapsed := now.Sub(s.begin)
	if s.plan.Duration > 0 {
		elapsed = min(elapsed, s.plan.Duration)
	}
	due := int64(s.plan.Rate * elapsed.Seconds())
	if s.plan.Samples > 0 {
		due = min(due, s.plan.Samples)
	}
	return due
}

// at is the instant of which a round's readings are: increasing from round to
// round, by whole milliseconds.
func (s *schedule) at(round int64) time.Time {
	if s.plan.Interval > 0 {
		return s.plan.Start.Add(time.Duration(round) * s.plan.Interval)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.instant[round]; ok {
		return t
	}
	t := time.Now().Truncate(time.Millisecond)
	if !t.After(s.last) {
		t = s.last.Add(time.Millisecond)
	}
	s.last = t
	s.instant[round] = t
	// Connections are at most a few rounds apart.
	delete(s.instant, round-int64(2*s.plan.Connections)-2)
	return t
}

// turns makes sure that a part's requests go out one after the other, in the
// order of their rounds.
type turns struct {
	mu   sync.Mutex
	cond *sync.Cond
	next []int64
}

func newTurns(parts int) *turns {
	t := &turns{next: make([]int64, parts)}
	t.cond = sync.NewCond(&t.mu)
	return t
}

func (t *turns) wait(s slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.next[s.part] != s.round {
		t.cond.Wait()
	}
}

func (t *turns) done(s slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next[s.part] = s.round + 1
	t.cond.Broadcast()
}

// sleepUntil returns early, with the context's error, when it is cancelled.
func sleepUntil(ctx context.Context, due time.Time) error {
	wait := time.Until(due)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
