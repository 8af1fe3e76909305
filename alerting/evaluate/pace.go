package evaluate

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/rules"
)

// GroupHealth says how a group of rules keeps up.
type GroupHealth struct {
	File, Name string
	Interval   time.Duration
	// LastStart and LastDuration are of the newest finished evaluation; zero
	// before the first.
	LastStart    time.Time
	LastDuration time.Duration
	// Missed counts evaluations that were left out because the one before took
	// too long.
	Missed uint64
	// Lag is by how much the next evaluation, or the one under way, is overdue.
	Lag time.Duration
}

// pace watches how the groups keep up with their intervals.
type pace struct {
	clock  func() time.Time // as of Options
	mu     sync.Mutex
	groups map[string]*GroupHealth
	// slots are what the groups are evaluated for next, or now, and due is when
	// that is, however the clock is set meanwhile.
	slots, due map[string]time.Time
}

func newPace(clock func() time.Time) *pace {
	return &pace{clock: clock, groups: map[string]*GroupHealth{}, slots: map[string]time.Time{}, due: map[string]time.Time{}}
}

func (p *pace) expect(key string, slot time.Time) {
	p.slots[key], p.due[key] = slot, time.Now().Add(slot.Sub(p.clock()))
}

// iterate is upstream's evaluation of a group, with a clock beside it.
func (p *pace) iterate(ctx context.Context, g *rules.Group, slot time.Time) {
	start := time.Now()
	p.begin(g, slot)
	rules.DefaultEvalIterationFunc(ctx, g, slot)
	p.end(g, slot, start, time.Since(start))
}

func (p *pace) begin(g *rules.Group, slot time.Time) {
	key := rules.GroupKey(g.File(), g.Name())
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.groups[key]
	if !ok || h.Interval != g.Interval() {
		h = &GroupHealth{File: g.File(), Name: g.Name(), Interval: g.Interval()}
		p.groups[key] = h
	} else if late := slot.Sub(p.slots[key]); late > 0 {
		h.Missed += uint64(late / h.Interval)
	}
	p.expect(key, slot)
}

func (p *pace) end(g *rules.Group, slot, start time.Time, took time.Duration) {
	key := rules.GroupKey(g.File(), g.Name())
	p.mu.Lock()
	defer p.mu.Unlock()
	if h, ok := p.groups[key]; ok {
		h.LastStart, h.LastDuration = start, took
		p.expect(key, slot.Add(h.Interval))
	}
}

// keep forgets the groups that are not there any more.
func (p *pace) keep(groups []*group) {
	there := make(map[string]bool, len(groups))
	for _, g := range groups {
		there[rules.GroupKey(g.file, g.name)] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range p.groups {
		if !there[key] {
			delete(p.groups, key)
			delete(p.slots, key)
			delete(p.due, key)
		}
	}
}

// lag is by how much half of the groups are overdue at least. One group whose
// rules are too dear is late by its own fault; when the machine is overloaded,
// all are.
func (p *pace) lag(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.due) == 0 {
		return 0
	}
	lags := make([]time.Duration, 0, len(p.due))
	for _, due := range p.due {
		lags = append(lags, now.Sub(due))
	}
	slices.Sort(lags)
	return max(0, lags[(len(lags)-1)/2])
}

func (p *pace) health(now time.Time) []GroupHealth {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]GroupHealth, 0, len(p.groups))
	for key, h := range p.groups {
		one := *h
		one.Lag = max(0, now.Sub(p.due[key]))
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b GroupHealth) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Name, b.Name))
	})
	return all
}
