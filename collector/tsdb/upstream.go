package tsdb

import (
	"sync"

	"github.com/prometheus/prometheus/storage"
)

// upstreamSeries are the series that upstream's appenders write, and who watches
// them. It is safe for concurrent use.
type upstreamSeries struct {
	mu      sync.RWMutex
	epoch   uint32 // of the watcher that was asked
	watched map[storage.SeriesRef]Watched
	others  refSet // whose samples nobody minds, as of most
}

// find says by whom of the epoch a series is watched, if that has been asked.
func (u *upstreamSeries) find(ref storage.SeriesRef, epoch uint32) (w Watched, asked bool) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if u.epoch != epoch {
		return nil, false
	}
	if w, ok := u.watched[ref]; ok {
		return w, true
	}
	return nil, u.others.has(ref)
}

// note remembers what the watcher of an epoch said, unless there is a newer one.
func (u *upstreamSeries) note(ref storage.SeriesRef, epoch uint32, w Watched) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if epoch < u.epoch {
		return
	}
	if epoch > u.epoch || u.watched == nil {
		u.epoch, u.watched, u.others = epoch, map[storage.SeriesRef]Watched{}, refSet{}
	}
	if w != nil {
		u.watched[ref] = w
		return
	}
	u.others.add(ref)
}

func (u *upstreamSeries) forget(ref storage.SeriesRef) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.watched, ref)
	u.others.remove(ref)
}

// refSet holds references, which upstream counts up, by bits.
type refSet map[storage.SeriesRef]*refPage

type refPage [64]uint64

const refsPerPage = 64 * 64

func (s refSet) has(ref storage.SeriesRef) bool {
	p := s[ref/refsPerPage]
	return p != nil && p[ref/64%64]>>(ref%64)&1 == 1
}

func (s refSet) add(ref storage.SeriesRef) {
	p := s[ref/refsPerPage]
	if p == nil {
		p = new(refPage)
		s[ref/refsPerPage] = p
	}
	p[ref/64%64] |= 1 << (ref % 64)
}

func (s refSet) remove(ref storage.SeriesRef) {
	p := s[ref/refsPerPage]
	if p == nil {
		return
	}
	if p[ref/64%64] &^= 1 << (ref % 64); *p == (refPage{}) {
		delete(s, ref/refsPerPage)
	}
}
