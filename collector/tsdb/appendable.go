package tsdb

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// Appender returns an upstream appender for rules and Belfry's own metrics. Its
// Commit does not wait for the disk, but a failure to write the log has the
// store reopened as any other does, and below the disk reserve it refuses with
// ErrDiskFull.
func (s *Store) Appender(ctx context.Context) storage.Appender {
	// Upstream logs new series also when it rolls back, so where there is no
	// room nothing may be begun.
	if err := s.disk.check(); err != nil {
		return refusingAppender{err: err}
	}
	d, err := s.use()
	if err != nil {
		return refusingAppender{err: err}
	}
	telling := s.told.enter()
	held := &heldAppender{Appender: d.Head().Appender(ctx), store: s, release: sync.OnceFunc(func() {
		s.told.leave(telling)
		s.gate.leave()
	})}
	if w := s.watching.Load(); w != nil {
		return &watchedAppender{Appender: held, watching: w, known: &d.upstream, now: s.opts.Now().UnixMilli()}
	}
	return held
}

type heldAppender struct {
	storage.Appender
	store   *Store
	release func()
}

// Append creates series one at a time, as whatever else does: upstream puts a series that is created before one of a lower
// reference in its place among those that a query may be reading.
func (a *heldAppender) Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	if ref == 0 {
		a.store.createMu.Lock()
		defer a.store.createMu.Unlock()
	}
	return a.Appender.Append(ref, l, t, v)
}

// AppendHistogram is as Append.
func (a *heldAppender) AppendHistogram(
	ref storage.SeriesRef, l labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram,
) (storage.SeriesRef, error) {
	if ref == 0 {
		a.store.createMu.Lock()
		defer a.store.createMu.Unlock()
	}
	return a.Appender.AppendHistogram(ref, l, t, h, fh)
}

func (a *heldAppender) Commit() error {
	defer a.release()
	return a.store.commitUpstream(a.Appender)
}

func (a *heldAppender) Rollback() error {
	defer a.release()
	return a.Appender.Rollback()
}

func (s *Store) commitUpstream(tx storage.AppenderTransaction) (err error) {
	refuse := s.disk.check()
	if s.broken.Load() {
		refuse = ErrFailed
	}
	if refuse != nil {
		return errors.Join(refuse, tx.Rollback())
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrFailed, p)
			s.fail(err)
		}
	}()
	epoch := s.fence.enter()
	defer s.fence.leave(epoch)
	if err := tx.Commit(); err != nil {
		s.fail(err)
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	s.ring()
	return nil
}
