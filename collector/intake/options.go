package intake

import (
	"context"
	"time"

	"github.com/VictoriaMetrics/metrics"
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
	// remove, otherwise a copy. around are labels of the message that it is of,
	// which may say what to look for.
	Text(text []byte, around ...reading.Label) []byte
	// Labels returns those of one series, or exemplar, to store, in the memory of
	// labels. An error, which does not repeat what must not be kept, refuses the
	// series: without it, it would be another one.
	Labels(labels []reading.Label) ([]reading.Label, error)
	// Event is Text for all of an event, in place.
	Event(e *reading.Event, around ...reading.Label)
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
	// MaxNew bounds the bytes of the labels of all series that one request creates;
	// 0: it does not. Messages of a Queue, and scrapes, are not bound by it.
	MaxNew int64
	// Unheard is called when something could not be taken though nothing was wrong
	// with it; may be nil.
	Unheard func()
	// Events may be nil: events are then refused.
	Events Events
	// Derive and DeriveWrite are asked in order.
	Derive      []Deriver
	DeriveWrite []WriteDeriver
	Redactor    Redactor   // may be nil
	Quarantine  Quarantine // may be nil
}
