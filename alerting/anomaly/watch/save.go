package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/alerting/anomaly/state"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

// savePace is how many bytes of states are written at a time: with the ticks, a
// little over 1 MB a second, so that the states of 100,000 series of 8 KB take 13
// minutes, and disks little harm.
const savePace = 256 << 10

// saving is the round that is being written. One piece at a time is written, by a
// goroutine of its own, so that a slow disk holds up nothing.
type saving struct {
	rounds  *state.Rounds
	open    bool
	next    int // the track to be written next
	began   time.Time
	buf     []byte
	writing conc.WaitGroup
	written chan error // capacity 1
	busy    bool
}

// piece is what is written at once.
type piece struct {
	from    *tail.Place // begins a round
	began   time.Time   // the round
	states  int         // of the round that is begun
	records int
	last    bool // completes the round
}

// saveFirst begins the first round of all, so that also a crash before it is
// complete costs nothing.
func (w *Watcher) saveFirst() {
	if len(w.detectors) == 0 {
		return
	}
	now := w.opts.Now()
	if err := w.rounds.Begin(w.place, now, 0); err != nil {
		w.wrote(err)
		return
	}
	w.open, w.began = true, now
}

// save writes some more of a round, and begins one when it is time.
func (w *Watcher) save(ctx context.Context) {
	if w.busy {
		select {
		case err := <-w.written:
			w.wrote(err)
		default:
			return
		}
	}
	now := w.opts.Now()
	if !w.open && now.Sub(w.began) < w.opts.Round || w.replaying || len(w.detectors) == 0 || len(w.out) > 0 {
		return
	}
	if w.opts.Store.CheckRoom() != nil {
		return
	}
	p := w.piece(now, w.opts.pace)
	w.busy, w.written = true, make(chan error, 1)
	generation, buf, done := w.generation, w.buf, w.written
	w.writing.Go(func() { done <- w.write(ctx, generation, p, buf) })
}

// piece makes the next piece of a round, of about so many bytes.
func (w *Watcher) piece(now time.Time, bytes int) (p piece) {
	w.buf = w.buf[:0]
	if !w.open {
		w.sweep(now)
		place := w.place
		w.open, w.next, w.began = true, 0, now
		p.from, p.states = &place, len(w.tracks)
	}
	p.began = w.began
	for ; w.next < len(w.tracks) && len(w.buf) < bytes; w.next++ {
		k := w.tracks[w.next]
		if k == nil {
			continue
		}
		b, err := k.appendRecord(w.buf)
		if err != nil {
			w.metrics.dropped(notWritten).Inc()
			w.opts.Logger.Error("the state of a series is not kept", "detector", k.of.Name, "series", k.outs[0].lset.String(), "err", err)
			continue
		}
		w.buf = b
		p.records++
	}
	p.last = w.next == len(w.tracks)
	return p
}

// write brings a piece to disk after the samples that are in it: a state that
// knows more than the log does after a power cut would take what is sent again
// for late.
func (w *Watcher) write(ctx context.Context, generation uint64, p piece, buf []byte) error {
	if err := w.opts.Store.Sync(ctx, generation); err != nil {
		return err
	}
	if p.from != nil {
		if err := w.rounds.Begin(*p.from, p.began, p.states); err != nil {
			return err
		}
	}
	if err := w.rounds.Add(buf, p.records); err != nil {
		return err
	}
	if !p.last {
		return nil
	}
	n, err := w.rounds.Finish()
	if err != nil {
		return err
	}
	w.metrics.saved(n, p.began)
	return errComplete
}

// errComplete says that a round is complete.
var errComplete = errors.New("complete")

// wrote ends a piece.
func (w *Watcher) wrote(err error) {
	w.busy = false
	if err == nil {
		return
	}
	w.open = false
	if !errors.Is(err, errComplete) && !errors.Is(err, context.Canceled) {
		w.opts.Logger.Error("what models have learned is not written; after a crash it is made again from the log, as far as that reaches", "err", err)
	}
}

// saveAll writes a whole round, unless ctx ends before.
func (w *Watcher) saveAll(ctx context.Context) {
	w.writing.Wait()
	if w.busy {
		w.wrote(<-w.written)
	}
	if w.replaying || len(w.out) > 0 || len(w.tracks) == 0 || w.opts.Store.Generation() != w.generation {
		return
	}
	w.open = false
	for ctx.Err() == nil {
		p := w.piece(w.opts.Now(), 1<<20)
		if err := w.write(ctx, w.generation, p, w.buf); err != nil {
			w.wrote(err)
			return
		}
	}
}

// sweep forgets what has not been heard of for long, and closes the gaps. It is
// called between two rounds, since a round must see each track.
func (w *Watcher) sweep(now time.Time) {
	const sure = 24 * time.Hour // before that, it may be that nothing was heard because Belfry did not run
	for i, k := range w.tracks {
		if k == nil || now.Sub(w.started) < min(sure, k.of.Forget) {
			continue
		}
		oldest := now.Add(-k.of.Forget).UnixMilli()
		if k.group != nil {
			w.sweepChannels(k, oldest)
		}
		if k.last < oldest {
			w.metrics.forgotten.Inc()
			w.expel(k)
			w.tracks[i] = nil
		}
	}
	kept := w.tracks[:0]
	for _, k := range w.tracks {
		if k != nil {
			kept = append(kept, k)
		}
	}
	clear(w.tracks[len(kept):])
	w.tracks = kept
}

func (w *Watcher) sweepChannels(k *track, oldest int64) {
	k.keepChannels(func(c *channel) bool {
		if c.last >= oldest {
			return true
		}
		if in := w.find(c.labels); in != nil {
			w.detach(in, k)
		}
		return false
	})
}

// appendRecord appends the state of a track as rounds have it.
func (k *track) appendRecord(b []byte) ([]byte, error) {
	var key []byte
	if k.group != nil {
		key = k.group.key
	} else {
		key = appendLabels(nil, k.in.labels)
	}
	r := state.Record{Detector: k.of.Name, Depends: k.of.depends, Key: key}
	b, err := state.AppendRecord(b, r, k.appendState)
	if err != nil {
		return b, fmt.Errorf("write the state of model %s: %w", k.of.Kind.Name, err)
	}
	return b, nil
}
