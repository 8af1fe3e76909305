package liveness

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/belfry-city/belfry/collector/tsdb"
)

// device is an asset that gives signs of life. Times are in milliseconds.
type device struct {
	// What samples look at, in one line of the processor's cache:
	pulse tsdb.Pulse
	heard atomic.Int64 // when the last sign of life came; 0: never
	// idle is until when a sign needs no more than to be noted.
	idle atomic.Int64
	// allowed is how long it may be silent; 0: that is not known.
	allowed atomic.Int64

	asset string
	of    *Liveness

	mu sync.Mutex
	// rhythm is learned while there is no expected interval.
	rhythm   rhythm
	expected int64
	camera   bool // it has a watch of its own, and so no rhythm

	// The rest belongs to Run.

	at       int // in the heap; -1: not in it
	place    int // among all
	due      int64
	since    int64 // from when on it is looked after; 0: it is not
	silent   bool
	listed   bool  // in the catalog
	reported bool  // there are series of it
	told     int64 // when it was stored last whether it is silent
	seen     int64 // what was stored last as seen, and when
	seenAt   int64
	asked    int64 // when it was decided to
}

// tooLate is how old a reading may be to be a sign of life, unless more is
// allowed: nobody is warned by what is older.
const tooLate = 3_600_000

// beat is told of readings that are newer than any before.
func (d *device) beat(t, now int64) {
	t = min(t, now) // a device whose clock is fast is heard now
	newest := d.pulse.Newest.Load()
	if t <= newest || now-t > max(tooLate, d.allowed.Load()) {
		return
	}
	for !d.pulse.Newest.CompareAndSwap(newest, t) {
		if newest = d.pulse.Newest.Load(); t <= newest {
			return // another reading of now
		}
	}
	d.heard.Store(now)
	if now < d.idle.Load() {
		return
	}
	d.sign(now)
}

// sign is beat for what may change something.
func (d *device) sign(now int64) {
	d.mu.Lock()
	attend := d.idle.Load() == wanted
	before := d.allowed.Load()
	if d.learns() {
		d.rhythm.sign(now, before)
		d.allow()
		// A timer that is set finds out by itself when there is more time, not less.
		attend = attend || before != d.allowed.Load() && (before == 0 || d.allowed.Load() < before)
	}
	d.rest()
	d.mu.Unlock()
	if attend {
		d.of.attend(d)
	}
}

func (d *device) learns() bool { return d.expected == 0 && !d.camera }

// wanted is an idle time for a device that has not been heard or is silent: its
// next sign of life matters to Run.
const wanted = math.MinInt64

// rest sets until when signs only have to be noted. The caller holds mu.
func (d *device) rest() {
	if !d.learns() {
		d.idle.Store(math.MaxInt64)
		return
	}
	d.idle.Store(d.rhythm.Counted + d.rhythm.quiet())
}

// allow sets how long the device may be silent. The caller holds mu.
func (d *device) allow() {
	interval := d.expected
	if d.learns() {
		interval = d.rhythm.interval()
	}
	if interval == 0 {
		d.allowed.Store(0)
		return
	}
	d.allowed.Store(d.of.allowance(interval))
}

// want has the next sign of life attended to.
func (d *device) want() {
	d.mu.Lock()
	d.idle.Store(wanted)
	d.mu.Unlock()
}

// expect says how often the catalog wants to hear of the device; 0: it does not
// say. It returns whether that is new.
func (d *device) expect(interval int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.expected == interval {
		return false
	}
	d.expected = interval
	d.allow()
	if d.idle.Load() != wanted {
		d.rest()
	}
	return true
}

// watchedElsewhere notes that what is silent is said by camera_up.
func (d *device) watchedElsewhere() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.camera {
		return
	}
	d.camera = true
	d.allow()
}

// forget loses what was learned.
func (d *device) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rhythm, d.expected = rhythm{}, 0
	d.heard.Store(0)
	d.allow()
	d.idle.Store(wanted)
}
