package evaluate

import "time"

// keep writes what has changed of the alerts and of what is frozen, and forgets
// what is over, until Stop. It works beside the evaluation, so that no page waits
// for a disk.
func (e *Evaluator) keep() {
	sweep := time.NewTicker(sweepInterval)
	defer sweep.Stop()
	renewal := time.NewTicker(lookForGone)
	defer renewal.Stop()
	for {
		select {
		case <-e.done:
			e.save()
			return
		case <-sweep.C:
			if e.sweep(e.now()) > 0 {
				e.state.changed() // that it is as it was
			}
			continue
		case <-renewal.C:
			e.renew()
			continue
		case <-e.state.kick:
		}
		began := time.Now()
		e.save()
		select {
		case <-time.After(max(saveGap, saveShare*time.Since(began))):
		case <-e.done:
		}
	}
}

func (e *Evaluator) save() {
	if err := e.state.save(); err != nil {
		e.logger.Error("After a restart, alerts may wait anew", "err", err)
	}
	if err := e.freezer.save(); err != nil {
		e.logger.Error("After a restart, firing alerts may change their team", "err", err)
	}
}

// sweep forgets what was added to alerts that are not there any more: their rule
// is gone, or they have been resolved for a while. It returns how many there are.
func (e *Evaluator) sweep(now time.Time) int {
	known := map[uint64]bool{}
	for _, g := range e.running() {
		for _, r := range g.rules {
			for _, a := range r.copied() {
				known[a.Labels.Hash()] = true
			}
		}
	}
	e.freezer.prune(func(hash uint64) bool { return known[hash] }, now)
	return len(known)
}
