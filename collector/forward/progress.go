package forward

import (
	"sync"
	"time"

	"github.com/belfry-city/belfry/collector/wal/tail"
)

const (
	markEvery = 250 * time.Millisecond
	// mostRewinds is how often the same is sent again on a suspicion. Beyond,
	// connections break off for another reason than that the target dies.
	mostRewinds = 3
	// mostUnseen is how much of the time between two answers of the target counts
	// as time in which it was running: it may have been stopped, as may Belfry.
	mostUnseen = time.Second
)

// progress is how far the target has accepted the log, and how far it must have
// it on disk by now. All methods are safe for concurrent use.
//
// A target has no time to write to disk while it is stopped, suspended or without
// a connection. So what it has accepted ages only with the time in which it
// answers: alive is how much of that there was.
type progress struct {
	resend time.Duration

	mu       sync.Mutex
	known    bool // there is a position at all
	acked    tail.Position
	alive    time.Duration
	seen     time.Time     // when it last answered
	accepted time.Duration // alive, when it last accepted something
	open     bool          // which is not settled
	marks    []milestone   // ascending; everything before the first is settled
	rewinds  int
}

// milestone says that everything before a position was accepted when the target
// had been alive for so long.
type milestone struct {
	alive    time.Duration
	position tail.Position
}

func (p *progress) begin(acked, settled tail.Position, known bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.acked, p.seen = known, acked, now
	p.marks = append(p.marks[:0], milestone{p.alive, settled})
	p.accepted, p.open = p.alive, acked.Compare(settled) > 0
}

// ack notes that everything before a position has been accepted. accepted is
// false where the target had nothing to do with it.
func (p *progress) ack(at tail.Position, accepted bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.acked = true, at
	if accepted {
		p.answered(now)
		p.accepted, p.open = p.alive, true
		if n := len(p.marks); n > 0 && p.alive-p.marks[n-1].alive >= markEvery {
			p.marks = append(p.marks, milestone{p.alive, at})
		}
	}
	p.settle()
}

// see notes that the target has answered.
func (p *progress) see(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answered(now)
	p.settle()
}

func (p *progress) answered(now time.Time) {
	p.alive += max(min(now.Sub(p.seen), mostUnseen), 0)
	p.seen = now
}

func (p *progress) settle() {
	if !p.open || p.alive-p.accepted >= p.resend {
		p.marks = append(p.marks[:0], milestone{p.alive, p.acked})
		if p.open {
			p.open, p.rewinds = false, 0
		}
		return
	}
	settled := 0
	for settled+1 < len(p.marks) && p.alive-p.marks[settled+1].alive >= p.resend {
		settled++
	}
	if settled > 0 {
		p.marks = append(p.marks[:0], p.marks[settled:]...)
		p.rewinds = 0
	}
}

// unsettled says whether the target may have something in memory only that it has
// accepted, and when it last answered.
func (p *progress) unsettled() (open bool, seen time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open, p.seen
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
	p.acked, p.open = p.marks[0].position, false
	return true
}
