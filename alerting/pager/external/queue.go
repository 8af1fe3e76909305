package external

import (
	"container/list"
	"sync"
	"time"

	"github.com/prometheus/prometheus/notifier"
)

// queue is what one Alertmanager has not accepted yet: of each alert its newest state.
type queue struct {
	mu      sync.Mutex
	items   map[uint64]*item
	urgent  list.List            // of *item: critical alerts, the oldest first
	rest    list.List            // of *item: the others
	known   map[uint64]time.Time // alerts that it knows to fire, until when
	swept   time.Time
	changed chan struct{} // has room for one
}

type item struct {
	alert *notifier.Alert
	since time.Time // when it began to wait
	tried bool      // an attempt is being made
	heard bool      // an attempt failed that may have been accepted
	lane  *list.List
	place *list.Element // in lane
}

func newQueue() *queue {
	return &queue{
		items: map[uint64]*item{}, known: map[uint64]time.Time{}, swept: time.Now(), changed: make(chan struct{}, 1),
	}
}

// forgetKnown is how long after its end an alert that nobody has ended is remembered.
const forgetKnown = time.Hour

func (q *queue) put(alerts []*notifier.Alert, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range alerts {
		id := a.Hash()
		it := q.items[id]
		_, known := q.known[id]
		switch {
		case it == nil:
			it = &item{since: now, lane: &q.rest}
			if a.Labels.Get("severity") == "critical" {
				it.lane = &q.urgent
			}
			it.place = it.lane.PushBack(it)
			q.items[id] = it
		case a.ResolvedAt(now) && !it.alert.ResolvedAt(now) && !it.tried && !it.heard && !known:
			q.take(id) // it has never heard of it
			continue
		}
		it.alert = a
	}
	if now.Sub(q.swept) > forgetKnown {
		q.swept = now
		for id, end := range q.known {
			if now.Sub(end) > forgetKnown {
				delete(q.known, id)
			}
		}
	}
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// batch returns up to n alerts to try, critical ones first, which stay in the queue.
func (q *queue) batch(n int) []*notifier.Alert {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []*notifier.Alert
	for _, lane := range []*list.List{&q.urgent, &q.rest} {
		for e := lane.Front(); e != nil && len(all) < n; e = e.Next() {
			if it, ok := e.Value.(*item); ok {
				all = append(all, it.alert)
				it.tried = true
			}
		}
	}
	return all
}

// accepted takes alerts out, unless there is something newer to say of them.
func (q *queue) accepted(alerts []*notifier.Alert, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range alerts {
		id := a.Hash()
		switch {
		case a.ResolvedAt(now):
			delete(q.known, id)
		case a.EndsAt.IsZero():
			q.known[id] = now
		default:
			q.known[id] = a.EndsAt
		}
		q.drop(id, a)
	}
}

// refused takes alerts out that will never be accepted.
func (q *queue) refused(a *notifier.Alert) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(a.Hash(), a)
}

func (q *queue) drop(id uint64, a *notifier.Alert) {
	if it := q.items[id]; it != nil && it.alert == a {
		q.take(id)
	} else if it != nil {
		it.tried = false
	}
}

func (q *queue) take(id uint64) {
	it := q.items[id]
	it.lane.Remove(it.place)
	delete(q.items, id)
}

// failed notes that an attempt with these alerts failed; heard: it may have been accepted even so.
func (q *queue) failed(alerts []*notifier.Alert, heard bool, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range alerts {
		id := a.Hash()
		it := q.items[id]
		if it == nil {
			continue
		}
		it.tried = false
		it.heard = it.heard || heard
		if _, known := q.known[id]; it.alert != a && it.alert.ResolvedAt(now) && !it.heard && !known {
			q.take(id) // it ended meanwhile
		}
	}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// lag is for how long the oldest alert has waited.
func (q *queue) lag(now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	var longest time.Duration
	for _, it := range q.items {
		longest = max(longest, now.Sub(it.since))
	}
	return longest
}
