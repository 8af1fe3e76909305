package demo

import (
	"fmt"
	"time"

	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/influx"
)

// The simulated district is small unless somebody asks for more, and then every
// device reports every second, so that there is something to see. In a larger one
// each kind has its own pace.
const (
	defaultScale = 0.15
	smallest     = 0.05
	largest      = 5
	lively       = 0.25 // up to this scale
	livelyPace   = time.Second
	districtSeed = 20141003
)

func newCity(scale float64) (*city.City, error) {
	o := city.Options{Seed: districtSeed, Scale: scale, Mix: city.Whole()}
	if scale <= lively {
		o.Interval = livelyPace
	}
	c, err := city.New(o)
	if err != nil {
		return nil, fmt.Errorf("make the simulated district: %w", err)
	}
	return c, nil
}

// district says what a city's devices report while a script plays in it.
type district struct {
	city    *city.City
	script  *script
	encoder *influx.Encoder
	warden  *handheld
	said    time.Time // up to here, in whole milliseconds
}

func newDistrict(c *city.City, began time.Time) (*district, error) {
	encoder, err := influx.NewEncoder()
	if err != nil {
		return nil, err
	}
	warden, err := newHandheld(c)
	if err != nil {
		return nil, err
	}
	return &district{city: c, script: newScript(c, began), encoder: encoder, warden: warden, said: began.Truncate(time.Millisecond)}, nil
}

// appendDue appends the lines that are due after the last call up to an
// instant, and says how many values they hold.
func (d *district) appendDue(dst []byte, until time.Time) (lines []byte, values int, err error) {
	if err := d.script.prepare(until); err != nil {
		return dst, 0, err
	}
	for _, s := range d.city.Streams() {
		for at := s.Next(d.said.Add(time.Millisecond)); !at.After(until); at = at.Add(s.Interval) {
			before := len(dst)
			if dst = d.encoder.AppendLine(dst, s, at); len(dst) > before {
				values += len(s.Fields)
			}
		}
	}
	dst, seen := d.warden.appendDue(dst, d.said, until)
	values += seen
	d.said = until.Truncate(time.Millisecond)
	return dst, values, nil
}
