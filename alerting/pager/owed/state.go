package owed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
)

// entry is what is written of a debt: all of it, or, where the alert was written before, the rest. With nobody to tell
// there is none any more.
type entry struct {
	ID    model.Fingerprint `json:"id"`
	Alert *kept             `json:"alert,omitempty"`
	To    []To              `json:"to"`
}

type kept struct {
	Labels       model.LabelSet `json:"labels"`
	Annotations  model.LabelSet `json:"annotations"`
	StartsAt     time.Time      `json:"starts_at"`
	EndsAt       time.Time      `json:"ends_at"`
	UpdatedAt    time.Time      `json:"updated_at"`
	Timeout      bool           `json:"timeout,omitempty"`
	GeneratorURL string         `json:"generator_url,omitempty"`
}

func line(id model.Fingerprint, d *debt, whole bool) []byte {
	e := entry{ID: id, To: d.to}
	if a := d.alert; whole {
		e.Alert = &kept{a.Labels, a.Annotations, a.StartsAt, a.EndsAt, a.UpdatedAt, a.Timeout, a.GeneratorURL}
	}
	text, err := json.Marshal(e)
	if err != nil { // a time beyond the year 9999
		return nil
	}
	return append(text, '\n')
}

func (b *Book) write(id model.Fingerprint, d *debt, whole bool) { b.tell(line(id, d, whole)) }

func (b *Book) tell(text []byte) {
	if len(text) > 0 {
		b.broadcast(text)
	}
}

// Merge implements journal.State.
func (b *Book) Merge(text []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for in := json.NewDecoder(bytes.NewReader(text)); ; {
		var e entry
		switch err := in.Decode(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read what is still to be told: %w", err)
		}
		d := b.debts[e.ID]
		switch {
		case len(e.To) == 0:
			delete(b.debts, e.ID)
		case e.Alert != nil:
			k := e.Alert
			a := &alert.Alert{
				Alert: model.Alert{
					Labels: k.Labels, Annotations: k.Annotations, StartsAt: k.StartsAt, EndsAt: k.EndsAt, GeneratorURL: k.GeneratorURL,
				},
				UpdatedAt: k.UpdatedAt, Timeout: k.Timeout,
			}
			b.debts[e.ID] = &debt{alert: a, to: e.To}
		case d != nil:
			d.to = e.To
		}
	}
}

// Snapshot implements journal.State.
func (b *Book) Snapshot(w io.Writer) (written int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, d := range b.debts {
		n, err := w.Write(line(id, d, true))
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// SetBroadcast implements journal.State.
func (b *Book) SetBroadcast(f func([]byte)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broadcast = f
}

// GC implements journal.State.
func (b *Book) GC() (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.now().Add(-keep)
	for id, d := range b.debts {
		if !d.alert.EndsAt.IsZero() && d.alert.EndsAt.Before(before) {
			delete(b.debts, id)
			n++
		}
	}
	return n, nil
}
