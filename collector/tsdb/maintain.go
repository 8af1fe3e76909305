package tsdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/storage"
)

const (
	maintenanceInterval = time.Minute
	repairInterval      = time.Second
)

func (s *Store) runMaintenance(ctx context.Context) {
	tick := time.NewTicker(maintenanceInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.Maintain(ctx); err != nil && !errors.Is(err, ErrDiskFull) && ctx.Err() == nil {
				s.opts.Logger.Error("maintenance of the store failed; it is tried again", "err", err)
			}
		}
	}
}

// Maintain moves full chunks of the newest samples out of memory and compacts
// what is due, as it happens by itself every minute. It does nothing while the
// disk is below its reserve or the store waits to be reopened.
func (s *Store) Maintain(ctx context.Context) (err error) {
	d, err := s.use()
	if err != nil {
		return err
	}
	defer s.gate.leave()
	if s.broken.Load() {
		return ErrFailed
	}
	if err := s.disk.check(); err != nil {
		return err
	}
	// Upstream panics when a chunk of the head cannot be written.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write chunks of the head: %v", p)
			s.fail(err)
		}
	}()
	d.ForceHeadMMap()
	return d.Compact(ctx)
}

// runRepair reopens the database after a failed write, as soon as there is
// room. Until then reads go on from memory.
func (s *Store) runRepair(ctx context.Context) {
	tick := time.NewTicker(repairInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.repair:
		case <-tick.C:
		}
		if !s.broken.Load() { // or each look would call for the next
			s.watchFailures()
		}
		if !s.broken.Load() || s.disk.check() != nil {
			continue
		}
		if err := s.reopen(); err != nil {
			s.opts.Logger.Error("reopening the store failed; it is tried again", "err", err)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

// watchFailures notices a failed log write for which nobody waits.
func (s *Store) watchFailures() {
	d, err := s.use()
	if err != nil {
		return
	}
	defer s.gate.leave()
	if d.failures.failed() {
		s.fail(errors.New("a log write failed"))
	}
}

func (s *Store) reopen() error {
	s.gate.close()
	defer s.gate.open()
	if s.db != nil {
		// It fails for the reason that made it broken; the files are what counts.
		if err := s.db.shut(); err != nil {
			s.opts.Logger.Warn("closing the failed store", "err", err)
		}
		s.db.series.forget(func(storage.SeriesRef) bool { return true })
		s.db = nil
	}
	d, err := s.openDatabase()
	if err != nil {
		return err
	}
	s.db = d
	s.generation.Add(1)
	s.broken.Store(false)
	s.reopened.Inc()
	s.opts.Logger.Info("the store has been reopened and takes writes again")
	return nil
}
