package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/hj212"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

const hj212Name = "hj212"

// hj212Decoders is also for gateways that pass frames on over HTTP or MQTT.
func (a *App) hj212Decoders(c *config.Config) (decoders, error) {
	table, err := hj212.NewTable(c.Inputs.HJ212.Codes)
	if err != nil {
		return nil, err
	}
	return decoders{hj212Name: hj212.NewDecoder(hj212.DecoderOptions{
		Table: table, Zone: c.Timezone, Catalog: a.catalog.Load, ValidFlags: c.Inputs.HJ212.ValidFlags,
	})}, nil
}

// current is the decoder that has the name after the last reload.
type current struct {
	app  *App
	name string
}

// Decode implements input.Decoder.
func (d current) Decode(m *input.Message, out *reading.Builder) {
	if decoder, ok := d.app.decoder(d.name); ok {
		decoder.Decode(m, out)
	}
}

func (a *App) startHJ212(c *config.Config) error {
	h := c.Inputs.HJ212
	if h.Listen == "" {
		return nil
	}
	// Devices behind mobile networks vanish without a word, and pay for bytes.
	lc := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 30 * time.Second, Count: 4}}
	l, err := lc.Listen(context.Background(), "tcp", h.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s (key inputs.hj212.listen): %w", h.Listen, err)
	}
	a.onClose(func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	a.hj212Addr = l.Addr()
	if h.TLS {
		cert, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
		if err != nil {
			return fmt.Errorf("key inputs.hj212.tls: want a certificate and its key under tls: %w", err)
		}
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}})
	}
	const waiting = 32 << 20 // bytes of messages that wait for the store
	queue := a.intake.NewQueue(hj212Name, waiting)
	a.hj212 = hj212.New(hj212.Options{
		Queue: queue, Refuser: a.intake, Decoder: current{a, hj212Name},
		Stations: hj212Stations(h), Zone: c.Timezone,
		MaxSegment: int(h.MaxSegment), MaxConnections: int(h.MaxConnections),
		IdleTime: h.IdleTimeout, FrameTime: h.FrameTimeout, PartTime: h.PartTimeout,
		HeartbeatAnswer: h.HeartbeatAnswer,
		Metrics:         a.opts.Metrics, Logger: a.logger.With("component", "hj212"),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var work conc.WaitGroup
	work.Go(func() { queue.Run(ctx) })
	a.hj212.Serve(l)
	a.logger.Info("listening for HJ 212", "address", l.Addr().String(), "stations", len(h.Stations))
	a.onClose(func() error {
		err := a.finish(a.hj212.Stop)
		cancel()
		work.Wait()
		return err
	})
	return nil
}

// reloadHJ212 changes who may send.
func (a *App) reloadHJ212(c *config.Config) {
	if a.hj212 != nil {
		a.hj212.SetStations(hj212Stations(c.Inputs.HJ212))
	}
}

func hj212Stations(h config.HJ212) []hj212.Station {
	if h.Stations == nil {
		return nil
	}
	all := make([]hj212.Station, 0, len(h.Stations))
	for _, s := range h.Stations {
		station := hj212.Station{MN: s.MN, Password: s.Password}
		if s.Asset != "" {
			station.Labels = append(station.Labels, input.Label{Name: "asset", Value: s.Asset})
		}
		for name, value := range s.Labels {
			station.Labels = append(station.Labels, input.Label{Name: name, Value: value})
		}
		all = append(all, station)
	}
	return all
}

// HJ212Addr is the address that is listened on for HJ 212, or nil.
func (a *App) HJ212Addr() net.Addr { return a.hj212Addr }
