package app

import (
	"maps"
	"slices"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/internal/config"
)

// decoders are those of messages, by the names that URLs and MQTT topics in the
// configuration have for them, such as chirpstack or json/pump.
type decoders map[string]input.Decoder

// readDecoders makes the decoders that a configuration asks for. It is called
// again for a reload, so what a decoder remembers belongs into the App.
func (a *App) readDecoders(c *config.Config) (decoders, error) {
	all := decoders{}
	maps.Copy(all, lineDecoders(c))
	maps.Copy(all, a.lorawanDecoders(c))
	seen, err := a.cameraDecoders(c)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, seen)
	bays, err := a.parkingDecoders(c)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, bays)
	frames, err := a.hj212Decoders(c)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, frames)
	mapped, err := a.jsonDecoders(c)
	maps.Copy(all, mapped)
	return all, err
}

func (a *App) decoder(name string) (input.Decoder, bool) {
	d, ok := (*a.decoders.Load())[name]
	return d, ok
}

func (a *App) decoderNames() []string { return slices.Sorted(maps.Keys(*a.decoders.Load())) }

// startInputs starts the listeners and clients. They stop before the store is
// closed, and finish what they have begun.
func (a *App) startInputs(c *config.Config) error {
	if err := a.startHJ212(c); err != nil {
		return err
	}
	if err := a.startMQTT(c); err != nil {
		return err
	}
	return a.startScrape(c)
}
