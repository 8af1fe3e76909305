package mqtt

import "sync"

// turns let one connection at a time take a name or give it up. mochi does
// either in several steps that know nothing of each other: the end of an earlier
// connection could otherwise take the newer one of the same name out of mochi's
// list, which then gets no messages, and is not disconnected by the next one.
// The zero value is ready, and safe for concurrent use.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{}
}

// take waits for the turn of a name and takes it. end gives it to the next one;
// it may be called more than once, by one goroutine.
func (t *turns) take(name string) (end func()) {
	t.mu.Lock()
	for t.taken[name] != nil {
		before := t.taken[name]
		t.mu.Unlock()
		<-before
		t.mu.Lock()
	}
	defer t.mu.Unlock()
	if t.taken == nil {
		t.taken = map[string]chan struct{}{}
	}
	mine := make(chan struct{})
	t.taken[name] = mine
	ended := false
	return func() {
		if ended {
			return
		}
		ended = true
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.taken, name)
		close(mine)
	}
}
