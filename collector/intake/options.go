package intake

import (
	"context"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// Store is what the intake asks of the database.
type Store interface {
	Append(ctx context.Context, b *reading.Batch, sp reading.Speller) (tsdb.Receipt, error)
	Sync(ctx context.Context, generation uint64) error
	// NewestTime is the time of the newest sample, in milliseconds.
	NewestTime() (int64, error)
	Querier(mint, maxt int64) (storage.Querier, error)
}

// Events keeps what cameras and people reported.
type Events interface {
	// Add returns when the events are on disk. Adding an event again does no
	// harm. The events share memory with the message and are not to be kept.
	Add(ctx context.Context, events []reading.Event) error
}

// Deriver adds what follows from readings of which it knows the past, such as
// how long a bay has been taken. It sees each batch of messages once before it
// is stored, and the same readings again when a sender repeats them: it must
// then derive the same. It is called by several goroutines at once.
type Deriver interface {
	Derive(b *reading.Batch, out *reading.Builder)
}

// WriteDeriver is a Deriver for whole requests, whose series have another
// spelling. It adds to a batch of its own, and sees each part of a request after
// it has been appended; what the store has refused of it is still there.
type WriteDeriver interface {
	DeriveWrite(b *reading.Batch, sp reading.Speller, out *reading.Builder)
}

// Redactor takes out of what is kept what must not be, such as number plates.
type Redactor interface {
	// Text returns text without it: text itself where there is nothing to
	// remove, otherwise a copy.
	Text(text []byte) []byte
	// Label returns the value to store; an empty one drops the label. The metric's
	// name is that of the label __name__.
	Label(name, value []byte) []byte
	// Event is Text for all of an event, in place.
	Event(e *reading.Event)
}

// Quarantine keeps what was refused.
type Quarantine interface {
	// Keep must not keep r.Raw without copying it, and must not wait.
	Keep(r Refused)
}

// Refused is a part of what a source sent that was not taken.
type Refused struct {
	Source
	Time time.Time
	reading.Refusal
}

// Source says where something came from.
type Source struct {
	// Input is the input's name, a label of the metrics: lineproto, mqtt, …
	Input string
	// Sender says who sent it, as far as that is known.
	Sender string
}

// Options of an Intake. Store, Metrics and Lag are required.
type Options struct {
	Store   Store
	Metrics *metrics.Set
	// Lag is how late rule evaluation is; writes give way to it.
	Lag func() time.Duration
	// Events may be nil: events are then refused.
	Events Events
	// Derive and DeriveWrite are asked in order.
	Derive      []Deriver
	DeriveWrite []WriteDeriver
	Redactor    Redactor   // may be nil
	Quarantine  Quarantine // may be nil
}

// redactingSpeller applies the redactor once for each series.
type redactingSpeller struct {
	reading.Speller
	redactor Redactor
}

func (in *Intake) redacting(sp reading.Speller) reading.Speller {
	if in.opts.Redactor == nil {
		return sp
	}
	return redactingSpeller{sp, in.opts.Redactor}
}

func (s redactingSpeller) Spell(key, field []byte, scratch []reading.Label) ([]byte, []reading.Label, error) {
	metric, all, err := s.Speller.Spell(key, field, scratch)
	if err != nil {
		return metric, all, err
	}
	kept := all[:0]
	for _, l := range all {
		l.Value = s.redactor.Label(l.Name, l.Value)
		if len(l.Value) > 0 && len(s.redactor.Text(l.Name)) == len(l.Name) {
			kept = append(kept, l)
		}
	}
	return s.redactor.Label([]byte(model.MetricNameLabel), metric), kept, nil
}

// redactExemplars is for what no speller sees.
func (in *Intake) redactExemplars(b *reading.Batch) {
	if in.opts.Redactor == nil {
		return
	}
	for i := range b.Exemplars {
		e := &b.Exemplars[i].Exemplar
		kept := labels.NewBuilder(e.Labels)
		e.Labels.Range(func(l labels.Label) {
			kept.Set(l.Name, string(in.opts.Redactor.Label([]byte(l.Name), []byte(l.Value))))
		})
		e.Labels = kept.Labels()
	}
}
