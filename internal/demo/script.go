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
	peak             float64 // 0: the fault's own
	// every says in which performances it is played: in one of so many, the turn
	// first of which is the number turn. 0: in each.
	every, turn int
	// same has it befall what the act before it befalls.
	same bool
}

// acts are one performance. The first rules without a `for` fire within
// seconds; those that want half a minute of it are begun early, so that all of
// them have paged within a minute. What a rule holds for minutes or hours has its
// turn less often.
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
		{fault: city.Silence, kind: city.KindGasWell, begin: 40 * s, end: 165 * s}, // which is three times its pace in a large city
		{fault: city.TunnelFumes, kind: city.KindTunnelCO, begin: 70 * s, rise: 6 * s, end: 135 * s, peak: 190},
		{fault: city.HydrogenSulphide, kind: city.KindSepticTank, begin: 110 * s, rise: 6 * s, end: 140 * s, peak: 32},

		{fault: city.ManholeOpened, begin: 30 * s, end: 120 * s},
		{fault: city.LampLeakage, begin: 36 * s, rise: 3 * s, end: 130 * s},
		{fault: city.TreeLeaning, begin: 6 * s, rise: 5 * s, end: 150 * s, every: 20},
		{fault: city.CameraDown, begin: 26 * s, end: 170 * s, every: 2},
		{fault: city.BridgeStrain, kind: city.KindBridge, begin: 60 * s, rise: 6 * s, end: 150 * s, every: 2, turn: 1},
		{fault: city.TankOverflow, kind: city.KindDrain, begin: 95 * s, rise: 6 * s, end: 160 * s, peak: 2.4, every: 2, turn: 1},
		{fault: city.ManholeMoved, begin: 90 * s, end: 150 * s, every: 2, turn: 1},
		{fault: city.PumpShaking, begin: 100 * s, rise: 5 * s, end: 160 * s, every: 2, turn: 1},
		{fault: city.ClockOff, kind: city.KindSepticTank, begin: 10 * s, rise: 2 * s, end: 200 * s, every: 3},
		{fault: city.FansStopped, kind: city.KindTunnel, begin: 20 * s, end: 240 * s, every: 3, turn: 1},
		{fault: city.TunnelFumes, kind: city.KindTunnel, begin: 20 * s, rise: 6 * s, end: 235 * s, peak: 96, every: 3, turn: 1, same: true},
		{fault: city.LotFull, begin: 15 * s, rise: 4 * s, end: 300 * s, every: 4},
		{fault: city.LotOverfull, begin: 15 * s, rise: 4 * s, end: 480 * s, every: 4, turn: 2},
	}
}

// performance is how long one lasts; then the next begins, with other assets.
const performance = 3 * time.Minute

// isOn says whether an act is played in a performance.
func (a *act) isOn(count int) bool { return a.every == 0 || count%a.every == a.turn }

// script makes hazards happen, for as long as the demo runs.
type script struct {
	city  *city.City
	began time.Time
	count int // of performances that are scheduled
	// until is how long an asset has a part.
	until map[string]time.Time
}

func newScript(c *city.City, began time.Time) *script {
	return &script{city: c, began: began, until: map[string]time.Time{}}
}

// leave keeps assets out of the script.
func (s *script) leave(ids []string) {
	const ever = 100 * 365 * 24 * time.Hour
	for _, id := range ids {
		s.until[id] = s.began.Add(ever)
	}
}

// prepare schedules what may be felt up to an instant. It must not run while
// the city is being read.
func (s *script) prepare(until time.Time) error {
	for ; !s.began.Add(time.Duration(s.count) * performance).After(until); s.count++ {
		curtain := s.began.Add(time.Duration(s.count) * performance)
		before := ""
		for _, a := range acts() {
			if !a.isOn(s.count) {
				continue
			}
			id := before
			if !a.same {
				var err error
				if id, err = s.cast(a, curtain); err != nil {
					return err
				}
			}
			before, s.until[id] = id, curtain.Add(a.end+a.rise)
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
// no part at the time.
func (s *script) cast(a act, curtain time.Time) (string, error) {
	suited := slices.DeleteFunc(s.city.Suited(a.fault), func(id string) bool {
		asset, _ := s.city.Asset(id)
		return s.until[id].After(curtain) || a.kind != "" && asset.Kind != a.kind || a.fault == city.CameraDown && observes(asset)
	})
	if len(suited) == 0 {
		return "", fmt.Errorf("script of the demo: nothing to which %s can happen", a.fault)
	}
	const stride = 3
	return suited[(1+s.count*stride)%len(suited)], nil
}
