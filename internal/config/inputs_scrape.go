package config

import "github.com/belfry-city/belfry/internal/config/strict"

// scrape keeps the entries as they are: they are Prometheus' own, which
// collector/input/scrape reads.
func (p *parser) scrape(v strict.Value, in *Inputs) {
	in.Scrape = nil
	strict.List(v, "a list of what to scrape, each as an entry of Prometheus' scrape_configs", func(v strict.Value) {
		in.Scrape = append(in.Scrape, v.Raw())
	})
}
