package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/belfry-city/belfry/loadtest"
	"github.com/belfry-city/belfry/loadtest/cityload"
)

type loadtestCmd struct {
	URL   string `default:"http://127.0.0.1:9400" help:"The server. Lines go to its /api/v2/write, unless the address has a path of its own (such as /write)."`
	Token string `env:"BELFRY_TOKEN" help:"Token for the server, with scope write (and read, for --verify)."`
	Gzip  bool   `help:"Compress requests, as Telegraf does."`

	Rate     float64       `default:"50000" help:"Samples a second, sent by the clock whether the server keeps up or not; a late answer counts as late. 0: as fast as it goes."`
	Duration time.Duration `default:"30s" help:"When to stop; 0: only after --samples."`
	Samples  int64         `help:"Stop after so many samples, rounded up to a request."`
	Interval time.Duration `help:"Time between two readings of a series, ending now: 10s sends a past. By default, readings are of the moment at which they are sent."`

	Connections int           `default:"4" help:"Connections that send at the same time."`
	Lines       int           `default:"5000" help:"Lines in one request."`
	RetryFor    time.Duration `default:"2m" help:"How long a request that is turned away (429, 5xx) or not answered is sent again before it counts as lost."`

	Seed        uint64   `default:"1" help:"Chooses the city: the same seed, the same city and readings."`
	Scale       float64  `default:"1" help:"Size of the city: 1 is a district of 30,562 assets and 87,500 series."`
	Tags        []string `placeholder:"ATTRIBUTE" help:"Attributes of assets that lines carry besides the asset's id: street, community, team, name_zh... A server with a catalog needs none."`
	Pregenerate int      `default:"12" help:"Rounds of requests encoded beforehand and sent in turn, with timestamps and counters patched; the generator then takes next to no CPU. 0: encode each as it is sent."`

	Verify bool `help:"Count by PromQL afterwards whether every acknowledged sample is stored."`
	JSON   bool `name:"json" help:"Print the report as JSON."`
}

// Help is shown by belfry loadtest --help.
func (*loadtestCmd) Help() string {
	return `
Simulates a district (24,000 parking bays, 3,000 sensors on bridges, in tunnels,
on roads and mains, 1,500 wells, 2,000 cameras), sends what they report as line
protocol, and says how many readings were acknowledged and how fast.

Examples:

  belfry loadtest --duration 1m --verify
      50,000 samples a second for a minute, and is all of it stored?

  belfry loadtest --rate 0 --samples 20000000 --interval 10s
      How much does the server take? 20 million samples, ending now.

  belfry loadtest --scale 0.01 --rate 100 --duration 0 --samples 100000
      A quarter of a car park, gently.

  belfry loadtest --url http://127.0.0.1:8428 --tags street
      Another database that speaks line protocol.

Latency counts from the moment at which a request was due, so a server that
stalls is charged for all that had to wait. 429 and 503 are obeyed (Retry-After)
and counted; nothing is dropped for them. The exit code is 1 if any sample was
refused, lost, or not found by --verify.`
}

var errLoadtest = errors.New("the load test was not clean: see refused, lost and stored above")

func (c *loadtestCmd) Run(ctx context.Context, g *globals) error {
	progress := loadtest.NewProgress(g.stderr, isTerminal(g.stderr))
	report, err := cityload.Run(ctx, cityload.Options{
		URL: c.URL, Token: c.Token, Gzip: c.Gzip,
		Seed: c.Seed, Scale: c.Scale, Tags: c.Tags, Lines: c.Lines, Pregenerate: c.Pregenerate,
		Plan: loadtest.Plan{
			Connections: c.Connections, Rate: c.Rate, Duration: c.Duration, Samples: c.Samples,
			Interval: c.Interval, RetryFor: c.RetryFor,
		},
		Verify: c.Verify, Progress: progress.Show,
	})
	progress.Clear()
	if report == nil {
		return err
	}
	return errors.Join(err, c.print(g.stdout, report))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (c *loadtestCmd) print(stdout io.Writer, report *loadtest.Report) error {
	var err error
	if c.JSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		err = report.WriteText(stdout)
	}
	if !report.OK {
		err = errors.Join(err, errLoadtest)
	}
	return err
}
