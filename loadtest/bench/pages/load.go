package pages

import (
	"fmt"
	"slices"
	"time"

	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/influx"
)

// District is what sends readings all the time.
type District struct {
	city    *city.City
	streams []*city.Stream
	// Series is how many there are.
	Series int
}

// NewDistrict takes from a city's streams whether its bays are taken, 24,000 at
// scale 1, and 10,000 other series.
func NewDistrict(seed uint64, scale float64) (*District, error) {
	c, err := city.New(city.Options{Seed: seed, Scale: scale})
	if err != nil {
		return nil, err
	}
	left := map[string]int{}
	for _, measurement := range []string{"gas", "well", "device", "camera"} {
		left[measurement] = int(1000 * scale)
	}
	d := &District{city: c}
	for _, s := range c.Streams() {
		if s.Measurement == "parking_bay" {
			s = s.First(1)
		}
		if n, limited := left[s.Measurement]; limited {
			if n == 0 {
				continue
			}
			left[s.Measurement]--
		}
		d.streams = append(d.streams, s)
		d.Series += len(s.Fields)
	}
	return d, nil
}

// Streets are the district's, as series name them.
func (d *District) Streets() []string {
	return d.distinct(func(a *city.Asset) string { return a.Street })
}

// Lots are the car parks that have bays.
func (d *District) Lots() []string {
	return d.distinct(func(a *city.Asset) string { return a.Parent })
}

func (d *District) distinct(of func(*city.Asset) string) (all []string) {
	for _, s := range d.streams {
		if v := of(s.Asset); v != "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// rounds are the requests; in each round all series report once. step is how far
// the city's time goes on between two rounds.
func (d *District) rounds(lines int, step time.Duration) (*influx.Rounds, error) {
	encoder, err := influx.NewEncoder("street", "parent")
	if err != nil {
		return nil, err
	}
	const ready = 12
	return influx.NewRounds(d.streams, encoder, influx.RoundsOptions{Lines: lines, Ready: ready, Start: time.Now(), Step: max(step, time.Millisecond)})
}

// catalogLines are what Belfry makes of a catalog by itself and others have to be
// sent: thresholds, and what assets with sensors are. Lines have no time.
func (d *District) catalogLines(all []*cause) (lines []string) {
	limit := func(asset, metric, direction, level string, value float64) {
		lines = append(lines, fmt.Sprintf("asset,asset=%s,metric=%s,direction=%s,level=%s threshold=%v", asset, metric, direction, level, value))
	}
	for _, a := range d.city.Assets() {
		for _, t := range a.Thresholds {
			limit(a.ID, t.Metric, t.Direction, t.Level, t.Value)
		}
		if a.Domain != "parking" && a.Domain != "camera" {
			lines = append(lines, fmt.Sprintf("asset,asset=%s,domain=%s,kind=%s,street=%s info=1", a.ID, a.Domain, a.Kind, a.Street))
		}
	}
	for _, c := range all {
		if c.own != nil {
			limit(c.own.asset, c.own.metric, "above", "critical", c.own.value)
		}
	}
	return lines
}
