package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/internal/app"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/telemetry"
)

type serveCmd struct {
	Config   string `short:"c" placeholder:"FILE" help:"Configuration file; without one every setting has its default."`
	Listen   string `placeholder:"HOST:PORT" help:"Listen here instead of what the configuration says (127.0.0.1:9400)."`
	DataDir  string `placeholder:"DIR" help:"Keep data here instead of what the configuration says (belfry-data)."`
	Insecure bool   `help:"Serve everyone without tokens, also beyond this machine."`
}

// Help is shown by belfry serve --help.
func (*serveCmd) Help() string {
	return `
Takes readings, stores them, evaluates rules and sends pages, until it is told
to stop by SIGTERM or Ctrl-C. SIGHUP, or POST /-/reload, reads rules, detectors,
catalog, pager configuration and tokens again; if anything in them is wrong, the
running ones stay.

Examples:

  belfry serve
  belfry serve --config belfry.yml
  curl -X POST --data-binary 'gas,asset=W17 ch4_lel_percent=55' http://127.0.0.1:9400/write`
}

func (c *serveCmd) Run(ctx context.Context, g *globals) error {
	cfg, err := c.configuration(ctx)
	if err != nil {
		return err
	}
	build := telemetry.ReadBuild()
	logger := telemetry.NewLogger(g.stderr, cfg.Log)
	logger.Info("starting", "version", build.Version, "config", cfg.File)
	hangups := make(chan os.Signal, 1) // one that comes during the start waits for its end
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	a, err := app.New(ctx, app.Options{
		Config:  cfg,
		Read:    func() (*config.Config, error) { return c.configuration(ctx) },
		Logger:  logger,
		Metrics: telemetry.NewSet(build),
		Deliver: terminal(g.stdout, cfg),
	})
	if err != nil {
		return err
	}
	stopReloads := reloadOn(hangups, a)
	defer stopReloads()
	err = a.Run(ctx)
	logger.Info("stopped")
	return err
}

func (c *serveCmd) configuration(ctx context.Context) (*config.Config, error) {
	cfg := config.Default()
	if c.Config != "" {
		var err error
		if cfg, err = config.Load(c.Config); err != nil {
			return nil, err
		}
	}
	if c.Listen != "" {
		cfg.Listen = c.Listen
	}
	if c.DataDir != "" {
		cfg.DataDir = c.DataDir
	}
	cfg.Auth.Insecure = cfg.Auth.Insecure || c.Insecure
	return cfg, cfg.CheckExposure(ctx)
}

// reloadOn reloads for each signal, and returns a function that ends that.
func reloadOn(signals <-chan os.Signal, a *app.App) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
				_, _ = a.Reload(ctx) // it logs what went wrong
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// terminal shows the pages of the default pager configuration.
func terminal(w io.Writer, cfg *config.Config) func(context.Context, []pager.Page) error {
	options := []pager.FormatOption{pager.InZone(cfg.Timezone)}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		options = append(options, pager.WithColour())
	}
	var mu sync.Mutex
	return func(_ context.Context, pages []pager.Page) error {
		mu.Lock()
		defer mu.Unlock()
		for _, p := range pages {
			if _, err := fmt.Fprintln(w, pager.FormatPage(p, string(cfg.Language), options...)); err != nil {
				return fmt.Errorf("show page on the terminal: %w", err)
			}
		}
		return nil
	}
}
