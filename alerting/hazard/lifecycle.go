package hazard

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
)

// Status says where a hazard is in its life.
type Status string

// The statuses. Those in which people have it come between them.
const (
	StatusOpen     Status = "open"
	StatusResolved Status = "resolved"
)

// Statuses are all of them.
func Statuses() []Status { return []Status{StatusOpen, StatusResolved} }

// Kind says what has happened to a hazard.
type Kind string

// The kinds of events.
const (
	KindOpened   Kind = "opened"
	KindPaged    Kind = "paged"
	KindReopened Kind = "reopened"
	KindUpdated  Kind = "updated" // its value has become clearly worse
	KindResolved Kind = "resolved"
)

// Resolutions: why a hazard is resolved.
const (
	// Cleared says that its alert was resolved.
	Cleared = "cleared"
	// Lapsed says that nothing was heard of its alert any more, as when the rule is
	// gone.
	Lapsed = "lapsed"
)

// byBelfry is who does what nobody has done.
const byBelfry = "belfry"

// Event is something that has happened to a hazard.
type Event struct {
	Seq    int64   `json:"-"` // grows from event to event; 0 until it is kept
	Kind   Kind    `json:"type"`
	Time   Instant `json:"time"`
	By     string  `json:"by"`
	Detail         // by its kind
	// Hazard is what it was after the event.
	Hazard *Hazard `json:"hazard,omitempty"`
}

// Detail is what an event says besides.
type Detail struct {
	Receiver    string   `json:"receiver,omitempty"` // paged
	Integration string   `json:"integration,omitempty"`
	Value       *float64 `json:"value,omitempty"`      // opened, reopened, updated
	Resolution  string   `json:"resolution,omitempty"` // resolved
}

// worseBy is the part of the limit by which a value must become worse to be an
// event.
const worseBy = 0.1

// book knows the hazards that are open, and those that may be opened again. It
// is the state machine: what is told to it becomes events.
type book struct {
	reopen time.Duration
	// patience is how long an alert without an end holds.
	patience time.Duration
	// locate fills in what only the catalog knows.
	locate func(*Hazard)
	ids    numbering
	byKey  map[string]*entry
	byID   map[string]*entry
}

// entry is a hazard in the book.
type entry struct {
	Hazard
	key string
	// until is when it is over, unless it is heard of again.
	until time.Time
	// told is the worst value that an event has spoken of.
	told *float64
	// dirty says that it differs from what is written, or about to be.
	dirty bool
}

func newBook(reopen, patience time.Duration, locate func(*Hazard)) *book {
	return &book{reopen: reopen, patience: patience, locate: locate, byKey: map[string]*entry{}, byID: map[string]*entry{}}
}

// restore takes a hazard that was kept. One that is open has until then to be
// heard of.
func (b *book) restore(h Hazard, until time.Time) {
	e := &entry{Hazard: h, key: identity(labels.FromMap(h.Labels)), until: until, told: h.Worst}
	if old := b.byKey[e.key]; old == nil || old.ID < e.ID {
		b.byKey[e.key] = e
	}
	b.byID[e.ID] = e
}

// take steps the hazard of an alert, and returns its id, "" where it has none.
// The event is nil where nothing has happened.
func (b *book) take(a *notifier.Alert, now time.Time) (id string, happened *Event) {
	key := identity(a.Labels)
	e := b.byKey[key]
	firing := a.EndsAt.IsZero() || a.EndsAt.After(now)
	switch {
	case firing && (e == nil || e.Status == StatusResolved && !b.returns(e, now)):
		e = &entry{key: key}
		e.ID, e.Labels = b.ids.next(now), a.Labels.Map()
		b.byKey[key], b.byID[e.ID] = e, e
		happened = b.begin(e, a, now, KindOpened)
	case firing && e.Status == StatusResolved:
		happened = b.begin(e, a, now, KindReopened)
	case firing:
		happened = b.still(e, a, now)
	case e == nil: // the end of what is not known
		return "", nil
	case e.Status == StatusOpen:
		e.describe(a)
		happened = e.end(Cleared, a.EndsAt, now)
	}
	if firing {
		e.until = now.Add(b.holds(a, now))
	}
	return e.ID, happened
}

// returns says whether a resolved hazard that fires again is the same.
func (b *book) returns(e *entry, now time.Time) bool {
	return now.Sub(e.Resolved.Time()) <= b.reopen
}

// holds is how long an alert is good for without being told again.
func (b *book) holds(a *notifier.Alert, now time.Time) time.Duration {
	if a.EndsAt.IsZero() {
		return b.patience
	}
	return a.EndsAt.Sub(now)
}

func (b *book) begin(e *entry, a *notifier.Alert, now time.Time, kind Kind) *Event {
	at := InstantOf(a.StartsAt)
	if at == 0 || at > InstantOf(now) {
		at = InstantOf(now)
	}
	e.Value, e.told = nil, nil
	if kind == KindOpened {
		e.Opened, e.FirstReading = at, instant(a.Annotations.Get("reading_time"))
	} else {
		e.Reopened++
	}
	e.describe(a)
	b.locate(&e.Hazard)
	e.LastOpened, e.Status = at, StatusOpen
	e.Resolved, e.Resolution, e.Pages = 0, "", []Sent{}
	if e.Worst == nil && e.Limit != nil {
		e.Worst = e.Value
	}
	e.told = e.Worst
	return e.happened(kind, at, now, Detail{Value: e.Value})
}

// still takes what is new of a hazard that goes on.
func (b *book) still(e *entry, a *notifier.Alert, now time.Time) *Event {
	before := e.Value
	e.describe(a)
	if before == nil || e.Value == nil || *before != *e.Value {
		e.Updated, e.dirty = InstantOf(now), true
	}
	if e.Worst == nil || e.Limit == nil {
		return nil
	}
	if e.told == nil || *e.Worst != *e.told && math.Abs(*e.Worst-*e.told) >= worseBy*math.Abs(*e.Limit) {
		e.told = e.Worst
		return e.happened(KindUpdated, InstantOf(now), now, Detail{Value: e.Value})
	}
	return nil
}

func (e *entry) end(why string, at, now time.Time) *Event {
	ended := min(max(InstantOf(at), e.LastOpened), max(InstantOf(now), e.LastOpened))
	e.Status, e.Resolved, e.Resolution = StatusResolved, ended, why
	return e.happened(KindResolved, ended, now, Detail{Resolution: why})
}

// happened makes an event of what has become of a hazard.
func (e *entry) happened(kind Kind, at Instant, now time.Time, detail Detail) *Event {
	e.Updated, e.dirty = InstantOf(now), false
	return &Event{Kind: kind, Time: at, By: byBelfry, Detail: detail, Hazard: e.copied()}
}

// copied is the hazard as it is now.
func (e *entry) copied() *Hazard {
	h := e.Hazard
	h.Pages = slices.Clone(e.Pages)
	return &h
}

// paged notes that a receiver has accepted a page, the first time.
func (b *book) paged(id, receiver, integration string, at, now time.Time) *Event {
	e := b.byID[id]
	if e == nil || slices.ContainsFunc(e.Pages, func(s Sent) bool { return s.Receiver == receiver && s.Integration == integration }) {
		return nil
	}
	sent := Sent{receiver, integration, InstantOf(at)}
	e.Pages = append(e.Pages, sent)
	if e.PageSent == 0 {
		e.PageSent = sent.Time
	}
	return e.happened(KindPaged, sent.Time, now, Detail{Receiver: receiver, Integration: integration})
}

// lapse ends the hazards of which nothing has been heard for too long.
func (b *book) lapse(now time.Time) (happened []*Event) {
	for _, e := range b.byID {
		if e.Status == StatusOpen && !now.Before(e.until) {
			happened = append(happened, e.end(Lapsed, e.until, now))
		}
	}
	slices.SortFunc(happened, func(a, b *Event) int { return int(a.Time - b.Time) })
	return happened
}

// forget drops the hazards that cannot come back, and the oldest of the resolved
// where there are more than most.
func (b *book) forget(now time.Time, most int) {
	// Senders go on telling of an end for a quarter of an hour.
	const tellings = 20 * time.Minute
	var resolved []*entry
	for _, e := range b.byID {
		if e.Status != StatusResolved {
			continue
		}
		if now.Sub(e.Resolved.Time()) > max(b.reopen, tellings) {
			b.drop(e)
		} else {
			resolved = append(resolved, e)
		}
	}
	if len(resolved) <= most {
		return
	}
	slices.SortFunc(resolved, func(a, b *entry) int { return int(a.Resolved - b.Resolved) })
	for _, e := range resolved[:len(resolved)-most] {
		b.drop(e)
	}
}

func (b *book) drop(e *entry) {
	delete(b.byID, e.ID)
	if b.byKey[e.key] == e {
		delete(b.byKey, e.key)
	}
}
