package evaluate

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/alerting/trigger"
)

// watch has the samples looked at for the rules that there are now.
func (e *Evaluator) watch() {
	if e.options.Watch == nil {
		return
	}
	all := watched(e.running())
	plans := make([]*trigger.Plan, len(all))
	for i, r := range all {
		plans[i] = r.plan
	}
	index := trigger.NewIndex(plans, e.options.Lookback.Milliseconds(), func(w trigger.Wake) {
		r := all[w.Rule]
		at := time.UnixMilli(w.At).Add(r.group.offset)
		switch wait := at.Sub(e.now()); {
		case wait > longestWait: // the interval finds it
		case wait > 0:
			e.schedule.at(at, r, w.Values)
		default:
			e.schedule.wake(r, w.Values, w.Sure)
		}
	})
	e.schedule.watch(index, all)
	e.options.Watch(index)
	if e.endWatch != nil {
		e.endWatch()
	}
	ctx, end := context.WithCancel(e.ending)
	e.endWatch = end
	e.background.Go(func() {
		e.seed(index)
		if err := e.newest.learn(ctx, index); err != nil && !cancelled(err) {
			e.logger.Warn("Rules over many series are evaluated more slowly than they could be", "err", err)
		}
	})
	e.newest.index.Store(index)
	e.background.Go(func() { e.missing(ctx, index, all) })
}

// watched are the rules that samples wake: those that raise alerts, and those
// that record what these read.
func watched(groups []*group) (all []*rule) {
	var records []*rule
	for _, g := range groups {
		for _, r := range g.rules {
			if r.record {
				records = append(records, r)
			} else {
				all = append(all, r)
			}
		}
	}
	for i := 0; i < len(all); i++ {
		records = slices.DeleteFunc(records, func(r *rule) bool {
			read := all[i].plan.Reads(r.name)
			if read {
				all = append(all, r)
			}
			return read
		})
	}
	return all
}

// longestWait bounds how far ahead wakes are remembered; samples may be ten
// minutes early.
const longestWait = 15 * time.Minute

const (
	// lookForGone is how often it is looked how many of the series are gone, and
	// goneAfter is how long they have had no samples then.
	lookForGone = time.Hour
	goneAfter   = 3 * time.Hour
	// manyGone is how many make it worth beginning anew, besides a quarter of all.
	manyGone = 1000
)

// renew begins anew where much is kept of series that are gone.
func (e *Evaluator) renew() {
	x := e.newest.index.Load()
	if x == nil || !e.reloading.TryLock() {
		return
	}
	defer e.reloading.Unlock()
	if gone, all := x.Gone(e.now().UnixMilli(), goneAfter.Milliseconds()); e.ending.Err() == nil && gone > manyGone+all/4 {
		e.watch()
	}
}

// lookForMissing is how often it is looked whether samples have begun to come
// that would be missed.
const lookForMissing = 10 * time.Second

// missing has rules evaluated at the moment from which on samples are missing.
func (e *Evaluator) missing(ctx context.Context, index *trigger.Index, all []*rule) {
	told := map[int]int64{} // by source, of when
	for {
		now := e.now()
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
		case <-time.After(next.Sub(now)):
		}
	}
}

// seed tells an index of the thresholds that are stored already.
func (e *Evaluator) seed(index *trigger.Index) {
	index.Thresholds(func(selector string, seed func(labels.Labels, float64)) {
		result, err := e.query(e.ctx, selector, e.now())
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
