package pages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/belfry-city/belfry/loadtest"
	"github.com/belfry-city/belfry/loadtest/bench/machine"
	"github.com/belfry-city/belfry/loadtest/bench/server"
	"github.com/belfry-city/belfry/loadtest/influx"
)

// CostOptions choose what is written to Belfry with rules and without.
type CostOptions struct {
	District *District
	Rules    *RuleSet
	// Samples are written in each repeat, as fast as Belfry takes them.
	Samples     int64
	Repeats     int
	Connections int
	Lines       int
	// Dir is where Belfry keeps its data; what is put there is removed.
	Dir string
	// Say is told what is being done.
	Say func(format string, args ...any)
}

// CostResult is what rules cost writes.
type CostResult struct {
	machine.Run
	Rules  int `json:"rules"`
	Series int `json:"series"`
	// Ways are Belfry without rules; with rules that compare readings with limits,
	// which are hardly ever evaluated, so that what they cost is to look at each
	// reading; with all rules, woken by readings; and with all rules, evaluated on
	// their interval as well.
	Ways []CostWay `json:"ways"`
}

// CostWay is one way of running, one element a repeat.
type CostWay struct {
	Name      string    `json:"name"`
	PerSecond []float64 `json:"samples_per_second"`
	CPU       []float64 `json:"server_cpu_ns_per_sample"`
	P99       []float64 `json:"ack_p99_ms"`
}

// Cost takes turns between Belfry without rules and with them. Readings are of
// the moment, so that rules look at each.
func Cost(ctx context.Context, b server.Belfry, o CostOptions) (*CostResult, error) {
	result := &CostResult{Run: machine.NewRun(), Rules: o.Rules.Count, Series: o.District.Series}
	limits, err := o.Rules.Limits()
	if err != nil {
		return nil, err
	}
	woken := Variant{Interval: "1d"}
	ways := []struct {
		name    string
		rules   *RuleSet
		variant Variant
	}{
		{"no rules", nil, Variant{}},
		{fmt.Sprintf("%d rules with limits, only woken", limits.Count), limits, woken},
		{fmt.Sprintf("all %d rules, only woken", o.Rules.Count), o.Rules, woken},
		{"all rules, also on their interval", o.Rules, Variant{}},
	}
	// The city's time goes on as slowly as it does for a server that is as fast as
	// can be, or bays would be taken and left far too often.
	load, err := o.District.rounds(o.Lines, 10*time.Millisecond)
	if err != nil {
		return nil, err
	}
	for _, w := range ways {
		result.Ways = append(result.Ways, CostWay{Name: w.name})
	}
	for repeat := range o.Repeats {
		for i, w := range ways {
			o.Say("writes %d of %d: %s", repeat+1, o.Repeats, w.name)
			if err := o.once(ctx, b, w.rules, w.variant, load, &result.Ways[i]); err != nil {
				return nil, fmt.Errorf("writing to %s with %s: %w", b.Name(), w.name, err)
			}
		}
	}
	return result, nil
}

func (o CostOptions) once(ctx context.Context, b server.Belfry, rules *RuleSet, v Variant, load loadtest.Load, way *CostWay) (err error) {
	dir, err := os.MkdirTemp(o.Dir, "cost-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if rules != nil {
		if b.Rules, err = rules.Write(dir, v); err != nil {
			return err
		}
	}
	if b.Catalog, err = (Options{District: o.District}).catalogs(dir, nil); err != nil {
		return err
	}
	s, err := server.Start(ctx, b, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Kill()) }()
	driver, err := influx.NewDriver(influx.Target{URL: s.URL()})
	if err != nil {
		return err
	}
	var last time.Time
	send := func(samples int64) (*loadtest.Report, error) {
		report, err := loadtest.Run(ctx, loadtest.Options{
			Plan: loadtest.Plan{Connections: o.Connections, Samples: samples, After: last}, Load: load, Driver: driver,
		})
		if err == nil && !report.OK {
			err = fmt.Errorf("%d samples refused, %d lost: %v", report.Refused, report.Lost, report.Errors)
		}
		if err == nil {
			last = report.LastReading
		}
		return report, err
	}
	// New series, and all rules' first look at them, are not what is measured.
	if _, err := send(int64(o.District.Series) + o.Samples/4); err != nil {
		return err
	}
	before, err := s.Used()
	if err != nil {
		return err
	}
	report, err := send(o.Samples)
	if err != nil {
		return err
	}
	after, err := s.Used()
	if err != nil {
		return err
	}
	way.PerSecond = append(way.PerSecond, report.PerSecond)
	way.CPU = append(way.CPU, float64(after.CPU-before.CPU)/float64(report.Acknowledged))
	way.P99 = append(way.P99, report.Service.P99)
	return nil
}

// WriteTable writes the result for people. Ratios are medians of those of each
// repeat, since what disturbs one way in a repeat often disturbs its neighbours.
func (r *CostResult) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nwhat %d rules cost writes: %d series, as fast as it goes, medians of %d repeats in turn, load before %s\n\n",
		r.Rules, r.Series, len(r.Ways[0].PerSecond), r.LoadBefore)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprint(t, "belfry\tsamples/s\tof those without rules\tCPU ns/sample\tack p99 ms\t\n")
	for _, way := range r.Ways {
		_, _ = fmt.Fprintf(t, "%s\t%.0f\t%.3f\t%.0f\t%.1f\t\n", way.Name, median(way.PerSecond), r.share(way), median(way.CPU), median(way.P99))
	}
	_ = t.Flush() // to memory
	const least = 0.9
	fmt.Fprintln(&b)
	for _, way := range r.Ways[1:3] {
		verb := "reached"
		if r.share(way) < least {
			verb = "NOT reached"
		}
		fmt.Fprintf(&b, "target %s: %s, %.3f of at least %.2f of the throughput without rules\n", verb, way.Name, r.share(way), least)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// share is which part of the throughput without rules is left.
func (r *CostResult) share(way CostWay) float64 {
	var all []float64
	for i, v := range way.PerSecond {
		all = append(all, v/r.Ways[0].PerSecond[i])
	}
	return median(all)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(all), cmp.Compare)
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Save keeps the result as JSON in dir.
func (r *CostResult) Save(dir string) error {
	return save(dir, "cost-"+r.Time.Format("20060102-150405")+".json", r)
}
