package pages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/loadtest"
	"github.com/belfry-city/belfry/loadtest/bench/machine"
	"github.com/belfry-city/belfry/loadtest/influx"
)

// Options choose what is measured.
type Options struct {
	Systems  []System
	District *District
	Rules    *RuleSet
	Seed     uint64
	// Rate is in samples a second, sent over so many connections, in requests of so
	// many lines.
	Rate        float64
	Connections int
	Lines       int
	// Warm is for how long readings come in before the first page is caused, During
	// for how long pages are caused, and Patience how long each is waited for.
	Warm, During, Patience time.Duration
	// OfAssets and OfStreets are how many pages a second are caused.
	OfAssets, OfStreets float64
	// Dir is where systems keep their data; what is put there is removed.
	Dir string
	// Say is told what is being done.
	Say func(format string, args ...any)
}

// Run measures one system after the other.
func Run(ctx context.Context, o Options) (*Result, error) {
	result := &Result{
		Run: machine.NewRun(), Rules: o.Rules.Count, Series: o.District.Series, Rate: o.Rate,
		Seconds: o.During.Seconds(), PatienceSeconds: o.Patience.Seconds(),
	}
	all := causes(o.During, rates{o.OfAssets, o.OfStreets}, o.District.Streets(), o.Seed)
	for _, s := range o.Systems {
		o.Say("pages: %s", s.Name())
		one, err := o.measure(ctx, s, all)
		if err != nil {
			return nil, fmt.Errorf("measuring pages of %s: %w", s.Name(), err)
		}
		result.Systems = append(result.Systems, one)
	}
	return result, nil
}

// trial is the measurement of one system.
type trial struct {
	Options
	all    []*cause
	system *Running
	tally  *tally
	// paged are causes whose pages have come; it has room for all.
	paged  chan *cause
	report *loadtest.Report
	err    error // of the load
}

func (o Options) measure(ctx context.Context, s System, all []*cause) (m Measured, err error) {
	dir, err := os.MkdirTemp(o.Dir, "pages-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if dir, err = filepath.Abs(dir); err != nil {
		return m, err
	}
	t := &trial{Options: o, all: all, tally: newTally(all), paged: make(chan *cause, len(all))}
	hook, err := receive(ctx, t.came)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, hook.close(ctx)) }()
	catalog, err := o.catalogs(dir, all)
	if err != nil {
		return m, err
	}
	if t.system, err = s.Start(ctx, Setup{Dir: dir, Rules: o.Rules, Catalog: catalog, Hook: hook.url}); err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, t.system.Close()) }()
	if m, err = t.run(ctx); err != nil {
		return m, err
	}
	m.System = s.Name()
	return m, nil
}

// came is told of each page.
func (t *trial) came(labels map[string]string, now time.Time) {
	p := page{alert: labels["alertname"]}
	for _, label := range []string{"asset", "street"} {
		if labels[label] != "" {
			p.label, p.value = label, labels[label]
			break
		}
	}
	if c := t.tally.came(p, now); c != nil {
		t.paged <- c
	}
}

// catalogs writes what stands in the district, and what is the benchmark's own.
func (o Options) catalogs(dir string, all []*cause) (paths []string, err error) {
	district, err := os.Create(filepath.Join(dir, "district-catalog.yml"))
	if err != nil {
		return nil, err
	}
	own, err := os.Create(filepath.Join(dir, "bench-catalog.yml"))
	if err != nil {
		return nil, errors.Join(err, district.Close())
	}
	return []string{district.Name(), own.Name()}, errors.Join(
		o.District.city.WriteCatalogYAML(district), district.Close(), writeCatalog(own, all), own.Close())
}

// run sends readings all the time, and causes pages in the midst of it.
func (t *trial) run(ctx context.Context) (m Measured, err error) {
	step := time.Duration(float64(t.District.Series) / t.Rate * float64(time.Second))
	load, err := t.District.rounds(t.Lines, step)
	if err != nil {
		return m, err
	}
	driver, err := influx.NewDriver(influx.Target{URL: t.system.URL})
	if err != nil {
		return m, err
	}
	inject := &injector{sender: newSender(t.system.URL), tally: t.tally}
	defer inject.sender.close()
	loading, enough := context.WithCancel(ctx)
	var background conc.WaitGroup
	defer func() {
		enough()
		background.Wait()
		inject.work.Wait()
	}()
	background.Go(func() {
		t.report, t.err = loadtest.Run(loading, loadtest.Options{
			Plan: loadtest.Plan{Connections: t.Connections, Rate: t.Rate, Duration: t.Warm + t.During + 2*t.Patience, RetryFor: t.Patience},
			Load: load, Driver: driver,
		})
	})
	if !t.system.KnowsCatalog {
		background.Go(func() { t.keepCatalog(loading, inject.sender) })
	}
	background.Go(func() { t.restore(loading, inject.sender) })
	if err := t.warm(ctx, inject.sender); err != nil {
		return m, err
	}
	before, err := t.system.Used()
	if err != nil {
		return m, err
	}
	began := time.Now()
	inject.run(ctx, t.all)
	after, err := t.system.Used()
	if err != nil {
		return m, err
	}
	m.Cores = (after.CPU - before.CPU).Seconds() / time.Since(began).Seconds()
	m.PeakRSS = float64(after.PeakRSS) / (1 << 20)
	t.wait(ctx)
	inject.work.Wait()
	enough()
	background.Wait()
	if err := errors.Join(t.err, ctx.Err()); err != nil {
		return m, err
	}
	return m, t.conclude(&m)
}

// warm sends what is normal of all series that are to be known, twice.
func (t *trial) warm(ctx context.Context, to *sender) error {
	begin := time.Now()
	for n := range 2 {
		if !sleepUntil(ctx, begin.Add(t.Warm*time.Duration(n)/2)) {
			return ctx.Err()
		}
		for chunk := range slices.Chunk(t.all, 200) {
			var lines []string
			for _, c := range chunk {
				if c.known() {
					lines = append(lines, c.normal...)
				}
			}
			if _, err := to.send(ctx, body(lines, time.Now())); err != nil {
				return fmt.Errorf("sending what is normal: %w", err)
			}
		}
	}
	if !sleepUntil(ctx, begin.Add(t.Warm)) {
		return ctx.Err()
	}
	return nil
}

// keepCatalog sends the catalog's series again and again.
func (t *trial) keepCatalog(ctx context.Context, to *sender) {
	const every = 30 * time.Second
	lines := t.District.catalogLines(t.all)
	for {
		next := time.Now().Add(every)
		for chunk := range slices.Chunk(lines, t.Lines) {
			_, _ = to.send(ctx, body(chunk, time.Now())) // it comes again
		}
		if !sleepUntil(ctx, next) {
			return
		}
	}
}

// restore sends the normal readings again, so that alerts end: some time after
// their pages, since the condition is to hold until the page is there.
func (t *trial) restore(ctx context.Context, to *sender) {
	const after = time.Second
	var work conc.WaitGroup
	defer work.Wait()
	for {
		select {
		case c := <-t.paged:
			work.Go(func() {
				if sleepUntil(ctx, time.Now().Add(after)) {
					_, _ = to.send(ctx, body(c.normal, time.Now())) // nothing that is measured depends on it
				}
			})
		case <-ctx.Done():
			return
		}
	}
}

// wait returns when all pages have come, or nobody waits for the rest any more.
func (t *trial) wait(ctx context.Context) {
	timer := time.NewTimer(t.Patience)
	defer timer.Stop()
	select {
	case <-t.tally.none:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (t *trial) conclude(m *Measured) error {
	m.SamplesPerSecond = t.report.PerSecond
	m.Ack50, m.Ack99 = t.report.Latency.P50, t.report.Latency.P99
	m.SamplesLost = t.report.Lost + t.report.Refused
	for _, n := range t.report.Retries {
		m.Retries += n
	}
	m.Late = t.tally.late(99)
	m.Others = maps.Clone(t.tally.others)
	m.Failed, m.Failure = t.tally.failed()
	for _, c := range append(ofAssets(), ofStreets()...) {
		m.Classes = append(m.Classes, t.tally.times(c, []Class{c}, t.Patience))
	}
	m.Assets = t.tally.times("all rules on single series and assets", ofAssets(), t.Patience)
	m.Streets = t.tally.times("all aggregates over a street", ofStreets(), t.Patience)
	return nil
}
