package owed

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
)

// keep is for how long after its end an alert is owed: what ended before is no news to anybody.
const keep = 24 * time.Hour

// To is who is to be told.
type To struct {
	Receiver string `json:"receiver"`
	// Integration is such as webhook[0]; "" stands for all of the receiver's, before the alert has come as far as them.
	Integration string `json:"integration,omitempty"`
}

// Book is safe for concurrent use. It is a journal.State.
type Book struct {
	now func() time.Time

	mu        sync.Mutex
	debts     map[model.Fingerprint]*debt
	broadcast func([]byte)
}

type debt struct {
	alert *alert.Alert // as it was stored last
	to    []To
	due   time.Time // when it became due last; zero if that was in another process
}

// New makes a Book in which nothing stands.
func New() *Book {
	return &Book{now: time.Now, debts: map[model.Fingerprint]*debt{}, broadcast: func([]byte) {}}
}

// Due says that an alert is to be told by a receiver, now.
func (b *Book) Due(receiver string, a *alert.Alert) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, changed := b.owe(a, To{Receiver: receiver})
	d.due = b.now()
	if changed {
		b.write(a.Fingerprint(), d, true)
	}
}

// Owe says that an integration is about to be told of alerts.
func (b *Book) Owe(to To, alerts ...*alert.Alert) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var text []byte
	for _, a := range alerts {
		id := a.Fingerprint()
		_, known := b.debts[id]
		if d, changed := b.owe(a, to); changed {
			text = append(text, line(id, d, !known)...)
		}
	}
	b.tell(text)
}

func (b *Book) owe(a *alert.Alert, to To) (d *debt, changed bool) {
	id := a.Fingerprint()
	d = b.debts[id]
	if d == nil {
		d = &debt{alert: a}
		b.debts[id] = d
	}
	if slices.Contains(d.to, to) {
		return d, false
	}
	d.to = append(d.to, to)
	return d, true
}

// Told says that an integration has been told of alerts.
func (b *Book) Told(to To, alerts ...*alert.Alert) {
	b.settle(alerts, func(_ *alert.Alert, _ *debt, owed To) bool { return owed == to })
}

// Passed says that alerts have been through the pipeline of a receiver since it began: whom it has to be told to
// stands in the Book by now. If it went well, those that have ended are owed to nobody there any more.
func (b *Book) Passed(receiver string, began time.Time, well bool, alerts ...*alert.Alert) {
	b.settle(alerts, func(a *alert.Alert, d *debt, owed To) bool {
		return owed.Receiver == receiver && d.due.Before(began) && (owed.Integration == "" || well && a.Resolved())
	})
}

func (b *Book) settle(alerts []*alert.Alert, settled func(*alert.Alert, *debt, To) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.debts) == 0 {
		return
	}
	var text []byte
	for _, a := range alerts {
		id := a.Fingerprint()
		d := b.debts[id]
		if d == nil {
			continue
		}
		n := len(d.to)
		d.to = slices.DeleteFunc(d.to, func(to To) bool { return settled(a, d, to) })
		if len(d.to) == n {
			continue
		}
		if len(d.to) == 0 {
			delete(b.debts, id)
		}
		text = append(text, line(id, d, false)...)
	}
	b.tell(text)
}

// Stored takes note of what has become of an alert.
func (b *Book) Stored(a *alert.Alert) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.debts) == 0 {
		return
	}
	id := a.Fingerprint()
	d := b.debts[id]
	if d == nil {
		return
	}
	changed := a.Resolved() || d.alert.Resolved() // that it fires still is not worth a write
	if d.alert = a; changed {
		b.write(id, d, true)
	}
}

// Owed reports whether an integration is still to be told of an alert.
func (b *Book) Owed(to To, a *alert.Alert) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.debts) == 0 {
		return false
	}
	d := b.debts[a.Fingerprint()]
	return d != nil && (slices.Contains(d.to, to) || slices.Contains(d.to, To{Receiver: to.Receiver}))
}

// Alerts returns all that is owed to somebody.
func (b *Book) Alerts() []*alert.Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*alert.Alert, 0, len(b.debts))
	for _, d := range b.debts {
		all = append(all, d.alert)
	}
	return all
}

// Move has alerts that are owed to whom nobody knows any more told to the receivers that are for them now.
func (b *Book) Move(known func(To) bool, receivers func(model.LabelSet) []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var text []byte
	for id, d := range b.debts {
		n := len(d.to)
		d.to = slices.DeleteFunc(d.to, func(to To) bool { return !known(to) })
		if len(d.to) == n {
			continue
		}
		for _, receiver := range receivers(d.alert.Labels) {
			if to := (To{Receiver: receiver}); known(to) && !slices.Contains(d.to, to) {
				d.to = append(d.to, to)
			}
		}
		if len(d.to) == 0 {
			delete(b.debts, id)
		}
		text = append(text, line(id, d, false)...)
	}
	b.tell(text)
}
