package intake

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"golang.org/x/sync/semaphore"

	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// Store is what the intake asks of the database.
type Store interface {
	Append(ctx context.Context, b *reading.Batch, sp reading.Speller) (tsdb.Receipt, error)
	Sync(ctx context.Context, generation uint64) error
}

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
	store   Store
	set     *metrics.Set
	lag     func() time.Duration
	batches sync.Pool
	// turns bounds how many parts are parsed and appended at once, so that rule
	// evaluation never stands behind a long queue for a processor.
	turns   *semaphore.Weighted
	waiting atomic.Int64
}

// New returns an Intake in front of store that counts into set. lag is how late
// rule evaluation is; writes give way to it.
func New(store Store, set *metrics.Set, lag func() time.Duration) *Intake {
	return &Intake{
		store:   store,
		set:     set,
		lag:     lag,
		batches: sync.Pool{New: func() any { return new(reading.Batch) }},
		turns:   semaphore.NewWeighted(int64(2 * runtime.GOMAXPROCS(0))),
	}
}

// Waiting is how many writes wait for their turn.
func (in *Intake) Waiting() int { return int(in.waiting.Load()) }

func (in *Intake) takeTurn(ctx context.Context) error {
	if in.turns.TryAcquire(1) {
		return nil
	}
	if in.lag() > maxLag {
		return ErrOverload
	}
	in.waiting.Add(1)
	defer in.waiting.Add(-1)
	wait, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	if err := in.turns.Acquire(wait, 1); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return ErrOverload
	}
	return nil
}

// Parse adds the next part of a request to an empty batch and says whether more
// is to come. Parts keep memory bounded however large a request is.
type Parse func(b *reading.Batch) (more bool)

// Result is what became of one request.
type Result struct {
	// Samples is how many values are stored, exact duplicates included.
	Samples int
	// Strings is how many text fields were skipped.
	Strings int
	// Refused is how many refusals there were; Refusals holds the first of them.
	Refused  int
	Refusals []Refusal
}

// Refusal is a part that was not taken. Unlike reading.Refusal it shares no
// memory with the request.
type Refusal struct {
	Line   uint32
	Reason reading.Reason
	Detail string
}

func (r Refusal) String() string {
	return fmt.Sprintf("line %d: %s: %s", r.Line, r.Reason, r.Detail)
}

// maxRefusals is how many refusals an answer names.
const maxRefusals = 20

// Write stores one request of the named input and returns when it is on disk.
// With an error nothing may be acknowledged, although a part may have been
// stored; sending all of it again does no harm.
func (in *Intake) Write(ctx context.Context, input string, parse Parse, sp reading.Speller) (Result, error) {
	began := time.Now()
	b := in.batches.Get().(*reading.Batch)
	defer func() {
		b.Reset()
		in.batches.Put(b)
	}()
	var res Result
	var receipt tsdb.Receipt
	for more := true; more; {
		taken, next, err := in.writePart(ctx, b, parse, sp, &res)
		if err != nil {
			return res, err
		}
		if receipt.Samples > 0 && taken.Samples > 0 && taken.Generation != receipt.Generation {
			return res, tsdb.ErrFailed
		}
		if taken.Samples > 0 {
			receipt = taken
		}
		more = next
	}
	if receipt.Samples > 0 {
		if err := in.store.Sync(ctx, receipt.Generation); err != nil {
			return res, err
		}
	}
	in.set.GetOrCreateCounter(fmt.Sprintf(`belfry_samples_total{input=%q}`, input)).Add(res.Samples)
	in.set.GetOrCreatePrometheusHistogramExt(fmt.Sprintf(`belfry_write_duration_seconds{input=%q}`, input), durations()).UpdateDuration(began)
	return res, nil
}

// durations are bucket bounds, in seconds, from a sync of a fast disk to the
// patience of clients.
func durations() []float64 {
	return []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
}

func (in *Intake) writePart(ctx context.Context, b *reading.Batch, parse Parse, sp reading.Speller, res *Result) (taken tsdb.Receipt, more bool, err error) {
	if err := in.takeTurn(ctx); err != nil {
		return taken, false, err
	}
	defer in.turns.Release(1)
	b.Reset()
	more = parse(b)
	if len(b.Points) > 0 {
		if taken, err = in.store.Append(ctx, b, sp); err != nil {
			return taken, false, err
		}
		res.Samples += taken.Samples
	}
	in.account(b, res)
	return taken, more, nil
}

func (in *Intake) account(b *reading.Batch, res *Result) {
	res.Strings += b.Strings
	if b.Strings > 0 {
		in.set.GetOrCreateCounter(`belfry_skipped_total{reason="string_field"}`).Add(b.Strings)
	}
	for i := range b.Refusals {
		r := &b.Refusals[i]
		in.Refuse(r.Reason, 1)
		if res.Refused++; len(res.Refusals) < maxRefusals {
			res.Refusals = append(res.Refusals, Refusal{Line: r.Line, Reason: r.Reason, Detail: r.Detail})
		}
	}
}

// Refuse counts n refusals, also of whole requests that never became a batch.
func (in *Intake) Refuse(reason reading.Reason, n int) {
	in.set.GetOrCreateCounter(fmt.Sprintf(`belfry_refused_total{reason=%q}`, string(reason))).Add(n)
}
