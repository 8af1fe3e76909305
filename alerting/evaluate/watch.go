package evaluate

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/alerting/trigger"
)

// watch has the samples looked at for the rules that there are now.
func (e *Evaluator) watch() {
	if e.options.Watch == nil {
		return
	}
	var all []*rule
	var plans []*trigger.Plan
	for _, g := range e.running() {
		for _, r := range g.rules {
			if !r.record { // what they record wakes others, on their interval
				all, plans = append(all, r), append(plans, r.plan)
			}
		}
	}
	index := trigger.NewIndex(plans, e.options.Lookback.Milliseconds(), func(w trigger.Wake) {
		r := all[w.Rule]
		switch wait := time.Until(time.UnixMilli(w.At).Add(r.group.offset)); {
		case wait > longestWait: // the interval finds it
		case wait > 0:
			e.schedule.at(time.Now().Add(wait), r, w.Values)
		default:
			e.schedule.wake(r, w.Values, w.Sure)
		}
	})
	e.options.Watch(index)
	e.background.Go(func() { e.seed(index) })
	if e.endMissing != nil {
		e.endMissing()
	}
	ctx, end := context.WithCancel(e.ending)
	e.endMissing = end
	e.background.Go(func() { e.missing(ctx, index, all) })
}

// longestWait bounds how far ahead wakes are remembered; samples may be ten
// minutes early.
const longestWait = 15 * time.Minute

// lookForMissing is how often it is looked whether samples have begun to come
// that would be missed.
const lookForMissing = 10 * time.Second

// missing has rules evaluated at the moment from which on samples are missing.
func (e *Evaluator) missing(ctx context.Context, index *trigger.Index, all []*rule) {
	told := map[int]int64{} // by source, of when
	for {
		now := time.Now()
		next := now.Add(lookForMissing)
		index.Missed(func(source, n int, due int64) {
			at := time.UnixMilli(due)
			switch {
			case due == 0 || told[source] == due:
			case !at.After(now):
				told[source] = due
				e.schedule.whole(all[n])
			case at.Before(next):
				next = at
			}
		})
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(next)):
		}
	}
}

// seed tells an index of the thresholds that are stored already.
func (e *Evaluator) seed(index *trigger.Index) {
	index.Thresholds(func(selector string, seed func(labels.Labels, float64)) {
		result, err := e.query(e.ctx, selector, time.Now())
		if err != nil {
			if !cancelled(err) {
				e.logger.Warn("Thresholds of assets are known later", "selector", selector, "err", err)
			}
			return
		}
		for _, s := range result {
			seed(s.Metric, s.F)
		}
	})
}
