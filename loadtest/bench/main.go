// Command bench compares belfry serve with VictoriaMetrics: the same load and
// the same questions, one after the other on the same machine. Run it from the
// root of the repository, by make bench.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/belfry-city/belfry/loadtest/bench/compare"
	"github.com/belfry-city/belfry/loadtest/bench/inputs"
	"github.com/belfry-city/belfry/loadtest/bench/server"
)

type options struct {
	Belfry          string        `placeholder:"FILE" help:"Binary of Belfry; by default it is built from this repository."`
	VictoriaMetrics string        `placeholder:"FILE" default:".tools/bin/victoria-metrics" help:"Binary of VictoriaMetrics (make tools-bench installs it)."`
	Devices         bool          `default:"true" negatable:"" help:"Have Belfry watch whether devices live, as it does by default: two more series each, which VictoriaMetrics has not."`
	Only            []string      `enum:"belfry,victoriametrics" default:"belfry,victoriametrics" help:"Servers to measure: belfry, victoriametrics."`
	Parts           []string      `enum:"lineproto,pages,remotewrite,otlp,scrape,mqtt,hj212,posted" default:"lineproto,pages,remotewrite,otlp,scrape,mqtt,hj212,posted" help:"What to measure: lineproto (and questions), pages (and what rules cost writes), remotewrite, otlp, scrape, mqtt, hj212, posted."`
	Samples         int64         `default:"20000000" help:"Samples for each server in each repeat."`
	Repeats         int           `default:"5" help:"Repeats of the ingestion; figures are medians."`
	Interval        time.Duration `default:"10s" help:"Time between two readings of a series in the ingestion."`
	Connections     int           `default:"4" help:"Connections."`
	Lines           int           `default:"5000" help:"Lines a request."`
	Scale           float64       `default:"1" help:"Size of the city; 1 is 87,500 series."`
	Seed            uint64        `default:"1" help:"Chooses the city."`
	Rate            float64       `default:"50000" help:"Samples a second while questions are asked."`
	Asked           int           `default:"100" help:"How often each question is asked in each repeat; 0: skip the questions."`
	AskRepeats      int           `default:"2" help:"Repeats of the questions, each with fresh servers."`
	Pages           pagesOptions  `embed:"" prefix:"pages-"`
	Results         string        `default:"bench-results" help:"Where results are kept; servers have their data below it meanwhile."`
}

func main() {
	var o options
	parser := kong.Parse(&o, kong.Name("bench"), kong.Description("Compares belfry serve with VictoriaMetrics, side by side."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parser.FatalIfErrorf(o.run(ctx))
}

func (o *options) run(ctx context.Context) (err error) {
	if err := os.MkdirAll(o.Results, 0o755); err != nil {
		return err
	}
	products, err := o.products(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.Results, "data-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
	}
	if slices.Contains(o.Parts, "lineproto") {
		if err := o.compare(ctx, products, dir, say); err != nil {
			return err
		}
	}
	if slices.Contains(o.Parts, partPages) {
		if err := o.pages(ctx, products, dir, say); err != nil {
			return err
		}
	}
	rows, err := o.inputs(ctx, products, dir, say)
	if len(rows) == 0 {
		return err
	}
	return errors.Join(err, inputs.WriteTable(os.Stdout, rows), inputs.Save(o.Results, rows))
}

// compare writes and asks, side by side.
func (o *options) compare(ctx context.Context, products []server.Product, dir string, say func(string, ...any)) error {
	const fillTime = 20 * time.Second
	result, err := compare.Run(ctx, compare.Options{
		Products: products, Seed: o.Seed, Scale: o.Scale, Connections: o.Connections, Lines: o.Lines,
		Samples: o.Samples, Interval: o.Interval, Repeats: o.Repeats, Rate: o.Rate, Asked: o.Asked, AskRepeats: o.AskRepeats, FillTime: fillTime, Dir: dir,
		Say: say,
	})
	if err != nil {
		return err
	}
	result.Conclude()
	if err := result.WriteTable(os.Stdout); err != nil {
		return err
	}
	saved, err := result.Save(o.Results)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(os.Stderr, "saved as", saved)
	if !result.Same() {
		return errors.New("the servers' answers differ")
	}
	return nil
}

func (o *options) products(ctx context.Context) (all []server.Product, err error) {
	if slices.Contains(o.Only, "belfry") {
		binary := o.Belfry
		if binary == "" {
			binary = filepath.Join(o.Results, "belfry")
			build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/belfry")
			build.Stdout, build.Stderr = os.Stderr, os.Stderr
			if err := build.Run(); err != nil {
				return nil, fmt.Errorf("building belfry: %w", err)
			}
		}
		if binary, err = filepath.Abs(binary); err != nil {
			return nil, err
		}
		all = append(all, server.Belfry{Binary: binary, NoDevices: !o.Devices})
	}
	if slices.Contains(o.Only, "victoriametrics") {
		binary, err := filepath.Abs(o.VictoriaMetrics)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(binary); err != nil {
			return nil, fmt.Errorf("looking for VictoriaMetrics: %w (make tools-bench installs it)", err)
		}
		all = append(all, server.VictoriaMetrics{Binary: binary})
	}
	return all, nil
}
