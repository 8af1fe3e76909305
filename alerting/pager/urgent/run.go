package urgent

import (
	"context"
	"errors"
	"sync"
)

// ErrGaveWay ends a notification that has failed, for one that knows more alerts.
var ErrGaveWay = errors.New("given up for a notification of more alerts")

var errNoneWaits = errors.New("no alert waits")

// run is one pipeline under way.
type run struct {
	mu       sync.Mutex
	attempts int  // being made
	failed   bool // one has
	unwanted bool // another waits for its turn
	cancel   context.CancelFunc
}

type runKey struct{}

// context is that of the run's notifications. It ends when the run has given way.
func (r *run) context(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(context.WithValue(ctx, runKey{}, r))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancel = cancel
	return ctx
}

// Attempt announces an attempt to notify a receiver. When it is over, end must be told how it went; it returns false
// if there is to be no further attempt. With an error there must be no attempt at all.
func Attempt(ctx context.Context) (end func(error) (again bool), err error) {
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		return func(error) bool { return true }, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unwanted && r.failed {
		return nil, ErrGaveWay
	}
	r.attempts++
	return r.attempted, nil
}

func (r *run) attempted(err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts--
	r.failed = r.failed || err != nil
	r.yield()
	return !r.unwanted
}

// giveWay asks for an end. A run whose attempts go well comes to it by itself.
func (r *run) giveWay() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unwanted = true
	r.yield()
}

// yield ends the waiting for a next attempt. One that is being made is not cut off: it may have been accepted.
func (r *run) yield() {
	if r.unwanted && r.failed && r.attempts == 0 && r.cancel != nil {
		r.cancel()
	}
}

func (r *run) gaveWay() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unwanted && r.failed
}

// enter begins a run, after the one that is under way. A run out of turn does not begin if the alerts that wait for it
// went with another.
func (g *group) enter(ctx context.Context, outOfTurn bool) (*run, error) {
	for {
		g.mu.Lock()
		if outOfTurn && len(g.waiting) == 0 {
			g.mu.Unlock()
			return nil, errNoneWaits
		}
		if g.running == nil {
			r := &run{}
			g.running, g.freed = r, make(chan struct{})
			g.mu.Unlock()
			return r, nil
		}
		g.running.giveWay()
		freed := g.freed
		g.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// free ends a run.
func (g *group) free(r *run) {
	r.mu.Lock()
	if r.cancel != nil {
		r.cancel()
	}
	r.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running = nil
	close(g.freed)
}
