package event

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/database"
)

// Store is safe for concurrent use.
type Store struct {
	opts Options
	jobs chan *job
	stop context.CancelFunc
	done context.Context // ends when the Store is being closed
	work conc.WaitGroup

	mu sync.RWMutex // db is swapped when it is found to be damaged
	db *database.File
	// suspect asks the writer to check the file.
	suspect chan struct{}
	checked time.Time // for the last time
	bytes   atomic.Int64
	written int64 // since it was last measured; the writer's
	closing sync.Once
	closed  error
}

// job is one call of Add.
type job struct {
	events []reading.Event
	result chan error
}

// checkPause is how soon after a look through the file there is another.
const checkPause = 10 * time.Second

// groupBytes bounds what shares one transaction.
const groupBytes = 32 << 20

// Open opens the database in a directory, or makes it. One that is damaged is
// set aside, and a new one is begun.
func Open(o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	s := &Store{opts: o, jobs: make(chan *job), suspect: make(chan struct{}, 1)}
	s.db, err = open(context.Background(), o.Dir, o.NoSync, false)
	if errors.Is(err, database.ErrDamaged) {
		err = s.startAnew(err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	s.done, s.stop = context.WithCancel(context.Background())
	s.measure()
	o.Metrics.NewGauge(`belfry_event_store_bytes`, func() float64 { return float64(s.bytes.Load()) })
	s.work.Go(s.run)
	return s, nil
}

// startAnew sets a damaged database aside. The caller has closed it.
func (s *Store) startAnew(why error) error {
	aside, err := database.SetAside(file(s.opts.Dir), s.opts.Now())
	if err != nil {
		return err
	}
	s.opts.Metrics.GetOrCreateCounter(`belfry_event_store_damaged_total`).Inc()
	s.opts.Logger.Error("the database of events is damaged; it is set aside, and a new one is begun. "+
		"Events of before are in the old file: `sqlite3 FILE .recover` may get them out", "file", aside, "err", why)
	s.db, err = open(context.Background(), s.opts.Dir, s.opts.NoSync, false)
	return err
}

// Close finishes what has been taken.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.stop()
		s.work.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.db == nil {
			return
		}
		_, err := s.db.Write.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
		s.closed = errors.Join(err, s.db.Close())
		if s.closed != nil {
			s.closed = fmt.Errorf("close the event store: %w", s.closed)
		}
	})
	return s.closed
}

// Add returns when the events are on disk. Events of one Vendor, Asset and ID
// are one, and so are messages that are added again. With an error none of them
// is stored.
func (s *Store) Add(ctx context.Context, events []reading.Event) error {
	if len(events) == 0 {
		return nil
	}
	j := &job{events: events, result: make(chan error, 1)}
	select {
	case s.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done.Done():
		return ErrClosed
	}
	// From here on the events are read, so they must stay as they are.
	return <-j.result
}

// run is the one goroutine that writes.
func (s *Store) run() {
	tick := time.NewTicker(s.opts.TrimEvery)
	defer tick.Stop()
	now := make(chan struct{}, 1)
	now <- struct{}{}
	for {
		select {
		case <-s.done.Done():
			return
		case j := <-s.jobs:
			s.group(j)
			if s.outgrown() {
				notify(now)
			}
		case <-s.suspect:
			s.checkUp()
		case <-tick.C:
			notify(now)
		case <-now:
			if s.trim() { // bit by bit, with jobs in between
				notify(now)
			}
		}
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// group stores the events of all who wait, in one transaction.
func (s *Store) group(first *job) {
	jobs, size := []*job{first}, first.size()
	for more := true; more && size < groupBytes; {
		select {
		case j := <-s.jobs:
			jobs, size = append(jobs, j), size+j.size()
		default:
			more = false
		}
	}
	s.written += int64(size)
	err := s.store(jobs)
	if errors.Is(err, database.ErrDamaged) && s.replaceDamaged(err) {
		err = s.store(jobs)
	}
	for _, j := range jobs {
		j.result <- err
	}
}

func (j *job) size() (n int) {
	for i := range j.events {
		n += len(j.events[i].Raw) + len(j.events[i].Picture) + 512
	}
	return n
}

func (s *Store) store(jobs []*job) error {
	if s.db == nil { // it could not be opened again
		if err := s.reopen(); err != nil {
			return err
		}
	}
	if err := s.opts.Room(); err != nil {
		return err
	}
	began := time.Now()
	err := s.transaction(func(t *tx) error {
		for _, j := range jobs {
			for i := range j.events {
				if err := t.add(&j.events[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	s.opts.Metrics.GetOrCreateCounter(`belfry_event_commits_total`).Inc()
	bounds := []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5}
	s.opts.Metrics.GetOrCreatePrometheusHistogramExt(`belfry_event_commit_duration_seconds`, bounds).UpdateDuration(began)
	if err != nil {
		return fmt.Errorf("store events: %w", err)
	}
	return nil
}

// transaction does all of it, or nothing. After a fault of the disk the file is
// opened again, because what the operating system holds of it is not known any
// more.
func (s *Store) transaction(do func(*tx) error) (err error) {
	ctx := context.Background()
	sqlTx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return s.fault(err)
	}
	t := &tx{ctx: ctx, sql: sqlTx, opts: s.opts, now: s.opts.Now().UnixMilli()}
	if err := do(t); err != nil {
		_ = sqlTx.Rollback() // which a fault may have done already
		return s.fault(err)
	}
	if err := sqlTx.Commit(); err != nil {
		_ = sqlTx.Rollback()
		return s.fault(err)
	}
	return nil
}

func (s *Store) fault(err error) error {
	switch {
	case database.Full(err):
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	case database.Lost(err):
		s.opts.Logger.Error("the database of events could not be written; it is opened again", "err", err)
		if again := s.reopen(); again != nil {
			return errors.Join(err, again)
		}
	}
	return database.AsDamage(err)
}

// reopen closes the file and opens it again.
func (s *Store) reopen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		_ = s.db.Close() // whatever is wrong with it
		s.db = nil
	}
	db, err := open(context.Background(), s.opts.Dir, s.opts.NoSync, true)
	if errors.Is(err, database.ErrDamaged) {
		return s.startAnew(err)
	}
	if err != nil {
		return fmt.Errorf("open the event store again: %w", err)
	}
	s.db = db
	return nil
}

// replaceDamaged sets the file aside, and says whether there is a new one.
func (s *Store) replaceDamaged(why error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		_ = s.db.Close()
		s.db = nil
	}
	if err := s.startAnew(why); err != nil {
		s.db = nil
		s.opts.Logger.Error("there is no database of events", "err", err)
		return false
	}
	return true
}

// checkUp is done when a reader has met something odd. The writer itself may
// have what is broken on the disk in its memory, so the file is opened again.
func (s *Store) checkUp() {
	now := time.Now()
	if now.Sub(s.checked) < checkPause {
		return
	}
	s.checked = now
	if err := s.reopen(); err != nil {
		s.opts.Logger.Error("the database of events cannot be read", "err", err)
	}
}

// reader returns the database for reading. release is called when it is not
// used any more.
func (s *Store) reader() (db *database.File, release func(), err error) {
	s.mu.RLock()
	if s.db == nil {
		s.mu.RUnlock()
		return nil, nil, errors.New("the database of events cannot be opened")
	}
	return s.db, s.mu.RUnlock, nil
}

// read reports what reading has met.
func (s *Store) read(err error) error {
	if err = database.AsDamage(err); errors.Is(err, database.ErrDamaged) {
		notify(s.suspect)
	}
	return err
}
