package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/forward"
	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/forward/remote"
	"github.com/belfry-city/belfry/internal/config"
)

// forwarders are those that run, by name. They are used by New, Close, and
// Reload, which holds App.reloadMu.
type forwarders map[string]runningForwarder

type runningForwarder struct {
	*forward.Forwarder
	config config.Forward
}

func (a *App) forwardDir() string { return filepath.Join(a.opts.Config.DataDir, "forward") }

// startForward begins to send. The forwarders stop when nothing is written any
// more, and before the store is closed.
func (a *App) startForward(c *config.Config) error {
	a.forward = forwarders{}
	a.onClose(func() error { return a.stopForward(slices.Collect(maps.Keys(a.forward))) })
	return a.reloadForward(c)
}

// reloadForward leaves alone what has not changed.
func (a *App) reloadForward(c *config.Config) error {
	wanted := map[string]config.Forward{}
	for _, f := range c.Forward {
		wanted[f.Name] = f
	}
	var leaving []string
	for name, running := range a.forward {
		if !reflect.DeepEqual(running.config, wanted[name]) {
			leaving = append(leaving, name)
		}
	}
	errs := []error{a.stopForward(leaving), a.forgetForward(wanted)}
	for _, f := range c.Forward {
		if _, runs := a.forward[f.Name]; runs {
			continue
		}
		fresh, err := a.newForwarder(f)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fresh.Start()
		a.forward[f.Name] = runningForwarder{fresh, f}
	}
	return errors.Join(errs...)
}

func (a *App) stopForward(names []string) error {
	return withinStopTime(func(ctx context.Context) error {
		var work conc.WaitGroup
		errs := make([]error, len(names))
		for i, name := range names {
			f := a.forward[name]
			work.Go(func() { errs[i] = f.Stop(ctx) })
			delete(a.forward, name)
		}
		work.Wait()
		return errors.Join(errs...)
	})
}

// forgetForward lets go of the log that was kept for targets that are no longer
// configured, and would fill the disk.
func (a *App) forgetForward(wanted map[string]config.Forward) error {
	entries, err := os.ReadDir(a.forwardDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for forwarders that are gone: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if _, ok := wanted[e.Name()]; !ok && e.IsDir() {
			errs = append(errs, forward.Forget(filepath.Join(a.forwardDir(), e.Name())))
		}
	}
	return errors.Join(errs...)
}

func (a *App) newForwarder(f config.Forward) (*forward.Forwarder, error) {
	address, err := url.Parse(f.URL)
	if err != nil {
		return nil, fmt.Errorf("forwarder %s: %w", f.Name, err)
	}
	trust, err := f.TLS.Client()
	if err != nil {
		return nil, fmt.Errorf("forwarder %s: %w", f.Name, err)
	}
	dialect := line.Dialect(f.Dialect)
	if f.Dialect == config.ForwardDialectAuto {
		dialect = ""
	}
	return forward.New(forward.Options{
		Name: f.Name,
		Target: remote.Options{
			Type: remote.Type(f.Type), URL: address, Org: f.Org, Bucket: f.Bucket, User: f.Username, Token: f.Token,
			Timeout: f.Timeout, Compress: f.Compression == config.ForwardGzip, TLS: trust, Agent: "belfry",
		},
		Filter:      f.Matchers(),
		Labels:      a.forwardLabels(f),
		DropLabels:  f.DropLabels,
		Names:       line.Names(f.Names),
		Dialect:     dialect,
		Batch:       int(f.Batch),
		Wait:        f.Wait,
		Connections: int(f.Connections),
		Buffer:      f.Buffer,
		Resend:      f.Resend,
		WAL:         a.store.LogDir(),
		Dir:         filepath.Join(a.forwardDir(), f.Name),
		Log:         a.store,
		Short:       func() bool { return a.store.CheckRoom() != nil },
		Logger:      a.logger.With("component", "forward"),
		Metrics:     a.opts.Metrics,
	})
}

// forwardLabels are the external labels, as Prometheus adds them to what it
// writes elsewhere, and the target's own, which win.
func (a *App) forwardLabels(f config.Forward) labels.Labels {
	b := labels.NewBuilder(a.opts.Config.ExternalLabels)
	for name, value := range f.Labels {
		b.Set(name, value)
	}
	return b.Labels()
}
