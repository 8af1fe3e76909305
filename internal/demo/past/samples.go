package past

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/sourcegraph/conc/pool"
)

// step is how far apart readings of the past are: no further than queries look
// back, so that lines are whole.
const step = 5 * time.Minute

// source says what some series had at an instant, in milliseconds. A value of
// which there is none is NaN.
type source struct {
	series []labels.Labels
	read   func(at int64, dst []float64) []float64

	// goesOn says that Belfry goes on from its newest sample. Others end with the
	// past: rules that find a limit broken then count from a reading that they saw.
	goesOn bool

	refs []storage.SeriesRef
	last []bool // had a value before
}

// writeSamples writes readings as blocks of the database: one of the landmarks,
// and one of all for the last day.
func writeSamples(ctx context.Context, o Options) error {
	dir := filepath.Join(o.Dir, "tsdb")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("write the readings of the demo's past: %w", err)
	}
	verdicts, err := judge(ctx, o)
	if err != nil {
		return err
	}
	b := &sources{o: o, verdicts: verdicts}
	landmarks := b.landmarks()
	all := b.everything()
	end := o.Until.Truncate(step)
	if end.Equal(o.Until) {
		end = end.Add(-step)
	}
	middle := o.Until.Add(-Length).Truncate(step)
	work := pool.New().WithContext(ctx).WithCancelOnError()
	work.Go(func(ctx context.Context) error {
		return writeBlock(ctx, dir, landmarks, o.Until.Add(-LandmarkLength).Truncate(step), middle.Add(-step), time.Time{})
	})
	work.Go(func(ctx context.Context) error {
		return writeBlock(ctx, dir, all, middle, end, o.Until.Add(-time.Millisecond))
	})
	if err := work.Wait(); err != nil {
		return fmt.Errorf("write the readings of the demo's past: %w", err)
	}
	return nil
}

// writeBlock writes what sources say from one instant to another, both included,
// and that they end at a later one, unless that is zero.
func writeBlock(ctx context.Context, dir string, all []*source, from, to, ends time.Time) (err error) {
	// Of a head whose range is longer than what is written, all is in order.
	w, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), dir, 2*(to.Sub(from)+2*step).Milliseconds())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	var values []float64
	for at := from; !at.After(to); at = at.Add(step) {
		if err := ctx.Err(); err != nil {
			return err
		}
		app := w.Appender(ctx)
		for _, s := range all {
			values = s.read(at.UnixMilli(), values[:0])
			if err := s.append(app, at.UnixMilli(), values); err != nil {
				return errors.Join(err, app.Rollback())
			}
		}
		if err := app.Commit(); err != nil {
			return err
		}
	}
	if err := endAll(w.Appender(ctx), all, ends); err != nil {
		return err
	}
	_, err = w.Flush(ctx)
	return err
}

func endAll(app storage.Appender, all []*source, at time.Time) error {
	for _, s := range all {
		if s.goesOn || at.IsZero() {
			continue
		}
		nothing := slices.Repeat([]float64{math.NaN()}, len(s.series))
		if err := s.append(app, at.UnixMilli(), nothing); err != nil {
			return errors.Join(err, app.Rollback())
		}
	}
	return app.Commit()
}

// append stores values; where there is none any more, the series ends.
func (s *source) append(app storage.Appender, at int64, values []float64) error {
	if s.refs == nil {
		s.refs, s.last = make([]storage.SeriesRef, len(s.series)), make([]bool, len(s.series))
	}
	for i, v := range values {
		has := !math.IsNaN(v)
		if !has && !s.last[i] {
			continue
		}
		s.last[i] = has
		if !has {
			v = math.Float64frombits(value.StaleNaN)
		}
		ref, err := app.Append(s.refs[i], s.series[i], at, v)
		if err != nil {
			return fmt.Errorf("store %s: %w", s.series[i], err)
		}
		s.refs[i] = ref
	}
	return nil
}
