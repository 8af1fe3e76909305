package app

import (
	"github.com/belfry-city/belfry/collector/input/lorawan"
	"github.com/belfry-city/belfry/internal/config"
)

// lorawanDecoders are for the network servers' events, however they arrive.
func (a *App) lorawanDecoders(c *config.Config) decoders {
	o := lorawan.Options{Catalog: a.catalog.Load, Metrics: a.opts.Metrics, Frames: a.frames, Config: c.Inputs.LoRaWAN}
	return decoders{"chirpstack": lorawan.NewChirpStack(o), "tts": lorawan.NewTTS(o)}
}
