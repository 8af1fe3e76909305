package hazard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/internal/database"
)

// Store keeps hazards. It is safe for concurrent use.
type Store struct {
	opts    Options
	metrics *ownMetrics
	queue   *queue
	feed    *feed

	mu   sync.Mutex // guards book, and the order in which events get into the queue
	book *book

	dbMu sync.RWMutex // db is swapped when it is found to be damaged
	db   *database.File

	suspect chan struct{} // asks the writer to check the file
	unsaved chan struct{} // asks the syncer to sync
	shrunk  atomic.Bool   // the file gets smaller when the log is taken into it
	bytes   atomic.Int64
	w       writer

	stop    context.CancelFunc
	done    context.Context // ends when the Store is being closed
	work    conc.WaitGroup
	closing sync.Once
	closed  error
}

// Open opens the database in a directory, or makes it, and knows the hazards that
// are open. A database that is damaged is set aside, and a new one is begun.
func Open(o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("open the store of hazards: %w", err)
	}
	s := &Store{opts: o, queue: newQueue(o.mostWaiting), feed: newFeed(), suspect: make(chan struct{}, 1), unsaved: make(chan struct{}, 1)}
	s.metrics = newMetrics(s)
	s.book = newBook(o.Reopen, patience, s.locate)
	err = s.open(false)
	if err == nil {
		err = s.load()
	}
	if errors.Is(err, database.ErrDamaged) {
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
		}
		err = s.startAnew(err)
	}
	if err != nil {
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
		}
		return nil, fmt.Errorf("open the store of hazards: %w", err)
	}
	s.metrics.restored(s.book)
	s.done, s.stop = context.WithCancel(context.Background())
	s.work.Go(s.run)
	s.work.Go(s.sync)
	return s, nil
}

// Close writes what waits for it. What is sent later is not kept.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.stop()
		s.work.Wait()
		s.dbMu.Lock()
		defer s.dbMu.Unlock()
		if s.db == nil {
			return
		}
		_, err := s.db.Write.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
		s.closed = errors.Join(err, s.db.Close())
		s.db = nil
		if s.closed != nil {
			s.closed = fmt.Errorf("close the store of hazards: %w", s.closed)
		}
	})
	return s.closed
}

func (s *Store) path() string { return filepath.Join(s.opts.Dir, "hazards.db") }

// open opens the file. The caller holds dbMu, or is alone.
func (s *Store) open(suspect bool) error {
	db, err := database.Open(context.Background(), database.Options{
		Path: s.path(), Schema: schema, Version: version, Upgrades: []string{upgradeToSpans}, Suspect: suspect,
		// A commit outlives the process, and sync makes it outlive the machine. The log
		// is taken into the file there as well, so that no commit waits for that.
		Pragmas: []string{"synchronous(NORMAL)", "wal_autocheckpoint(0)"},
		Probe:   "SELECT count(*) FROM (SELECT 1 FROM events ORDER BY seq DESC LIMIT 1)",
	})
	if err != nil {
		return err
	}
	s.db = db
	return s.syncDir()
}

// syncDir has the names of the files on disk.
func (s *Store) syncDir() error {
	dir, err := os.Open(s.opts.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // nothing was written through it
	return dir.Sync()
}

// startAnew sets a damaged database aside and begins a new one, in which there
// will be what is known of hazards in memory. The caller has closed it, and holds
// dbMu or is alone.
func (s *Store) startAnew(why error) error {
	s.db = nil
	aside, err := database.SetAside(s.path(), s.opts.Now())
	if err != nil {
		return err
	}
	s.metrics.damaged.Inc()
	s.opts.Logger.Error("the database of hazards is damaged; it is set aside, and a new one is begun. "+
		"Hazards of before are in the old file: `sqlite3 FILE .recover` may get them out", "file", aside, "err", why)
	if err := s.open(false); err != nil {
		return err
	}
	if err := s.begin(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.book.byID {
		e.dirty = true
	}
	return nil
}

// replaceDamaged sets the file aside, and says whether there is a new one.
func (s *Store) replaceDamaged(why error) bool {
	s.dbMu.Lock()
	defer s.dbMu.Unlock()
	if s.db != nil {
		_ = s.db.Close() // whatever is wrong with it
	}
	if err := s.startAnew(why); err != nil {
		s.db = nil
		s.opts.Logger.Error("there is no database of hazards", "err", err)
		return false
	}
	return true
}

// reopen closes the file and opens it again.
func (s *Store) reopen() error {
	s.dbMu.Lock()
	defer s.dbMu.Unlock()
	if s.db != nil {
		_ = s.db.Close() // whatever is wrong with it
		s.db = nil
	}
	err := s.open(true)
	if err == nil {
		return s.begin()
	}
	if errors.Is(err, database.ErrDamaged) {
		return s.startAnew(err)
	}
	return fmt.Errorf("open the database of hazards again: %w", err)
}

// reader returns the database for reading. release is called when it is not used
// any more.
func (s *Store) reader() (db *database.File, release func(), err error) {
	s.dbMu.RLock()
	if s.db == nil {
		s.dbMu.RUnlock()
		return nil, nil, ErrUnavailable
	}
	return s.db, s.dbMu.RUnlock, nil
}

// read reports what reading has met.
func (s *Store) read(err error) error {
	if err = database.AsDamage(err); errors.Is(err, database.ErrDamaged) {
		notify(s.suspect)
	}
	return err
}

// sync brings what was committed to the disk, soon and off the way of pages.
func (s *Store) sync() {
	for {
		select {
		case <-s.done.Done():
			return
		case <-s.unsaved:
		}
		wait := time.NewTimer(syncDelay)
		select {
		case <-s.done.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
		if err := s.syncNow(); err != nil {
			s.opts.Logger.Warn("hazards that were kept last might not outlive a power cut; it is tried again", "err", err)
			notify(s.unsaved)
		}
	}
}

// checkpointBytes is the size of the log from which on it is taken into the file.
const checkpointBytes = 4 << 20

// syncNow syncs the log through a descriptor of its own, and takes it into the
// file through a connection of its own: SQLite's own ways to do both are part of a
// commit, for which pages would wait.
func (s *Store) syncNow() error {
	_, release, err := s.reader() // nobody swaps the file meanwhile
	if err != nil {
		return err
	}
	defer release()
	log, err := os.Open(s.path() + "-wal")
	if err != nil {
		return err
	}
	info, err := log.Stat()
	if err == nil && !s.opts.NoSync {
		err = log.Sync()
	}
	if err := errors.Join(err, log.Close()); err != nil {
		return err
	}
	if info.Size() < checkpointBytes && !s.shrunk.Swap(false) {
		return nil
	}
	own, err := database.Connect(s.path(), "mode=rw", 1, "busy_timeout(0)")
	if err != nil {
		return err
	}
	// The first step does the work while commits go on, the second holds them up for
	// a moment only.
	_, err = own.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE); PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, own.Close())
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
