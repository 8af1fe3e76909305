package tsdb

import (
	"sync/atomic"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

// Listener hears of what is written by Append and is not Belfry's own.
type Listener interface {
	// Listen is asked for each series when it is met for the first time, and now and
	// then again. Series of one device have one Pulse; nil: nobody minds.
	Listen(series labels.Labels) *Pulse
}

// Pulse is moved on by samples of any series of one device.
type Pulse struct {
	// Newest is the time of the newest sample that counted, in milliseconds.
	Newest atomic.Int64
	// Beat is told of a sample that is newer than that, possibly by several
	// goroutines at once; t, and the time that it is now, are in milliseconds. It is
	// on the way of many samples, and must be quick. It moves Newest.
	Beat func(t, now int64)
}

// Listen has a Listener hear of all that is appended. It is called before the
// first Append, if at all.
func (s *Store) Listen(l Listener) { s.listener = l }

// listen finds the pulse of a new entry, or of one whose fields so far have none.
func (a *appending) listen(e *seriesEntry, lset labels.Labels) {
	if a.store.listener == nil || e.pulse.Load() != nil {
		return
	}
	if p := a.store.listener.Listen(lset); p != nil {
		e.pulse.Store(p)
	}
}

// hear moves the pulse of a device on to a sample that was stored, unless that is
// the end of a series.
func (a *appending) hear(e *seriesEntry, t int64, v float64) {
	if p := e.pulse.Load(); p != nil && t > p.Newest.Load() && !value.IsStaleNaN(v) {
		p.Beat(t, a.now)
	}
}

func touchPulse(e *seriesEntry) byte {
	if p := e.pulse.Load(); p != nil {
		return byte(p.Newest.Load())
	}
	return 0
}
