package hj212

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/belfry-city/belfry/collector/intake"
)

// report is one that comes in parts.
type report struct {
	mn       string
	cn, pnum int
	station  *Station
	sender   string
	dataTime string // `DataTime=...;`
	// semicolons says that the device has semicolons where the standard has
	// commas, between the fields of one pollutant.
	semicolons bool
	parts      map[int]*part
	expires    time.Time
	// settles is when the device is taken to wait for its answer; zero: it need
	// not.
	settles time.Time
}

// part is one of a report.
type part struct {
	qn  string
	sum uint64 // of what it says, to know it again
	due *due
	cp  []byte // until it is taken, which is when what is before it has been
	// taken says that it has been stored but for tail, its end, which waits for
	// the next part.
	taken bool
	text  []byte // what was stored; for a disk that has failed
	lost  bool   // text has made room
	tail  []byte
	ends  []*due // of the parts whose end is in tail
}

func (p *part) size() int {
	const record = 200 // in bytes, about
	return record + len(p.cp) + len(p.text) + len(p.tail)
}

func (r *report) done() bool {
	if len(r.parts) < r.pnum {
		return false
	}
	for _, p := range r.parts {
		if !p.taken {
			return false
		}
	}
	return true
}

func (r *report) numbers() []int { return slices.Sorted(maps.Keys(r.parts)) }

func (r *report) size() (n int) {
	for _, p := range r.parts {
		n += p.size()
	}
	return n
}

// sameReport is how far the QNs of parts may be apart that come in an order of
// their own.
const sameReport = 5 * time.Second

// awaits says whether a part, which has not come yet, belongs to the report. A
// part that was lost leaves a gap, which the next report must not fill.
func (r *report) awaits(s *segment) bool {
	if s.pnum != r.pnum || r.parts[s.pno] != nil {
		return false
	}
	if t, ok := dataTimeOf(s.cp); ok && r.dataTime != "" {
		return t == r.dataTime
	}
	if r.parts[s.pno-1] != nil {
		return true
	}
	own, ok := parseTime(s.qn, time.UTC)
	near, one, first := false, len(r.parts) > 1, ""
	for _, p := range r.parts {
		if p.qn == string(s.qn) {
			return true
		}
		if first == "" {
			first = p.qn
		}
		one = one && p.qn == first
		other, isTime := parseTime([]byte(p.qn), time.UTC)
		near = near || !ok || !isTime || max(own-other, other-own) <= sameReport.Milliseconds()
	}
	return near && !one
}

// due is an answer to a part: it is sent when all that the part says is on disk.
type due struct {
	answer  []byte       // nil: nobody waits
	left    atomic.Int32 // messages on their way, and 1 while the end of the part waits
	failed  atomic.Bool
	stored  atomic.Bool
	refused atomic.Bool
}

func newDue(answer []byte) *due {
	d := &due{answer: answer}
	d.left.Store(1)
	return d
}

func (d *due) good() bool { return !d.failed.Load() && (d.stored.Load() || !d.refused.Load()) }

// finish notes what became of a message with a piece of the part.
func (d *due) finish(c *conn, res intake.Result, err error) {
	if err != nil {
		d.failed.Store(true)
	}
	if res.Samples > 0 {
		d.stored.Store(true)
	}
	if res.Refused > 0 {
		d.refused.Store(true)
	}
	d.release(c)
}

// release sends the answer if nothing is left to wait for.
func (d *due) release(c *conn) {
	switch {
	case d.left.Add(-1) > 0 || d.answer == nil:
	case d.good():
		c.server.counters.stored.Inc()
		c.send(d.answer)
	default:
		c.server.counters.unanswered.Inc()
	}
}

// report finds the one that a part belongs to, or begins it. again is the part
// itself if it has come before.
func (c *conn) report(s *segment) (r *report, again *part) {
	sum := maphash.Bytes(c.server.seed, s.cp)
	for _, r := range c.reports {
		if r.cn != s.cn || r.mn != string(s.mn) {
			continue
		}
		p := r.parts[s.pno]
		// A report that is complete may be followed by one that says the same.
		if p != nil && r.pnum == s.pnum && p.sum == sum && (p.qn == string(s.qn) || !r.done()) {
			return r, p
		}
		if r.awaits(s) {
			return r, nil
		}
		c.end(r, "other parts came")
		break
	}
	if len(c.reports) == mostReports {
		c.end(c.reports[0], "too many reports in parts at once")
	}
	r = &report{mn: string(s.mn), cn: s.cn, pnum: s.pnum, parts: map[int]*part{}}
	c.reports = append(c.reports, r)
	return r, nil
}

// bound makes room where a connection has too much of its reports in memory.
func (c *conn) bound() {
	size := 0
	for _, r := range c.reports {
		size += r.size()
	}
	for _, r := range c.reports {
		for _, n := range r.numbers() {
			if size <= mostHeld {
				return
			}
			if p := r.parts[n]; len(p.text) > 0 {
				size -= len(p.text)
				p.text, p.lost = nil, true
			}
		}
	}
	for size > mostHeld {
		r := c.reports[0]
		size -= r.size()
		c.end(r, fmt.Sprintf("more than %d KiB would have to wait", mostHeld>>10))
	}
}

func (c *conn) forget(r *report) {
	c.reports = slices.DeleteFunc(c.reports, func(open *report) bool { return open == r })
}

func (c *conn) expireReports() {
	for _, r := range slices.Clone(c.reports) {
		switch {
		case !c.now.Before(r.expires):
			c.end(r, fmt.Sprintf("the next part did not come within %s", c.server.opts.PartTime))
		case !r.settles.IsZero() && !c.now.Before(r.settles):
			c.settleAll(r)
		}
	}
}

func (c *conn) dropReports(why string) {
	for len(c.reports) > 0 {
		c.end(c.reports[0], why)
	}
}

// text is what was stored from part n on, as far as the parts are joined; ok is
// false where that is not in memory any more. It is nil for a part that waits.
func (r *report) text(n int) (text []byte, ok bool) {
	for ; r.parts[n] != nil && r.parts[n].taken; n++ {
		p := r.parts[n]
		if p.lost {
			return nil, false
		}
		text = append(append(text, p.text...), ';')
		if len(p.tail) > 0 {
			text = append(text, cutValues(p.tail)...)
		}
	}
	return bytes.TrimRight(text, ";"), true
}
