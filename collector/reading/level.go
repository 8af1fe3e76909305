package reading

import (
	"math"
	"sync/atomic"
)

// Level is where a series of few values stands, for somebody to whom nothing but its
// changes matters. Times are in milliseconds. It is safe for concurrent use, and
// unsettled until Settle.
type Level struct {
	newest atomic.Int64
	value  atomic.Uint64 // bits, of which zero stands for being unsettled
	// Of is whose it is. It is not changed.
	Of any
}

// Leveled is a point of a batch, by its index, that may have changed a level, or has
// the same key as one could have. Field is which of its fields has the value; -1:
// none.
type Leveled struct {
	*Level
	Point, Field int
}

// Newest is the time of the newest reading; 0: there was none.
func (l *Level) Newest() int64 { return l.newest.Load() }

// Stays takes a reading that changes nothing, which is nearly every one. The order
// of its steps keeps it from missing a change that another goroutine is making: that
// one unsettles the level first, then moves the newest time. Where that is beyond
// ahead, a clock was wrong before.
func (l *Level) Stays(t int64, v float64, ahead int64) bool {
	for {
		newest := l.newest.Load()
		if l.value.Load() != settled(v) || t <= newest || newest > ahead || math.IsNaN(v) {
			return false
		}
		if l.newest.CompareAndSwap(newest, t) {
			return true
		}
	}
}

// Advance makes t the time of the newest reading, unless it is late. It unsettles
// the level.
func (l *Level) Advance(t, ahead int64) bool {
	l.Unsettle()
	for {
		newest := l.newest.Load()
		if t <= newest && newest <= ahead {
			return false
		}
		if l.newest.CompareAndSwap(newest, t) {
			return true
		}
	}
}

// Settle has readings of v change nothing from now on.
func (l *Level) Settle(v float64) { l.value.Store(settled(v)) }

// Unsettle has each reading matter.
func (l *Level) Unsettle() { l.value.Store(0) }

// Restore sets the time of the newest reading.
func (l *Level) Restore(newest int64) { l.newest.Store(newest) }

func settled(v float64) uint64 { return ^math.Float64bits(v) }
