package watch

import (
	"context"
	"time"

	"github.com/belfry-city/belfry/collector/wal/tail"
)

const (
	// tickEvery is how often states are written and the log is looked at unasked.
	tickEvery = 200 * time.Millisecond
	// retryAfter is how long the store, or the log, is left alone after an error.
	retryAfter = time.Second
	// least is the time between two looks at the log. Under thousands of commits a
	// second, looking costs less so, and a score comes no later than that.
	least = time.Millisecond
	// stopWriting is how long states are written at a stop.
	stopWriting = 3 * time.Second
)

// run watches until ctx ends.
func (w *Watcher) run(ctx context.Context) {
	w.started = w.opts.Now()
	if w.replaying {
		w.restore()
	}
	for ctx.Err() == nil && w.begin(ctx) {
		w.follow(ctx)
	}
	w.finish()
	w.reader.Close()
	w.rounds.Leave()
}

// begin finds the place in the log to go on from. It returns false when ctx ends
// before.
func (w *Watcher) begin(ctx context.Context) bool {
	for {
		w.generation = w.opts.Store.Generation()
		err := w.opts.Store.Sync(ctx, w.generation) // or the database says why
		if err == nil {
			if err = w.beginAt(); err == nil {
				w.begun = true
				return true
			}
			w.opts.Logger.Error("the log cannot be read; it is tried again", "err", err)
		}
		if sleep(ctx, retryAfter) != nil {
			return false
		}
	}
}

func (w *Watcher) beginAt() error {
	for _, d := range w.detectors {
		d.refused.Store(0)
	}
	w.replaying, w.stored = w.replaying || w.begun, nil
	at := w.place.Position
	if !w.place.Fits(w.log) {
		first, _ := w.log.After(-1)
		if w.place.Segment < first {
			w.metrics.lost.Add(first - w.place.Segment)
			w.opts.Logger.Warn("the log does not reach back to where detectors had got to; for their models there is a gap", "segments", first-w.place.Segment)
		} else {
			w.opts.Logger.Warn("the log is not the one that detectors had read; all of it is read, and what models have seen is known by its time")
		}
		at = tail.Position{Segment: first}
	}
	return w.reader.Begin(at, false)
}

// follow reads the log until ctx ends, or it has to begin anew.
func (w *Watcher) follow(ctx context.Context) {
	tick := time.NewTicker(w.opts.tick)
	defer tick.Stop()
	for ctx.Err() == nil {
		if w.opts.Store.Generation() != w.generation {
			return
		}
		if set := w.fresh.Swap(nil); set != nil {
			w.note()
			if w.use(set) {
				return
			}
		}
		began, committed := time.Now(), w.opts.Store.Committed()
		if len(w.detectors) == 0 {
			committed = nil
		}
		end := w.step(ctx)
		if !end {
			select {
			case <-tick.C:
				w.upkeep(ctx)
			default:
			}
			continue
		}
		w.replaying = false
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-committed:
			if wait := least - time.Since(began); wait > 0 {
				_ = sleep(ctx, wait)
			}
		case <-tick.C:
			w.upkeep(ctx)
		}
	}
}

// step gives what was logged to models, up to a batch of it, and stores what they
// say. end is true where nothing more was logged.
func (w *Watcher) step(ctx context.Context) (end bool) {
	if len(w.out) > 0 && !w.storeOut(ctx) {
		return false
	}
	if len(w.detectors) == 0 {
		w.metrics.caughtUp(time.Now())
		return true
	}
	g := gather{w: w}
	end, err := w.reader.Read(&g)
	w.observe(g.count)
	if n := w.reader.TakeLost(); n > 0 {
		w.metrics.lost.Add(n)
		w.opts.Logger.Error("parts of the log are missing or not readable; for models there is a gap", "segments", n)
	}
	if err != nil {
		w.opts.Logger.Error("the log cannot be read; it is tried again", "err", err)
		_ = sleep(ctx, retryAfter)
		return false
	}
	if len(w.out) > 0 && !w.storeOut(ctx) {
		return false
	}
	if end {
		w.metrics.caughtUp(time.Now())
	}
	return end
}

// storeOut returns false where the store takes nothing for now.
func (w *Watcher) storeOut(ctx context.Context) bool {
	if err := w.store(ctx); err != nil {
		if w.metrics.failing.CompareAndSwap(false, true) {
			w.opts.Logger.Warn("anomaly scores cannot be stored; nothing more is scored until they can", "err", err)
		}
		_ = sleep(ctx, retryAfter)
		return false
	}
	w.metrics.failing.Store(false)
	return true
}

func (w *Watcher) logEnd() tail.Position {
	segment, size := w.log.End()
	return tail.Position{Segment: segment, Offset: size}
}

// note remembers where all before has been seen and stored.
func (w *Watcher) note() {
	at, ok := w.reader.Position()
	if len(w.detectors) == 0 { // what is logged meanwhile is left out
		at, ok = w.logEnd(), true
	}
	if ok && len(w.out) == 0 && w.opts.Store.Generation() == w.generation {
		w.place = tail.PlaceAt(w.log, at)
	}
}

// upkeep is done a few times a second.
func (w *Watcher) upkeep(ctx context.Context) {
	w.note()
	w.save(ctx)
}

// finish watches what is left, and writes states.
func (w *Watcher) finish() {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, w.stopBy.Load()))
	defer cancel()
	if !w.begun {
		return
	}
	for end := false; !end && ctx.Err() == nil && w.opts.Store.Generation() == w.generation; {
		if end = w.step(ctx); end {
			w.replaying = false
		}
	}
	w.note()
	writing, stop := context.WithTimeout(ctx, stopWriting)
	defer stop()
	w.saveAll(writing)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
