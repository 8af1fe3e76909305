package hazard

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/belfry-city/belfry/internal/database"
)

// writer is what the one goroutine knows that writes.
type writer struct {
	seq     int64 // of the newest event; guarded by dbMu while there is no goroutine
	pending []queued
	pause   time.Duration
	retry   *time.Timer
	checked time.Time
}

// checkPause is how soon after a look through the file there is another.
const checkPause = 10 * time.Second

// run is the one goroutine that writes.
func (s *Store) run() {
	s.w.retry = time.NewTimer(0)
	defer s.w.retry.Stop()
	tick := time.NewTicker(s.opts.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.done.Done():
			s.writeLast()
			return
		case <-s.queue.wake:
			if s.w.pause == 0 { // else it is tried when the pause is over
				s.write()
			}
		case <-s.w.retry.C:
			s.write()
		case <-s.suspect:
			s.checkUp()
		case <-tick.C:
			s.sweep()
		}
	}
}

// write writes all that waits. What cannot be written is tried again, after a
// pause that grows.
func (s *Store) write() bool {
	for {
		if len(s.w.pending) == 0 {
			s.w.pending = s.queue.take(group)
		}
		if len(s.w.pending) == 0 {
			return true
		}
		err := s.commit(s.w.pending, nil)
		if errors.Is(err, errUnfit) {
			err = s.oneByOne()
		}
		if err != nil {
			s.failed(err)
			return false
		}
		if s.w.pause > 0 {
			s.opts.Logger.Info("hazards are kept again")
			s.w.pause = 0
		}
		s.queue.finish(s.w.pending)
		s.w.pending = nil
		notify(s.unsaved)
	}
}

func (s *Store) failed(err error) {
	if s.w.pause == 0 {
		s.opts.Logger.Error("hazards are not kept on disk now, but in memory; pages go on, and it is tried again", "err", err)
	}
	s.metrics.failures.Inc()
	s.w.pause = min(max(2*s.w.pause, firstRetry), lastRetry)
	s.w.retry.Reset(s.w.pause)
}

// errUnfit says that what was to be written is to blame, and not the disk.
var errUnfit = errors.New("this cannot be written")

// oneByOne writes what can be written of the pending events.
func (s *Store) oneByOne() error {
	for i := range s.w.pending {
		one := s.w.pending[i : i+1]
		err := s.commit(one, nil)
		if errors.Is(err, errUnfit) {
			s.metrics.lost.Inc()
			s.opts.Logger.Error("an event of a hazard cannot be kept", "hazard", one[0].event.Hazard.ID, "event", one[0].event.Kind, "err", err)
			err = nil
		}
		if err != nil {
			s.queue.finish(s.w.pending[:i])
			s.w.pending = s.w.pending[i:]
			return err
		}
	}
	return nil
}

// commit writes events, and hazards without an event.
func (s *Store) commit(events []queued, more []*Hazard) error {
	if s.db == nil { // it could not be opened again
		if err := s.reopen(); err != nil {
			return err
		}
	}
	began := time.Now()
	first := s.w.seq
	err := s.transaction(func(ctx context.Context, tx *sql.Tx) error {
		p, err := prepare(ctx, tx, s.opts.Now().UnixMilli())
		if err != nil {
			return err
		}
		for _, h := range more {
			if _, err := p.hazard(ctx, h); err != nil {
				return err
			}
		}
		for i, q := range events {
			if err := p.event(ctx, q.event, first+int64(i)+1); err != nil {
				return err
			}
		}
		return nil
	})
	s.metrics.committed(began, err)
	if err != nil {
		return s.fault(err)
	}
	s.w.seq = first + int64(len(events))
	published := make([]*Event, len(events))
	for i, q := range events {
		q.event.Seq, q.event.Hazard.URL = first+int64(i)+1, s.url(q.event.Hazard.ID)
		published[i] = q.event
	}
	s.feed.publish(published)
	return nil
}

// pen writes within a transaction, by whose end it is of no use any more.
type pen struct {
	now                       int64
	hazards, spans, happening *sql.Stmt
}

func prepare(ctx context.Context, tx *sql.Tx, now int64) (*pen, error) {
	hazards, err := tx.PrepareContext(ctx, upsertHazard)
	if err != nil {
		return nil, fmt.Errorf("keep hazards: %w", err)
	}
	spans, err := tx.PrepareContext(ctx, upsertSpan)
	if err != nil {
		return nil, fmt.Errorf("keep spans of hazards: %w", err)
	}
	happening, err := tx.PrepareContext(ctx, insertEvent)
	if err != nil {
		return nil, fmt.Errorf("keep events of hazards: %w", err)
	}
	return &pen{now, hazards, spans, happening}, nil
}

func (p *pen) hazard(ctx context.Context, h *Hazard) (doc string, err error) {
	text, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errUnfit, err)
	}
	if _, err := p.hazards.ExecContext(ctx, row(h, text)...); err != nil {
		return "", fmt.Errorf("keep a hazard: %w", err)
	}
	if _, err := p.spans.ExecContext(ctx, span(h)...); err != nil {
		return "", fmt.Errorf("keep the span of a hazard: %w", err)
	}
	return string(text), nil
}

func (p *pen) event(ctx context.Context, e *Event, seq int64) error {
	doc, err := p.hazard(ctx, e.Hazard)
	if err != nil {
		return err
	}
	bare := *e
	bare.Hazard = nil
	text, err := json.Marshal(bare)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnfit, err)
	}
	if _, err := p.happening.ExecContext(ctx, seq, number40(e.Hazard.ID), p.now, string(text), doc); err != nil {
		return fmt.Errorf("keep an event of a hazard: %w", err)
	}
	return nil
}

// transaction does all of it, or nothing.
func (s *Store) transaction(do func(context.Context, *sql.Tx) error) error {
	ctx := context.Background()
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(ctx, tx); err != nil {
		_ = tx.Rollback() // which a fault may have done already
		return err
	}
	if err := tx.Commit(); err != nil {
		_ = tx.Rollback()
		return err
	}
	return nil
}

// fault does what an error asks for.
func (s *Store) fault(err error) error {
	err = database.AsDamage(err)
	switch {
	case errors.Is(err, database.ErrDamaged):
		if s.replaceDamaged(err) {
			return errors.New("the database of hazards was damaged")
		}
	case database.Lost(err):
		s.opts.Logger.Error("the database of hazards could not be written; it is opened again", "err", err)
		if again := s.reopen(); again != nil {
			return errors.Join(err, again)
		}
	case database.Unfit(err):
		return fmt.Errorf("%w: %w", errUnfit, err)
	}
	return err
}

// checkUp is done when a reader has met something odd. The writer itself may have
// what is broken on the disk in its memory, so the file is opened again.
func (s *Store) checkUp() {
	now := time.Now()
	if now.Sub(s.w.checked) < checkPause {
		return
	}
	s.w.checked = now
	if err := s.reopen(); err != nil {
		s.opts.Logger.Error("the database of hazards cannot be read", "err", err)
	}
}

// writeLast is for the end: what does not get onto the disk now is lost.
func (s *Store) writeLast() {
	s.sweep()
	if s.write() {
		return
	}
	n := s.queue.waiting.Load()
	s.metrics.lost.Add(int(n))
	s.opts.Logger.Error("events of hazards are lost: the disk did not take them until the end", "events", n)
}
