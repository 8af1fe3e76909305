package app

import (
	"context"
	"fmt"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/catalog"
	decode "github.com/belfry-city/belfry/collector/input/parking"
	"github.com/belfry-city/belfry/collector/parking"
	"github.com/belfry-city/belfry/collector/plate"
	"github.com/belfry-city/belfry/internal/config"
)

func (a *App) parkingDecoders(c *config.Config) (decoders, error) {
	o := decode.Options{
		Timezone: c.Timezone, Source: c.Inputs.Parking.Source, Columns: c.Inputs.Parking.Columns, Catalog: a.currentCatalog,
	}
	d, err := decode.New(o)
	if err != nil {
		return nil, c.Problem("inputs.parking", "%v", err)
	}
	return decoders{"parking": d, "ngsi": decode.NewNGSI(o)}, nil
}

// currentCatalog is empty while none has been read, as where a file is only
// checked.
func (a *App) currentCatalog() *catalog.Catalog {
	if c := a.catalog.Load(); c != nil {
		return c
	}
	return catalog.Empty()
}

// startParking finds in the store which bays were taken, and goes on from there.
func (a *App) startParking(ctx context.Context, c *config.Config) error {
	k := c.Inputs.Parking
	t := parking.New(parking.Options{
		Store:        a.store,
		Metrics:      a.opts.Metrics,
		Logger:       a.logger.With("component", "parking"),
		Source:       k.Source,
		Grace:        k.Grace,
		ShortestStay: k.ShortestStay,
		Forget:       k.Forget,
		Late:         max(c.Limits.Late, time.Millisecond),
		Early:        max(c.Limits.Early, time.Millisecond),
		Redact:       plate.Redactor{}.Labels,
	})
	if err := t.Restore(ctx); err != nil {
		return fmt.Errorf("find out which bays are taken: %w", err)
	}
	a.parking = t
	a.store.Follow(t)
	running, stop := context.WithCancel(context.Background())
	var work conc.WaitGroup
	work.Go(func() { t.Run(running) })
	a.onClose(func() error {
		stop()
		work.Wait()
		return nil
	})
	return nil
}
