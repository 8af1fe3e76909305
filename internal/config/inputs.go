package config

import "github.com/belfry-city/belfry/internal/config/strict"

// Inputs are the streams besides those that come over HTTP by themselves.
type Inputs struct {
	LoRaWAN LoRaWAN
	OTLP    OTLP
	Scrape  []strict.Raw // entries of Prometheus' scrape_configs
}

func defaultInputs() Inputs {
	return Inputs{LoRaWAN: defaultLoRaWAN(), OTLP: defaultOTLP()}
}

// needRestart is what of the inputs a reload does not change.
func (in Inputs) needRestart() Inputs {
	in.OTLP, in.Scrape = OTLP{}, nil
	in.LoRaWAN = LoRaWAN{}
	return in
}

func (p *parser) inputs(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Inputs, strict.Keys[Inputs]{
		"mqtt":    nil,
		"lorawan": p.lorawan,
		"hj212":   nil,
		"camera":  nil,
		"parking": nil,
		"json":    nil,
		"otlp":    p.otlp,
		"scrape":  p.scrape,
	})
}
