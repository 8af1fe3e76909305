package app

import (
	"io/fs"
	"path/filepath"
	"time"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/anomaly/watch"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/rules"
)

// LoadDetectors reads and checks the detector files of a configuration, whose
// models learn days and weeks by the clocks of the zone.
func LoadDetectors(c *config.Config, kinds []model.Kind, zone *time.Location) (*detector.Set, error) {
	var defaults fs.FS
	if c.Detectors == nil && c.Rules == nil { // an empty list means no detectors; and other rules read other scores
		defaults = rules.Detectors()
	}
	return detector.Load(c.Detectors, defaults, kinds, zone)
}

func (a *App) kinds() []model.Kind {
	if a.opts.Kinds != nil {
		return a.opts.Kinds
	}
	return model.Kinds()
}

// startAnomaly begins to watch for anomalies, before anything is written. It
// stops when nothing is written any more, and while what it stores still wakes
// rules.
func (a *App) startAnomaly(c *config.Config, in inputs) error {
	w, err := watch.New(watch.Options{
		Store: a.store, Detectors: in.detectors, Dir: filepath.Join(c.DataDir, "anomaly"), Limit: int(c.Limits.Watched),
		Logger: a.logger.With("component", "anomaly"), Metrics: a.opts.Metrics,
	})
	if err != nil {
		return err
	}
	a.anomaly = w
	w.Start()
	a.onClose(func() error { return withinStopTime(w.Stop) })
	return nil
}
