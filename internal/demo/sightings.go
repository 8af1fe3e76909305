package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/demo/past"
	"github.com/belfry-city/belfry/internal/demo/picture"
	"github.com/belfry-city/belfry/loadtest/city"
)

// sightingPace is how often some camera sees something: at first, until there is
// something of each domain, and then.
const (
	firstPace    = 4 * time.Second
	firstSights  = 11
	sightingPace = 20 * time.Second
)

// sighting is a kind of problem that cameras of the demo see.
type sighting struct{ kind, domain, severity string }

// sightings are what they see in turn: first something of each domain, and seldom
// what people are paged for at once.
func sightings() []sighting {
	return []sighting{
		{"garbage_overflow", "road", "warning"},
		{"weeds", "landscape", "info"},
		{"illegal_parking", "parking", "warning"},
		{"street_lamp_out", "lighting", "info"},
		{"manhole_cover_missing", "drainage", "critical"},
		{"floating_debris", "water", "warning"},
		{"bridge_overload", "bridge", "critical"},
		{"tunnel_leak", "tunnel", "warning"},
		{"cabinet_open", "device", "warning"},
		{"loitering", "camera", "info"},
		{"gas_leak", "gas", "critical"},
		{"shared_bike_disorder", "parking", "info"},
		{"branch_broken", "landscape", "warning"},
		{"road_crack", "road", "info"},
		{"street_vendor", "road", "warning"},
		{"street_lamp_damaged", "lighting", "warning"},
		{"drain_blocked", "drainage", "warning"},
		{"intrusion", "camera", "warning"},
		{"absence", "device", "info"},
		{"fire_lane_blocked", "parking", "critical"},
		{"illegal_fishing", "water", "info"},
		{"road_pothole", "road", "warning"},
		{"fallen_tree", "landscape", "critical"},
		{"small_ads", "road", "info"},
	}
}

// observes says whether a camera is one of those that see something; the script
// has only others fail, since who sees something is not down.
func observes(a *city.Asset) bool {
	return a.Kind == city.KindCamera && (a.ID[len(a.ID)-1]-'0')%2 == 1
}

// cityZone has the clocks of the simulated district.
func cityZone() *time.Location {
	const east = 8 * 3600
	return time.FixedZone("Asia/Shanghai", east)
}

// watchmen are the cameras that see something, one after the other.
type watchmen struct {
	cameras []string
	rng     *rand.Rand
	count   int
}

func newWatchmen(c *city.City) *watchmen {
	w := &watchmen{rng: rand.New(rand.NewPCG(districtSeed, 1))}
	for _, a := range c.Assets() {
		if observes(a) {
			w.cameras = append(w.cameras, a.ID)
		}
	}
	return w
}

// before are the sightings of the last month, the oldest first: a few a day, and
// more of late.
func (w *watchmen) before(until time.Time) ([]past.Sighting, error) {
	const month, seldom, day, often = 30 * 24 * time.Hour, 6 * time.Hour, 24 * time.Hour, 40 * time.Minute
	var out []past.Sighting
	for at := until.Add(-month); ; {
		pace := often
		if until.Sub(at) > day {
			pace = seldom
		}
		at = at.Add(pace/2 + time.Duration(w.rng.Int64N(int64(pace))))
		if !at.Before(until) {
			return out, nil
		}
		s, err := w.look(at)
		if err != nil {
			return nil, err
		}
		drawn := s.picture
		s.picture = nil
		raw, err := s.message()
		if err != nil {
			return nil, err
		}
		out = append(out, past.Sighting{
			ID: s.id(), Camera: s.camera, Kind: s.kind, At: at, Confidence: s.confidence, Picture: drawn, Raw: raw,
			Box: reading.Box{X: s.box.X, Y: s.box.Y, Width: s.box.Width, Height: s.box.Height},
		})
	}
}

// look is what a camera sees next.
func (w *watchmen) look(at time.Time) (seen, error) {
	all := sightings()
	n := w.count
	w.count++
	s := seen{sighting: all[n%len(all)], camera: w.cameras[(7*n)%len(w.cameras)], at: at, confidence: float64(720+w.rng.IntN(250)) / 1000}
	var err error
	s.picture, s.box, err = picture.Draw(picture.Scene{Camera: s.camera, Kind: s.kind, Domain: s.domain, Time: at.In(cityZone()), Seed: w.rng.Uint64()})
	return s, err
}

// seen is something that a camera saw.
type seen struct {
	sighting
	camera     string
	at         time.Time
	confidence float64
	picture    []byte
	box        picture.Box
}

// message is what an AI box posts.
func (s *seen) message() ([]byte, error) {
	text, err := json.Marshal(struct {
		Camera      string     `json:"camera"`
		Kind        string     `json:"kind"`
		ID          string     `json:"id"`
		Time        int64      `json:"time"`
		Confidence  float64    `json:"confidence"`
		Box         [4]float64 `json:"box"`
		Image       []byte     `json:"image,omitempty"` // base64
		Description string     `json:"description"`
	}{
		s.camera, s.kind, s.id(), s.at.UnixMilli(), s.confidence, [4]float64{s.box.X, s.box.Y, s.box.Width, s.box.Height}, s.picture,
		past.Simulated + " " + past.SimulatedZH,
	})
	if err != nil {
		return nil, fmt.Errorf("word what a camera saw: %w", err)
	}
	return text, nil
}

func (s *seen) id() string { return fmt.Sprintf("demo-%d", s.at.UnixMilli()) }

// run begins the list anew, and has cameras see things until ctx ends.
func (w *watchmen) run(ctx context.Context, send func(context.Context, []byte) error) error {
	ticks := time.NewTicker(firstPace)
	defer ticks.Stop()
	w.count = 0
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		if n == firstSights {
			ticks.Reset(sightingPace)
		}
		s, err := w.look(time.Now())
		if err != nil {
			return err
		}
		text, err := s.message()
		if err != nil {
			return err
		}
		if err := send(ctx, text); err != nil {
			return err
		}
	}
}
