package tsdb

import "sync"

// gate counts who uses the database. Unlike a read-write mutex it turns
// newcomers away while the database is replaced instead of making them wait, so
// that whoever already holds it may enter again without a deadlock.
type gate struct {
	mu    sync.Mutex
	idle  sync.Cond
	users int
	shut  bool
}

func newGate() *gate {
	g := &gate{}
	g.idle.L = &g.mu
	return g
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.users++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users--; g.users == 0 {
		g.idle.Broadcast()
	}
}

// close turns newcomers away and returns when nobody is left inside.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for g.users > 0 {
		g.idle.Wait()
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}
