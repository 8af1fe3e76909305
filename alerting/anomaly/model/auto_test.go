package model_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

const autoDay = 24 * 3600

// cityCase is a sensor of a city in its second week, and what goes wrong with it.
type cityCase struct {
	name string
	// every is how far samples are apart, in seconds.
	every int
	value func(r *rand.Rand, second int) float64
	wrong func(r *rand.Rand, second int, value float64) float64
	// within is how long it may take until it is found, in seconds.
	within int
}

func ofDay(second int) float64 { return 2 * math.Pi * float64(second%autoDay) / autoDay }

func cityCases() []cityCase {
	strain := func(r *rand.Rand, s int) float64 { return 120 + 40*math.Sin(ofDay(s)+0.4) + 3*r.NormFloat64() }
	vibration := func(r *rand.Rand, _ int) float64 { return 2 * math.Exp(0.15*r.NormFloat64()) }
	flow := func(r *rand.Rand, s int) float64 {
		return 40 * (0.3 + 0.6*math.Exp(2*(math.Sin(ofDay(s)-1.5)-1))) * (1 + 0.05*r.NormFloat64())
	}
	gas := func(r *rand.Rand, _ int) float64 { return math.Round(10*(1+0.3*r.NormFloat64())) / 10 }
	var stuckAt float64
	return []cityCase{
		{
			"strain of a bridge drifts out of its daily rhythm", 60, strain,
			func(_ *rand.Rand, s int, v float64) float64 { return v + 60*math.Min(1, float64(s)/(autoDay/2)) }, autoDay,
		},
		{
			"a pump begins to shake", 10, vibration,
			func(_ *rand.Rand, _ int, v float64) float64 { return 2.5 * v }, 30 * 60,
		},
		{
			"a gas sensor is stuck", 60, gas,
			func(_ *rand.Rand, s int, v float64) float64 {
				if s == 0 {
					stuckAt = v
				}
				return stuckAt
			}, autoDay / 2,
		},
		{
			"more water flows at night", 60, flow,
			func(_ *rand.Rand, s int, v float64) float64 {
				if s%autoDay > autoDay/4 {
					return v
				}
				return v + 12
			}, autoDay / 4,
		},
		{
			"a single value is far off", 10, strain,
			func(_ *rand.Rand, s int, v float64) float64 {
				if s == 0 {
					return v + 300
				}
				return v
			}, 1,
		},
	}
}

func TestAutoFindsWhatHappensInACity(t *testing.T) {
	t.Parallel()
	const days, mostFalse = 12, 12
	k := model.Kinds()[0]
	for _, c := range cityCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := drawn(3)
			m := k.New(1, k.Defaults(), nil)
			early, found := 0, -1
			for s := 0; s < days*autoDay+c.within && found < 0; s += c.every {
				v := c.value(r, s)
				if s >= days*autoDay {
					v = c.wrong(r, s-days*autoDay, v)
				}
				score := m.Observe(start/1000*1000+int64(s)*1000, []float64{v}).Score
				switch {
				case score <= 1:
				case s < days*autoDay:
					early++
				default:
					found = s - days*autoDay
				}
			}
			if found < 0 {
				t.Errorf("not found within %d s", c.within)
			}
			if early > mostFalse {
				t.Errorf("%d alarms in the %d days before", early, days)
			}
			t.Logf("found after %d s, %d alarms in %d days before", found, early, days)
		})
	}
}

// Between the bounds lies what is usual, whatever the series is, and they are not wider than they need to be.
func TestAutoKnowsWhereValuesUsuallyAre(t *testing.T) {
	t.Parallel()
	k := model.Kinds()[0]
	for name, next := range ordinary() {
		if name == "constant with rare jumps" {
			continue // it is not known where to
		}
		r := drawn(9)
		m := k.New(1, k.Defaults(), nil)
		x, inside, n := 0., 0, 0
		width, spread := 0., 0.
		for i := range 4000 {
			before := x
			x = next(r, i, x)
			v := m.Observe(start+int64(i)*300_000, []float64{x})
			if i < 500 {
				continue
			}
			n++
			if x >= v.Lower && x <= v.Upper {
				inside++
			}
			width += v.Upper - v.Lower
			spread += math.Abs(x - before)
		}
		if part := float64(inside) / float64(n); part < 0.9 {
			t.Errorf("of a series that is %s, %.0f %% of values are within the bounds", name, 100*part)
		}
		if width > 12*spread {
			t.Errorf("of a series that is %s, bounds are %.1f apart, and a value %.1f from the next", name, width/float64(n), spread/float64(n))
		}
	}
}

// A value that says that there is none, such as -999, is an anomaly, and what comes after it is found as before.
func TestAutoIsNotBlindedByOneValue(t *testing.T) {
	t.Parallel()
	k := model.Kinds()[0]
	for _, wild := range []float64{-999, 1e6, -1e30} {
		for _, at := range []int{20, 55, 1500} {
			r := drawn(5)
			when := alarms(k.New(1, k.Defaults(), nil), 300_000, 3000, func(i int) float64 {
				v := 20 + 3*math.Sin(2*math.Pi*float64(i)/288) + 0.3*r.NormFloat64()
				switch {
				case i == at:
					return wild
				case i >= 2200 && i < 2260:
					return v + 5
				}
				return v
			})
			if at > 1000 && !anyIn(when, at, at+1) {
				t.Errorf("%g is not found: alarms at %v", wild, when)
			}
			if !anyIn(when, 2200, 2220) {
				t.Errorf("after %g at %d a shift is not found: alarms at %v", wild, at, when)
			}
		}
	}
}
