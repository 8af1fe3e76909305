package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/catalog"
)

// catalogInterval is how often the catalog's series get a sample. It stays well
// below the lookback of a query.
const catalogInterval = time.Minute

// catalogSeries keeps asset_info and asset_threshold in the store.
type catalogSeries struct {
	catalog func() *catalog.Catalog
	store   storage.Appendable
	logger  *slog.Logger
	changed chan struct{} // after a reload

	known map[uint64]labels.Labels // what had a sample the last time, by hash
}

func (c *catalogSeries) run(ctx context.Context) {
	tick := time.NewTicker(catalogInterval)
	defer tick.Stop()
	for {
		if err := c.once(ctx, time.Now()); err != nil && ctx.Err() == nil {
			c.logger.Warn("storing the catalog's series; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.changed:
		}
	}
}

func (c *catalogSeries) once(ctx context.Context, now time.Time) error {
	app := c.store.Appender(ctx)
	t := now.UnixMilli()
	seen := make(map[uint64]labels.Labels, len(c.known))
	var failed error
	c.catalog().Series(func(metric string, ls labels.Labels, v float64) {
		b := labels.NewBuilder(ls)
		b.Set(model.MetricNameLabel, metric)
		lset := b.Labels()
		if _, err := app.Append(0, lset, t, v); err != nil && failed == nil {
			failed = fmt.Errorf("store %s: %w", lset, err)
		}
		seen[lset.Hash()] = lset
	})
	for key, lset := range c.known {
		if _, ok := seen[key]; ok {
			continue
		}
		if _, err := app.Append(0, lset, t, math.Float64frombits(value.StaleNaN)); err != nil && failed == nil {
			failed = fmt.Errorf("end %s: %w", lset, err)
		}
	}
	if failed != nil {
		return errors.Join(failed, app.Rollback())
	}
	if err := app.Commit(); err != nil {
		return fmt.Errorf("store the catalog's series: %w", err)
	}
	c.known = seen
	return nil
}
