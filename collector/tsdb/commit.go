package tsdb

import (
	"context"
	"sync"
)

// groupCommit lets any number of waiters share one sync. A waiter is served by
// a round that began after it asked, so whatever it had written before is
// covered.
type groupCommit struct {
	sync  func() error
	kick  chan struct{}
	ended chan struct{} // closed when run returns

	mu   sync.Mutex
	next *syncRound
}

type syncRound struct {
	done chan struct{}
	err  error
}

func newGroupCommit(sync func() error) *groupCommit {
	return &groupCommit{
		sync:  sync,
		kick:  make(chan struct{}, 1),
		ended: make(chan struct{}),
		next:  &syncRound{done: make(chan struct{})},
	}
}

// run serves rounds until the context ends; those who still wait are then
// answered with ErrClosed.
func (g *groupCommit) run(ctx context.Context) {
	defer close(g.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.kick:
		}
		r := g.takeRound()
		r.err = g.sync()
		close(r.done)
	}
}

func (g *groupCommit) takeRound() *syncRound {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.next
	g.next = &syncRound{done: make(chan struct{})}
	return r
}

func (g *groupCommit) wait(ctx context.Context) error {
	g.mu.Lock()
	r := g.next
	g.mu.Unlock()
	select {
	case g.kick <- struct{}{}:
	default:
	}
	select {
	case <-r.done:
		return r.err
	case <-g.ended:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitFence lets a sync wait for the commits that were under way when it
// began, without holding up later ones. Without it an exact duplicate could be
// acknowledged while the record of its original is still to be written.
type commitFence struct {
	mu    sync.Mutex
	empty sync.Cond
	epoch int
	open  [2]int
}

func newCommitFence() *commitFence {
	f := &commitFence{}
	f.empty.L = &f.mu
	return f
}

func (f *commitFence) enter() (epoch int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[f.epoch]++
	return f.epoch
}

func (f *commitFence) leave(epoch int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open[epoch]--; f.open[epoch] == 0 {
		f.empty.Broadcast()
	}
}

// pass returns when every commit that entered before the call has left. Only
// one goroutine may call it.
func (f *commitFence) pass() {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.epoch
	f.epoch = 1 - old
	for f.open[old] > 0 {
		f.empty.Wait()
	}
}
