package app

import (
	"context"
	"path/filepath"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/liveness"
	"github.com/belfry-city/belfry/internal/config"
)

// newDevices has the store told which devices are alive, before anything is
// written. It returns whom to tell that something could not be taken.
func (a *App) newDevices(c *config.Config) (unheard func()) {
	if c.Devices.Max == 0 {
		return nil
	}
	a.devices = liveness.New(liveness.Options{
		Store: a.store, Catalog: a.catalog.Load, File: filepath.Join(c.DataDir, "devices.jsonl"),
		Factor: c.Devices.SilentAfter, Least: c.Devices.Least, Forget: c.Devices.Forget, Max: int(c.Devices.Max),
		Logger: a.logger.With("component", "devices"), Metrics: a.opts.Metrics,
	})
	a.store.Listen(a.devices)
	return a.devices.Unheard
}

// watchDevices begins when all inputs hear.
func (a *App) watchDevices() {
	if a.devices == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work conc.WaitGroup
	work.Go(func() { a.devices.Run(ctx) })
	a.onClose(func() error {
		cancel()
		work.Wait()
		return nil
	})
}
