package hazard

import (
	"sync"
	"sync/atomic"
)

// queue is what waits to be written: critical hazards first, and each in order.
type queue struct {
	most int
	wake chan struct{}
	// behind says that somebody has waited in vain since the last commit.
	behind atomic.Bool
	// waiting are those that are not written yet.
	waiting atomic.Int64

	mu           sync.Mutex
	urgent, rest []queued
}

type queued struct {
	event *Event
	wait  *ticket
}

// ticket is for whoever waits for some events.
type ticket struct {
	left atomic.Int64
	done chan struct{}
}

func newQueue(most int) *queue { return &queue{most: most, wake: make(chan struct{}, 1)} }

// add puts events at the end. Those for which there is no room are lost.
func (q *queue) add(events []*Event) (wait *ticket, lost []*Event) {
	if len(events) == 0 {
		return nil, nil
	}
	wait = &ticket{done: make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	room := max(q.most-len(q.urgent)-len(q.rest), 0)
	if len(events) > room {
		events, lost = events[:room], events[room:]
	}
	if len(events) == 0 {
		return nil, lost
	}
	wait.left.Store(int64(len(events)))
	q.waiting.Add(int64(len(events)))
	for _, e := range events {
		if e.Hazard.Severity == critical {
			q.urgent = append(q.urgent, queued{e, wait})
		} else {
			q.rest = append(q.rest, queued{e, wait})
		}
	}
	notify(q.wake)
	return wait, lost
}

// take returns the first of those that wait, at most some.
func (q *queue) take(most int) (some []queued) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, lane := range []*[]queued{&q.urgent, &q.rest} {
		n := min(most-len(some), len(*lane))
		some = append(some, (*lane)[:n]...)
		clear((*lane)[:n])
		if *lane = (*lane)[n:]; len(*lane) == 0 {
			*lane = nil
		}
	}
	return some
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.urgent) + len(q.rest)
}

// finish tells those who wait that events are written.
func (q *queue) finish(some []queued) {
	q.behind.Store(false)
	q.waiting.Add(-int64(len(some)))
	for _, one := range some {
		if one.wait.left.Add(-1) == 0 {
			close(one.wait.done)
		}
	}
}
