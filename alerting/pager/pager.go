package pager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/api"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"

	"github.com/belfry-city/belfry/alerting/pager/failing"
	"github.com/belfry-city/belfry/alerting/pager/journal"
	"github.com/belfry-city/belfry/alerting/pager/owed"
)

// Pager is an Alertmanager. Its methods are safe for concurrent use.
type Pager struct {
	opts     Options
	logger   *slog.Logger
	registry *registrations
	metrics  *ownMetrics
	upstream *upstreamMetrics

	// These live as long as the Pager.
	silences            *silence.Silences
	silenceJournal      *journal.Journal
	silencer            *silence.Silencer
	silenceChange       sync.Mutex // held from the reservation of room to the answer
	notifications       *nflog.Log
	notificationJournal *journal.Journal
	alerts              *inbox
	groups              marker.GroupMarker
	api                 *api.API
	handler             http.Handler
	owed                *owed.Book
	notifying           *notify.Metrics
	dispatching         *dispatch.DispatcherMetrics
	failing             *failing.Watch

	first          *plan                      // until Start
	live           atomic.Pointer[generation] // from Start on
	shown          atomic.Pointer[string]     // the configuration, as the API shows it
	heard          time.Time                  // from when on whoever sends alerts has sent all; set by Start
	resolveTimeout atomic.Int64               // nanoseconds
	stopping       atomic.Bool

	mu       sync.Mutex // serialises Start, Reload and Stop
	started  bool
	stopped  bool
	stopErr  error
	cleanups []cleanup
}

type cleanup struct {
	name string
	stop func(context.Context) error
}

// New reads the configuration and the state on disk. Nothing is sent before Start. A Pager that was made must be
// stopped. Errors in the configuration say file and line.
func New(opts Options) (*Pager, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	opts.setDefaults()
	logger := opts.Logger.With("component", "pager")
	first, err := makePlan(opts.ConfigFile, opts.ExternalURL, opts.speech(), opts.Logger)
	if err != nil {
		return nil, err
	}
	p := &Pager{
		opts: opts, logger: logger, first: first,
		registry: &registrations{Registerer: opts.Registerer},
		metrics:  newOwnMetrics(opts.Metrics),
		groups:   marker.NewGroupMarker(),
	}
	if err := p.setup(); err != nil {
		return nil, errors.Join(err, p.Stop(context.Background()))
	}
	return p, nil
}

// setup makes what lives as long as the Pager. Each step leaves its undoing on the stack that Stop empties.
func (p *Pager) setup() error {
	p.onStop("metrics", func(context.Context) error { p.registry.takeBack(); return nil })
	var err error
	if p.upstream, err = newUpstreamMetrics(p.registry); err != nil {
		return err
	}
	if err := os.MkdirAll(p.opts.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the pager's directory: %w", err)
	}
	if err := p.openState(); err != nil {
		return err
	}
	p.silencer = silence.NewSilencer(p.silences, p.opts.Logger, eventrecorder.NopRecorder())
	p.alerts = &inbox{owed: p.owed}
	p.alerts.Alerts, err = mem.NewAlerts(context.Background(), alertGC, 0, onStore{p.silencer, p.alerts}, p.opts.Logger,
		eventrecorder.NopRecorder(), p.registry, featurecontrol.NoopFlags{})
	if err != nil {
		return fmt.Errorf("make the store of alerts: %w", err)
	}
	p.onStop("alerts", func(context.Context) error { p.alerts.Close(); return nil })
	raise := p.opts.Raise
	if raise == nil {
		raise = p.Send
	}
	p.failing = failing.New(failing.Options{
		Patience: p.opts.failingAfter, Doubt: p.opts.failingDoubt, Raise: raise, Labels: p.opts.ExternalLabels,
		Logger: p.opts.Logger,
	})
	p.onStop("watch of receivers", func(context.Context) error { p.failing.Close(); return nil })
	p.notifying = notify.NewMetrics(p.registry, featurecontrol.NoopFlags{})
	p.dispatching = dispatch.NewDispatcherMetrics(false, p.registry, featurecontrol.NoopFlags{})
	if err := p.makeAPI(); err != nil {
		return err
	}
	p.serve(p.first)
	return nil
}

func (p *Pager) onStop(name string, stop func(context.Context) error) {
	p.cleanups = append(p.cleanups, cleanup{name, stop})
}

// Start begins to route alerts and to send notifications. Starting again does nothing.
func (p *Pager) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return errors.New("pager: Start after Stop")
	}
	if p.started {
		return nil
	}
	p.started, p.heard = true, time.Now().Add(heardWithin)
	p.first.remark(p.logger)
	g := p.newGeneration(p.first)
	p.first = nil
	p.onStop("notifications", func(ctx context.Context) error { return p.live.Load().stop(ctx) })
	p.failing.Resume(g.plan.subjects(), p.opts.Failing...)
	return p.replace(context.Background(), nil, g)
}

// Reload reads the configuration again. If anything in it is wrong, the error says where and everything stays as it
// was.
func (p *Pager) Reload() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return errors.New("pager: Reload after Stop")
	}
	next, err := makePlan(p.opts.ConfigFile, p.opts.ExternalURL, p.opts.speech(), p.opts.Logger)
	if err != nil {
		p.upstream.reloadSuccess.Set(0)
		return err
	}
	if !p.started {
		p.first = next
		p.serve(next)
		return nil
	}
	next.remark(p.logger)
	if err := p.replace(context.Background(), p.live.Load(), p.newGeneration(next)); err != nil {
		// The new configuration is in force; a notification of the old one may go out twice.
		p.logger.Warn("configuration replaced while a notification was under way", "err", err)
	}
	return nil
}

// Stop ends the Pager: notifications under way get five seconds, or until ctx ends, and state is written. Of
// alerts, those are kept that somebody is still to be told of. Stopping again returns the same.
func (p *Pager) Stop(ctx context.Context) error {
	p.stopping.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return p.stopErr
	}
	p.stopped = true
	var errs []error
	for _, c := range slices.Backward(p.cleanups) {
		if err := c.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", c.name, err))
		}
	}
	p.stopErr = errors.Join(errs...)
	return p.stopErr
}

// Handler serves Alertmanager's API under /api/v2/.
func (p *Pager) Handler() http.Handler { return p.handler }

// serve makes a plan the one that the API shows.
func (p *Pager) serve(pl *plan) {
	p.resolveTimeout.Store(int64(time.Duration(pl.conf.Global.ResolveTimeout)))
	p.shown.Store(&pl.shown)
	p.api.Update(pl.conf, p.setStatus)
	p.upstream.loaded(pl)
}

// Check reads a configuration file, "" for the embedded one, with its templates and receivers, and says what is
// wrong with it, by file and line.
func Check(path string) error {
	pl, err := makePlan(path, defaultURL(), speech{English, time.UTC}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	pl.dialer.close()
	return nil
}
