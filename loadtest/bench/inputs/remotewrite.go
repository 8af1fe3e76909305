package inputs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/belfry-city/belfry/loadtest"
	"github.com/belfry-city/belfry/loadtest/bench/server"
	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/influx"
	"github.com/belfry-city/belfry/loadtest/prom"
	"github.com/belfry-city/belfry/loadtest/remotewrite"
)

// RemoteWriteOptions say what is sent by remote write.
type RemoteWriteOptions struct {
	Seed        uint64
	Scale       float64
	Samples     int64
	Connections int
	// Series is how many series a request has; a Prometheus sends 2000.
	Series int
	// Interval is between two readings of a series.
	Interval time.Duration
	// Dir is where servers have their data meanwhile.
	Dir string
	Say func(format string, args ...any)
}

// way is one protocol by which the city is sent.
type way struct {
	name    string
	product server.Product
	driver  func(url string) (loadtest.Driver, error)
	load    func(streams []*city.Stream) (loadtest.Load, error)
}

// RemoteWrite sends the same city to fresh servers: to Belfry by line protocol,
// for comparison, and by remote write of both versions; to VictoriaMetrics by
// version 1 and in its own variant, which is what it speaks. Afterwards it counts
// what is stored.
func RemoteWrite(ctx context.Context, belfry, victoriametrics server.Product, o RemoteWriteOptions) (rows []Row, err error) {
	c, err := city.New(city.Options{Seed: o.Seed, Scale: o.Scale})
	if err != nil {
		return nil, err
	}
	for _, w := range o.ways(belfry, victoriametrics) {
		if w.product == nil {
			continue
		}
		o.Say("%s: %s", w.name, w.product.Name())
		row, err := o.measure(ctx, w, c)
		if err != nil {
			return nil, fmt.Errorf("%s to %s: %w", w.name, w.product.Name(), err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

const readyRounds = 12

func (o RemoteWriteOptions) ways(belfry, victoriametrics server.Product) []way {
	tags := []string{"street"}
	lines := way{
		name: "line protocol", product: belfry,
		driver: func(url string) (loadtest.Driver, error) { return influx.NewDriver(influx.Target{URL: url}) },
		load: func(streams []*city.Stream) (loadtest.Load, error) {
			encoder, err := influx.NewEncoder(tags...)
			if err != nil {
				return nil, err
			}
			return influx.NewRounds(streams, encoder, influx.RoundsOptions{
				Lines: max(o.Series/3, 1), Ready: readyRounds, Start: time.Now(), Step: o.Interval,
			})
		},
	}
	write := func(name string, p server.Product, v remotewrite.Version, zstd bool) way {
		return way{
			name: name, product: p,
			driver: func(url string) (loadtest.Driver, error) {
				return remotewrite.NewDriver(remotewrite.Target{URL: url, Version: v, Zstd: zstd})
			},
			load: func(streams []*city.Stream) (loadtest.Load, error) {
				return remotewrite.NewRounds(streams, remotewrite.RoundsOptions{
					Version: v, Series: o.Series, Ready: readyRounds, Start: time.Now(), Step: o.Interval, Tags: tags,
				})
			},
		}
	}
	return []way{
		lines,
		write("remote write 1", belfry, remotewrite.V1, false),
		write("remote write 2", belfry, remotewrite.V2, false),
		write("remote write 1, zstd", belfry, remotewrite.V1, true),
		write("remote write 1", victoriametrics, remotewrite.V1, false),
		write("remote write 1, zstd", victoriametrics, remotewrite.V1, true),
	}
}

func (o RemoteWriteOptions) measure(ctx context.Context, w way, c *city.City) (row Row, err error) {
	dir, err := os.MkdirTemp(o.Dir, "remotewrite-")
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if dir, err = filepath.Abs(dir); err != nil {
		return row, err
	}
	load, err := w.load(c.Streams())
	if err != nil {
		return row, err
	}
	s, err := server.Start(ctx, w.product, dir)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.Kill()) }()
	return o.send(ctx, w, load, s)
}

func (o RemoteWriteOptions) send(ctx context.Context, w way, load loadtest.Load, s *server.Server) (row Row, err error) {
	driver, err := w.driver(s.URL())
	if err != nil {
		return row, err
	}
	before, err := s.Used()
	if err != nil {
		return row, err
	}
	report, err := loadtest.Run(ctx, loadtest.Options{
		Plan: loadtest.Plan{Connections: o.Connections, Samples: o.Samples, Interval: o.Interval}, Load: load, Driver: driver,
	})
	if err != nil {
		return row, err
	}
	after, err := s.Used()
	if err != nil {
		return row, err
	}
	if err := stored(ctx, report, s); err != nil {
		return row, err
	}
	ms := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	return Row{
		Input: w.name, Server: w.product.Name(), Messages: report.Requests, Samples: report.Acknowledged,
		Took: time.Duration(report.Seconds * float64(time.Second)), CPU: after.CPU - before.CPU, PeakRSS: after.PeakRSS,
		P50: ms(report.Service.P50), P99: ms(report.Service.P99),
		Note: fmt.Sprintf("client's CPU %.0f ns/sample", report.Generator.CPU),
	}, nil
}

// stored insists that nothing was refused or lost and that all of it can be
// queried.
func stored(ctx context.Context, report *loadtest.Report, s *server.Server) error {
	if !report.OK {
		return fmt.Errorf("%d samples refused, %d lost: %v", report.Refused, report.Lost, report.Errors)
	}
	if err := s.Settle(ctx); err != nil {
		return err
	}
	client := prom.NewClient(s.URL(), "")
	defer client.Close()
	if err := report.Verify(ctx, client, 30*time.Second); err != nil {
		return err
	}
	if !report.OK {
		return errors.New("samples that were acknowledged are not stored")
	}
	return nil
}
