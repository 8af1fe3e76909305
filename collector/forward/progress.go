package forward

import (
	"sync"
	"time"

	"github.com/belfry-city/belfry/collector/forward/tail"
)

const (
	markEvery = 250 * time.Millisecond
	// mostRewinds is how often the same is sent again on a suspicion. Beyond,
	// connections break off for another reason than that the target dies.
	mostRewinds = 3
	// quiet is for how long nothing must have been accepted to take what was for
	// settled: a target that has died without a word is noticed by TCP's
	// keep-alive within this time.
	quiet = 3 * time.Minute
)

// progress is how far the target has accepted the log, and how far it must have
// it on disk by now. All methods are safe for concurrent use.
type progress struct {
	resend time.Duration

	mu      sync.Mutex
	known   bool // there is a position at all
	acked   tail.Position
	lastAck time.Time
	marks   []mark // ascending; everything before the first is settled
	rewinds int
}

// mark says that everything before a position was accepted at a time.
type mark struct {
	at       time.Time
	position tail.Position
}

func (p *progress) begin(acked, settled tail.Position, known bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.acked, p.lastAck = known, acked, now
	p.marks = append(p.marks[:0], mark{position: settled})
	if acked.Compare(settled) > 0 {
		p.marks = append(p.marks, mark{at: now, position: acked})
	}
}

// ack notes that everything before a position has been accepted. accepted is
// false where the target had nothing to do with it.
func (p *progress) ack(at tail.Position, accepted bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.acked = true, at
	if p.resend == 0 || len(p.marks) == 0 {
		p.marks = append(p.marks[:0], mark{at: now, position: at})
		return
	}
	if !accepted {
		if now.Sub(p.lastAck) > max(quiet, p.resend) {
			p.marks = append(p.marks[:0], mark{at: now, position: at})
		}
		return
	}
	p.lastAck = now
	if now.Sub(p.marks[len(p.marks)-1].at) >= markEvery {
		p.marks = append(p.marks, mark{at: now, position: at})
	}
	settled := 0
	for settled+1 < len(p.marks) && !p.marks[settled+1].at.After(now.Add(-p.resend)) {
		settled++
	}
	if settled > 0 {
		p.marks = append(p.marks[:0], p.marks[settled:]...)
		p.rewinds = 0
	}
}

// now returns what has been accepted, and what is settled of it.
func (p *progress) now() (acked, settled tail.Position, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.marks) == 0 {
		return p.acked, p.acked, p.known
	}
	return p.acked, p.marks[0].position, p.known
}

// rewind goes back to what is settled. Where the target is only suspected to have
// died, it is not done again and again. It returns whether anything has changed.
func (p *progress) rewind(certain bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.known || len(p.marks) == 0 || p.acked == p.marks[0].position || !certain && p.rewinds >= mostRewinds {
		return false
	}
	if !certain {
		p.rewinds++
	}
	p.marks = p.marks[:1]
	p.acked = p.marks[0].position
	return true
}
