package tsdb

import (
	"context"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

const (
	// readAheadSeries is from how many series on reading ahead is worth a goroutine.
	readAheadSeries = 64
	// blockSeries are decoded at a time.
	blockSeries = 32
	// blocksAhead is how far decoding may run ahead of the query engine.
	blocksAhead = 8
)

// readAhead decodes the series of a Select in a goroutine of its own, a little
// ahead of the query engine, which asks for one after the other. The engine
// then reads flat samples, and both processors work on one query. What the
// engine sees is what it would have seen.
//
// Upstream's readers of one query are not safe for concurrent use. Whenever the
// engine has to read a series itself, the goroutine is ended first.
type readAhead struct {
	ctx        context.Context
	cancel     context.CancelFunc
	start, end int64
	// lastOnly keeps only the newest sample: an instant query looks at no other.
	lastOnly bool
	series   []storage.Series
	blocks   chan *decoded // in the order of series
	begin    sync.Once
	work     *sync.WaitGroup
	pool     *sync.Pool

	// Of the engine's goroutine:
	current *decoded
	ended   bool
}

// decoded holds the samples of blockSeries consecutive series.
type decoded struct {
	first   int // index of the first series
	times   []int64
	values  []float64
	ends    []int  // by series: where its samples end
	plain   []bool // by series: not decoded, because it has histograms or failed
	readers int    // iterators that the engine may still use
	retired bool   // the engine has gone on to another block
}

// ahead wraps a set whose series the engine is going to read.
func (q *heldQuerier) ahead(ctx context.Context, set storage.SeriesSet, hints *storage.SelectHints) storage.SeriesSet {
	ctx, cancel := context.WithCancel(ctx)
	r := &readAhead{
		ctx: ctx, cancel: cancel, start: hints.Start, end: hints.End, lastOnly: hints.Range == 0 && hints.Step == 0,
		work: &q.work, pool: q.decoded,
	}
	q.atClose(func() {
		cancel()
		q.work.Wait()
	})
	for set.Next() {
		r.series = append(r.series, set.At())
	}
	list := &listedSeries{SeriesSet: set, series: r.series, index: -1}
	if len(r.series) >= readAheadSeries && set.Err() == nil {
		list.ahead = r
		r.blocks = make(chan *decoded, blocksAhead)
	}
	return list
}

// listedSeries is a set that has been read to its end.
type listedSeries struct {
	storage.SeriesSet
	series []storage.Series
	index  int
	ahead  *readAhead
}

func (l *listedSeries) Next() bool {
	l.index++
	return l.index < len(l.series)
}

func (l *listedSeries) At() storage.Series {
	if l.ahead == nil {
		return l.series[l.index]
	}
	return &aheadSeries{Series: l.series[l.index], index: l.index, ahead: l.ahead}
}

func (l *listedSeries) Warnings() annotations.Annotations { return l.SeriesSet.Warnings() }

type aheadSeries struct {
	storage.Series
	index int
	ahead *readAhead
}

func (s *aheadSeries) Labels() labels.Labels { return s.Series.Labels() }

// Iterator returns the decoded samples if the engine asks in order, and reads
// the series itself if not.
func (s *aheadSeries) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	it, ok := reuse.(*flatIterator)
	if ok {
		s.ahead.release(it.block)
		it.block = nil
	} else {
		it = &flatIterator{}
	}
	d, at := s.ahead.at(s.index)
	if d == nil || d.plain[at] {
		s.ahead.finish()
		return s.Series.Iterator(nil)
	}
	from := 0
	if at > 0 {
		from = d.ends[at-1]
	}
	d.readers++
	*it = flatIterator{times: d.times[from:d.ends[at]], values: d.values[from:d.ends[at]], index: -1, block: d}
	return it
}

// at returns the block that holds series index, and its place in it; nil where
// that block has been passed.
func (r *readAhead) at(index int) (*decoded, int) {
	r.begin.Do(func() { r.work.Go(r.decodeAll) })
	for !r.ended && (r.current == nil || index >= r.current.first+blockSeries) {
		next, ok := <-r.blocks
		if !ok {
			return nil, 0
		}
		if r.current != nil {
			r.current.retired = true
			r.recycle(r.current)
		}
		r.current = next
	}
	if r.current == nil || index < r.current.first || index >= r.current.first+blockSeries {
		return nil, 0
	}
	return r.current, index - r.current.first
}

// finish stops reading ahead and waits until it has stopped.
func (r *readAhead) finish() {
	if r.ended {
		return
	}
	r.ended = true
	r.cancel()
	for range r.blocks { // closed at the end
	}
}

// release is told that the engine has done with an iterator of the block.
func (r *readAhead) release(d *decoded) {
	if d == nil {
		return
	}
	d.readers--
	r.recycle(d)
}

func (r *readAhead) recycle(d *decoded) {
	if d.retired && d.readers == 0 {
		r.pool.Put(d)
	}
}

func (r *readAhead) decodeAll() {
	defer close(r.blocks)
	var it chunkenc.Iterator
	for first := 0; first < len(r.series); first += blockSeries {
		d, ok := r.pool.Get().(*decoded)
		if !ok {
			d = &decoded{}
		}
		if r.ctx.Err() != nil {
			return
		}
		*d = decoded{first: first, times: d.times[:0], values: d.values[:0], ends: d.ends[:0], plain: d.plain[:0]}
		for _, s := range r.series[first:min(first+blockSeries, len(r.series))] {
			it = s.Iterator(it)
			r.decode(d, it)
		}
		select {
		case r.blocks <- d:
		case <-r.ctx.Done():
			return
		}
	}
}

func (r *readAhead) decode(d *decoded, it chunkenc.Iterator) {
	from := len(d.times)
	for typ := it.Seek(r.start); typ != chunkenc.ValNone; typ = it.Next() {
		if typ != chunkenc.ValFloat {
			d.leave(from)
			return
		}
		t, v := it.At()
		if t > r.end {
			break
		}
		if r.lastOnly && len(d.times) > from {
			d.times[from], d.values[from] = t, v
			continue
		}
		d.times, d.values = append(d.times, t), append(d.values, v)
	}
	if it.Err() != nil {
		d.leave(from)
		return
	}
	d.ends, d.plain = append(d.ends, len(d.times)), append(d.plain, false)
}

// leave gives a series back to be read as it is.
func (d *decoded) leave(from int) {
	d.times, d.values = d.times[:from], d.values[:from]
	d.ends, d.plain = append(d.ends, from), append(d.plain, true)
}

// flatIterator goes over decoded samples.
type flatIterator struct {
	times  []int64
	values []float64
	index  int
	block  *decoded
}

func (it *flatIterator) Next() chunkenc.ValueType {
	if it.index+1 >= len(it.times) {
		it.index = len(it.times)
		return chunkenc.ValNone
	}
	it.index++
	return chunkenc.ValFloat
}

func (it *flatIterator) Seek(t int64) chunkenc.ValueType { //nolint:govet // the signature is upstream's
	it.index = max(it.index, 0)
	for it.index < len(it.times) && it.times[it.index] < t {
		it.index++
	}
	if it.index >= len(it.times) {
		return chunkenc.ValNone
	}
	return chunkenc.ValFloat
}

func (it *flatIterator) At() (int64, float64) { return it.times[it.index], it.values[it.index] }
func (it *flatIterator) AtT() int64           { return it.times[it.index] }
func (it *flatIterator) AtST() int64          { return 0 } // the store keeps no start timestamps
func (it *flatIterator) Err() error           { return nil }

func (it *flatIterator) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	panic("tsdb: a series of floats was asked for a histogram")
}

func (it *flatIterator) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	panic("tsdb: a series of floats was asked for a histogram")
}
