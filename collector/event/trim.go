package event

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/belfry-city/belfry/internal/database"
)

const (
	// bit is how many events are deleted at a time at most, with writes in between.
	bit = 50
	// freePages is how much of the file may lie unused before it is made
	// smaller where nothing bounds it, and vacuumPages how much smaller at a time;
	// a page has 4 KiB.
	freePages   = 4096
	vacuumPages = 1000
	// growth is the part of the bound that may be written before the size is
	// looked at again.
	growth = 64
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
		if errors.Is(err, database.ErrDamaged) {
			s.replaceDamaged(err)
		}
		return false
	}
	s.opts.Metrics.GetOrCreateCounter(`belfry_events_deleted_total`).Add(deleted)
	return s.shrink() || deleted > 0
}

// shrink gives unused pages back, where the file is larger than it may be or a
// lot of it is unused, and says whether it has.
func (s *Store) shrink() bool {
	size := s.measure()
	spare := min(size.Free, vacuumPages)
	if size.Free <= freePages {
		spare = 0
		if over := size.Pages*size.Page - s.opts.KeepBytes; s.opts.KeepBytes > 0 && over > 0 {
			spare = min(size.Free, vacuumPages, (over+size.Page-1)/size.Page)
		}
	}
	if spare == 0 {
		if err := s.db.Settle(context.Background(), size); err != nil {
			s.opts.Logger.Warn("the file of events is not made smaller", "err", err)
		}
		return false
	}
	// The file itself becomes smaller with a checkpoint.
	_, err := s.db.Write.ExecContext(context.Background(), fmt.Sprintf("PRAGMA incremental_vacuum(%d); PRAGMA wal_checkpoint(PASSIVE)", spare))
	if err != nil {
		s.opts.Logger.Warn("the file of events is not made smaller", "err", err)
	}
	return err == nil
}

// outgrown says whether so much has been written that there may be too much.
func (s *Store) outgrown() bool {
	if s.db == nil || s.opts.KeepBytes == 0 || s.written < s.opts.KeepBytes/growth {
		return false
	}
	s.written = 0
	size := s.measure()
	return size.Pages*size.Page > s.opts.KeepBytes
}

func (s *Store) trimBit() (deleted int, err error) {
	excess := s.bytes.Load() - s.opts.KeepBytes
	over := s.opts.KeepBytes > 0 && excess > 0
	if !over && s.opts.KeepTime == 0 {
		return 0, nil
	}
	before := s.opts.Now().Add(-s.opts.KeepTime).UnixMilli()
	if over {
		before = s.opts.Now().Add(time.Hour).UnixMilli() // the oldest, whatever their age
	} else {
		excess = math.MaxInt64
	}
	old, err := s.oldest(before, excess)
	if err != nil {
		return 0, fmt.Errorf("look for old events: %w", s.fault(err))
	}
	if len(old) == 0 {
		return 0, nil
	}
	err = s.transaction(func(t *tx) error {
		these, args := database.In("seq", old)
		if _, err := t.sql.ExecContext(t.ctx, "DELETE FROM events WHERE "+these, args...); err != nil {
			return fmt.Errorf("delete old events: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(old), nil
}

// oldest are the events that were heard of last before a time, at most as many
// as take so many bytes.
func (s *Store) oldest(before, bytes int64) (seqs []any, err error) {
	const row = 1 << 10 // what an event takes besides message and picture, about
	rows, err := s.db.Write.QueryContext(context.Background(), `SELECT seq, coalesce(length(raw), 0) +
		coalesce((SELECT length(data) FROM pictures WHERE event = seq), 0) FROM events WHERE received < ? ORDER BY received LIMIT ?`, before, bit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for bytes > 0 && rows.Next() {
		var seq, size int64
		if err := rows.Scan(&seq, &size); err != nil {
			return nil, err
		}
		seqs, bytes = append(seqs, seq), bytes-size-row
	}
	return seqs, rows.Err()
}

// measure notes how much of the file is used.
func (s *Store) measure() database.Size {
	size, err := s.db.Measure(context.Background())
	if err != nil {
		s.opts.Logger.Warn("the size of the database of events is not known", "err", err)
		return database.Size{}
	}
	s.bytes.Store(size.Used())
	return size
}
