package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/belfry-city/belfry/loadtest"
	"github.com/belfry-city/belfry/loadtest/bench/server"
	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/influx"
	"github.com/belfry-city/belfry/loadtest/prom"
)

// Ingest is how one server took the load. Everything is per sample where it
// can be.
type Ingest struct {
	Samples   int64   `json:"samples"`
	PerSecond float64 `json:"samples_per_second"`
	CPU       float64 `json:"server_cpu_ns_per_sample"`
	PeakRSS   float64 `json:"peak_rss_mb"`
	P50       float64 `json:"ack_p50_ms"`
	P99       float64 `json:"ack_p99_ms"`
	// Disk is after compaction; LiveDisk is the whole data directory, logs
	// included, at the end of the load.
	Disk     float64 `json:"disk_bytes_per_sample"`
	LiveDisk float64 `json:"live_disk_bytes_per_sample"`
	// Compaction is what it took to get from LiveDisk to Disk.
	Compaction float64 `json:"compaction_cpu_ns_per_sample"`
	Generator  float64 `json:"generator_cpu_ns_per_sample"`
}

func (r *Result) ingest(ctx context.Context, opt Options, c *city.City) error {
	load, err := newLoad(c, opt, time.Now(), opt.Interval)
	if err != nil {
		return err
	}
	for repeat := range opt.Repeats {
		for _, p := range opt.Products {
			opt.Say("ingest %d of %d: %s", repeat+1, opt.Repeats, p.Name())
			var one Ingest
			err := with(ctx, p, opt.Dir, func(s *server.Server) (err error) {
				one, err = ingest(ctx, opt, load, s, repeat == 0)
				return err
			})
			if err != nil {
				return fmt.Errorf("ingesting into %s: %w", p.Name(), err)
			}
			r.Ingest[p.Name()] = append(r.Ingest[p.Name()], one)
		}
	}
	return nil
}

func ingest(ctx context.Context, opt Options, load *influx.Rounds, s *server.Server, verify bool) (Ingest, error) {
	before, err := s.Used()
	if err != nil {
		return Ingest{}, err
	}
	report, err := send(ctx, s, load, loadtest.Plan{Connections: opt.Connections, Samples: opt.Samples, Interval: opt.Interval})
	if err != nil {
		return Ingest{}, err
	}
	after, err := s.Used()
	if err != nil {
		return Ingest{}, err
	}
	live, err := s.DiskBytes()
	if err != nil {
		return Ingest{}, err
	}
	if verify {
		if err := verified(ctx, report, s); err != nil {
			return Ingest{}, err
		}
	}
	disk, err := s.Compact(ctx)
	if err != nil {
		return Ingest{}, err
	}
	n := float64(report.Acknowledged)
	return Ingest{
		Samples: report.Acknowledged, PerSecond: report.PerSecond,
		CPU: float64(after.CPU-before.CPU) / n, PeakRSS: float64(after.PeakRSS) / (1 << 20),
		P50: report.Service.P50, P99: report.Service.P99,
		Disk: float64(disk.Bytes) / n, LiveDisk: float64(live) / n,
		Compaction: float64(disk.CPU) / n, Generator: report.Generator.CPU,
	}, nil
}

// send carries out a plan and insists that nothing was lost.
func send(ctx context.Context, s *server.Server, load loadtest.Load, plan loadtest.Plan) (*loadtest.Report, error) {
	driver, err := influx.NewDriver(influx.Target{URL: s.URL()})
	if err != nil {
		return nil, err
	}
	report, err := loadtest.Run(ctx, loadtest.Options{Plan: plan, Load: load, Driver: driver})
	if err != nil {
		return nil, err
	}
	if !report.OK {
		return nil, fmt.Errorf("%d samples refused, %d lost: %v", report.Refused, report.Lost, report.Errors)
	}
	return report, nil
}

func verified(ctx context.Context, report *loadtest.Report, s *server.Server) error {
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

// median takes each figure's median over the repeats.
func median(runs []Ingest) (m Ingest) {
	pick := func(of func(*Ingest) *float64) {
		var all []float64
		for i := range runs {
			all = append(all, *of(&runs[i]))
		}
		*of(&m) = middle(all)
	}
	m.Samples = runs[0].Samples
	pick(func(i *Ingest) *float64 { return &i.PerSecond })
	pick(func(i *Ingest) *float64 { return &i.CPU })
	pick(func(i *Ingest) *float64 { return &i.PeakRSS })
	pick(func(i *Ingest) *float64 { return &i.P50 })
	pick(func(i *Ingest) *float64 { return &i.P99 })
	pick(func(i *Ingest) *float64 { return &i.Disk })
	pick(func(i *Ingest) *float64 { return &i.LiveDisk })
	pick(func(i *Ingest) *float64 { return &i.Compaction })
	pick(func(i *Ingest) *float64 { return &i.Generator })
	return m
}

func middle(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}
