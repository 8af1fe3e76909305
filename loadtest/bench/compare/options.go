package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/belfry-city/belfry/loadtest/bench/server"
	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/influx"
)

// Options choose the load.
type Options struct {
	// Products take turns in this order; the first is compared with the second.
	Products []server.Product
	Seed     uint64
	Scale    float64
	// Connections and Lines a request are the same for all.
	Connections int
	Lines       int
	// Samples are sent to each server in each repeat, as fast as it takes them.
	Samples int64
	// Interval is what lies between two readings of a series then.
	Interval time.Duration
	Repeats  int
	// Rate is in samples a second while the questions are asked.
	Rate float64
	// Asked is how often each question is asked in each of AskRepeats; the
	// answers' times are put together.
	Asked      int
	AskRepeats int
	// FillTime is about how long a server takes for the past that questions are
	// about, so that it ends when they are asked.
	FillTime time.Duration
	// Dir is where servers keep their data; what is put there is removed.
	Dir string
	// Say is told what is being done.
	Say func(format string, args ...any)
}

// tags are what lines carry besides the asset, since a question is about
// streets and not every server has a catalog.
func tags() []string { return []string{"street"} }

// Run compares how the servers ingest, and then how they answer meanwhile.
func Run(ctx context.Context, opt Options) (*Result, error) {
	if opt.Repeats < 1 || opt.AskRepeats < 1 || len(opt.Products) == 0 {
		return nil, errors.New("comparing servers: want at least one server and one repeat")
	}
	c, err := city.New(city.Options{Seed: opt.Seed, Scale: opt.Scale})
	if err != nil {
		return nil, err
	}
	result := newResult(opt, c.Series())
	if err := result.ingest(ctx, opt, c); err != nil {
		return nil, err
	}
	if opt.Asked > 0 {
		if err := result.ask(ctx, opt, c); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func newLoad(c *city.City, opt Options, start time.Time, step time.Duration) (*influx.Rounds, error) {
	encoder, err := influx.NewEncoder(tags()...)
	if err != nil {
		return nil, err
	}
	const ready = 12
	return influx.NewRounds(c.Streams(), encoder, influx.RoundsOptions{Lines: opt.Lines, Ready: ready, Start: start, Step: step})
}

// with runs a fresh server for as long as use needs it.
func with(ctx context.Context, p server.Product, dir string, use func(*server.Server) error) (err error) {
	dir, err = os.MkdirTemp(dir, p.Name()+"-")
	if err != nil {
		return fmt.Errorf("making room for %s: %w", p.Name(), err)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := server.Start(ctx, p, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Kill()) }()
	return use(s)
}
