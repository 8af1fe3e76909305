package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/app"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/telemetry"
	"github.com/belfry-city/belfry/loadtest/city"
)

// Options of a demo. The zero value of each has a meaning.
type Options struct {
	Listen string // host:port; "" is 127.0.0.1:9400
	// ExternalURL is where people reach Belfry, and links lead; "" is Listen.
	ExternalURL string
	Insecure    bool          // let everyone in where Listen is beyond loopback
	DataDir     string        // kept; "" is a temporary directory that is removed
	Duration    time.Duration // when to stop; 0 is never
	Speed       float64       // of the replay, times real time; 0 is 600
	Scale       float64       // of the simulated district: 1 makes about 100,000 series; 0 is 0.15
	NoPast      bool          // begin without readings, hazards and events of before
	Language    config.Language
	JSON        bool // JSON lines instead of text
	Colour      bool
	// Width says how many columns the terminal has; nil when Stdout is none.
	Width          func() int
	Stdout, Stderr io.Writer
}

// Limits of Options.Speed. Slower, a reading would be too old for a query when
// the next one comes.
const (
	defaultSpeed = 600
	slowest      = 20
	fastest      = 3600
)

// patience is how long a device of the demo may be silent: more than the program
// that speaks for all of them has to wait on a busy machine.
const patience = 10 * time.Second

// evaluationInterval is how often rules are evaluated in the demo.
const evaluationInterval = time.Second

// reporter tells what happens. Its methods are called concurrently.
type reporter interface {
	every() time.Duration // how often it wants to hear a status
	preparing() error     // the past is being made
	start(opening) error
	page(pager.Page) error
	status(progress) error
	stopping() error
	finish(closing) error
}

// opening is what a reporter says first, progress what it says in between, and
// closing what it says last.
type (
	opening struct {
		url      string
		mqtt     string // host:port
		hj212    string
		dataDir  string
		kept     bool
		assets   int
		speed    float64
		duration time.Duration
	}
	progress struct {
		status
		ran       time.Duration
		perSecond float64
		series    int
	}
	closing struct {
		totals
		ran     time.Duration
		dataDir string
		kept    bool
	}
)

// demo is one that runs.
type demo struct {
	o            Options
	dir          directory
	tally        *tally
	metrics      *metrics.Set
	report       reporter
	catalog      *catalog.Catalog
	cancel       context.CancelFunc
	began, ended time.Time

	mu   sync.Mutex
	errs []error
}

// Run runs the demo until ctx ends or its time is over, then says how it went.
// A temporary directory is gone when it returns.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.complete(); err != nil {
		return err
	}
	cfg, err := o.config(ctx)
	if err != nil {
		return err
	}
	dir, err := openDirectory(o.DataDir)
	if err != nil {
		return err
	}
	cfg.DataDir = dir.path
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &demo{o: o, dir: dir, tally: newTally(), metrics: telemetry.NewSet(telemetry.ReadBuild()), cancel: cancel}
	runErr := d.run(ctx, cfg)
	if err := errors.Join(runErr, dir.remove()); err != nil {
		return err
	}
	return quiet(d.report.finish(closing{
		totals: d.tally.totals(), ran: d.ended.Sub(d.began), dataDir: dir.path, kept: dir.kept,
	}))
}

func (o *Options) complete() error {
	if o.Speed == 0 {
		o.Speed = defaultSpeed
	}
	if !(o.Speed >= slowest && o.Speed <= fastest) {
		return fmt.Errorf("--speed: want a number from %d to %d; got %v", slowest, fastest, o.Speed)
	}
	if o.Scale == 0 {
		o.Scale = defaultScale
	}
	if !(o.Scale >= smallest && o.Scale <= largest) {
		return fmt.Errorf("--scale: want a number from %v to %v, of which 1 makes about 100,000 series; got %v", smallest, largest, o.Scale)
	}
	if o.Duration < 0 {
		return fmt.Errorf("--duration: want a duration such as 1m30s; got %v", o.Duration)
	}
	if o.Listen == "" {
		o.Listen = config.Default().Listen
	}
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		return fmt.Errorf("--listen: want HOST:PORT, such as 127.0.0.1:9400; got %q", o.Listen)
	}
	if o.Language == "" {
		o.Language = config.LanguageEnglish
	}
	return nil
}

func (o *Options) config(ctx context.Context) (*config.Config, error) {
	c := config.Default()
	c.Listen = o.Listen
	address, want := config.WebAddress(o.ExternalURL)
	if want != "" {
		return nil, fmt.Errorf("--external-url: want %s; got %q", want, o.ExternalURL)
	}
	c.ExternalURL = address
	c.Auth.Insecure = o.Insecure
	c.Language = o.Language
	c.EvaluationInterval = evaluationInterval
	if c.CheckExposure(ctx) != nil {
		return nil, fmt.Errorf("%s can be reached from beyond this machine; listen on 127.0.0.1, or let everyone in by --insecure", o.Listen)
	}
	c.Devices.Least = patience
	listenForDevices(ctx, c)
	return c, nil
}

// reporter chooses how the demo speaks, and where its log goes.
func (o *Options) reporter() (reporter, *slog.Logger) {
	// Pages are logged as warnings; here they are shown.
	logs := config.Log{Level: slog.LevelError, Format: config.LogText}
	if o.JSON {
		return &jsonLines{out: o.Stdout}, telemetry.NewLogger(o.Stderr, logs)
	}
	t := &terminal{
		speech: speech{phrases: phrasesOf(o.Language), language: o.Language, zone: time.Local, colour: o.Colour},
		out:    o.Stdout, width: o.Width,
	}
	if t.width == nil {
		return t, telemetry.NewLogger(o.Stderr, logs)
	}
	return t, telemetry.NewLogger(t, logs)
}

// run serves, feeds and reports until ctx ends.
func (d *demo) run(ctx context.Context, cfg *config.Config) error {
	var logger *slog.Logger
	d.report, logger = d.o.reporter()
	district, err := newCity(d.o.Scale)
	if err != nil {
		return err
	}
	if d.catalog, err = newCatalog(district); err != nil {
		return err
	}
	w := newWatchmen(district)
	d.began = time.Now()
	d.ended = d.began
	busy, err := d.prepare(ctx, cfg, district, w)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // whoever stops it meanwhile wants no more
	case err != nil:
		return explained(err, cfg)
	}
	a, err := app.New(ctx, app.Options{
		Config: cfg, Logger: logger, Metrics: d.metrics, Deliver: d.deliver, Catalog: d.catalog,
	})
	if err != nil {
		return explained(err, cfg)
	}
	d.began = time.Now()
	f, err := d.newFeed(district)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	f.district.script.leave(busy)
	writer := newWriter(a.URL(), d.tally)
	defer writer.close()
	f.send = writer.write
	return d.play(ctx, a, f.run, func(ctx context.Context) error { return w.run(ctx, writer.see) })
}

// play runs Belfry, what feeds it, and who reports. The feeds end first, so
// that all they have sent is answered.
func (d *demo) play(ctx context.Context, a *app.App, feeds ...func(context.Context) error) error {
	if d.o.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.o.Duration)
		defer cancel()
	}
	if err := d.report.start(d.opening(a)); err != nil {
		return errors.Join(err, a.Close())
	}
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	var server, others conc.WaitGroup
	server.Go(func() {
		d.end(a.Run(serving))
	})
	for _, feed := range feeds {
		others.Go(func() {
			if err := feed(ctx); err != nil {
				d.end(err)
			}
		})
	}
	others.Go(func() { d.observe(ctx) })
	<-ctx.Done()
	others.Wait()
	d.ended = time.Now()
	if err := d.report.stopping(); err != nil {
		d.end(err)
	}
	stopServing()
	server.Wait()
	return d.failure()
}

// end ends the demo, because of an error or without one.
func (d *demo) end(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.errs = append(d.errs, err)
	d.cancel()
}

func (d *demo) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return quiet(errors.Join(d.errs...))
}

// quiet drops the error of writing to a pipe that nobody reads: whoever closes
// its other end wants no more.
func quiet(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

func (d *demo) opening(a *app.App) opening {
	return opening{
		url: a.URL(), mqtt: a.MQTTAddr().String(), hj212: a.HJ212Addr().String(), dataDir: d.dir.path, kept: d.dir.kept, assets: d.catalog.Len(), speed: d.o.Speed, duration: d.o.Duration,
	}
}

// deliver shows pages; it is what the pager calls.
func (d *demo) deliver(_ context.Context, pages []pager.Page) error {
	for _, p := range pages {
		d.tally.page(p)
		if err := d.report.page(p); err != nil {
			d.end(err)
			return err
		}
	}
	return nil
}

// newFeed makes everything that is played from now on.
func (d *demo) newFeed(c *city.City) (*feed, error) {
	f := &feed{}
	for _, read := range []func() (recording, error){parkingRecording, airRecording} {
		r, err := read()
		if err != nil {
			return nil, err
		}
		f.replays = append(f.replays, &replay{recording: r, began: d.began, speed: d.o.Speed})
	}
	var err error
	f.district, err = newDistrict(c, d.began)
	return f, err
}

// observe reports how things stand, again and again.
func (d *demo) observe(ctx context.Context) {
	ticks := time.NewTicker(d.report.every())
	defer ticks.Stop()
	series := d.metrics.GetOrCreateGauge(`belfry_store_series`, nil)
	last, lastStored := d.began, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		now := time.Now()
		p := progress{status: d.tally.status(), ran: now.Sub(d.began), series: int(series.Get())}
		p.perSecond = float64(p.stored-lastStored) / now.Sub(last).Seconds()
		last, lastStored = now, p.stored
		if err := d.report.status(p); err != nil {
			d.end(err)
			return
		}
	}
}

// explained says what to do about an error that has a remedy.
func explained(err error, c *config.Config) error {
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another program; choose another address, such as --listen 127.0.0.1:0 for any free port", c.Listen)
	case errors.As(err, &op) && op.Op == "listen":
		reason := op.Err
		var call *os.SyscallError
		if errors.As(err, &call) {
			reason = call.Err
		}
		return fmt.Errorf("cannot listen on %s: %w; choose another address, such as --listen 127.0.0.1:0", c.Listen, reason)
	case errors.Is(err, tsdb.ErrInUse):
		return fmt.Errorf("%s is in use by another Belfry; name another directory by --data-dir, or none for a temporary one", c.DataDir)
	}
	return err
}
