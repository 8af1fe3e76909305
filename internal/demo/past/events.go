package past

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/collector/reading"
)

// Sighting is something that a camera saw.
type Sighting struct {
	ID, Camera, Kind string
	At               time.Time
	Confidence       float64 // 0 to 1
	Picture          []byte  // JPEG
	Box              reading.Box
	// Raw is the message of the camera, without the picture.
	Raw []byte
}

// held is how long the hazard of a sighting lasts: as long as a sample is new to
// queries, and then as long as the rule holds it.
const held = 15 * time.Minute

// writeEvents writes what cameras saw.
func writeEvents(ctx context.Context, o Options, kinds *camera.Kinds) (err error) {
	now := o.Until
	s, err := event.Open(event.Options{
		Dir: filepath.Join(o.Dir, "events"), MaxRaw: 16 << 10, MaxPicture: 1 << 20, NoSync: true,
		Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(), TrimEvery: time.Hour,
		Now: func() time.Time { return now },
	})
	if err != nil {
		return fmt.Errorf("write the events of the demo's past: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	all := make([]reading.Event, len(o.Sightings))
	for i := range o.Sightings {
		seen := &o.Sightings[i]
		k, ok := kinds.Get(seen.Kind)
		if !ok {
			return fmt.Errorf("the demo's past: there is no kind %s", seen.Kind)
		}
		all[i] = reading.Event{
			ID: seen.ID, Time: seen.At.UnixMilli(), Asset: seen.Camera, Kind: k.ID, VendorKind: k.ID, Vendor: camera.Generic,
			Domain: k.Domain, Severity: k.Severity, Team: k.Team, Description: Simulated + " " + SimulatedZH,
			Confidence: seen.Confidence, Box: &seen.Box, Picture: seen.Picture, PictureType: "image/jpeg", Raw: seen.Raw,
		}
	}
	if err := s.Add(ctx, all); err != nil {
		return fmt.Errorf("write the events of the demo's past: %w", err)
	}
	return nil
}

// seenDangers are the hazards of sightings that are over, one a day of each camera
// and kind.
func seenDangers(o Options, words *alerter) (out []*incident, err error) {
	last := map[string]time.Time{}
	for _, s := range o.Sightings {
		key := s.Camera + "\xff" + s.Kind
		if s.At.Add(held).After(o.Until) || s.At.Before(last[key]) {
			continue
		}
		last[key] = s.At.Add(24 * time.Hour)
		rule, ok := words.ruleOf(s.Kind)
		if !ok {
			return nil, fmt.Errorf("the demo's past: no rule reads the kind %s", s.Kind)
		}
		const ofDanger, ofRest = 0.5, 0.7
		limit := ofRest
		if rule.Labels["severity"] == critical {
			limit = ofDanger
		}
		out = append(out, &incident{
			rule: rule.Name, series: labels.FromStrings("asset", s.Camera, "kind", s.Kind), from: s.At, to: s.At.Add(held), value: s.Confidence, limit: limit,
		})
	}
	return out, nil
}
