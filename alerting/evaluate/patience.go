package evaluate

import (
	"runtime"
	"time"
)

const (
	// patientShare is which part of all processors goes, at most, into what is woken
	// and can wait, and busyShare is what is left of it when samples are stored by as
	// many as there are processors, or half of them.
	patientShare = 0.25
	busyShare    = 0.03
	// loadOver is for how long it is looked how many store samples.
	loadOver = 100 * time.Millisecond
)

// patience is what is left for what can wait.
type patience struct {
	credit
	storing func() time.Duration // as of Options
	stored  time.Duration        // what it was at the last look
	looked  time.Time
}

func newPatience(storing func() time.Duration) patience {
	if storing == nil {
		storing = func() time.Duration { return 0 }
	}
	p := patience{credit: newCredit(0, saved), storing: storing, stored: storing(), looked: time.Now()}
	p.share = patientShareAt(0)
	return p
}

// patientShareAt is which part of a processor may be used where samples are stored by
// so many at a time.
func patientShareAt(storing float64) float64 {
	processors := float64(runtime.GOMAXPROCS(0))
	idle := max(0, 1-2*storing/processors)
	return processors * (busyShare + (patientShare-busyShare)*idle)
}

// earn is credit's, by how much is stored.
func (p *patience) earn(now time.Time) time.Duration {
	if passed := now.Sub(p.looked); passed >= loadOver {
		stored := p.storing()
		p.share = patientShareAt(float64(stored-p.stored) / float64(passed))
		p.stored, p.looked = stored, now
	}
	return p.credit.earn(now)
}
