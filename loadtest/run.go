package loadtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sourcegraph/conc"
)

// Options is everything that Run needs.
type Options struct {
	Plan   Plan
	Load   Load
	Driver Driver
	// Progress is told how it goes about once a second and at the end, one call
	// at a time; nil for nobody.
	Progress func(Snapshot)
}

// grace is how long requests under way may still take once a run is cancelled.
const grace = 5 * time.Second

type runner struct {
	plan     Plan
	load     Load
	schedule *schedule
	turns    *turns
	tally    *tally
}

// Run carries out the plan. Cancelling the context ends it early, with a
// report; requests under way are given five seconds. An error means that
// nothing could be sent at all.
func Run(ctx context.Context, opt Options) (*Report, error) {
	plan := opt.Plan
	if err := plan.fill(opt.Load); err != nil {
		return nil, fmt.Errorf("planning the load test: %w", err)
	}
	conns := make([]Conn, plan.Connections)
	for i := range conns {
		c, err := opt.Driver.Connect()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connecting: %w", err), closeAll(conns[:i]))
		}
		conns[i] = c
	}
	begin, cpu := time.Now(), processCPU()
	r := &runner{
		plan: plan, load: opt.Load,
		schedule: newSchedule(plan, opt.Load, begin),
		turns:    newTurns(opt.Load.Parts()),
		tally:    newTally(opt.Load.Parts()),
	}
	sending, stop := r.outlive(ctx)
	defer stop()

	var watch, work conc.WaitGroup
	over := make(chan struct{})
	if opt.Progress != nil {
		watch.Go(func() { r.watch(begin, over, opt.Progress) })
	}
	for _, c := range conns {
		work.Go(func() { r.work(ctx, sending, c) })
	}
	work.Wait()
	end := time.Now()
	close(over)
	watch.Wait()
	report := r.report(begin, end, processCPU()-cpu)
	return report, closeAll(conns)
}

// outlive makes a context that ends a while after ctx does.
func (r *runner) outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var mu sync.Mutex
	var timer *time.Timer
	unhook := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		timer = time.AfterFunc(grace, cancel)
	})
	return sending, func() {
		unhook()
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
		cancel()
	}
}

func closeAll(conns []Conn) error {
	var errs []error
	for _, c := range conns {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

func (r *runner) work(ctx, sending context.Context, c Conn) {
	for ctx.Err() == nil {
		s, ok := r.schedule.take()
		if !ok {
			return
		}
		if sleepUntil(ctx, s.due) == nil {
			r.turns.wait(s)
			if ctx.Err() == nil {
				r.send(ctx, sending, c, s)
			}
		}
		r.turns.done(s)
	}
}

// send sends one request, again and again if need be.
func (r *runner) send(ctx, sending context.Context, c Conn, s slot) {
	samples := r.load.Samples(s.part)
	started := time.Now()
	at := r.schedule.at(s.round)
	body := r.load.Body(s.part, s.round, at)
	sent := time.Now()
	due := s.due
	if due.IsZero() {
		due = sent
	}
	r.tally.attempt(samples, len(body), at, sent.Sub(started))
	giveUp := sent.Add(r.plan.RetryFor)
	for try := 0; ; try++ {
		err := c.Send(sending, body)
		now := time.Now()
		if err == nil {
			r.tally.acknowledged(s.part, samples, now.Sub(due), now.Sub(sent))
			return
		}
		var rejected *Rejected
		if errors.As(err, &rejected) {
			r.tally.refused(samples, err)
			return
		}
		wait := pause(err, try)
		if ctx.Err() != nil || now.Add(wait).After(giveUp) {
			r.tally.lost(samples, err)
			return
		}
		r.tally.again(err)
		if sleepUntil(ctx, now.Add(wait)) != nil {
			r.tally.lost(samples, err)
			return
		}
	}
}

// pause is how long to wait before the next try: as long as the server asks,
// or else longer from try to try, up to some seconds and never the same for all.
func pause(err error, try int) time.Duration {
	const first, most = 50 * time.Millisecond, 5 * time.Second
	var busy *Busy
	if errors.As(err, &busy) && busy.After > 0 {
		return busy.After
	}
	wait := min(most, first<<min(try, 10))
	return wait/2 + rand.N(wait/2)
}

func (r *runner) watch(begin time.Time, over <-chan struct{}, tell func(Snapshot)) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := Snapshot{}
	for {
		select {
		case now := <-tick.C:
			last = r.tally.snapshot(now.Sub(begin), last)
			tell(last)
		case <-over:
			return
		}
	}
}
