package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/metric"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/httpapi"
	"github.com/belfry-city/belfry/internal/httpapi/assetapi"
	"github.com/belfry-city/belfry/internal/httpapi/hazardapi"
	"github.com/belfry-city/belfry/internal/httpapi/metricapi"
	"github.com/belfry-city/belfry/internal/httpapi/valuefeed"
)

func (a *App) buildServer(c *config.Config) error {
	queries := newEngine(c, a.logger.With("component", "queries"), a.registry)
	values, err := valuefeed.New(valuefeed.Options{
		Store: a.store, Lookback: c.Query.Lookback, Metrics: a.opts.Metrics, Logger: a.logger.With("component", "http"),
	})
	if err != nil {
		return err
	}
	a.onClose(values.Close)
	hazards, err := hazardapi.New(hazardapi.Options{
		Hazards: a.hazards, Values: values, Language: string(c.Language), Zone: c.Timezone,
		Metrics: a.opts.Metrics, Logger: a.logger.With("component", "http"),
	})
	if err != nil {
		return err
	}
	a.hazardAPI = hazards
	inventory, err := a.inventory()
	if err != nil {
		return err
	}
	handler := httpapi.New(httpapi.Options{
		Hazards:       hazards,
		Inventory:     inventory,
		Intake:        a.intake,
		Input:         a.decoder,
		InputNames:    a.decoderNames,
		OTLP:          a.otlpDecoder,
		Targets:       a.scraper.Targets(),
		BucketLabel:   c.BucketLabel,
		MaxBody:       c.Limits.Body,
		MaxLine:       c.Limits.Line,
		BodyTime:      c.Limits.BodyTime,
		InFlight:      c.Limits.InFlight,
		Events:        a.events,
		KindNames:     a.kindNames,
		Catalog:       a.catalog.Load,
		Store:         a.store,
		Engine:        queries,
		Lookback:      c.Query.Lookback,
		Queries:       int(c.Query.MaxConcurrent),
		QueryTimeout:  c.Query.Timeout,
		Rules:         a.evaluator.Rules(),
		EvaluationLag: a.evaluator.Lag,
		Detectors:     a.anomaly.Show,
		Alertmanager:  a.pager.Handler(),
		Guard:         a.guard,
		Ready:         a.readiness,
		Reload:        a.Reload,
		WriteMetrics:  a.WriteMetrics,
		Listen:        a.Addr(),
		DBDir:         c.DataDir,
		Metrics:       a.opts.Metrics,
		Registerer:    a.registry,
		Gatherer:      prometheus.Gatherers{a.store, a.registry},
		Logger:        a.logger.With("component", "http"),
	})
	a.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.logger.With("component", "http").Handler(), slog.LevelDebug),
	}
	a.server.RegisterOnShutdown(hazards.End)
	if c.TLS.Cert == "" {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
	if err != nil {
		return fmt.Errorf("key tls: %w", err)
	}
	a.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	return nil
}

// inventory are the routes of what there is: assets and metrics.
func (a *App) inventory() ([]httpapi.Routes, error) {
	known := metric.NewTable()
	assets, err := assetapi.New(assetapi.Options{Catalog: a.catalog.Load, Hazards: a.hazards, Store: a.store, Metrics: known})
	if err != nil {
		return nil, err
	}
	metrics, err := metricapi.New(metricapi.Options{Store: a.store, Metrics: known})
	if err != nil {
		return nil, err
	}
	return []httpapi.Routes{assets, metrics}, nil
}

var errStarting = errors.New("it is starting or stopping")

func (a *App) readiness() error {
	if !a.ready.Load() {
		return errStarting
	}
	return nil
}

// Run serves until ctx ends, then answers what is under way and closes
// everything. What was acknowledged is on disk when it returns.
func (a *App) Run(ctx context.Context) error {
	var serveErr error
	var serving conc.WaitGroup
	serving.Go(func() {
		if a.server.TLSConfig != nil {
			serveErr = a.server.ServeTLS(a.listener, "", "")
		} else {
			serveErr = a.server.Serve(a.listener)
		}
	})
	ended := make(chan struct{})
	go func() {
		serving.Wait()
		close(ended)
	}()
	a.ready.Store(true)
	a.logger.Info("serving", "url", a.URL(), "data_dir", a.opts.Config.DataDir)
	select {
	case <-ctx.Done():
	case <-ended:
	}
	a.ready.Store(false)
	err := a.finish(a.server.Shutdown)
	if errors.Is(err, context.DeadlineExceeded) {
		a.logger.Warn("requests that were still under way are cut off; nothing of them was acknowledged", "after", drainTime)
		err = a.server.Close()
	}
	<-ended
	if errors.Is(serveErr, http.ErrServerClosed) {
		serveErr = nil
	}
	return errors.Join(serveErr, err, a.Close())
}
