package tsdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/prometheus/prometheus/util/compression"
	"github.com/sourcegraph/conc"
)

// Store is the embedded database. All methods are safe for concurrent use.
type Store struct {
	opts   Options
	commit *groupCommit
	fence  *commitFence
	told   *commitFence  // of those who tell the watcher
	repair chan struct{} // wakes the goroutine that reopens

	// db is read inside the gate, and replaced while the gate is shut. It is nil
	// where reopening has failed so far.
	gate   *gate
	db     *database
	closed atomic.Bool

	generation atomic.Uint64 // of db; an acknowledgement is only good for its own
	broken     atomic.Bool
	batches    atomic.Uint64
	createMu   sync.Mutex // so that the series limit is exact
	disk       *diskRoom
	lock       *os.File

	watchMu  sync.Mutex
	watching atomic.Pointer[watching]
	listener Listener // nil: nobody listens
	follower Follower // nil: nobody follows
	epochs   atomic.Uint32

	decoded sync.Pool // of *decoded, for reading ahead

	committed chan struct{}
	visible   chan struct{}

	stored   *metrics.Counter
	reopened *metrics.Counter

	stop context.CancelFunc
	work conc.WaitGroup
}

// database is one opening of the files.
type database struct {
	*tsdb.DB
	registry *prometheus.Registry
	failures *failureWatch
	series   *seriesCache
	upstream upstreamSeries
	logs     []*logSync
}

// Open opens or creates the database. It returns when the logs have been
// replayed.
func Open(opts Options) (*Store, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{
		opts:      opts,
		fence:     newCommitFence(),
		told:      newCommitFence(),
		gate:      newGate(),
		repair:    make(chan struct{}, 1),
		committed: make(chan struct{}, 1),
		visible:   make(chan struct{}, 1),
		disk:      newDiskRoom(opts),
		stored:    opts.Metrics.NewCounter(`belfry_store_samples_total`),
		reopened:  opts.Metrics.NewCounter(`belfry_store_reopened_total`),
	}
	s.commit = newGroupCommit(s.syncLogs)
	if s.lock, err = lockDir(opts.Dir); err != nil {
		return nil, err
	}
	if s.db, err = s.openDatabase(); err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	s.registerGauges()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.work.Go(func() { s.commit.run(ctx) })
	s.work.Go(func() { s.runMaintenance(ctx) })
	s.work.Go(func() { s.runRepair(ctx) })
	return s, nil
}

func (s *Store) registerGauges() {
	m := s.opts.Metrics
	m.NewGauge(`belfry_store_failed`, func() float64 {
		if s.broken.Load() {
			return 1
		}
		return 0
	})
	m.NewGauge(`belfry_store_series`, func() float64 { return float64(s.SeriesCount()) })
	m.NewGauge(`belfry_store_disk_free_bytes`, s.disk.freeGauge)
	m.NewGauge(`belfry_store_disk_reserve_bytes`, s.disk.reserveGauge)
}

func (s *Store) openDatabase() (*database, error) {
	for _, dir := range logDirs(s.opts.Dir) {
		if err := cutTornTail(dir, s.opts.Logger, s.opts.SyncFile); err != nil {
			return nil, err
		}
	}
	if err := prepareLateLog(s.opts.Dir, s.opts.Logger, s.opts.SyncFile); err != nil {
		return nil, err
	}
	for _, dir := range logDirs(s.opts.Dir) {
		if s.opts.NoSync {
			continue
		}
		if err := syncTree(dir, s.opts.SyncFile); err != nil {
			return nil, err
		}
	}
	unfinished, err := s.unfinishedLate()
	if err != nil {
		return nil, err
	}
	reg := prometheus.NewRegistry()
	d := &database{
		registry: reg,
		failures: &failureWatch{Registerer: reg},
		series:   newSeriesCache(2*s.opts.SeriesLimit + 1024),
	}
	upstream := s.upstreamOptions()
	upstream.BlockCompactionExcludeFunc = d.tooNewToMerge
	upstream.SeriesLifecycleCallback = seriesGone{d.series, &d.upstream}
	db, err := tsdb.Open(s.opts.Dir, s.opts.Logger, d.failures, upstream, nil)
	if err != nil {
		return nil, fmt.Errorf("open database in %s: %w", s.opts.Dir, err)
	}
	// Compaction is run by this package, which knows whether there is room.
	db.DisableCompactions()
	d.DB = db
	if err := finish(db, unfinished); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	for _, dir := range logDirs(s.opts.Dir) {
		d.logs = append(d.logs, newLogSync(dir, s.opts.SyncFile))
	}
	return d, nil
}

// tooNewToMerge keeps a block of late samples from being merged with others as
// long as the head has samples of its time. The merged block is no longer marked
// as one of late samples, and at the next start upstream would take everything
// before its end for compacted, and drop it from the log.
func (d *database) tooNewToMerge(meta *tsdb.BlockMeta) bool {
	return d.DB == nil || meta.MaxTime > d.Head().MinTime()
}

// logDirs are the write-ahead log and that of samples out of order.
func logDirs(dir string) []string {
	return []string{filepath.Join(dir, "wal"), filepath.Join(dir, wlog.WblDirName)}
}

func (s *Store) upstreamOptions() *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.NoLockfile = true // see lockDir
	o.RetentionDuration = s.opts.Retention.Milliseconds()
	o.MaxBlockDuration = min(max(s.opts.Retention/10, 2*time.Hour), 31*24*time.Hour).Milliseconds()
	o.MaxBytes = s.opts.RetentionBytes
	o.WALCompression = compression.None
	o.WALSegmentSize = s.opts.segmentSize
	o.EnableExemplarStorage = s.opts.MaxExemplars > 0
	o.MaxExemplars = int64(max(s.opts.MaxExemplars, 0))
	// Late counts from now, upstream's window from the newest sample.
	o.OutOfOrderTimeWindow = (s.opts.Late + s.opts.Early).Milliseconds()
	o.EnableOverlappingCompaction = true
	o.IsolationDisabled = true
	// Upstream finds a series in one of these maps, and a map of up to eight is many
	// times as fast as a larger one; but more maps than needed fall out of the
	// processor's cache.
	o.StripeSize = 1 << 15
	// A compaction reserves a whole segment of disk before it begins.
	o.MaxBlockChunkSegmentSize = 64 << 20
	// Upstream's own timer writes head chunks even where there is no room, and
	// panics when that fails; maintenance does its work instead.
	o.BlockReloadInterval = 100 * 365 * 24 * time.Hour
	return o
}

// Close stops the background work, writes what is pending and closes the
// files. Samples that were appended but not yet synced are on disk afterwards.
func (s *Store) Close() error {
	s.stop()
	s.work.Wait()
	if s.closed.Swap(true) {
		return ErrClosed
	}
	s.gate.close()
	defer func() { _ = s.lock.Close() }()
	if s.db == nil {
		return nil
	}
	if err := s.db.shut(); err != nil || s.broken.Load() {
		return err
	}
	s.markFinished()
	return nil
}

func (d *database) shut() error {
	err := d.Close()
	for _, l := range d.logs {
		l.close()
	}
	return err
}

// Gather returns upstream's metrics of the database, for /metrics.
func (s *Store) Gather() ([]*dto.MetricFamily, error) {
	d, err := s.use()
	if err != nil {
		return nil, nil
	}
	defer s.gate.leave()
	return d.registry.Gather()
}

// SeriesCount is the number of series in memory.
func (s *Store) SeriesCount() uint64 {
	d, err := s.use()
	if err != nil {
		return 0
	}
	defer s.gate.leave()
	return d.Head().NumSeries()
}

// Failed says whether the store waits to be reopened and takes no writes.
func (s *Store) Failed() bool { return s.broken.Load() }

// CheckRoom returns ErrDiskFull where free space is below the reserve.
func (s *Store) CheckRoom() error { return s.disk.check() }

// seriesGone keeps the cache free of series that upstream has dropped.
type seriesGone struct {
	cache    *seriesCache
	upstream *upstreamSeries
}

func (seriesGone) PreCreation(labels.Labels) error { return nil }
func (seriesGone) PostCreation(labels.Labels)      {}
func (g seriesGone) PostDeletion(gone map[chunks.HeadSeriesRef]labels.Labels) {
	if len(gone) == 0 {
		return
	}
	g.cache.forget(func(ref storage.SeriesRef) bool {
		_, ok := gone[chunks.HeadSeriesRef(ref)]
		return ok
	})
	for ref := range gone {
		g.upstream.forget(storage.SeriesRef(ref))
	}
}

// use returns the database; the caller leaves the gate when done with it.
func (s *Store) use() (*database, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	if !s.gate.enter() {
		return nil, ErrFailed
	}
	if s.db == nil {
		s.gate.leave()
		return nil, ErrFailed
	}
	return s.db, nil
}

// fail notes that a write or sync failed and has the database reopened.
func (s *Store) fail(why error) {
	if s.broken.CompareAndSwap(false, true) {
		s.opts.Logger.Error("the store takes no writes until it has been reopened", "err", why)
	}
	select {
	case s.repair <- struct{}{}:
	default:
	}
}

// Sync waits until everything that was appended in the given generation before
// the call is on disk. It returns ErrFailed where that cannot be said.
func (s *Store) Sync(ctx context.Context, generation uint64) error {
	if !s.opts.NoSync {
		if err := s.commit.wait(ctx); err != nil {
			return err
		}
	}
	d, err := s.use()
	if err != nil {
		return err
	}
	defer s.gate.leave()
	if s.broken.Load() || s.generation.Load() != generation {
		return ErrFailed
	}
	if d.failures.failed() {
		s.fail(errors.New("a log write failed"))
		return ErrFailed
	}
	return nil
}

// syncLogs is one round of the group commit.
func (s *Store) syncLogs() error {
	s.fence.pass()
	d, err := s.use()
	if err != nil {
		return err
	}
	defer s.gate.leave()
	if s.broken.Load() {
		return ErrFailed
	}
	for _, l := range d.logs {
		if err := l.sync(); err != nil {
			s.fail(err)
			return fmt.Errorf("%w: %w", ErrFailed, err)
		}
	}
	return nil
}
