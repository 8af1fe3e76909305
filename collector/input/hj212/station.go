package hj212

import (
	"crypto/subtle"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
)

// Station is a device that may send.
type Station struct {
	MN       string
	Password string
	// Labels are those of all its series; asset, if it is among them, is used
	// instead of what the catalog or the MN say.
	Labels []input.Label
}

// register is who may send: nil means everyone.
type register map[string]*Station

func newRegister(stations []Station) register {
	if stations == nil {
		return nil
	}
	r := make(register, len(stations))
	for i := range stations {
		r[stations[i].MN] = &stations[i]
	}
	return r
}

// stranger is a station of which nothing is known, where everyone may send.
func stranger() *Station { return &Station{} }

// identify says which station a segment comes from, or why it is refused.
func (r register) identify(s *segment, known *Station) (*Station, reading.Reason) {
	if r == nil {
		if known == nil {
			known = stranger()
		}
		return known, ""
	}
	station, ok := r[string(s.mn)]
	if !ok {
		return nil, reading.ReasonUnknownSource
	}
	if subtle.ConstantTimeCompare(s.pw, []byte(station.Password)) != 1 {
		return nil, reading.ReasonUnauthorized
	}
	return station, ""
}
