package urgent

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrGaveWay ends a notification for one that knows more alerts.
var ErrGaveWay = errors.New("given up for a notification of more alerts")

var errNoneWaits = errors.New("no alert waits")

// slowAfter is how long the next run of a group waits for the one before, before it begins beside it.
const slowAfter = 250 * time.Millisecond

// run is one pipeline under way.
type run struct {
	began     time.Time
	followed  chan struct{} // closed when there is another beside it, that knows more
	overtaken bool          // followed is closed; guarded by group.mu

	mu       sync.Mutex
	unwanted bool // another waits for its turn
	gave     bool // a part has given way
	parts    map[*part]struct{}
}

// part is what a run does for one integration.
type part struct {
	run      *run
	attempts int  // being made; all of it guarded by run.mu
	failed   bool // one has
	cancel   context.CancelFunc
}

type (
	runKey  struct{}
	partKey struct{}
)

func newRun() *run {
	return &run{began: time.Now(), followed: make(chan struct{}), parts: map[*part]struct{}{}}
}

func (r *run) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, runKey{}, r)
}

// Followed is closed when another notification of the group has begun that knows more alerts than that of this context.
func Followed(ctx context.Context) <-chan struct{} {
	if r, ok := ctx.Value(runKey{}).(*run); ok {
		return r.followed
	}
	return nil
}

// Part begins what is done for one integration. Its context ends when it has given way, or by end.
func Part(ctx context.Context) (parted context.Context, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		return ctx, cancel
	}
	p := &part{run: r, cancel: cancel}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts[p] = struct{}{}
	return context.WithValue(ctx, partKey{}, p), func() {
		cancel()
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.parts, p)
	}
}

// Attempt announces an attempt to notify a receiver. When it is over, end must be told how it went; it returns false
// if there is to be no further attempt. With an error there must be no attempt at all.
func Attempt(ctx context.Context) (end func(error) (again bool), err error) {
	p, ok := ctx.Value(partKey{}).(*part)
	if !ok {
		return func(error) bool { return true }, nil
	}
	p.run.mu.Lock()
	defer p.run.mu.Unlock()
	if p.run.unwanted && p.failed {
		return nil, ErrGaveWay
	}
	p.attempts++
	return p.attempted, nil
}

func (p *part) attempted(err error) bool {
	p.run.mu.Lock()
	defer p.run.mu.Unlock()
	p.attempts--
	p.failed = p.failed || err != nil
	p.yield()
	return !p.run.unwanted
}

// yield ends the waiting for a next attempt. One that is being made is not cut off: it may have been accepted.
func (p *part) yield() {
	if p.run.unwanted && p.failed && p.attempts == 0 {
		p.run.gave = true
		p.cancel()
	}
}

// giveWay asks for an end. What goes well comes to it by itself.
func (r *run) giveWay() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unwanted = true
	for p := range r.parts {
		p.yield()
	}
}

func (r *run) gaveWay() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gave
}

// enter begins a run, after those that are under way, or beside them if the last takes long. A run out of turn does not
// begin if the alerts that wait for it went with another.
func (g *group) enter(ctx context.Context, outOfTurn bool) (*run, error) {
	for {
		g.mu.Lock()
		if outOfTurn && len(g.waiting) == 0 {
			g.mu.Unlock()
			return nil, errNoneWaits
		}
		var last time.Time
		for r := range g.running {
			r.giveWay()
			if r.began.After(last) {
				last = r.began
			}
		}
		left := time.Until(last.Add(slowAfter))
		if len(g.running) == 0 || left <= 0 {
			for r := range g.running {
				if !r.overtaken {
					r.overtaken = true
					close(r.followed)
				}
			}
			r := newRun()
			g.running[r] = struct{}{}
			g.mu.Unlock()
			return r, nil
		}
		freed := g.freed
		g.mu.Unlock()
		slow := time.NewTimer(left)
		select {
		case <-freed:
		case <-slow.C:
		case <-ctx.Done():
		}
		slow.Stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// free ends a run.
func (g *group) free(r *run) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.running, r)
	close(g.freed)
	g.freed = make(chan struct{})
}
