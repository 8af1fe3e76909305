package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// maxSeries bounds what is read for one alert.
const maxSeries = 32

// evidence is which reading broke which limit. What could not be found out is
// zero or nil.
type evidence struct {
	limit   *float64
	unit    string
	reading time.Time
	due     time.Time
}

// search looks in the store for the evidence of one batch of alerts.
type search struct {
	querier  storage.Querier
	lookback time.Duration
}

// of finds the evidence of an alert that begins to fire.
func (s search) of(ctx context.Context, rule *alertRule, alert *rules.Alert) (evidence, error) {
	var e evidence
	var broken *comparison
	for i := range rule.comparisons {
		c := &rule.comparisons[i]
		limit, ok, err := s.limit(ctx, c, alert)
		if err != nil {
			return e, err
		}
		if ok && c.holds(alert.Value, limit) {
			broken, e.limit, e.unit = c, &limit, c.unit
			break
		}
	}
	at, err := s.reading(ctx, rule, broken, e.limit, alert)
	if err != nil || at == 0 {
		return e, err
	}
	e.reading = timestamp.Time(at).UTC()
	e.due = e.reading.Add(rule.hold)
	return e, nil
}

// limit is the constant of a comparison or the asset's own threshold, if it has one.
func (s search) limit(ctx context.Context, c *comparison, alert *rules.Alert) (float64, bool, error) {
	if c.thresholds == nil {
		return c.limit, true, nil
	}
	asset := alert.Labels.Get(labelAsset)
	if asset == "" {
		return 0, false, nil
	}
	matchers := append([]*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, labelAsset, asset)}, c.thresholds...)
	limit := math.NaN()
	to := timestamp.FromTime(alert.FiredAt)
	err := s.each(ctx, to-s.lookback.Milliseconds()+1, to, matchers, func(_ int, _ labels.Labels, _ int64, v float64) { limit = v })
	return limit, !math.IsNaN(limit), err
}

// reading is the time, in ms, of the first sample of the unbroken run of samples
// for which the condition held when the alert became active; where that cannot be
// told, of the newest sample that there was then; 0 where there was none.
func (s search) reading(ctx context.Context, rule *alertRule, broken *comparison, limit *float64, alert *rules.Alert) (int64, error) {
	selector := rule.reads
	exact := broken != nil && broken.series != nil
	if exact {
		selector = broken.series
	}
	if selector == nil {
		return 0, nil
	}
	to := timestamp.FromTime(alert.ActiveAt)
	from := to - (s.lookback + rule.interval).Milliseconds()
	runs := make([]run, maxSeries)
	err := s.each(ctx, from, to, narrowed(selector, rule, alert), func(n int, series labels.Labels, t int64, v float64) {
		r := &runs[n]
		if r.newest == 0 {
			r.own = isOf(series, alert)
		}
		switch {
		case value.IsStaleNaN(v):
			r.began = 0
			return
		case !exact:
		case !broken.holdsSample(v, *limit):
			r.began = 0
		case r.began == 0:
			r.began = t
		}
		r.newest = t
	})
	return firstOf(runs), err
}

// run is of the samples of one series.
type run struct {
	began  int64 // of those for which the condition held to the end; 0: it did not
	newest int64
	own    bool // the alert has all labels of the series
}

// isOf says whether an alert has all labels of a series, so that it is of this one
// rather than of others that have further labels.
func isOf(series labels.Labels, alert *rules.Alert) bool {
	is := true
	series.Range(func(l labels.Label) {
		is = is && (l.Name == model.MetricNameLabel || alert.Labels.Get(l.Name) == l.Value)
	})
	return is
}

// firstOf is when the first run began, or else the newest sample: of the alert's own
// series where there are any.
func firstOf(runs []run) int64 {
	own := slices.ContainsFunc(runs, func(r run) bool { return r.own })
	var earliest, newest int64
	for _, r := range runs {
		if own && !r.own {
			continue
		}
		newest = max(newest, r.newest)
		if r.began != 0 && (earliest == 0 || r.began < earliest) {
			earliest = r.began
		}
	}
	if earliest != 0 {
		return earliest
	}
	return newest
}

// narrowed selects those series of a selector that belong to the alert.
func narrowed(s *parser.VectorSelector, rule *alertRule, alert *rules.Alert) []*labels.Matcher {
	matchers := append([]*labels.Matcher(nil), s.LabelMatchers...)
	alert.Labels.Range(func(l labels.Label) {
		if !rule.notOnSeries[l.Name] {
			matchers = append(matchers, labels.MustNewMatcher(labels.MatchEqual, l.Name, l.Value))
		}
	})
	return matchers
}

// each visits the float samples from one time to another, in ms and inclusive, of
// the first maxSeries series.
func (s search) each(
	ctx context.Context, from, to int64, matchers []*labels.Matcher, visit func(n int, series labels.Labels, t int64, v float64),
) error {
	set := s.querier.Select(ctx, false, &storage.SelectHints{Start: from, End: to}, matchers...)
	var it chunkenc.Iterator
	for n := 0; n < maxSeries && set.Next(); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		series := set.At()
		lset := series.Labels()
		it = series.Iterator(it)
		for kind := it.Seek(from); kind != chunkenc.ValNone; kind = it.Next() {
			if kind != chunkenc.ValFloat {
				continue
			}
			t, v := it.At()
			if t > to {
				break
			}
			visit(n, lset, t, v)
		}
		if err := it.Err(); err != nil {
			return fmt.Errorf("reading samples: %w", err)
		}
	}
	return set.Err()
}

// gather finds the evidence of the alerts of a rule within a budget of time. What is not found by then stays zero, and errors are returned for the
// log: a page is never held up for its decoration.
func (e *Evaluator) gather(ctx context.Context, rule *alertRule, alerts []*rules.Alert) ([]evidence, error) {
	ctx, cancel := context.WithTimeout(ctx, evidenceBudget)
	defer cancel()
	type answer struct {
		n   int
		e   evidence
		err error
	}
	answers := make(chan answer, len(alerts))
	e.background.Go(func() {
		defer close(answers)
		querier, err := e.querier(alerts, rule)
		if err != nil {
			answers <- answer{err: err}
			return
		}
		defer func() { _ = querier.Close() }() // it only reads
		for i, alert := range alerts {
			if ctx.Err() != nil {
				return
			}
			ev, err := search{querier, e.options.Lookback}.of(ctx, rule, alert)
			answers <- answer{i, ev, err}
		}
	})
	all := make([]evidence, len(alerts))
	var errs []error
	for {
		select {
		case a, more := <-answers:
			if !more {
				return all, errors.Join(errs...)
			}
			all[a.n] = a.e
			if a.err != nil {
				errs = append(errs, a.err)
			}
		case <-ctx.Done():
			return all, errors.Join(append(errs, fmt.Errorf("looking for the readings of %d alerts: %w", len(alerts), ctx.Err()))...)
		}
	}
}

// querier reads as far back as any of the alerts needs.
func (e *Evaluator) querier(alerts []*rules.Alert, rule *alertRule) (storage.Querier, error) {
	var from, to int64 = math.MaxInt64, math.MinInt64
	back := e.options.Lookback + rule.interval
	for _, a := range alerts {
		from = min(from, timestamp.FromTime(a.ActiveAt.Add(-back)), timestamp.FromTime(a.FiredAt.Add(-e.options.Lookback)))
		to = max(to, timestamp.FromTime(a.ActiveAt), timestamp.FromTime(a.FiredAt))
	}
	querier, err := e.options.Queryable.Querier(from, to)
	if err != nil {
		return nil, fmt.Errorf("opening the store for the readings of %d alerts: %w", len(alerts), err)
	}
	return querier, nil
}
