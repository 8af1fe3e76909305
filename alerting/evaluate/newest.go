package evaluate

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	notes "github.com/prometheus/prometheus/util/annotations"

	"github.com/belfry-city/belfry/alerting/trigger"
)

const (
	// fewElsewhere is up to how many series are looked up one by one.
	fewElsewhere = 64
	// aboutNow is how old an evaluation's instant may be for the newest samples to
	// answer it, in milliseconds.
	aboutNow = 1000
)

// newest answers selectors of rules from the newest samples that the index has
// been told of, which is many times as fast as to read them from the store, where
// a rule looks at each of thousands of series.
type newest struct {
	storage.Queryable
	evaluator *Evaluator
	index     atomic.Pointer[trigger.Index]
}

// Querier implements storage.Queryable.
func (n *newest) Querier(from, to int64) (storage.Querier, error) {
	x := n.index.Load()
	if x == nil {
		return n.Queryable.Querier(from, to)
	}
	open := sync.OnceValues(func() (storage.Querier, error) { return n.Queryable.Querier(from, to) })
	return &newestQuerier{index: x, open: open, now: n.evaluator.now().UnixMilli()}, nil
}

// newestQuerier opens the store only if it has to.
type newestQuerier struct {
	index  *trigger.Index
	now    int64
	open   func() (storage.Querier, error)
	opened atomic.Bool
}

func (q *newestQuerier) store() (storage.Querier, error) {
	q.opened.Store(true)
	return q.open()
}

// Select implements storage.Querier.
func (q *newestQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	if !sorted && hints != nil && hints.Range == 0 && hints.Step == 0 && hints.Func != "timestamp" && abs(q.now-hints.End) <= aboutNow {
		if found, ok := q.index.Newest(ms, hints.End, q.now); ok {
			if set, ok := q.set(ctx, found, hints); ok {
				return set
			}
		}
	}
	store, err := q.store()
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	return store.Select(ctx, sorted, hints, ms...)
}

func abs(n int64) int64 { return max(n, -n) }

// set makes a set of readings, those that are elsewhere among them unless they
// are many.
func (q *newestQuerier) set(ctx context.Context, all []trigger.Reading, hints *storage.SelectHints) (storage.SeriesSet, bool) {
	var elsewhere []labels.Labels
	here := all[:0]
	for _, r := range all {
		if !r.Elsewhere {
			here = append(here, r)
		} else if elsewhere = append(elsewhere, r.Series); len(elsewhere) > fewElsewhere {
			return nil, false
		}
	}
	set := &readings{here: here, index: -1}
	for _, lset := range elsewhere {
		store, err := q.store()
		if err != nil {
			return storage.ErrSeriesSet(err), true
		}
		one := store.Select(ctx, false, hints, exactly(lset)...)
		for one.Next() {
			if s := one.At(); labels.Equal(s.Labels(), lset) { // and not one with further labels
				set.elsewhere = append(set.elsewhere, s)
			}
		}
		if one.Err() != nil {
			return one, true
		}
	}
	return set, true
}

func exactly(lset labels.Labels) (ms []*labels.Matcher) {
	lset.Range(func(l labels.Label) {
		ms = append(ms, &labels.Matcher{Type: labels.MatchEqual, Name: l.Name, Value: l.Value})
	})
	return ms
}

// LabelValues implements storage.Querier.
func (q *newestQuerier) LabelValues(
	ctx context.Context, name string, hints *storage.LabelHints, ms ...*labels.Matcher,
) ([]string, notes.Annotations, error) {
	store, err := q.store()
	if err != nil {
		return nil, nil, err
	}
	return store.LabelValues(ctx, name, hints, ms...)
}

// LabelNames implements storage.Querier.
func (q *newestQuerier) LabelNames(
	ctx context.Context, hints *storage.LabelHints, ms ...*labels.Matcher,
) ([]string, notes.Annotations, error) {
	store, err := q.store()
	if err != nil {
		return nil, nil, err
	}
	return store.LabelNames(ctx, hints, ms...)
}

// Close implements storage.Querier.
func (q *newestQuerier) Close() error {
	if !q.opened.Load() {
		return nil
	}
	store, err := q.open()
	if err != nil {
		return nil //nolint:nilerr // whoever wanted to read was told
	}
	return store.Close()
}

// readings are a storage.SeriesSet of one sample each, and of what was looked up.
type readings struct {
	here      []trigger.Reading
	elsewhere []storage.Series
	index     int
}

// Next implements storage.SeriesSet.
func (r *readings) Next() bool {
	r.index++
	return r.index < len(r.here)+len(r.elsewhere)
}

// At implements storage.SeriesSet.
func (r *readings) At() storage.Series {
	if r.index < len(r.here) {
		return (*oneReading)(&r.here[r.index])
	}
	return r.elsewhere[r.index-len(r.here)]
}

// Err implements storage.SeriesSet.
func (r *readings) Err() error { return nil }

// Warnings implements storage.SeriesSet.
func (r *readings) Warnings() notes.Annotations { return nil }

// oneReading is a series of one sample.
type oneReading trigger.Reading

// Labels implements storage.Series.
func (s *oneReading) Labels() labels.Labels { return s.Series }

// Iterator implements storage.Series.
func (s *oneReading) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	it, ok := reuse.(*oneIterator)
	if !ok {
		it = &oneIterator{}
	}
	*it = oneIterator{t: s.T, v: s.V}
	return it
}

// oneIterator goes over one sample.
type oneIterator struct {
	t    int64
	v    float64
	step int8 // -1: past it; 0: before it; 1: at it
}

func (it *oneIterator) to(is bool) chunkenc.ValueType {
	if is {
		it.step = 1
		return chunkenc.ValFloat
	}
	it.step = -1
	return chunkenc.ValNone
}

// Next implements chunkenc.Iterator.
func (it *oneIterator) Next() chunkenc.ValueType { return it.to(it.step == 0) }

// Seek implements chunkenc.Iterator.
func (it *oneIterator) Seek(t int64) chunkenc.ValueType { //nolint:govet // the signature is upstream's
	return it.to(it.step >= 0 && it.t >= t)
}

// At implements chunkenc.Iterator.
func (it *oneIterator) At() (int64, float64) { return it.t, it.v }

// AtT implements chunkenc.Iterator.
func (it *oneIterator) AtT() int64 { return it.t }

// AtST implements chunkenc.Iterator.
func (it *oneIterator) AtST() int64 { return 0 }

// Err implements chunkenc.Iterator.
func (it *oneIterator) Err() error { return nil }

// AtHistogram implements chunkenc.Iterator.
func (it *oneIterator) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	panic("evaluate: a reading was asked for a histogram")
}

// AtFloatHistogram implements chunkenc.Iterator.
func (it *oneIterator) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	panic("evaluate: a reading was asked for a histogram")
}

// learn tells an index of the newest samples that are stored, metric by metric.
func (n *newest) learn(ctx context.Context, x *trigger.Index) error {
	from := n.evaluator.now().Add(-n.evaluator.options.Lookback).UnixMilli() + 1
	for _, metric := range x.Metrics() {
		if err := n.learnMetric(ctx, x, metric, from); err != nil {
			return err
		}
		x.Complete(metric)
	}
	return nil
}

func (n *newest) learnMetric(ctx context.Context, x *trigger.Index, metric string, from int64) (err error) {
	q, err := n.Queryable.Querier(from, math.MaxInt64)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	set := q.Select(ctx, false, &storage.SelectHints{Start: from, End: math.MaxInt64},
		&labels.Matcher{Type: labels.MatchEqual, Name: model.MetricNameLabel, Value: metric})
	var it chunkenc.Iterator
	for set.Next() {
		s := set.At()
		it = s.Iterator(it)
		t, v, read := int64(0), 0., false
		for typ := it.Next(); typ != chunkenc.ValNone; typ = it.Next() {
			if read = true; typ == chunkenc.ValFloat {
				t, v = it.At()
			} else {
				t, v = it.AtT(), math.NaN()
			}
		}
		if it.Err() != nil {
			return it.Err()
		}
		if read {
			x.Stored(s.Labels(), t, v)
		}
	}
	return set.Err()
}
