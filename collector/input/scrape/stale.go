package scrape

import (
	"context"
	"fmt"
	"math"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// stillStale returns the markers whose series have no newer sample. Upstream
// leaves this to the database, which refuses what is out of order; Belfry's
// takes that, and a late marker would cut a hole into a living series.
func (s *Scraper) stillStale(ctx context.Context, marks []mark) (_ []mark, err error) {
	match := shared(marks)
	if len(match) == 0 {
		return marks, nil
	}
	from := int64(math.MaxInt64)
	for _, m := range marks {
		from = min(from, m.time)
	}
	living, err := s.living(ctx, from, match)
	if err != nil {
		return marks, err
	}
	stale := marks[:0]
	for _, m := range marks {
		if newest, lives := living[m.labels.Hash()]; !lives || newest < m.time {
			stale = append(stale, m)
		}
	}
	return stale, nil
}

// shared are the labels that all markers have: those of their target.
func shared(marks []mark) (match []*labels.Matcher) {
	marks[0].labels.Range(func(l labels.Label) {
		if l.Name == model.MetricNameLabel {
			return
		}
		for _, m := range marks[1:] {
			if m.labels.Get(l.Name) != l.Value {
				return
			}
		}
		match = append(match, labels.MustNewMatcher(labels.MatchEqual, l.Name, l.Value))
	})
	return match
}

// living are the times of the newest samples since from, by the hashes of their
// series.
func (s *Scraper) living(ctx context.Context, from int64, match []*labels.Matcher) (map[uint64]int64, error) {
	q, err := s.opts.Stored.Querier(from, math.MaxInt64)
	if err != nil {
		return nil, fmt.Errorf("look for newer samples: %w", err)
	}
	defer func() { _ = q.Close() }()
	living := map[uint64]int64{}
	set := q.Select(ctx, false, &storage.SelectHints{Start: from, End: math.MaxInt64}, match...)
	for set.Next() {
		series := set.At()
		newest := int64(math.MinInt64)
		for it := series.Iterator(nil); it.Next() != chunkenc.ValNone; {
			newest = max(newest, it.AtT())
		}
		if newest >= from {
			living[series.Labels().Hash()] = newest
		}
	}
	if err := set.Err(); err != nil {
		return nil, fmt.Errorf("look for newer samples: %w", err)
	}
	return living, nil
}
