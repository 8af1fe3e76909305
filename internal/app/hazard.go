package app

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/notifier"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/alerting/pager/failing"
	"github.com/belfry-city/belfry/internal/config"
)

// openHazards opens the store of hazards, through which alerts go to the pager. It
// is opened before the pager, and closed after it has sent what it had to send.
func (a *App) openHazards(c *config.Config, external *url.URL) error {
	s, err := hazard.Open(hazard.Options{
		Dir: filepath.Join(c.DataDir, "hazards"), Reopen: c.Hazards.Reopen,
		KeepTime: c.Hazards.Time, KeepBytes: c.Hazards.Size, KeepEvents: c.Hazards.Stream,
		NoSync:      c.Durability == config.DurabilityOS,
		ExternalURL: external, Catalog: a.catalog.Load,
		Logger: a.logger.With("component", "hazards"), Metrics: a.opts.Metrics,
	})
	if err != nil {
		return fmt.Errorf("data directory %s: %w", c.DataDir, err)
	}
	a.hazards = s
	a.onClose(s.Close)
	return nil
}

// paged notes which hazards somebody has been told of.
func (a *App) paged(n pager.Notification) {
	for i := range n.Pages {
		if p := &n.Pages[i]; p.Status == pager.Firing {
			a.hazards.Paged(p.Hazard, n.Receiver, n.Integration, n.Time)
		}
	}
}

// failing returns the alerts about receivers that fired when Belfry ended.
func (a *App) failing() (before []failing.Raised) {
	const most = 1000
	open, _, err := a.hazards.List(context.Background(), hazard.Query{
		Filter: hazard.Filter{Statuses: []string{string(hazard.StatusOpen)}, Rules: []string{failing.AlertName}}, Limit: most,
	})
	if err != nil {
		a.logger.Warn("which receivers failed before the start is not known", "err", err)
	}
	for _, h := range open {
		if who, ok := failing.Of(func(name string) string { return h.Labels[name] }); ok {
			before = append(before, failing.Raised{Subject: who, Since: h.LastOpened.Time()})
		}
	}
	return before
}

// accepted notes which hazards an Alertmanager elsewhere has been told of. When it
// pages somebody, nobody says.
func (a *App) accepted(target string, alerts []*notifier.Alert) {
	now := time.Now()
	for _, alert := range alerts {
		if id := alert.Annotations.Get("hazard"); id != "" && !alert.ResolvedAt(now) {
			a.hazards.Paged(id, target, "alertmanager", now)
		}
	}
}
