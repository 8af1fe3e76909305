package config

import "github.com/belfry-city/belfry/internal/config/strict"

// Inputs are the streams besides those that come over HTTP by themselves.
type Inputs struct{}

func (p *parser) inputs(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Inputs, strict.Keys[Inputs]{
		"mqtt":    nil,
		"lorawan": nil,
		"hj212":   nil,
		"camera":  nil,
		"parking": nil,
		"json":    nil,
		"scrape":  nil,
	})
}
