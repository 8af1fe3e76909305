package hazard

import (
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
)

// Annotations that alerts go on with.
const (
	// AnnotationID is the id of the alert's hazard.
	AnnotationID = "hazard"
	// AnnotationURL leads to its page.
	AnnotationURL = "hazard_url"
)

// Before returns a Sender that makes the alerts it gets hazards, and sends them
// on. Alerts with severity="none", which are there to show that alerts arrive, are
// just sent on.
func (s *Store) Before(next Sender) Sender { return &before{s, next} }

type before struct {
	store *Store
	next  Sender
}

// Send implements Sender.
func (b *before) Send(alerts ...*notifier.Alert) {
	urgent, rest := divided(alerts)
	for _, some := range [][]*notifier.Alert{urgent, rest} {
		if len(some) > 0 {
			b.next.Send(b.store.Take(some)...)
		}
	}
}

// divided puts critical alerts before others.
func divided(alerts []*notifier.Alert) (urgent, rest []*notifier.Alert) {
	for _, a := range alerts {
		if a.Labels.Get("severity") == critical {
			urgent = append(urgent, a)
		} else {
			rest = append(rest, a)
		}
	}
	return urgent, rest
}

const critical = "critical"

// Take makes hazards of alerts, which are all critical or none is, and returns
// the alerts with their ids, in the same order, when the hazards are kept or it is
// time for the pages to leave.
func (s *Store) Take(alerts []*notifier.Alert) []*notifier.Alert {
	now := s.opts.Now()
	out := make([]*notifier.Alert, len(alerts))
	var events []*Event
	s.mu.Lock()
	for i, a := range alerts {
		out[i] = a
		if a.Labels.Get("severity") == "none" {
			continue
		}
		id, happened := s.book.take(a, now)
		if happened != nil {
			events = append(events, happened)
		}
		if id != "" {
			out[i] = s.named(a, id)
		}
	}
	wait := s.keep(events)
	s.mu.Unlock()
	s.await(wait, len(events))
	return out
}

// keep has events written. The caller holds mu.
func (s *Store) keep(events []*Event) *ticket {
	for _, e := range events {
		s.metrics.count(e)
	}
	wait, lost := s.queue.add(events)
	for _, e := range lost { // without the event, but not without what has become of it
		if known := s.book.byID[e.Hazard.ID]; known != nil {
			known.dirty = true
		}
	}
	s.metrics.lost.Add(len(lost))
	return wait
}

// await waits until the events of a ticket are kept, but not for long, and not at
// all while others have waited in vain.
func (s *Store) await(wait *ticket, n int) {
	if wait == nil {
		return
	}
	if !s.queue.behind.Load() {
		patience := time.NewTimer(hold + time.Duration(n-1)*holdEach)
		defer patience.Stop()
		select {
		case <-wait.done:
			return
		case <-patience.C:
			s.queue.behind.Store(true)
		}
	}
	s.metrics.overtaken.Inc()
}

// named is an alert with the id of its hazard.
func (s *Store) named(a *notifier.Alert, id string) *notifier.Alert {
	b := labels.NewBuilder(a.Annotations)
	b.Set(AnnotationID, id).Set(AnnotationURL, s.url(id))
	named := *a
	named.Annotations = b.Labels()
	return &named
}

func (s *Store) url(id string) string {
	return strings.TrimSuffix(s.opts.ExternalURL.String(), "/") + "/hazards/" + id
}

// Paged notes that a receiver accepted a page about a hazard, and returns when
// that is kept, or after some milliseconds.
func (s *Store) Paged(id, receiver, integration string, at time.Time) {
	s.mu.Lock()
	e := s.book.paged(id, receiver, integration, at, s.opts.Now())
	if e == nil {
		s.mu.Unlock()
		return
	}
	wait := s.keep([]*Event{e})
	s.mu.Unlock()
	s.await(wait, 1)
}

// locate fills in where the catalog says that an asset is.
func (s *Store) locate(h *Hazard) {
	if s.opts.Catalog == nil {
		return
	}
	if asset, ok := s.opts.Catalog().Asset(h.Asset); ok && asset.Located() {
		lat, lon := asset.Lat, asset.Lon
		h.Lat, h.Lon = &lat, &lon
	}
}
