package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/anomaly/watch"
	"github.com/belfry-city/belfry/alerting/evaluate"
	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/alerting/trigger"
	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/input/hj212"
	"github.com/belfry-city/belfry/collector/input/lorawan"
	"github.com/belfry-city/belfry/collector/input/scrape"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/liveness"
	"github.com/belfry-city/belfry/collector/parking"
	"github.com/belfry-city/belfry/collector/plate"
	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/httpapi/access"
	"github.com/belfry-city/belfry/internal/httpapi/hazardapi"
	"github.com/belfry-city/belfry/internal/telemetry"
)

// Options of an App. Config, Logger and Metrics are required.
type Options struct {
	Config *config.Config
	// Read reads the configuration again for a reload; nil keeps Config.
	Read    func() (*config.Config, error)
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Deliver shows the pages of the default pager configuration.
	Deliver func(context.Context, []pager.Page) error
	// Catalog, if not nil, is added to what the configuration names.
	Catalog *catalog.Catalog
	// Kinds are the models that detectors may have; nil: all there are.
	Kinds []model.Kind
}

// App is one running Belfry.
type App struct {
	opts     Options
	logger   *slog.Logger
	registry *prometheus.Registry

	listener  net.Listener
	store     *tsdb.Store
	forward   forwarders
	engine    *promql.Engine
	catalog   atomic.Pointer[catalog.Catalog]
	series    *catalogSeries
	pager     paging
	evaluator *evaluate.Evaluator
	anomaly   *watch.Watcher
	decoders  atomic.Pointer[decoders]
	mqtt      mqttInput
	otlp      atomic.Pointer[otlpDecoder]
	scraper   *scrape.Scraper
	frames    *lorawan.Frames
	parking   *parking.Tracker
	intake    *intake.Intake
	writes    atomic.Pointer[intake.Intake] // the same, for whoever is started before
	devices   *liveness.Liveness            // nil: none is watched
	hj212     *hj212.Server                 // nil: not listened for
	hj212Addr net.Addr
	events    *event.Store
	hazards   *hazard.Store
	hazardAPI *hazardapi.Handler
	cameras   cameras
	guard     *access.Guard
	server    *http.Server

	ready    atomic.Bool
	reloadMu sync.Mutex
	cleanUp  []func() error // last in, first out
	drainBy  time.Time      // see finish
}

// newApp returns an App that has opened nothing, and remembers nothing.
func newApp(o Options) *App {
	return &App{opts: o, logger: o.Logger, registry: prometheus.NewRegistry(), frames: lorawan.NewFrames()}
}

// New opens everything and begins to evaluate rules; Run then serves. An App
// that New returned without an error must be closed by Run or Close.
func New(ctx context.Context, o Options) (_ *App, err error) {
	a := newApp(o)
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	c := o.Config
	a.newCameras(c)
	// Everything that can be wrong in files is looked at before anything is opened.
	in, err := a.readInputs(c)
	if err != nil {
		return nil, err
	}
	if err := a.listen(c); err != nil {
		return nil, err
	}
	if err := a.openStore(c); err != nil {
		return nil, err
	}
	if err := a.startForward(c); err != nil {
		return nil, err
	}
	if err := a.openEvents(c); err != nil {
		return nil, err
	}
	a.catalog.Store(in.catalog)
	a.decoders.Store(&in.decoders)
	if err := a.startAlerting(c, in); err != nil {
		return nil, err
	}
	if err := a.startAnomaly(c, in); err != nil {
		return nil, err
	}
	if err := a.startParking(ctx, c); err != nil {
		return nil, err
	}
	a.intake = intake.New(intake.Options{
		Store: a.store, Events: keptEvents{a.events}, Metrics: o.Metrics, Lag: a.evaluator.Lag, MaxNew: c.Limits.Body,
		Unheard: a.newDevices(c),
		Derive:  []intake.Deriver{a.parking}, DeriveWrite: []intake.WriteDeriver{a.parking}, Redactor: plate.Redactor{},
	})
	a.writes.Store(a.intake)
	a.guard, err = access.New(ctx, access.Options{
		Listen: c.Listen, ExternalURL: c.ExternalURL, Auth: c.Auth, Metrics: o.Metrics, Logger: a.logger.With("component", "http"),
	})
	if err != nil {
		return nil, err
	}
	if err := a.applyOTLP(c); err != nil {
		return nil, err
	}
	a.watchCameras()
	if err := a.startInputs(c); err != nil {
		return nil, err
	}
	if err := a.buildServer(c); err != nil {
		return nil, err
	}
	a.watchDevices()
	// Last, since upstream's parts register metrics before they can be read.
	a.startSeries()
	return a, nil
}

func (a *App) listen(c *config.Config) error {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s (key listen): %w", c.Listen, err)
	}
	a.listener = l
	a.onClose(func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

func (a *App) openStore(c *config.Config) error {
	s, err := tsdb.Open(tsdb.Options{
		Dir:            filepath.Join(c.DataDir, "tsdb"),
		Retention:      retention(c),
		RetentionBytes: c.Retention.Size,
		SeriesLimit:    int(c.Limits.Series),
		MaxExemplars:   exemplars(c),
		Late:           max(c.Limits.Late, time.Millisecond), // 0 would be the store's default
		Early:          max(c.Limits.Early, time.Millisecond),
		NoSync:         c.Durability == config.DurabilityOS,
		DiskReserve:    c.DiskReserve,
		Logger:         a.logger.With("component", "tsdb"),
		Metrics:        a.opts.Metrics,
	})
	if err != nil {
		return fmt.Errorf("data directory %s: %w", c.DataDir, err)
	}
	a.store = s
	a.onClose(s.Close)
	if c.Durability == config.DurabilityOS {
		a.logger.Warn("durability is os: a write is acknowledged before it is on disk, and a power cut can lose it")
	}
	return nil
}

func retention(c *config.Config) time.Duration {
	if c.Retention.Time == 0 {
		return tsdb.NoLimit
	}
	return c.Retention.Time
}

func exemplars(c *config.Config) int {
	if c.Limits.Exemplars == 0 {
		return tsdb.NoExemplars
	}
	return int(c.Limits.Exemplars)
}

func newEngine(c *config.Config, logger *slog.Logger, reg prometheus.Registerer) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger:                   logger,
		Reg:                      reg,
		MaxSamples:               int(c.Query.MaxSamples),
		Timeout:                  c.Query.Timeout,
		LookbackDelta:            c.Query.Lookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return c.EvaluationInterval.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
	})
}

func (a *App) startAlerting(c *config.Config, in inputs) error {
	external := externalURL(c, a.Addr())
	if err := a.openHazards(c, external); err != nil {
		return err
	}
	p, err := a.startPager(c, in, external)
	if err != nil {
		return err
	}
	a.pager = p
	a.onClose(func() error { return withinStopTime(p.Stop) })

	// Rules have an engine of their own: the limits of queries are not theirs.
	a.engine = newEngine(c, a.logger.With("component", "rules"), nil)
	e, err := evaluate.New(evaluate.Options{
		Queryable:      a.store,
		Appendable:     a.store,
		Engine:         a.engine,
		Sender:         a.hazards.Before(p),
		Catalog:        a.catalog.Load,
		Interval:       c.EvaluationInterval,
		Lookback:       c.Query.Lookback,
		Watch:          func(x *trigger.Index) { a.store.Watch(samples{x}) },
		Storing:        a.storing,
		Metrics:        a.opts.Metrics,
		ExternalLabels: c.ExternalLabels,
		ExternalURL:    external,
		DataDir:        filepath.Join(c.DataDir, "alerts"),
		Logger:         a.logger.With("component", "rules"),
		Registerer:     a.registry,
	})
	if err != nil {
		return err
	}
	a.evaluator = e
	a.onClose(func() error { return withinStopTime(e.Stop) })
	if err := e.Reload(in.rules); err != nil {
		return err
	}
	a.series = &catalogSeries{
		catalog: a.catalog.Load,
		store:   a.store,
		logger:  a.logger.With("component", "catalog"),
		changed: make(chan struct{}, 1),
	}
	// Rules join readings of before with it, which are older than its newest sample.
	if err := a.series.once(context.Background(), time.Now()); err != nil {
		a.logger.Warn("the catalog's series are stored later", "err", err)
	}
	e.Start()
	return nil
}

// storing is for how long samples have been stored, by all who do together.
func (a *App) storing() time.Duration {
	if in := a.writes.Load(); in != nil {
		return in.Worked()
	}
	return 0
}

// samples are what wakes rules.
type samples struct{ index *trigger.Index }

// Watch implements tsdb.Watcher.
func (s samples) Watch(series labels.Labels, known bool) tsdb.Watched {
	if w := s.index.Watch(series, known); w != nil {
		return w
	}
	return nil // and not a nil pointer that is something
}

func (a *App) startSeries() {
	ctx, cancel := context.WithCancel(context.Background())
	var work conc.WaitGroup
	own := &selfMetrics{
		write:    a.WriteMetrics,
		store:    a.store,
		instance: a.Addr(),
		logger:   a.logger,
	}
	work.Go(func() { a.series.run(ctx) })
	work.Go(func() { own.run(ctx) })
	a.onClose(func() error {
		cancel()
		work.Wait()
		return nil
	})
}

// Addr is the address that is listened on, as host:port.
func (a *App) Addr() string { return a.listener.Addr().String() }

// URL is where a client on this machine reaches this Belfry.
func (a *App) URL() string {
	scheme := "http"
	if a.opts.Config.TLS.Cert != "" {
		scheme = "https"
	}
	return scheme + "://" + a.Addr()
}

func externalURL(c *config.Config, addr string) *url.URL {
	if c.ExternalURL != nil {
		return c.ExternalURL
	}
	scheme := "http"
	if c.TLS.Cert != "" {
		scheme = "https"
	}
	return &url.URL{Scheme: scheme, Host: addr}
}

func (a *App) onClose(f func() error) { a.cleanUp = append(a.cleanUp, f) }

// Close undoes New. It is not needed after Run.
func (a *App) Close() error {
	a.ready.Store(false)
	var errs []error
	for len(a.cleanUp) > 0 {
		last := len(a.cleanUp) - 1
		errs = append(errs, a.cleanUp[last]())
		a.cleanUp = a.cleanUp[:last]
	}
	return errors.Join(errs...)
}

// stopTime is how long a part may take to finish what it has begun.
const stopTime = 10 * time.Second

func withinStopTime(stop func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	return stop(ctx)
}

const (
	// drainTime is how long the inputs together may take to finish what they have
	// begun, which they cannot while the disk is full: `docker stop` kills after ten
	// seconds.
	drainTime = 6 * time.Second
	// leastDrain is what each has of it, however long the others took.
	leastDrain = 250 * time.Millisecond
)

// finish stops an input.
func (a *App) finish(stop func(context.Context) error) error {
	now := time.Now()
	if a.drainBy.IsZero() {
		a.drainBy = now.Add(drainTime)
	}
	by := a.drainBy
	if least := now.Add(leastDrain); by.Before(least) {
		by = least
	}
	ctx, cancel := context.WithDeadline(context.Background(), by)
	defer cancel()
	return stop(ctx)
}

// WriteMetrics writes what /metrics shows.
func (a *App) WriteMetrics(w io.Writer) error {
	return telemetry.Exposition{Own: a.opts.Metrics, Upstream: prometheus.Gatherers{a.store, a.registry}}.WritePrometheus(w)
}
