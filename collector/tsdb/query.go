package tsdb

import (
	"context"
	"slices"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// Querier reads samples between mint and maxt, in milliseconds. The caller
// closes it; until then the database is not replaced.
func (s *Store) Querier(mint, maxt int64) (storage.Querier, error) {
	d, err := s.use()
	if err != nil {
		return nil, err
	}
	q, err := d.Querier(mint, maxt)
	if err != nil {
		s.gate.leave()
		return nil, err
	}
	return &heldQuerier{
		Querier: q,
		open:    func() (storage.Querier, error) { return d.Querier(mint, maxt) },
		release: sync.OnceFunc(s.gate.leave),
		decoded: &s.decoded,
	}, nil
}

// ChunkQuerier is Querier for whole chunks.
func (s *Store) ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	d, err := s.use()
	if err != nil {
		return nil, err
	}
	q, err := d.ChunkQuerier(mint, maxt)
	if err != nil {
		s.gate.leave()
		return nil, err
	}
	return &heldChunkQuerier{ChunkQuerier: q, release: sync.OnceFunc(s.gate.leave)}, nil
}

// ExemplarQuerier reads exemplars.
func (s *Store) ExemplarQuerier(ctx context.Context) (storage.ExemplarQuerier, error) {
	d, err := s.use()
	if err != nil {
		return nil, err
	}
	defer s.gate.leave()
	return d.ExemplarQuerier(ctx)
}

// StartTime is the oldest time, in milliseconds, of which something is stored.
func (s *Store) StartTime() (int64, error) {
	d, err := s.use()
	if err != nil {
		return 0, err
	}
	defer s.gate.leave()
	return d.StartTime()
}

// NewestTime is the time of the newest sample, in milliseconds; it may lie in the
// future. 0: there is none.
func (s *Store) NewestTime() (int64, error) {
	d, err := s.use()
	if err != nil {
		return 0, err
	}
	defer s.gate.leave()
	return max(0, d.Head().MaxTime()), nil
}

type heldQuerier struct {
	storage.Querier
	open    func() (storage.Querier, error)
	release func()
	decoded *sync.Pool

	work  sync.WaitGroup // that reads ahead
	mu    sync.Mutex
	stops []func() // run by Close, last first
}

// Select reads ahead where the engine says what it is going to read. It does so
// through a querier of its own: two selections of one upstream querier share
// what is not safe for concurrent use.
func (q *heldQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	if hints == nil || hints.Func == "series" {
		return q.Querier.Select(ctx, sorted, hints, matchers...)
	}
	own, err := q.open()
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	q.atClose(func() { _ = own.Close() })
	untrimmed := *hints // trimming happens while decoding
	untrimmed.DisableTrimming = true
	return q.ahead(ctx, own.Select(ctx, sorted, &untrimmed, matchers...), hints)
}

func (q *heldQuerier) atClose(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stops = append(q.stops, f)
}

// Close waits for the reading ahead: the chunks may be gone afterwards.
func (q *heldQuerier) Close() error {
	defer q.release()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, stop := range slices.Backward(q.stops) {
		stop()
	}
	return q.Querier.Close()
}

type heldChunkQuerier struct {
	storage.ChunkQuerier
	release func()
}

func (q *heldChunkQuerier) Close() error {
	defer q.release()
	return q.ChunkQuerier.Close()
}

// Stats are upstream's statistics of the series in memory.
func (s *Store) Stats(labelName string, limit int) (*tsdb.Stats, error) {
	d, err := s.use()
	if err != nil {
		return nil, err
	}
	defer s.gate.leave()
	return d.Head().Stats(labelName, limit), nil
}

// BlockMetas describes the blocks on disk.
func (s *Store) BlockMetas() ([]tsdb.BlockMeta, error) {
	d, err := s.use()
	if err != nil {
		return nil, err
	}
	defer s.gate.leave()
	return d.BlockMetas(), nil
}

// MetricNames calls yield for each name of the series in memory, with how many there
// are of it, in no order.
func (s *Store) MetricNames(ctx context.Context, yield func(name string, series int)) error {
	d, err := s.use()
	if err != nil {
		return err
	}
	defer s.gate.leave()
	index, err := d.Head().Index()
	if err != nil {
		return err
	}
	defer func() { _ = index.Close() }() // it only reads
	names, err := index.LabelValues(ctx, model.MetricNameLabel, nil)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		series, err := index.Postings(ctx, model.MetricNameLabel, name)
		if err != nil {
			return err
		}
		n := 0
		for series.Next() {
			n++
		}
		if err := series.Err(); err != nil {
			return err
		}
		yield(name, n)
	}
	return nil
}
