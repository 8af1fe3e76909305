package hazard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/belfry-city/belfry/internal/database"
)

const (
	// bit is how many hazards, or events, are deleted at a time, with writes in between.
	bit = 100
	// freePages is how much of the file may lie unused before it is made smaller, and
	// vacuumPages how much smaller at a time; a page has 4 KiB.
	freePages, vacuumPages = 4096, 1000
)

// sweep does what is to be done from time to time: it ends hazards of which nothing
// is heard any more, writes what has changed without an event, and deletes what is
// too old.
func (s *Store) sweep() {
	now := s.opts.Now()
	s.mu.Lock()
	if s.done.Err() == nil { // whoever is being stopped hears of nothing
		s.keep(s.book.lapse(now))
	}
	s.book.forget(now, mostResolved)
	s.mu.Unlock()
	if s.w.pause > 0 || !s.write() || !s.writeDirty() {
		return
	}
	more, err := s.trim(now)
	for err == nil && more && s.done.Err() == nil && s.write() {
		more, err = s.trim(now)
	}
	if err != nil {
		s.opts.Logger.Warn("old hazards are not deleted; it is tried again", "err", s.fault(err))
	}
}

// writeDirty writes hazards that have changed without an event. No event may wait
// meanwhile: it would be older.
func (s *Store) writeDirty() bool {
	for {
		var some []*entry
		var copies []*Hazard
		s.mu.Lock()
		if s.queue.len() > 0 {
			s.mu.Unlock()
			return s.write()
		}
		for _, e := range s.book.byID {
			if e.dirty && len(some) < group {
				e.dirty = false
				some, copies = append(some, e), append(copies, e.copied())
			}
		}
		s.mu.Unlock()
		if len(some) == 0 {
			return true
		}
		if err := s.commit(nil, copies); err != nil {
			s.mu.Lock()
			for _, e := range some {
				e.dirty = true
			}
			s.mu.Unlock()
			s.failed(err)
			return false
		}
		notify(s.unsaved)
	}
}

// trim deletes a bit of what is too old or too much, and says whether there is
// more.
func (s *Store) trim(now time.Time) (more bool, err error) {
	if s.db == nil {
		return false, nil
	}
	events, err := s.trimEvents(now)
	if err != nil {
		return false, err
	}
	size, err := s.db.Measure(context.Background())
	if err != nil {
		return false, err
	}
	s.bytes.Store(size.Used())
	hazards, err := s.trimHazards(now, size)
	if err != nil {
		return false, err
	}
	if hazards == 0 {
		if err := s.shrink(size); err != nil {
			return false, err
		}
	}
	return events == bit || hazards == bit, nil
}

// trimEvents takes from old events what followers need.
func (s *Store) trimEvents(now time.Time) (n int, err error) {
	if s.opts.KeepEvents == 0 {
		return 0, nil
	}
	trimmed, _ := s.feed.extent()
	var newest sql.NullInt64
	err = s.db.Write.QueryRowContext(context.Background(), `SELECT count(*), max(seq) FROM
		(SELECT seq, kept FROM events WHERE seq > ? ORDER BY seq LIMIT ?) WHERE kept < ?`,
		trimmed, bit, now.Add(-s.opts.KeepEvents).UnixMilli()).Scan(&n, &newest)
	if err != nil || n == 0 {
		return 0, err
	}
	err = s.transaction(func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE events SET doc = NULL WHERE seq > ? AND seq <= ?", trimmed, newest.Int64); err != nil {
			return err
		}
		// What flaps for months has a history that nobody could read.
		if _, err := tx.ExecContext(ctx, `DELETE FROM events WHERE seq > ? AND seq <= ? AND EXISTS (SELECT 1 FROM events AS later
			WHERE later.hazard = events.hazard AND later.seq > events.seq ORDER BY later.seq LIMIT 1 OFFSET ?)`, trimmed, newest.Int64, MostHistory-1); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE stream SET trimmed = ?", newest.Int64)
		return err
	})
	if err == nil {
		s.feed.trim(newest.Int64)
	}
	return n, err
}

// trimHazards deletes resolved hazards that are too old or too many.
func (s *Store) trimHazards(now time.Time, size database.Size) (n int, err error) {
	var before int64
	switch {
	case s.opts.KeepBytes > 0 && size.Used() > s.opts.KeepBytes:
		before = now.Add(time.Hour).UnixMilli() // the oldest, whatever their age
	case s.opts.KeepTime > 0:
		before = now.Add(-s.opts.KeepTime).UnixMilli()
	default:
		return 0, nil
	}
	old, err := s.oldest(before)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	trimmed, _ := s.feed.extent()
	in := " IN (" + strings.TrimSuffix(strings.Repeat("?,", len(old)), ",") + ")"
	err = s.transaction(func(ctx context.Context, tx *sql.Tx) error {
		var newest sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT max(seq) FROM events WHERE hazard"+in, old...).Scan(&newest); err != nil {
			return err
		}
		trimmed = max(trimmed, newest.Int64)
		if _, err := tx.ExecContext(ctx, "UPDATE stream SET trimmed = ?", trimmed); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM hazards WHERE number"+in, old...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete hazards: %w", err)
	}
	s.feed.trim(trimmed)
	s.metrics.deleted.Add(len(old))
	return len(old), nil
}

func (s *Store) oldest(before int64) (numbers []any, err error) {
	rows, err := s.db.Write.QueryContext(context.Background(),
		"SELECT number FROM hazards WHERE resolved > 0 AND resolved < ? ORDER BY resolved LIMIT ?", before, bit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var number int64
		if err := rows.Scan(&number); err != nil {
			return nil, err
		}
		numbers = append(numbers, number)
	}
	return numbers, rows.Err()
}

// shrink gives unused pages back, where there are many or the file is too large.
func (s *Store) shrink(size database.Size) error {
	over := s.opts.KeepBytes > 0 && size.Pages*size.Page > s.opts.KeepBytes
	if size.Free == 0 || !over && size.Free <= freePages {
		return nil
	}
	_, err := s.db.Write.ExecContext(context.Background(), fmt.Sprintf("PRAGMA incremental_vacuum(%d)", min(size.Free, vacuumPages)))
	s.shrunk.Store(true)
	notify(s.unsaved)
	return err
}
