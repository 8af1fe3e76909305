package parking

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/prometheus/prometheus/model/value"

	"github.com/belfry-city/belfry/collector/reading"
)

// state of a bay.
type state int8

const (
	unknown state = iota - 1
	free
	taken
)

// stateOf takes 1 and 0. Another number is no state that could be timed, as a
// device's code for a fault; NaN is no reading at all.
func stateOf(v float64) (_ state, ok bool) {
	switch v {
	case 1:
		return taken, true
	case 0:
		return free, true
	}
	return unknown, !math.IsNaN(v) || value.IsStaleNaN(v)
}

// remembered is how many changes of a bay can be derived again when a sender
// repeats them.
const remembered = 8

// change is a reading that changed a bay's state. Times are in milliseconds.
type change struct {
	at int64
	// shownSince and shownStays are how much later than at its samples are, so
	// that they come behind those that had been written by then.
	shownSince, shownStays int32
	state                  state
	restored               bool // by the store, which has its samples
	counted                bool // a stay ended here, and it counts
}

// bay is what one source says about a bay. Its place's lock guards it, but for the
// level.
type bay struct {
	reading.Level
	place *place

	n     int // changes so far; the newest is changes[(n-1)%remembered]
	stays int64
	// since and counter are when the series of the bay got their newest sample.
	since, counter int64
	source, lot    string
	changes        [remembered]change
}

func (b *bay) newest() *change { return &b.changes[(b.n-1)%remembered] }

func (b *bay) state() state {
	if b.n == 0 {
		return unknown
	}
	return b.newest().state
}

func (p *place) newBay(source, lot string) *bay {
	b := &bay{place: p, source: source, lot: lot}
	b.Of = b
	return b
}

// settle has readings of the bay's state change nothing from now on.
func (b *bay) settle() {
	switch b.state() {
	case taken:
		b.Settle(1)
	case free:
		b.Settle(0)
	}
}

// read takes a reading, and adds what follows from it to out. now bounds how far
// in the future a known reading can be.
func (t *Tracker) read(asset string, b *bay, at int64, s state, now int64, out *reading.Builder) {
	ahead := now + t.opts.Early.Milliseconds()
	if b.Advance(at, ahead) {
		if b.n == 0 || s != b.state() {
			b.change(at, s, t.opts.ShortestStay.Milliseconds(), ahead)
			t.show(asset, b, b.n-1, out)
		}
	} else {
		// Late, or repeated by a sender that got no answer.
		for i := b.n - 1; i >= 0 && i > b.n-1-remembered; i-- {
			if c := &b.changes[i%remembered]; c.at == at && c.state == s && !c.restored {
				t.show(asset, b, i, out)
			}
		}
	}
	b.settle()
}

func (b *bay) change(at int64, s state, shortest, ahead int64) {
	if b.since > ahead || b.counter > ahead { // a clock was wrong before
		b.since, b.counter = 0, 0
	}
	c := change{at: at, state: s, shownSince: behind(at, b.since), shownStays: behind(at, b.counter)}
	if b.state() == taken && s == free && at-b.newest().at >= shortest {
		c.counted = true
		b.stays++
	}
	b.add(c)
	b.since, b.counter = max(b.since, at+int64(c.shownSince)), max(b.counter, at+int64(c.shownStays))
}

func (b *bay) add(c change) {
	b.changes[b.n%remembered] = c
	b.n++
}

// behind is by how much a sample has to be later than at to be behind the
// newest one.
func behind(at, newest int64) int32 {
	if newest < at || newest-at > math.MaxInt32-1 {
		return 0
	}
	return int32(newest - at + 1)
}

// show adds the samples of the bay's change i.
func (t *Tracker) show(asset string, b *bay, i int, out *reading.Builder) {
	c := &b.changes[i%remembered]
	before := unknown
	if i > 0 && i > b.n-remembered {
		before = b.changes[(i-1)%remembered].state
	}
	if c.state == taken || before == taken {
		v := float64(c.at) / 1000
		if c.state != taken {
			v = math.Float64frombits(value.StaleNaN)
		}
		out.Begin(c.at + int64(c.shownSince))
		out.Label("asset", asset)
		out.Label("source", b.source)
		out.AnyValue(baySince, v)
	}
	if c.counted && before == taken {
		out.Begin(c.at)
		out.Label("asset", asset)
		out.Label("source", b.source)
		out.Label("lot", b.lot)
		out.Value(staySeconds, float64(c.at-b.changes[(i-1)%remembered].at)/1000)
	}
	if c.counted || i == 0 {
		stays := b.stays
		for later := i + 1; later < b.n; later++ {
			if b.changes[later%remembered].counted {
				stays--
			}
		}
		out.Begin(c.at + int64(c.shownStays))
		out.Label("asset", asset)
		out.Label("source", b.source)
		out.Label("lot", b.lot)
		out.Value(bayStays, float64(stays))
	}
}

// place is a bay with its sources.
type place struct {
	mu    sync.Mutex
	asset string
	bays  []*bay // by source, as they came
	// forgotten says that there may be another place of the asset.
	forgotten atomic.Bool
	// differs says whether the sources disagreed when that was last looked at.
	differs bool
	shown   int64 // when its disagreement got its newest sample
}

// differing is since when two sources contradict each other, in milliseconds, or
// 0. A handheld looks once: where the state changed after it had looked, it is
// no contradiction.
func (p *place) differing(grace int64) (since int64) {
	for i := range p.bays {
		for j := range i {
			a, b := p.bays[i], p.bays[j]
			if a.state() == unknown || b.state() == unknown || a.state() == b.state() {
				continue
			}
			if a.newest().at < b.newest().at {
				a, b = b, a // a has changed last
			}
			if b.source == sourceHandheld && b.Newest() < a.newest().at-grace {
				continue
			}
			if begin := a.newest().at; since == 0 || begin < since {
				since = begin
			}
		}
	}
	return since
}
