package tsdb

import (
	"context"
	"sync"

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
	return &heldQuerier{Querier: q, release: sync.OnceFunc(s.gate.leave)}, nil
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

type heldQuerier struct {
	storage.Querier
	release func()
}

func (q *heldQuerier) Close() error {
	defer q.release()
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
