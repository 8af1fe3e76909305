package event

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// bit is how many events are deleted at a time, with writes in between.
	bit = 50
	// freePages is how much of the file may lie unused before it is made
	// smaller, and vacuumPages how much smaller at a time; a page has 4 KiB.
	freePages   = 4096
	vacuumPages = 1000
)

// trim deletes a few events that are too old, or too many, and says whether
// there is more to do.
func (s *Store) trim() bool {
	if s.db == nil {
		return false
	}
	deleted, err := s.trimBit()
	if err != nil {
		s.opts.Logger.Warn("old events are not deleted; it is tried again", "err", err)
		if errors.Is(err, errDamaged) {
			s.replaceDamaged(err)
		}
		return false
	}
	s.opts.Metrics.GetOrCreateCounter(`belfry_events_deleted_total`).Add(deleted)
	free := s.measure()
	if free > freePages {
		if _, err := s.db.write.ExecContext(context.Background(), fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages)); err != nil {
			s.opts.Logger.Warn("the file of events is not made smaller", "err", err)
			return deleted > 0
		}
		return true
	}
	return deleted > 0
}

func (s *Store) trimBit() (deleted int, err error) {
	over := s.opts.KeepBytes > 0 && s.bytes.Load() > s.opts.KeepBytes
	if !over && s.opts.KeepTime == 0 {
		return 0, nil
	}
	before := s.opts.Now().Add(-s.opts.KeepTime).UnixMilli()
	if s.opts.KeepTime == 0 {
		before = 0
	}
	if over {
		before = s.opts.Now().Add(time.Hour).UnixMilli() // the oldest, whatever their age
	}
	var old int
	err = s.db.write.QueryRowContext(context.Background(), "SELECT count(*) FROM (SELECT 1 FROM events WHERE received < ? LIMIT 1)", before).Scan(&old)
	if err != nil {
		return 0, fmt.Errorf("look for old events: %w", s.fault(err))
	}
	if old == 0 {
		return 0, nil
	}
	err = s.transaction(func(t *tx) error {
		res, err := t.sql.ExecContext(t.ctx, "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE received < ? ORDER BY received LIMIT ?)", before, bit)
		if err != nil {
			return fmt.Errorf("delete old events: %w", err)
		}
		n, err := res.RowsAffected()
		deleted = int(n)
		return err
	})
	return deleted, err
}

// measure notes how large the database is, and returns how many of its pages
// are unused.
func (s *Store) measure() (free int64) {
	ctx := context.Background()
	var pages, size int64
	row := s.db.write.QueryRowContext(ctx, "SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
	if err := row.Scan(&pages, &free, &size); err != nil {
		s.opts.Logger.Warn("the size of the database of events is not known", "err", err)
		return 0
	}
	s.bytes.Store((pages - free) * size)
	return free
}
