package valuefeed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/belfry-city/belfry/collector/tsdb/newest"
)

// ahead is by how much a device's clock may be ahead: its newest value is shown at once.
const ahead = time.Minute

// told is for how long a series is known that has ended.
const told = 2 * MostEvery

// series is one that a view has.
type series struct {
	key     string
	labels  []byte // JSON
	value   float64
	time    int64  // milliseconds
	changed uint64 // the look that found it changed
	seen    uint64 // the last look that found it
	ended   time.Time
}

// view is what some selectors find.
type view struct {
	feed      *Feed
	selectors Selectors
	ctx       context.Context
	end       context.CancelFunc
	ready     chan struct{} // closed after the first look
	failed    error         // why there is none
	counted   int           // series; guarded by Feed.mu

	mu     sync.Mutex
	every  []time.Duration // of the followers
	named  map[string]*series
	all    []*series
	number uint64        // of looks
	last   uint64        // the last look that found a change
	news   chan struct{} // closed by that which finds the next
	cut    bool          // there are more series than MostSeries
}

func newView(f *Feed, s Selectors) *view {
	v := &view{feed: f, selectors: s, ready: make(chan struct{}), named: map[string]*series{}, news: make(chan struct{})}
	v.ctx, v.end = context.WithCancel(f.ctx)
	return v
}

func (v *view) join(every time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.every = append(v.every, every)
}

// part says whether somebody is left.
func (v *view) part(every time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := slices.Index(v.every, every); i >= 0 {
		v.every = slices.Delete(v.every, i, i+1)
	}
	return len(v.every) > 0
}

// pause is how long after the beginning of a look that took some time the next one is.
func (v *view) pause(took time.Duration) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	least := LeastEvery
	if len(v.every) > 0 {
		least = slices.Min(v.every)
	}
	return max(least, share*took)
}

// run looks until nobody follows.
func (v *view) run() {
	defer v.end()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for first := true; ; first = false {
		changed := v.feed.changed() // before it is looked
		began := time.Now()
		err := v.once(first)
		took := time.Since(began)
		if first {
			if v.failed = err; err != nil {
				v.feed.mu.Lock()
				v.feed.drop(v)
				v.feed.mu.Unlock()
			}
			close(v.ready)
		}
		switch {
		case v.ctx.Err() != nil, first && err != nil:
			return
		case err != nil: // it may be better the next time
			v.feed.opts.Logger.Debug("the newest values are not read; it is tried again", "err", err)
		}
		timer.Reset(upkeep)
		select {
		case <-v.ctx.Done():
			return
		case <-changed:
		case <-timer.C:
		}
		timer.Reset(v.pause(took) - time.Since(began))
		select {
		case <-v.ctx.Done():
			return
		case <-timer.C:
		}
	}
}

// once looks at all series. The first time, too many are an error.
func (v *view) once(first bool) (err error) {
	if err := v.feed.looks.Acquire(v.ctx, 1); err != nil {
		return err
	}
	defer v.feed.looks.Release(1)
	began := time.Now()
	defer v.feed.took.UpdateDuration(began)
	l := &look{view: v, Reader: newest.Reader{From: began.Add(-v.feed.opts.Lookback).UnixMilli(), To: began.Add(ahead).UnixMilli()}}
	q, err := v.feed.opts.Store.ChunkQuerier(l.From, l.To)
	if err != nil {
		return fmt.Errorf("read the newest values: %w", err)
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.number++
	for _, matchers := range v.selectors.all {
		if err := l.read(v.ctx, q, matchers); err != nil {
			return fmt.Errorf("read the newest values: %w", err)
		}
	}
	if l.over > 0 && first {
		return TooManyError{Series: MostSeries + l.over, More: l.over >= mostOver}
	}
	if err := v.feed.count(v, len(v.all)); err != nil && first {
		return err
	}
	v.cut = l.over > 0
	v.forget(began)
	if v.last == v.number {
		close(v.news)
		v.news = make(chan struct{})
	}
	return nil
}

// forget has series end that were not found any more. They are known for a while, so
// that all followers are told. mu is held.
func (v *view) forget(now time.Time) {
	v.all = slices.DeleteFunc(v.all, func(s *series) bool {
		if s.seen == v.number {
			return false
		}
		if s.ended.IsZero() {
			s.ended, s.changed, v.last = now, v.number, v.number
		}
		over := now.Sub(s.ended) > told
		if over {
			delete(v.named, s.key)
		}
		return over
	})
}
