package evaluate

import (
	"time"

	"github.com/prometheus/prometheus/rules"
)

// wake tells keep that something may have to be written.
func (e *Evaluator) wake() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// keep writes what is frozen when it has changed, and forgets what is over, until
// Stop. It works beside the evaluation, so that no page waits for a disk.
func (e *Evaluator) keep() {
	sweep := time.NewTicker(sweepInterval)
	defer sweep.Stop()
	for {
		select {
		case <-e.done:
			e.save()
			return
		case <-sweep.C:
			e.sweep(time.Now())
			e.save()
		case <-e.changed:
			e.save()
			select {
			case <-time.After(saveGap):
			case <-e.done:
			}
		}
	}
}

func (e *Evaluator) save() {
	if err := e.freezer.save(); err != nil {
		e.logger.Error("After a restart, firing alerts may change their team", "err", err)
	}
}

// sweep forgets what was added to alerts that upstream does not know any more:
// their rule is gone, they were not raised again after a restart, or they have
// been resolved for a while.
func (e *Evaluator) sweep(now time.Time) {
	known := map[uint64]bool{}
	waiting := map[string]bool{}
	for _, rule := range e.manager.AlertingRules() {
		if !rule.Restored() {
			waiting[rule.Name()] = true
			continue
		}
		rule.ForEachActiveAlert(func(a *rules.Alert) { known[a.Labels.Hash()] = true })
	}
	e.freezer.prune(func(hash uint64, alertname string) bool {
		return known[hash] || waiting[alertname]
	}, now)
}
