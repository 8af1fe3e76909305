package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/collector/input/camera/presence"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/httpapi"
)

// cameras are what decoders of cameras remember; it outlives a reload.
type cameras struct {
	presence *presence.Presence
	instants *camera.Instants
}

func (a *App) cameraDecoders(c *config.Config) (decoders, error) {
	kinds, err := camera.KindsOf(c.Inputs.Camera)
	if err != nil {
		return nil, c.Problem("inputs.camera", "%v", err)
	}
	return camera.Decoders(camera.Options{
		Config: c.Inputs.Camera, Kinds: kinds, MaxPicture: int(a.opts.Config.Events.Snapshot),
		Catalog: a.currentCatalog, Zone: c.Timezone,
		Presence: a.cameras.presence, Instants: a.cameras.instants, Metrics: a.opts.Metrics,
	}), nil
}

// cameraSettings are those of the running configuration.
func (a *App) cameraSettings() camera.Options {
	d, _ := a.decoder(camera.Generic)
	return d.(interface{ Settings() camera.Options }).Settings()
}

// openEvents opens the event store. It is opened before the intake is made.
func (a *App) openEvents(c *config.Config) error {
	s, err := event.Open(event.Options{
		Dir: filepath.Join(c.DataDir, "events"), KeepTime: c.Events.Time, KeepBytes: c.Events.Size,
		MaxRaw: int(c.Events.Raw), MaxPicture: int(c.Events.Snapshot),
		Early:  max(c.Limits.Early, time.Millisecond), // 0 would be the store's default
		NoSync: c.Durability == config.DurabilityOS,
		Room:   a.store.CheckRoom,
		Logger: a.logger.With("component", "events"), Metrics: a.opts.Metrics,
	})
	if err != nil {
		return fmt.Errorf("data directory %s: %w", c.DataDir, err)
	}
	a.events = s
	a.onClose(s.Close)
	return nil
}

// keptEvents is the event store in the intake's words.
type keptEvents struct{ *event.Store }

// Add implements intake.Events.
func (k keptEvents) Add(ctx context.Context, events []reading.Event) error {
	err := k.Store.Add(ctx, events)
	switch {
	case errors.Is(err, event.ErrDiskFull):
		return fmt.Errorf("%w: %w", tsdb.ErrDiskFull, err)
	case errors.Is(err, event.ErrClosed):
		return fmt.Errorf("%w: %w", tsdb.ErrClosed, err)
	}
	return err
}

// newCameras is called before any decoder is made.
func (a *App) newCameras(c *config.Config) {
	a.cameras = cameras{
		instants: camera.NewInstants(),
		presence: presence.New(presence.Options{
			File:    filepath.Join(c.DataDir, "cameras.json"),
			Timeout: a.heartbeatTimeout,
			Listed:  func(asset string) bool { _, ok := a.catalog.Load().Asset(asset); return ok },
			Write: func(ctx context.Context, m *input.Message, d input.Decoder) error {
				_, err := a.intake.Take(ctx, "camera", m, d)
				return err
			},
			Logger: a.logger.With("component", "cameras"), Metrics: a.opts.Metrics,
		}),
	}
}

// heartbeatTimeout is what the running configuration says for a vendor.
func (a *App) heartbeatTimeout(vendor string) (timeout time.Duration, strict bool) {
	const otherwise = 5 * time.Minute
	if t, ok := a.cameraSettings().Config.HeartbeatTimeout[vendor]; ok {
		return t, true
	}
	return otherwise, false
}

func (a *App) watchCameras() {
	ctx, cancel := context.WithCancel(context.Background())
	var work conc.WaitGroup
	work.Go(func() { a.cameras.presence.Run(ctx) })
	a.onClose(func() error {
		cancel()
		work.Wait()
		return nil
	})
}

// kindNames gives the names of the running configuration.
type kindNames struct{ *camera.Kinds }

// Names implements httpapi.KindNames.
func (k kindNames) Names(id string) (name, nameZH string) {
	kind, ok := k.Get(id)
	if !ok { // one of an earlier configuration
		return id, id
	}
	return kind.Name, kind.NameZH
}

func (a *App) kindNames() httpapi.KindNames { return kindNames{a.cameraSettings().Kinds} }
