package watch

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// stored is up to when scores of each series were stored before a crash, by the hashes of their labels; nil while that does
// not matter. What was stored is said again, and must not be stored as if it came late; but what was not must be, also if
// by now it is so old that the database takes it for late.
type stored map[uint64]int64

func (s stored) has(of labels.Labels, t int64) bool {
	newest, ok := s[of.Hash()]
	return ok && t <= newest
}

// storedBefore is how far before the first score that is said again scores are looked for: other series may lag.
const storedBefore = 3 * time.Hour

// lookUpStored looks once, when the first scores are said again.
func (w *Watcher) lookUpStored(ctx context.Context, scores []score) error {
	if !w.replaying {
		w.stored = nil
		return nil
	}
	if w.stored != nil {
		return nil
	}
	from := int64(math.MaxInt64)
	for i := range scores {
		from = min(from, scores[i].t)
	}
	q, err := w.opts.Store.Querier(from-storedBefore.Milliseconds(), math.MaxInt64)
	if err != nil {
		return fmt.Errorf("looking which scores are stored: %w", err)
	}
	defer q.Close() //nolint:errcheck // it was only read
	found := stored{}
	var samples chunkenc.Iterator
	set := q.Select(ctx, false, nil, labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, "anomaly_.+"))
	for set.Next() {
		samples = set.At().Iterator(samples)
		newest := int64(math.MinInt64)
		for samples.Next() != chunkenc.ValNone {
			newest = samples.AtT()
		}
		found[set.At().Labels().Hash()] = newest
		if err := samples.Err(); err != nil {
			return fmt.Errorf("looking which scores are stored: %w", err)
		}
	}
	if err := set.Err(); err != nil {
		return fmt.Errorf("looking which scores are stored: %w", err)
	}
	w.stored = found
	return nil
}
