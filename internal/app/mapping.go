package app

import (
	"errors"

	"github.com/belfry-city/belfry/collector/input/mapping"
	"github.com/belfry-city/belfry/internal/config"
)

// jsonDecoders are the mappings of the configuration.
func (a *App) jsonDecoders(c *config.Config) (decoders, error) {
	all := decoders{}
	var errs []error
	for _, m := range c.Inputs.JSON {
		d, err := mapping.New(mapping.Options{Mapping: m, Timezone: c.Timezone, Catalog: a.catalog.Load, Metrics: a.opts.Metrics})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all["json/"+m.Name] = d
	}
	return all, errors.Join(errs...)
}
