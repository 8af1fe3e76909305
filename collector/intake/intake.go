package intake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// ErrOverload says that a request could not be given a turn: others, or late
// rules, need the processors. The sender should come back a little later.
var ErrOverload = errors.New("overloaded: more is written than this machine can take")

const (
	// turnWait is how long a part of a request may wait for its turn.
	turnWait = 5 * time.Second
	// maxLag is how late rule evaluation may be before writes are turned away.
	maxLag = 10 * time.Second
)

// Intake is safe for concurrent use.
type Intake struct {
	opts    Options
	batches sync.Pool
	takings sync.Pool
	// turns bounds how many parts are parsed and appended at once, so that rule
	// evaluation never stands behind a long queue for a processor.
	turns  *semaphore.Weighted
	wanted atomic.Int64 // turns that are held or waited for
	worked atomic.Int64 // nanoseconds of all turns together

	arrivals *arrivals
}

// New returns an Intake in front of a store.
func New(o Options) *Intake {
	return &Intake{
		opts:    o,
		batches: sync.Pool{New: func() any { return new(reading.Batch) }},
		takings: sync.Pool{New: func() any { return new(taking) }},
		turns:   semaphore.NewWeighted(parallel()),

		arrivals: newArrivals(o.Store),
	}
}

func (in *Intake) unheard() {
	if in.opts.Unheard != nil {
		in.opts.Unheard()
	}
}

// Parse adds the next part of a request to an empty batch and says whether more
// is to come. Parts keep memory bounded however large a request is.
type Parse func(b *reading.Batch) (more bool)

// Write stores one request and returns when it is on disk. It is the way of
// formats that have series in a spelling of their own; others take Take.
// With an error nothing may be acknowledged, although a part may have been
// stored; sending all of it again does no harm.
func (in *Intake) Write(ctx context.Context, from Source, parse Parse, sp reading.Speller) (Result, error) {
	began := time.Now()
	b := in.batches.Get().(*reading.Batch)
	defer func() {
		b.Reset()
		in.batches.Put(b)
	}()
	sp = in.redacting(sp)
	var res Result
	var receipt tsdb.Receipt
	room := in.opts.MaxNew
	for more := true; more; {
		b.Reset()
		b.Room, b.Follow = room, len(in.opts.DeriveWrite) > 0
		taken, next, err := in.writePart(ctx, b, from, parse, sp, &res)
		if err != nil {
			return res, err
		}
		if !receipt.Empty() && !taken.Empty() && taken.Generation != receipt.Generation {
			return res, tsdb.ErrFailed
		}
		if !taken.Empty() {
			receipt = taken
		}
		more, room = next, b.Room
	}
	if !receipt.Empty() {
		if err := in.opts.Store.Sync(ctx, receipt.Generation); err != nil {
			return res, err
		}
	}
	in.stored(from.Input, res.Samples, began)
	return res, nil
}

// storable says whether there is something for the store in b.
func storable(b *reading.Batch) bool { return b.Samples() > 0 || len(b.Exemplars) > 0 }

func (in *Intake) stored(input string, samples int, began time.Time) {
	m := in.opts.Metrics
	m.GetOrCreateCounter(fmt.Sprintf(`belfry_samples_total{input=%q}`, input)).Add(samples)
	m.GetOrCreatePrometheusHistogramExt(fmt.Sprintf(`belfry_write_duration_seconds{input=%q}`, input), durations()).UpdateDuration(began)
}

// durations are bucket bounds, in seconds, from a sync of a fast disk to the
// patience of clients.
func durations() []float64 {
	return []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
}

func (in *Intake) writePart(ctx context.Context, b *reading.Batch, from Source, parse Parse, sp reading.Speller, res *Result) (taken tsdb.Receipt, more bool, err error) {
	began, err := in.takeTurn(ctx)
	if err != nil {
		return taken, false, err
	}
	defer in.endTurn(began)
	more = parse(b)
	in.redactExemplars(b)
	if storable(b) {
		if taken, err = in.opts.Store.Append(ctx, b, sp); err != nil {
			in.unheard()
			return taken, false, err
		}
		res.Samples += taken.Samples
		res.Histograms += taken.Histograms
		res.Exemplars += taken.Exemplars
		if err := in.deriveWrite(ctx, b, sp, taken); err != nil {
			return taken, false, err
		}
	}
	in.account(b, from, res)
	return taken, more, nil
}

// deriveWrite appends what follows from a part of a request that has been
// appended, as the receipt says.
func (in *Intake) deriveWrite(ctx context.Context, b *reading.Batch, sp reading.Speller, part tsdb.Receipt) error {
	if len(in.opts.DeriveWrite) == 0 {
		return nil
	}
	t := in.newTaking()
	defer in.release(t)
	t.builder.Own()
	for _, d := range in.opts.DeriveWrite {
		d.DeriveWrite(b, sp, &t.builder)
	}
	t.builder.Done()
	if err := in.appendAgain(ctx, t); err != nil {
		return err
	}
	if !t.receipt.Empty() && !part.Empty() && t.receipt.Generation != part.Generation {
		return tsdb.ErrFailed
	}
	for _, r := range t.batch.Refusals {
		in.Refuse(Source{Input: "derived"}, r)
	}
	return nil
}
