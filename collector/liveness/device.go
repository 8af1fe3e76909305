package liveness

import (
	"math"
	"sync"

	"github.com/belfry-city/belfry/collector/tsdb"
)

// device is an asset that gives signs of life. Times are in milliseconds.
type device struct {
	// pulse.Late is also how long it may be silent; 0: that is not known.
	pulse tsdb.Pulse
	asset string
	of    *Liveness

	mu sync.Mutex
	// idle is until when a sign needs no more than to be noted.
	idle int64
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

// allowed is how long the device may be silent; 0: that is not known.
func (d *device) allowed() int64 { return d.pulse.Late.Load() }

// heard is when the last sign of life came; 0: never.
func (d *device) heard() int64 {
	_, heard := d.pulse.Last()
	return heard
}

// newest is the time of the newest reading; 0: there was none.
func (d *device) newest() int64 {
	newest, _ := d.pulse.Last()
	return newest
}

// sign is told of signs of life that may change something.
func (d *device) sign(now int64) {
	d.mu.Lock()
	attend := d.idle == wanted
	before := d.allowed()
	if d.learns() {
		d.rhythm.sign(now, before)
		d.allow()
		// A timer that is set finds out by itself when there is more time, not less.
		attend = attend || before != d.allowed() && (before == 0 || d.allowed() < before)
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
		d.restUntil(math.MaxInt64)
		return
	}
	d.restUntil(d.rhythm.Counted + d.rhythm.quiet())
}

// restUntil has signs only be noted until then. The caller holds mu.
func (d *device) restUntil(idle int64) {
	d.idle = idle
	d.pulse.Rest(idle)
}

// allow sets how long the device may be silent. The caller holds mu.
func (d *device) allow() {
	interval := d.expected
	if d.learns() {
		interval = d.rhythm.interval()
	}
	if interval == 0 {
		d.pulse.Late.Store(0)
		return
	}
	d.pulse.Late.Store(d.of.allowance(interval))
}

// want has the next sign of life attended to.
func (d *device) want() {
	d.mu.Lock()
	d.restUntil(wanted)
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
	if d.idle != wanted {
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
	d.pulse.Set(d.newest(), 0)
	d.allow()
	d.restUntil(wanted)
}
