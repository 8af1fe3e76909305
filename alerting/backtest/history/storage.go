package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	promodel "github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/annotations"
)

// past is what rules read: what was stored, but for what the rules themselves made then, and what they make now.
type past struct {
	stored storage.Queryable
	made   map[string]bool
	fresh  *tsdb.DB // nil: nothing that rules make is read
	dir    string
}

func newPast(stored storage.Queryable, p *plan) (*past, error) {
	s := &past{stored: stored, made: p.made}
	if !p.read {
		return s, nil
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "belfry-recorded-*.tmp"); err != nil {
		return nil, fmt.Errorf("making a directory for recorded series: %w", err)
	}
	o := tsdb.DefaultOptions()
	o.RetentionDuration, o.NoLockfile, o.WALSegmentSize = 0, true, -1 // nothing has to outlive the process
	if s.fresh, err = tsdb.Open(s.dir, slog.New(slog.DiscardHandler), nil, o, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("opening a database for recorded series: %w", err), os.RemoveAll(s.dir))
	}
	return s, nil
}

func (s *past) close() error {
	if s.fresh == nil {
		return nil
	}
	return errors.Join(s.fresh.Close(), os.RemoveAll(s.dir))
}

// Querier implements storage.Queryable.
func (s *past) Querier(from, to int64) (storage.Querier, error) {
	stored, err := s.stored.Querier(from, to)
	if err != nil {
		return nil, err
	}
	stored = &without{stored, s.made}
	if s.fresh == nil {
		return stored, nil
	}
	fresh, err := s.fresh.Querier(from, to)
	if err != nil {
		return nil, errors.Join(err, stored.Close())
	}
	return storage.NewMergeQuerier([]storage.Querier{stored, fresh}, nil, storage.ChainedSeriesMerge), nil
}

// without is a querier that has no series of some names.
type without struct {
	storage.Querier
	names map[string]bool
}

// Select implements storage.Querier.
func (w *without) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	named := false
	for _, m := range matchers {
		if m.Name == promodel.MetricNameLabel && m.Type == labels.MatchEqual {
			if w.names[m.Value] {
				return storage.EmptySeriesSet()
			}
			named = true
		}
	}
	set := w.Querier.Select(ctx, sorted, hints, matchers...)
	if named {
		return set
	}
	return &remaining{set, w.names}
}

type remaining struct {
	storage.SeriesSet
	names map[string]bool
}

// Next implements storage.SeriesSet.
func (r *remaining) Next() bool {
	for r.SeriesSet.Next() {
		if !r.names[r.At().Labels().Get(promodel.MetricNameLabel)] {
			return true
		}
	}
	return false
}

// Warnings implements storage.SeriesSet.
func (r *remaining) Warnings() annotations.Annotations { return r.SeriesSet.Warnings() }

// Appender implements storage.Appendable.
func (s *past) Appender(ctx context.Context) storage.Appender {
	if s.fresh == nil {
		return nowhere{}
	}
	return s.fresh.Appender(ctx)
}

// nowhere takes what nobody reads.
type nowhere struct{}

func (nowhere) Append(storage.SeriesRef, labels.Labels, int64, float64) (storage.SeriesRef, error) {
	return 0, nil
}

func (nowhere) AppendHistogram(storage.SeriesRef, labels.Labels, int64, *histogram.Histogram, *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return 0, nil
}

func (nowhere) AppendExemplar(storage.SeriesRef, labels.Labels, exemplar.Exemplar) (storage.SeriesRef, error) {
	return 0, nil
}

func (nowhere) UpdateMetadata(storage.SeriesRef, labels.Labels, metadata.Metadata) (storage.SeriesRef, error) {
	return 0, nil
}

func (nowhere) AppendSTZeroSample(storage.SeriesRef, labels.Labels, int64, int64) (storage.SeriesRef, error) {
	return 0, nil
}

func (nowhere) AppendHistogramSTZeroSample(storage.SeriesRef, labels.Labels, int64, int64, *histogram.Histogram, *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return 0, nil
}

func (nowhere) SetOptions(*storage.AppendOptions) {}
func (nowhere) Commit() error                     { return nil }
func (nowhere) Rollback() error                   { return nil }
