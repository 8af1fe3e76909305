package app

import (
	"context"
	"net/http"
	"net/url"
	"path/filepath"

	"github.com/prometheus/prometheus/notifier"

	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/alerting/pager/external"
	"github.com/belfry-city/belfry/internal/config"
)

// paging is the embedded Alertmanager, or those elsewhere.
type paging interface {
	Send(alerts ...*notifier.Alert)
	Handler() http.Handler
	Reload() error
	Stop(ctx context.Context) error
}

func readExternal(c *config.Config) ([]external.Target, error) {
	return external.ReadTargets(c.Pager.External, c.File)
}

func (a *App) startPager(c *config.Config, in inputs, address *url.URL) (paging, error) {
	if len(in.alertmanagers) > 0 {
		return a.startFleet(c, in)
	}
	var p *pager.Pager // raises nothing before it is started
	var err error
	p, err = pager.New(pager.Options{
		ConfigFile:     c.Pager.Config,
		DataDir:        filepath.Join(c.DataDir, "pager"),
		ExternalURL:    address,
		ExternalLabels: c.ExternalLabels,
		Language:       string(c.Language),
		Zone:           c.Timezone,
		Logger:         a.logger,
		Registerer:     a.registry,
		Metrics:        a.opts.Metrics,
		Deliver:        a.opts.Deliver,
		OnNotify:       a.paged,
		Raise:          func(alerts ...*notifier.Alert) { a.hazards.Before(p).Send(alerts...) },
		Posted:         a.hazards.Take,
		Failing:        a.failing(),
	})
	if err != nil {
		return nil, err
	}
	return p, p.Start()
}

func (a *App) startFleet(c *config.Config, in inputs) (paging, error) {
	var f *external.Fleet
	made := make(chan struct{})
	defer close(made)
	f, err := external.New(external.Options{
		Targets: in.alertmanagers, ExternalLabels: c.ExternalLabels, Language: string(c.Language),
		Raise: func(alerts ...*notifier.Alert) {
			<-made
			a.hazards.Before(f).Send(alerts...)
		},
		OnAccept: a.accepted, Failing: a.failing(),
		Logger: a.logger, Metrics: a.opts.Metrics,
	})
	return f, err
}
