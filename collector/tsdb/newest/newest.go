package newest

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// Sample is a number of a series.
type Sample struct {
	Time  int64 // milliseconds
	Value float64
}

// Reader reads the newest samples between two times, in milliseconds, both inclusive.
// It is not safe for concurrent use.
type Reader struct {
	From, To int64

	iterate chunks.Iterator
	samples chunkenc.Iterator
	metas   []chunks.Meta
}

// Read calls yield for each series that matches. sample finds its newest, and says
// whether there is one that is a number and not the end of the series. Reading ends
// when yield returns false.
func (r *Reader) Read(
	ctx context.Context, q storage.ChunkQuerier, sorted bool, matchers []*labels.Matcher,
	yield func(series labels.Labels, sample func() (Sample, bool, error)) (more bool, err error),
) error {
	// Trimming would encode the newest chunk anew.
	hints := &storage.SelectHints{Start: r.From, End: r.To, DisableTrimming: true}
	set := q.Select(ctx, sorted, hints, matchers...)
	for set.Next() {
		series := set.At()
		more, err := yield(series.Labels(), func() (Sample, bool, error) { return r.sample(series) })
		if err != nil || !more {
			return err
		}
	}
	return set.Err()
}

func (r *Reader) sample(series storage.ChunkSeries) (s Sample, ok bool, err error) {
	r.iterate = series.Iterator(r.iterate)
	r.metas = r.metas[:0]
	for r.iterate.Next() {
		r.metas = append(r.metas, r.iterate.At())
	}
	if err := r.iterate.Err(); err != nil {
		return s, false, err
	}
	for _, meta := range slices.Backward(r.metas) {
		r.samples = meta.Chunk.Iterator(r.samples)
		for kind := r.samples.Next(); kind != chunkenc.ValNone; kind = r.samples.Next() {
			if kind != chunkenc.ValFloat {
				continue
			}
			if t, v := r.samples.At(); t >= r.From && t <= r.To && (!ok || t >= s.Time) {
				s.Time, s.Value, ok = t, v, true
			}
		}
		if err := r.samples.Err(); err != nil {
			return s, false, err
		}
		if ok {
			return s, !value.IsStaleNaN(s.Value), nil
		}
	}
	return s, false, nil
}
