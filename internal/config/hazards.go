package config

import (
	"time"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// Hazards says how alerts become hazards, and how long these are kept.
type Hazards struct {
	Reopen time.Duration // within which an alert that returns opens its hazard again
	Time   time.Duration // since they were resolved; 0: no limit
	Size   int64         // bytes on disk; 0: no limit
	Stream time.Duration // how long their events can be followed; 0: as long as the hazards
}

func defaultHazards() Hazards {
	return Hazards{Reopen: 30 * time.Minute, Time: 365 * 24 * time.Hour, Size: 5_000_000_000, Stream: 7 * 24 * time.Hour}
}

func (p *parser) hazards(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Hazards, strict.Keys[Hazards]{
		"reopen": func(v strict.Value, h *Hazards) { strict.Set(v, &h.Reopen, strict.Duration(0, "30m")) },
		"time":   func(v strict.Value, h *Hazards) { strict.Set(v, &h.Time, strict.Duration(0, "365d")) },
		"size":   func(v strict.Value, h *Hazards) { strict.Set(v, &h.Size, strict.Size(0, "5GB")) },
		"stream": func(v strict.Value, h *Hazards) { strict.Set(v, &h.Stream, strict.Duration(0, "7d")) },
	})
	if c.Hazards.Size > 0 && c.Hazards.Size < 1<<20 {
		v.Refuse("want size to be 0 or at least 1MiB; got %d bytes", c.Hazards.Size)
	}
	if c.Hazards.Time > 0 && c.Hazards.Time < c.Hazards.Reopen {
		v.Refuse("want time to be at least reopen, so that what may return is there still; got %s and %s",
			duration(c.Hazards.Time), duration(c.Hazards.Reopen))
	}
}
