package demo

import (
	"fmt"
	"slices"
	"time"

	"github.com/belfry-city/belfry/loadtest/city"
)

// act is a hazard in the script: it begins so long after the curtain, takes its
// time to rise to a peak, and is over at the end.
type act struct {
	fault            city.FaultKind
	kind             city.Kind // of the asset; "" for any that is suited
	begin, rise, end time.Duration
	peak             float64
}

// acts are one performance. The first rules without a `for` fire within
// seconds; those that want half a minute of it are begun early, so that all of
// them have paged within a minute.
func acts() []act {
	const s = time.Second
	return []act{
		{fault: city.GasLeak, kind: city.KindSepticTank, begin: 2 * s, rise: 8 * s, end: 50 * s, peak: 72},
		{fault: city.BridgeShift, begin: 3 * s, rise: 5 * s, end: 75 * s, peak: 64},
		{fault: city.MainBurst, begin: 10 * s, rise: 4 * s, end: 85 * s, peak: 0.06},
		{fault: city.RoadFlood, begin: 10 * s, rise: 8 * s, end: 70 * s, peak: 340},
		{fault: city.TunnelSmoke, begin: 22 * s, rise: 5 * s, end: 80 * s, peak: 0.018},
		{fault: city.GasLeak, kind: city.KindGasWell, begin: 4 * s, rise: 4 * s, end: 100 * s, peak: 24},
		{fault: city.TankOverflow, kind: city.KindSepticTank, begin: 48 * s, rise: 6 * s, end: 105 * s, peak: 2.6},
		{fault: city.Silence, kind: city.KindGasWell, begin: 50 * s, end: 95 * s},
		{fault: city.TunnelFumes, begin: 70 * s, rise: 6 * s, end: 135 * s, peak: 190},
		{fault: city.HydrogenSulphide, kind: city.KindSepticTank, begin: 110 * s, rise: 6 * s, end: 140 * s, peak: 32},
	}
}

// performance is how long one lasts; then the next begins, with other assets.
const performance = 3 * time.Minute

// script makes hazards happen, for as long as the demo runs.
type script struct {
	city  *city.City
	began time.Time
	count int // of performances that are scheduled
}

func newScript(c *city.City, began time.Time) *script { return &script{city: c, began: began} }

// prepare schedules what may be felt up to an instant. It must not run while
// the city is being read.
func (s *script) prepare(until time.Time) error {
	for ; !s.began.Add(time.Duration(s.count) * performance).After(until); s.count++ {
		curtain := s.began.Add(time.Duration(s.count) * performance)
		taken := map[string]bool{}
		for _, a := range acts() {
			id, err := s.cast(a, taken)
			if err != nil {
				return err
			}
			taken[id] = true
			if _, err := s.city.Schedule(city.Fault{
				Kind: a.fault, Asset: id, Onset: curtain.Add(a.begin), End: curtain.Add(a.end), Rise: a.rise, Peak: a.peak,
			}); err != nil {
				return fmt.Errorf("script of the demo: %w", err)
			}
		}
	}
	return nil
}

// cast chooses an asset for an act, another one in each performance, that has
// no part yet.
func (s *script) cast(a act, taken map[string]bool) (string, error) {
	suited := slices.DeleteFunc(s.city.Suited(a.fault), func(id string) bool {
		asset, _ := s.city.Asset(id)
		return taken[id] || a.kind != "" && asset.Kind != a.kind
	})
	if len(suited) == 0 {
		return "", fmt.Errorf("script of the demo: nothing to which %s can happen", a.fault)
	}
	const stride = 3
	return suited[(1+s.count*stride)%len(suited)], nil
}
