package valuefeed

import (
	"math"
	"sync"
	"time"
)

// Value is the newest of a series.
type Value struct {
	// Labels are those of the series, as a JSON object.
	Labels []byte
	// Value is NaN also where the series has ended.
	Value float64
	// Time is that of the sample, in milliseconds.
	Time int64
}

// Follower follows the newest values of some series. Its methods but Close are for one
// goroutine.
type Follower struct {
	view   *view
	every  time.Duration
	seen   uint64
	closed sync.Once
}

// Changed is closed when there may be values that Take has not given yet.
func (f *Follower) Changed() <-chan struct{} {
	f.view.mu.Lock()
	defer f.view.mu.Unlock()
	if f.seen < f.view.last {
		now := make(chan struct{})
		close(now)
		return now
	}
	return f.view.news
}

// Take gives the newest values of the series that have changed since it was called
// before, all the first time; cut says that there are more series than can be followed.
// What it gives must not be changed.
func (f *Follower) Take() (values []Value, cut bool) {
	v := f.view
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.all {
		if s.changed <= f.seen {
			continue
		}
		one := Value{s.labels, s.value, s.time}
		if !s.ended.IsZero() {
			if f.seen == 0 {
				continue // it ended before
			}
			one.Value = math.NaN()
		}
		values = append(values, one)
	}
	f.seen = v.number
	return values, v.cut
}

// Close ends it.
func (f *Follower) Close() { f.closed.Do(func() { f.view.feed.leave(f.view, f.every) }) }
