package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/forward/remote"
	"github.com/belfry-city/belfry/collector/wal/keep"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

const (
	upkeepInterval = time.Second
	mostBytes      = 8 << 20 // of one request
	keptLog        = "log"   // the directory of what package keep holds
)

// Forwarder sends what one database stores to one target.
type Forwarder struct {
	opts     Options
	logger   *slog.Logger
	client   *remote.Client
	keeper   *keep.Keeper
	reader   *tail.Reader[string] // of the running session
	speller  *speller
	delivery *delivery
	health   *health
	progress progress
	lag      lag
	metrics  *targetMetrics

	generation atomic.Uint64 // of the log that is read

	saveMu  sync.Mutex
	saved   cursor
	dialect line.Dialect // what the target said, to be remembered
	missed  int          // segments below this one are lost, and known to be

	moved    chan struct{}   // the log is not what the reader takes it for
	stopping context.Context // ends first, and cancel is called at last
	stop     context.CancelFunc
	cancel   context.CancelFunc
	work     conc.WaitGroup
}

// New makes the directory, and looks at nothing else.
func New(o Options) (*Forwarder, error) {
	logger := o.Logger.With("target", o.Name)
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("make directory of forwarder %s: %w", o.Name, err)
	}
	keeper, err := keep.New(keep.Options{
		WAL: o.WAL, Dir: filepath.Join(o.Dir, keptLog), Limit: o.Buffer, Short: o.Short, Logger: logger,
	})
	if err != nil {
		return nil, fmt.Errorf("forwarder %s: %w", o.Name, err)
	}
	f := &Forwarder{
		opts: o, logger: logger, keeper: keeper,
		client:   remote.New(o.Target),
		speller:  newSpeller(o),
		health:   newHealth(logger),
		progress: progress{resend: o.Resend},
		metrics:  newTargetMetrics(o.Metrics, o.Name),
		moved:    make(chan struct{}, 1),
	}
	f.stopping, f.stop = context.WithCancel(context.Background())
	f.delivery = &delivery{client: f.client, health: f.health, metrics: f.metrics, logger: logger}
	f.delivery.mostBytes.Store(mostBytes)
	f.reader = tail.NewReader(tail.Options[string]{
		Log: keeper, Series: f.speller.spell, Unwanted: unwanted, Unfit: unfit, Logger: logger,
		Needed: func() int {
			_, settled, _ := f.progress.now()
			return settled.Segment
		},
	})
	return f, nil
}

// Start begins to send. Stop must follow.
func (f *Forwarder) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	f.metrics.show(f.lagSince, func() bool { return !f.health.failing() })
	f.work.Go(func() { f.run(ctx) })
}

// Stop sends what is left as long as the target takes it and ctx lasts, and
// notes how far it has got.
func (f *Forwarder) Stop(ctx context.Context) error {
	f.stop()
	if f.cancel != nil {
		stop := context.AfterFunc(ctx, f.cancel)
		f.work.Wait()
		stop()
		f.cancel()
	}
	f.reader.Close()
	f.client.Close()
	f.metrics.hide()
	return nil
}

// Forget removes what a Forwarder that is no longer wanted holds of the log in
// its directory. How far it had got stays known.
func Forget(dir string) error {
	if err := os.RemoveAll(filepath.Join(dir, keptLog)); err != nil {
		return fmt.Errorf("let go of the log that was kept for a target: %w", err)
	}
	return nil
}

func (f *Forwarder) isStopping() bool { return f.stopping.Err() != nil }

func (f *Forwarder) lagSince() time.Duration {
	acked, _, _ := f.progress.now()
	return f.lag.since(acked, time.Now())
}

func (f *Forwarder) noteLost(segments int) {
	if segments > 0 {
		f.metrics.segmentsLost.Add(segments)
		f.logger.Error("parts of the log are missing that were not sent", "segments", segments)
	}
}

// run goes from one session to the next.
func (f *Forwarder) run(ctx context.Context) {
	if !f.beginUntilDone(ctx) {
		return
	}
	upkeep, endUpkeep := context.WithCancel(ctx)
	var work conc.WaitGroup
	work.Go(func() { f.runUpkeep(upkeep) })
	work.Go(func() { f.watchOver(upkeep) })
	defer func() {
		endUpkeep()
		work.Wait()
		f.save(f.leavesClean(ctx))
	}()
	if !f.askDialect(f.stopping) {
		return
	}
	for ctx.Err() == nil {
		switch f.session(ctx, f.generation.Load()) {
		case stopped:
			return
		case died:
			f.goBack()
		case moved:
			if !f.beginUntilDone(ctx) {
				return
			}
		}
	}
}

// beginUntilDone begins when the log can be read and synced. It returns false
// when the forwarder is to stop before.
func (f *Forwarder) beginUntilDone(ctx context.Context) bool {
	for ctx.Err() == nil {
		generation := f.opts.Log.Generation()
		if f.opts.Log.Sync(ctx, generation) == nil { // or the database says why
			err := f.begin(generation)
			if err == nil {
				return true
			}
			f.logger.Error("the log cannot be read; it is tried again", "err", err)
		}
		if sleep(f.stopping, upkeepInterval) != nil {
			break
		}
	}
	return false
}

// goBack begins where the target has everything before on disk.
func (f *Forwarder) goBack() {
	to, _, _ := f.progress.now()
	f.metrics.rewinds.Inc()
	f.logger.Info("the target seems to have died; what it accepted last is sent again")
	if err := f.reader.Again(to); err != nil {
		f.logger.Error("the log cannot be read; it is tried again", "err", err)
	}
}

// begin finds the place in the log to go on from.
func (f *Forwarder) begin(generation uint64) error {
	f.saveMu.Lock()
	defer f.saveMu.Unlock()
	f.generation.Store(generation)
	if err := f.keeper.Refresh(); err != nil {
		return err
	}
	c, err := readCursor(f.opts.Dir)
	if err != nil {
		f.logger.Error("where the log was sent up to is not known; all that is there is sent again", "err", err)
	}
	if c == nil {
		return f.beginAnew()
	}
	f.saved = *c
	if c.URL == f.opts.Target.URL.String() {
		f.dialect = c.Dialect
		if c.Accepted {
			f.delivery.accepted.CompareAndSwap(0, 1)
		}
	}
	places := []tail.Place{c.Settled}
	if c.Clean {
		places = []tail.Place{c.Acked, c.Settled}
	}
	for _, p := range places {
		if p.Fits(f.keeper) {
			settled := c.Settled.Position
			if !c.Settled.Fits(f.keeper) {
				settled = p.Position
			}
			return f.beginAt(p.Position, settled)
		}
	}
	if first, ok := f.keeper.After(-1); ok && c.Settled.Segment < first {
		f.noteLost(first - max(c.Settled.Segment, f.missed))
	} else {
		f.logger.Warn("the log is not the one that was sent before; all of it is sent")
	}
	return f.beginAnew()
}

func (f *Forwarder) beginAt(at, settled tail.Position) error {
	f.progress.begin(at, settled, true, time.Now())
	f.seeLog(at)
	return f.reader.Begin(at, false)
}

// beginAnew begins with the oldest sample of the log.
func (f *Forwarder) beginAnew() error {
	first, _ := f.keeper.After(-1)
	at := tail.Position{Segment: first}
	f.progress.begin(at, at, false, time.Now())
	f.seeLog(at)
	return f.reader.Begin(at, true)
}

// seeLog takes from the files for how long what follows has been there.
func (f *Forwarder) seeLog(at tail.Position) {
	for i, ok := at.Segment, true; ok; i, ok = f.keeper.After(i) {
		path, _ := f.keeper.Segment(i)
		if info, err := os.Stat(path); err == nil {
			f.lag.see(tail.Position{Segment: i, Offset: info.Size()}, at, info.ModTime())
		}
	}
}

// askDialect waits until it is known how to write for the target.
func (f *Forwarder) askDialect(ctx context.Context) bool {
	dialect := f.opts.dialect()
	if dialect == "" {
		f.saveMu.Lock()
		dialect = f.dialect
		f.saveMu.Unlock()
	}
	for dialect == "" {
		if f.health.enter(ctx) != nil {
			return false
		}
		said, err := f.client.Dialect(ctx)
		var failure *remote.Failure
		switch {
		case err == nil:
			f.health.leave(nil)
			dialect = said
		case ctx.Err() != nil || !errors.As(err, &failure):
			f.health.abandon()
			return false
		default:
			f.metrics.failed(failure.Kind)
			f.health.leave(failure)
		}
	}
	f.saveMu.Lock()
	f.dialect = dialect
	f.saveMu.Unlock()
	f.speller.encoder.Dialect = dialect
	return true
}

// runUpkeep holds on to the log, and notes how far the target is.
func (f *Forwarder) runUpkeep(ctx context.Context) {
	tick := time.NewTicker(upkeepInterval)
	defer tick.Stop()
	for {
		f.upkeep()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (f *Forwarder) upkeep() {
	acked, settled, _ := f.progress.now()
	report, err := f.keeper.Hold(settled.Segment, acked)
	if err != nil {
		f.logger.Error("the log is not kept", "err", err)
		return
	}
	f.metrics.log(report, acked)
	f.lag.see(tail.Position{Segment: report.Last, Offset: report.Size}, acked, time.Now())
	if first, ok := f.keeper.After(-1); report.GivenUp > 0 && ok && acked.Segment < first {
		f.logger.Error("the target has been away for too long; the oldest of what waited for it is lost", "buffer_bytes", f.opts.Buffer)
		f.saveMu.Lock()
		f.noteLost(first - max(acked.Segment, f.missed))
		f.missed = first
		f.saveMu.Unlock()
		select {
		case f.moved <- struct{}{}:
		default:
		}
	}
	f.save(false)
}

// save remembers how far the target has accepted the log.
func (f *Forwarder) save(clean bool) {
	f.saveMu.Lock()
	defer f.saveMu.Unlock()
	acked, settled, known := f.progress.now()
	if !known {
		return
	}
	old := f.saved
	c := cursor{
		Version: cursorVersion, Acked: old.Acked, Settled: old.Settled, Clean: clean,
		URL: f.opts.Target.URL.String(), Accepted: f.delivery.accepted.Load() > 0, Dialect: f.dialect,
	}
	if acked != old.Acked.Position {
		c.Acked = tail.PlaceAt(f.keeper, acked)
	}
	if settled != old.Settled.Position {
		c.Settled = tail.PlaceAt(f.keeper, settled)
	}
	// A cursor that was written when the forwarder stopped is good until there is more.
	if c == old || !clean && old.Clean && c.Acked == old.Acked && c.Settled == old.Settled {
		return
	}
	if f.opts.Log.Generation() != f.generation.Load() {
		return // what stands at these places may not be what was sent
	}
	if err := c.write(f.opts.Dir); err != nil {
		f.logger.Error("how far the log has been sent is not remembered; after a restart more of it is sent again", "err", err)
		return
	}
	f.saved = c
}
