package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/belfry-city/belfry/loadtest/bench/pages"
	"github.com/belfry-city/belfry/loadtest/bench/server"
)

// pagesOptions are flags of the part pages.
type pagesOptions struct {
	Rules     int           `default:"500" help:"Rules: those of the directory rules, and more of streets and car parks."`
	Rate      float64       `default:"100000" help:"Samples a second that come in all the time."`
	Warm      time.Duration `default:"20s" help:"How long they come in before the first page is caused."`
	During    time.Duration `default:"60s" help:"How long pages are caused; 0: skip pages, and only look at what rules cost writes."`
	Patience  time.Duration `default:"60s" help:"How long a page is waited for."`
	OfAssets  float64       `default:"20" help:"Pages a second of rules on single series and assets."`
	OfStreets float64       `default:"2" help:"Pages a second of aggregates over a street."`
	Peer      string        `enum:"fast,defaults,both,none" default:"both" help:"VictoriaMetrics, vmalert and Alertmanager with each delay as short as it can be set (fast), with default delays (defaults), both, none."`
	Cost      int           `default:"5" help:"Repeats of the ingestion with rules and without; 0: none."`
}

// pages measures from reading to page, and then what rules cost writes.
func (o *options) pages(ctx context.Context, products []server.Product, dir string, say func(string, ...any)) error {
	var belfry server.Belfry
	var systems []pages.System
	for _, p := range products {
		switch p := p.(type) {
		case server.Belfry:
			belfry = p
			systems = append(systems, pages.Belfry{Belfry: p})
		case server.VictoriaMetrics:
			more, err := o.peers(p)
			if err != nil {
				return err
			}
			systems = append(systems, more...)
		}
	}
	district, err := pages.NewDistrict(o.Seed, o.Scale)
	if err != nil {
		return err
	}
	rules, err := pages.NewRuleSet("rules", o.Pages.Rules, district.Streets(), district.Lots())
	if err != nil {
		return err
	}
	options := pages.Options{
		Systems: systems, District: district, Rules: rules, Seed: o.Seed,
		Rate: o.Pages.Rate, Connections: 2 * o.Connections, Lines: 1000,
		Warm: o.Pages.Warm, During: o.Pages.During, Patience: o.Pages.Patience,
		OfAssets: o.Pages.OfAssets, OfStreets: o.Pages.OfStreets, Dir: dir, Say: say,
	}
	if options.During > 0 {
		result, err := pages.Run(ctx, options)
		if err != nil {
			return err
		}
		if err := errors.Join(result.WriteTable(os.Stdout), result.Save(o.Results)); err != nil {
			return err
		}
	}
	if o.Pages.Cost == 0 || belfry.Binary == "" {
		return nil
	}
	cost, err := pages.Cost(ctx, belfry, pages.CostOptions{
		District: district, Rules: rules, Samples: o.Samples / 2, Repeats: o.Pages.Cost, Connections: o.Connections, Lines: o.Lines, Dir: dir, Say: say,
	})
	if err != nil {
		return err
	}
	return errors.Join(cost.WriteTable(os.Stdout), cost.Save(o.Results))
}

// peers are VictoriaMetrics with what stands beside it for pages.
func (o *options) peers(v server.VictoriaMetrics) (all []pages.System, err error) {
	p := pages.Peer{VictoriaMetrics: v.Binary}
	for name, binary := range map[string]*string{"vmalert": &p.VMAlert, "alertmanager": &p.Alertmanager} {
		if *binary, err = filepath.Abs(filepath.Join(".tools", "bin", name)); err != nil {
			return nil, err
		}
		if _, err := os.Stat(*binary); err != nil {
			return nil, fmt.Errorf("looking for %s: %w (make tools-bench installs it)", name, err)
		}
	}
	if o.Pages.Peer == "fast" || o.Pages.Peer == "both" {
		all = append(all, p)
	}
	if o.Pages.Peer == "defaults" || o.Pages.Peer == "both" {
		p.Defaults = true
		all = append(all, p)
	}
	return all, nil
}
