package tail

import (
	"time"

	"github.com/prometheus/prometheus/tsdb/record"
)

// Bounds of what is parked, in samples and in bytes of log read since.
const (
	mostParked      = 200_000
	mostParkedBytes = 64 << 20
)

// parking holds samples whose series has not been read so far. Upstream logs a
// series when the request that created it is committed, and another request may
// have logged a sample of it before; only where the process was killed between
// the two, the series never comes.
type parking struct {
	parked      []record.RefSample
	parkedAt    Position // where the first of them was
	parkedSince time.Time
	parkedBytes int
}

func (p *parking) park(s record.RefSample, at Position) {
	if len(p.parked) == 0 {
		p.parkedAt, p.parkedSince, p.parkedBytes = at, time.Now(), 0
	}
	p.parked = append(p.parked, s)
}

// unpark makes those pending whose series is known by now.
func (r *Reader[S]) unpark() {
	var unknown S
	at, still := r.parkedAt, r.parked[:0]
	for _, s := range r.parked {
		if r.table.series(s.Ref) == unknown {
			still = append(still, s)
		} else {
			r.pending = append(r.pending, s)
		}
	}
	r.parked = still
	if len(r.pending) > 0 {
		r.before = at
	}
}

// passed counts how far behind the reading has left what is parked.
func (r *Reader[S]) passed(bytes int, to Sink[S]) {
	if len(r.parked) == 0 {
		return
	}
	if r.parkedBytes += bytes; r.parkedBytes > mostParkedBytes || len(r.parked) > mostParked {
		r.giveUp(to)
	}
}

func (r *Reader[S]) giveUpAfter(d time.Duration, to Sink[S]) {
	if len(r.parked) > 0 && time.Since(r.parkedSince) > d {
		r.giveUp(to)
	}
}

func (r *Reader[S]) giveUp(to Sink[S]) {
	to.Skip(ReasonUnknown, len(r.parked))
	r.parked = nil
}
