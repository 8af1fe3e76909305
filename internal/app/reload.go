package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/alerting/pager/external"
	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input/scrape"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/rules"
)

// inputs are what the files named by a configuration hold.
type inputs struct {
	rules     *ruleset.Set
	detectors *detector.Set
	catalog   *catalog.Catalog
	decoders
	mqtt          mqttTopics
	jobs          []*scrape.Job
	alertmanagers []external.Target
}

// readInputs reads and checks all of them, so that a reload changes either
// everything or nothing.
func (a *App) readInputs(c *config.Config) (in inputs, err error) {
	var errs []error
	var defaults fs.FS
	if c.Rules == nil { // an empty list means no rules
		defaults = rules.FS
	}
	if in.rules, err = ruleset.Load(c.Rules, defaults); err != nil {
		errs = append(errs, err)
	}
	// The zone changes with a restart only, as for everything else.
	if in.detectors, err = LoadDetectors(c, a.kinds(), a.opts.Config.Timezone); err != nil {
		errs = append(errs, err)
	}
	in.catalog = a.opts.Catalog
	if len(c.Catalog) > 0 || in.catalog == nil {
		if in.catalog, err = catalog.Load(c.Catalog); err != nil {
			errs = append(errs, err)
		}
	}
	if in.decoders, err = a.readDecoders(c); err != nil {
		errs = append(errs, err)
	} else if in.mqtt, err = readMQTT(c, in.decoders); err != nil {
		errs = append(errs, err)
	}
	if in.jobs, err = readScrape(c); err != nil {
		errs = append(errs, err)
	}
	if in.alertmanagers, err = readExternal(c); err != nil {
		errs = append(errs, err)
	}
	if c.Pager.Config != "" {
		errs = append(errs, pager.Check(c.Pager.Config))
	}
	return in, errors.Join(errs...)
}

// Reload reads the configuration and its files again. Rules, detectors, catalog, pager
// configuration, tokens, what to scrape and inputs.otlp take effect; it returns the keys whose change needs
// a restart. With an error everything stays as it was.
func (a *App) Reload(context.Context) (needRestart []string, err error) {
	a.reloadMu.Lock()
	defer a.reloadMu.Unlock()
	c := a.opts.Config
	if a.opts.Read != nil {
		fresh, err := a.opts.Read()
		if err != nil {
			return nil, a.reloaded(err, nil)
		}
		c = fresh
		needRestart = a.opts.Config.NeedRestart(fresh)
	}
	in, err := a.readInputs(c)
	if err != nil {
		return nil, a.reloaded(err, nil)
	}
	if err := a.guard.Reload(c.Auth); err != nil {
		return nil, a.reloaded(err, nil)
	}
	a.hazardAPI.Cut() // who follows may not be allowed to any more
	if err := a.pager.Reload(); err != nil {
		return nil, a.reloaded(err, nil)
	}
	a.catalog.Store(in.catalog)
	a.decoders.Store(&in.decoders)
	a.reloadHJ212(c)
	a.reloadMQTT(in.mqtt)
	if err := errors.Join(a.applyOTLP(c), a.scraper.Apply(in.jobs)); err != nil {
		return nil, a.reloaded(err, nil)
	}
	if err := a.reloadForward(c); err != nil {
		return nil, a.reloaded(err, nil)
	}
	if err := a.evaluator.Reload(in.rules); err != nil {
		return nil, a.reloaded(fmt.Errorf("rules: %w", err), nil)
	}
	a.anomaly.Reload(in.detectors)
	if a.devices != nil {
		a.devices.Reload()
	}
	select {
	case a.series.changed <- struct{}{}:
	default:
	}
	return needRestart, a.reloaded(nil, needRestart)
}

func (a *App) reloaded(err error, needRestart []string) error {
	ok := a.opts.Metrics.GetOrCreateGauge(`belfry_config_last_reload_successful`, nil)
	if err != nil {
		ok.Set(0)
		a.logger.Error("not reloaded; the running configuration stays", "err", err)
		return err
	}
	ok.Set(1)
	a.logger.Info("reloaded")
	if len(needRestart) > 0 {
		a.logger.Warn("changed, and in force only after a restart", "keys", strings.Join(needRestart, ", "))
	}
	return nil
}
