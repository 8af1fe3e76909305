package cityload

import (
	"context"
	"fmt"
	"time"

	"github.com/belfry-city/belfry/loadtest"
	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/influx"
	"github.com/belfry-city/belfry/loadtest/prom"
)

// Options is everything that can be chosen.
type Options struct {
	// URL is the server's address. Lines go to its /api/v2/write unless it has
	// a path of its own.
	URL   string
	Token string
	Gzip  bool

	Seed  uint64
	Scale float64
	// Tags are attributes of assets that lines carry besides the asset's id.
	Tags []string
	// Lines is the most lines in one request.
	Lines int
	// Pregenerate is how many rounds are encoded before the run.
	Pregenerate int

	Plan loadtest.Plan
	// Verify counts afterwards whether what was acknowledged is stored.
	Verify bool
	// QueryURL is where Verify asks; empty for URL without its path.
	QueryURL string
	// Patience is how long the server may take to show what it acknowledged; 0
	// stands for half a minute.
	Patience time.Duration
	// Progress is told how it goes; nil for nobody.
	Progress func(loadtest.Snapshot)
}

// Run builds the city, sends what it says and reports. An error means that
// there is no report; whether all went well is Report.OK.
func Run(ctx context.Context, opt Options) (*loadtest.Report, error) {
	driver, err := influx.NewDriver(influx.Target{URL: opt.URL, Token: opt.Token, Gzip: opt.Gzip})
	if err != nil {
		return nil, err
	}
	load, err := Load(opt)
	if err != nil {
		return nil, err
	}
	report, err := loadtest.Run(ctx, loadtest.Options{Plan: opt.Plan, Load: load, Driver: driver, Progress: opt.Progress})
	if err != nil {
		return nil, err
	}
	report.Target, report.Protocol, report.Seed, report.Scale = opt.URL, "line protocol over HTTP", opt.Seed, opt.Scale
	if !opt.Verify || report.Acknowledged == 0 {
		return report, nil
	}
	address := opt.QueryURL
	if address == "" {
		address = driver.Origin()
	}
	client := prom.NewClient(address, opt.Token)
	defer client.Close()
	patience := opt.Patience
	if patience == 0 {
		patience = 30 * time.Second
	}
	return report, report.Verify(ctx, client, patience)
}

// Load builds the city's requests.
func Load(opt Options) (*influx.Rounds, error) {
	c, err := city.New(city.Options{Seed: opt.Seed, Scale: opt.Scale})
	if err != nil {
		return nil, err
	}
	encoder, err := influx.NewEncoder(opt.Tags...)
	if err != nil {
		return nil, err
	}
	rounds := influx.RoundsOptions{Lines: opt.Lines, Ready: opt.Pregenerate, Start: opt.Plan.Start, Step: opt.Plan.Interval}
	if rounds.Start.IsZero() {
		rounds.Start = time.Now()
	}
	if rounds.Step == 0 {
		rounds.Step = 10 * time.Second
	}
	load, err := influx.NewRounds(c.Streams(), encoder, rounds)
	if err != nil {
		return nil, fmt.Errorf("making the load: %w", err)
	}
	return load, nil
}
