package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/belfry-city/belfry/loadtest/bench/inputs"
	"github.com/belfry-city/belfry/loadtest/bench/server"
)

// The parts of the benchmark besides line protocol and questions.
const (
	partPages       = "pages"
	partMQTT        = "mqtt"
	partHJ212       = "hj212"
	partRemoteWrite = "remotewrite"
	partPosted      = "posted"
	partOTLP        = "otlp"
	partScrape      = "scrape"
)

// inputs measures the other inputs, one after the other.
func (o *options) inputs(ctx context.Context, products []server.Product, dir string, say func(string, ...any)) (rows []inputs.Row, err error) {
	var belfry server.Belfry
	var peer server.Product
	for _, p := range products {
		if b, ok := p.(server.Belfry); ok {
			belfry = b
		} else {
			peer = p
		}
	}
	if belfry.Binary == "" {
		return nil, nil
	}
	for _, part := range []struct {
		name string
		run  func() ([]inputs.Row, error)
	}{
		{partRemoteWrite, func() ([]inputs.Row, error) {
			return inputs.RemoteWrite(ctx, belfry, peer, inputs.RemoteWriteOptions{
				Seed: o.Seed, Scale: o.Scale, Samples: o.Samples / 2, Connections: o.Connections, Series: 2000,
				Interval: o.Interval, Dir: dir, Say: say,
			})
		}},
		{partOTLP, func() ([]inputs.Row, error) {
			say("OTLP")
			return inputs.OTLP(ctx, belfry, peer, dir, inputs.OTLPOptions{Connections: o.Connections, Requests: 2000, Points: 2000})
		}},
		{partScrape, func() ([]inputs.Row, error) {
			say("scrape: 500 targets")
			return inputs.Scrape(ctx, belfry, peer, dir, inputs.ScrapeOptions{Targets: 500, Series: 200, During: 20 * time.Second})
		}},
		{partMQTT, func() ([]inputs.Row, error) { return mqtt(ctx, belfry, dir, say) }},
		{partHJ212, func() ([]inputs.Row, error) {
			h := inputs.HJ212Options{Devices: 10_000, Interval: 5 * time.Second, During: 20 * time.Second}
			say("HJ 212: %d devices", h.Devices)
			row, err := inputs.HJ212(ctx, belfry, dir, h)
			return []inputs.Row{row}, err
		}},
		{partPosted, func() ([]inputs.Row, error) {
			return inputs.PostAll(ctx, belfry, dir, inputs.PostOptions{Connections: 32, Messages: 30_000, Devices: 1000}, say)
		}},
	} {
		if !slices.Contains(o.Parts, part.name) {
			continue
		}
		more, err := part.run()
		if err != nil {
			return rows, fmt.Errorf("measuring %s: %w", part.name, err)
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// mqtt compares with the bare mosquitto, which stores nothing.
func mqtt(ctx context.Context, belfry server.Belfry, dir string, say func(string, ...any)) (rows []inputs.Row, err error) {
	mosquitto, err := exec.LookPath("mosquitto")
	if err != nil {
		mosquitto, err = exec.LookPath("/usr/sbin/mosquitto")
	}
	if err != nil {
		return nil, errors.Join(errors.New("looking for mosquitto (make tools installs it)"), err)
	}
	for _, o := range []inputs.MQTTOptions{
		{Publishers: 50, Window: 20, Readings: 1, During: 10 * time.Second},
		{Publishers: 50, Window: 20, Readings: 10, During: 10 * time.Second},
	} {
		say("MQTT: %d readings a message", o.Readings)
		row, err := inputs.MQTT(ctx, belfry, dir, o)
		if err != nil {
			return rows, err
		}
		peer, err := inputs.Mosquitto(ctx, mosquitto, o)
		if err != nil {
			return rows, err
		}
		rows = append(rows, row, peer)
	}
	return rows, nil
}
