package demo

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/internal/app"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/demo/past"
	"github.com/belfry-city/belfry/loadtest/city"
)

// prepare writes what was before the demo, where its directory is new, and has its
// own detectors used. It returns the assets of which something is wrong still.
func (d *demo) prepare(ctx context.Context, cfg *config.Config, c *city.City, w *watchmen) (busy []string, err error) {
	if err := tryAddress(ctx, cfg.Listen); err != nil {
		return nil, err
	}
	if err := d.report.preparing(); err != nil {
		return nil, err
	}
	pattern, err := writeDetectors(d.dir.path)
	if err != nil {
		return nil, err
	}
	cfg.Detectors = []string{pattern}
	if d.o.NoPast {
		return nil, nil
	}
	o := past.Options{
		Dir: d.dir.path, City: c, Catalog: d.catalog, Until: time.Now(), Seed: districtSeed,
		// Who has seen something is not down.
		Free: func(a *city.Asset) bool { return !observes(a) },
	}
	if o.Detectors, err = app.LoadDetectors(cfg, model.Kinds(), cfg.Timezone); err != nil {
		return nil, err
	}
	if o.Kinds, err = camera.KindsOf(cfg.Inputs.Camera); err != nil {
		return nil, fmt.Errorf("make the demo's past: %w", err)
	}
	if o.Sightings, err = w.before(o.Until); err != nil {
		return nil, err
	}
	return past.Write(ctx, o)
}

// tryAddress finds out whether it can be listened on, before much is written in
// vain.
func tryAddress(ctx context.Context, address string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("try the address: %w", err)
	}
	return nil
}
