package pager

import (
	"context"
	"sync"
)

// inflight counts what is under way, until it is closed and empty. The zero value is open.
type inflight struct {
	mu     sync.Mutex
	n      int
	closed bool
	empty  chan struct{} // made by drain, closed when n reaches zero
}

// enter reports whether it is open still; if so, leave must follow.
func (f *inflight) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.n++
	return true
}

// begin is enter and leave in another form.
func (f *inflight) begin() (leave func(), open bool) { return f.leave, f.enter() }

func (f *inflight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n--
	if f.n == 0 && f.empty != nil {
		close(f.empty)
		f.empty = nil
	}
}

// drain closes it and waits until all have left.
func (f *inflight) drain(ctx context.Context) error {
	f.mu.Lock()
	f.closed = true
	if f.n == 0 {
		f.mu.Unlock()
		return nil
	}
	if f.empty == nil {
		f.empty = make(chan struct{})
	}
	empty := f.empty
	f.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
