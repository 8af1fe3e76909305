package demo

import (
	"fmt"
	"time"

	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/influx"
)

// The simulated district: small, and every device reports every second, so
// that there is something to see.
const (
	districtScale    = 0.04
	districtInterval = time.Second
	districtSeed     = 20141003
)

func newCity() (*city.City, error) {
	c, err := city.New(city.Options{Seed: districtSeed, Scale: districtScale, Interval: districtInterval})
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
	said    time.Time // up to here, in whole milliseconds
}

func newDistrict(c *city.City, began time.Time) (*district, error) {
	encoder, err := influx.NewEncoder()
	if err != nil {
		return nil, err
	}
	return &district{city: c, script: newScript(c, began), encoder: encoder, said: began.Truncate(time.Millisecond)}, nil
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
	d.said = until.Truncate(time.Millisecond)
	return dst, values, nil
}
