package app

import (
	"context"

	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/input/scrape"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/config"
)

func readScrape(c *config.Config) ([]*scrape.Job, error) {
	return scrape.ReadJobs(c.Inputs.Scrape, c.File, c.Limits.Body)
}

func scrapeSource(target string) intake.Source {
	return intake.Source{Input: "scrape", Sender: target}
}

func (a *App) startScrape(c *config.Config) error {
	jobs, err := readScrape(c)
	if err != nil {
		return err
	}
	s, err := scrape.New(scrape.Options{
		Appender: func(ctx context.Context, target string) storage.AppenderV2 {
			return a.intake.Appender(ctx, scrapeSource(target))
		},
		Refuse: func(target string, err error) {
			a.intake.Refuse(scrapeSource(target), reading.Refusal{Reason: intake.ReasonOf(err), Detail: err.Error()})
		},
		Room:           a.scrapeRoom,
		Stored:         a.store,
		ExternalLabels: c.ExternalLabels,
		Logger:         a.logger.With("component", "scrape"),
		Registerer:     a.registry,
	})
	if err != nil {
		return err
	}
	a.scraper = s
	a.onClose(s.Stop)
	return s.Apply(jobs)
}

func (a *App) scrapeRoom() error {
	if a.store.Failed() {
		return tsdb.ErrFailed
	}
	return a.store.CheckRoom()
}
