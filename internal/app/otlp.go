package app

import (
	"reflect"

	"github.com/belfry-city/belfry/collector/input/otlp"
	"github.com/belfry-city/belfry/internal/config"
)

// otlpDecoder is the decoder of OpenTelemetry's metrics with the settings that
// it was made of.
type otlpDecoder struct {
	*otlp.Decoder
	settings config.OTLP
}

// applyOTLP makes the decoder anew where its settings have changed: it knows
// sums that are worth keeping. Limits stay those that Belfry began with.
func (a *App) applyOTLP(c *config.Config) error {
	running, set := a.otlp.Load(), c.Inputs.OTLP
	if running != nil && reflect.DeepEqual(running.settings, set) {
		return nil
	}
	began := a.opts.Config
	d, err := otlp.New(otlp.Options{
		Translation:     string(set.Translation),
		Promote:         set.Promote,
		PromoteAll:      set.PromoteAll,
		Ignore:          set.Ignore,
		KeepIdentifying: set.KeepIdentifying,
		PromoteScope:    set.PromoteScope,
		CustomBuckets:   set.CustomBuckets,
		Cumulate:        set.Delta == config.OTLPDeltaCumulative,
		Streams:         int(began.Limits.Series),
		Late:            max(began.Limits.Late, 1),
		Early:           max(began.Limits.Early, 1),
		Lookback:        began.Query.Lookback,
		MaxBody:         began.Limits.Body,
		MaxPoint:        began.Limits.Line,
	})
	if err != nil {
		return err
	}
	a.otlp.Store(&otlpDecoder{d, set})
	if running == nil {
		a.onClose(func() error { return a.otlp.Load().Close() })
		return nil
	}
	return running.Close()
}

func (a *App) otlpDecoder() *otlp.Decoder { return a.otlp.Load().Decoder }
