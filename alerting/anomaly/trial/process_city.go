package trial

import (
	"math"
	"math/rand/v2"
)

// moreProcesses are those that Hard has besides.
func moreProcesses() []process {
	return []process{
		{"river level", 10 * minute, 6000, river, []string{"spike", "stuck", "shift up", "shift down", "noisy", "outage"}},
		{"bays taken", 15 * minute, 4500, baysTaken, []string{"flat day", "stuck", "outage", "double", "mirror"}},
		{"gas", minute, 7000, gas, []string{"spike", "burst", "shift up", "ramp", "noisy"}},
		{"battery", 60 * minute, 2500, battery, []string{"dip", "shift down", "ramp", "stuck", "noisy"}},
		{"switch", 5 * minute, 4032, onOff, []string{"stuck", "dense", "outage"}},
		{"pump current", minute, 8000, pumpCurrent, []string{"shift up", "stuck", "ramp", "noisy", "dense"}},
		{"vibration", minute, 8000, vibration, []string{"ramp", "shift up", "burst", "spike", "double"}},
		{"latency", 5 * minute, 4032, latency, []string{"burst", "shift up", "spike", "double", "ramp"}},
		{"key hold", 11 * minute, 1900, keyHold, []string{"shift up", "burst", "noisy", "spike", "double"}},
		{"queue", 5 * minute, 5000, queue, []string{"burst", "ramp", "stuck", "double"}},
		{"meter", 15 * minute, 6000, meter, []string{"flat day", "shift up", "spike", "mirror", "stuck", "outage"}},
		{"visitors", 60 * minute, 3000, visitors, []string{"burst", "flat day", "outage", "double", "spike"}},
		{"wind", 10 * minute, 5000, wind, []string{"spike", "stuck", "shift up", "outage"}},
		{"light", 15 * minute, 5000, light, []string{"flat day", "stuck", "shift down", "outage", "spike", "mirror"}},
		{"set point", 5 * minute, 4032, setPoint, []string{"spike", "noisy", "dip", "dense"}},
		{"errors", 5 * minute, 6000, errorCounts, []string{"burst", "spike", "shift up", "dense"}},
		{"disk used", 5 * minute, 4032, diskUsed, []string{"shift up", "ramp", "stuck", "spike", "shift down"}},
		{"speed of traffic", 5 * minute, 3000, speed, []string{"dip", "shift down", "stuck", "spike", "noisy"}},
		{"exact rhythm", 5 * minute, 4032, exact, []string{"flat day", "spike", "mirror", "double", "shift up", "noisy"}},
		{"random walk", 5 * minute, 4032, walk, []string{"spike", "stuck", "noisy", "burst", "shift up"}},
	}
}

// river is a level in metres that rises fast after rain and falls slowly.
func river(r *rand.Rand, n int, step int64) []float64 {
	v, high := make([]float64, n), 0.
	for i := range v {
		high *= 0.995
		if r.Float64() < 0.0015 {
			high += 0.5 * r.ExpFloat64()
		}
		target := high
		if i > 0 {
			target = v[i-1]/100 + 0.08*(high-v[i-1]/100)
		}
		v[i] = 100 * target
	}
	for i := range v {
		v[i] = math.Round(200+v[i]+0.8*r.NormFloat64()) / 100
	}
	return v
}

// baysTaken are those of a car park: full at noon on working days, empty at night.
func baysTaken(r *rand.Rand, n int, step int64) []float64 {
	v, slow := make([]float64, n), autoregressive(r, n, 0.97, 0.06)
	room := float64(60 + r.IntN(400))
	for i := range v {
		p := phase(i, step, day)
		level := 0.55 + 0.6*math.Sin(p-1.9) + slow[i]
		if int64(i)*step%(7*day) >= 5*day {
			level *= 0.6
		}
		v[i] = math.Round(room * math.Max(0, math.Min(1, level)))
	}
	return v
}

// gas is what a coarse sensor measures in a tunnel, with puffs that are blown away.
func gas(r *rand.Rand, n int, step int64) []float64 {
	v, puff := make([]float64, n), 0.
	for i := range v {
		puff *= 0.9
		if r.Float64() < 0.002 {
			puff += 1.5 * r.ExpFloat64()
		}
		v[i] = math.Max(0, math.Round(10*(0.3+0.15*r.NormFloat64()+puff))/10)
	}
	return v
}

// battery is a voltage, coarse, that falls slowly.
func battery(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	fall := 0.3 * r.Float64() / float64(n)
	for i := range v {
		v[i] = math.Round(100*(3.6-fall*float64(i)+0.02*math.Sin(phase(i, step, day))+0.004*r.NormFloat64())) / 100
	}
	return v
}

// onOff is 0 or 1, for as long as it likes.
func onOff(r *rand.Rand, n int, step int64) []float64 {
	v, on, left := make([]float64, n), 0., 0
	for i := range v {
		if left == 0 {
			on = 1 - on
			left = 3 + int(20*r.ExpFloat64()*(1.5-on))
		}
		left--
		v[i] = on
	}
	return v
}

// pumpCurrent is that of a pump which is switched on and off.
func pumpCurrent(r *rand.Rand, n int, step int64) []float64 {
	v, on, left := make([]float64, n), false, 0
	for i := range v {
		if left == 0 {
			on, left = !on, 20+r.IntN(40)
		}
		left--
		v[i] = 0.2 + 0.05*math.Abs(r.NormFloat64())
		if on {
			v[i] = 18 + 0.6*r.NormFloat64()
		}
	}
	return v
}

// vibration is the root mean square of an accelerometer, with shocks.
func vibration(r *rand.Rand, n int, step int64) []float64 {
	v := autoregressive(r, n, 0.97, 0.25)
	for i := range v {
		v[i] = 2 * math.Exp(v[i]+0.2*math.Sin(phase(i, step, day))+0.12*r.NormFloat64())
		if r.Float64() < 0.003 {
			v[i] *= 1 + r.ExpFloat64()
		}
	}
	return v
}

// latency is how long requests take in milliseconds: of a heavy tail, and it wanders.
func latency(r *rand.Rand, n int, step int64) []float64 {
	v := autoregressive(r, n, 0.99, 0.15)
	for i := range v {
		v[i] = 45 * math.Exp(v[i]+0.15*r.NormFloat64())
		if r.Float64() < 0.01 {
			v[i] *= 1 + 1.5*r.ExpFloat64()
		}
	}
	return v
}

// keyHold is for how long somebody holds a key: of a heavy tail.
func keyHold(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 0.07 * math.Exp(0.35*r.NormFloat64()) * (1 + 0.2*math.Sin(phase(i, step, day)))
		if r.Float64() < 0.015 {
			v[i] *= 2 + 2*r.Float64()
		}
	}
	return v
}

// queue is how many wait where about as many come as are served.
func queue(r *rand.Rand, n int, step int64) []float64 {
	v, q := make([]float64, n), 0.
	for i := range v {
		q = math.Max(0, q+poisson(r, 9+2*math.Sin(phase(i, step, day)))-poisson(r, 12))
		v[i] = q
	}
	return v
}

// meter is a load of electricity by day and week, which is of another level now and then.
func meter(r *rand.Rand, n int, step int64) []float64 {
	v, regime := autoregressive(r, n, 0.9, 2), 0.
	for i := range v {
		if r.Float64() < 0.0005 {
			regime = 6 * r.NormFloat64()
		}
		p := phase(i, step, day)
		v[i] += 50 + regime + 15*math.Sin(p-2) + 8*math.Sin(2*p)
		if int64(i)*step%(7*day) >= 5*day {
			v[i] -= 10
		}
		v[i] = math.Round(v[i]*10) / 10
	}
	return v
}

// visitors are those of a library, none at night.
func visitors(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = poisson(r, 25*math.Max(0.01, math.Sin(phase(i, step, day)-1.5))*math.Exp(0.2*r.NormFloat64()))
	}
	return v
}

// wind is a speed that gusts.
func wind(r *rand.Rand, n int, step int64) []float64 {
	a, b := autoregressive(r, n, 0.98, 3), autoregressive(r, n, 0.98, 3)
	for i := range a {
		a[i] = math.Hypot(a[i], b[i]) * (1 + 0.15*r.NormFloat64())
	}
	return a
}

// light is that of the sun through clouds, none at night.
func light(r *rand.Rand, n int, step int64) []float64 {
	v, cloud := make([]float64, n), autoregressive(r, n, 0.9, 0.5)
	for i := range v {
		v[i] = math.Round(50000 * math.Max(0, math.Sin(phase(i, step, day)-1.57)) / (1 + math.Exp(cloud[i])))
	}
	return v
}

// setPoint is set by hand now and then, and coarse.
func setPoint(r *rand.Rand, n int, step int64) []float64 {
	v, x := make([]float64, n), 21.
	for i := range v {
		if r.Float64() < 0.002 {
			x = 18 + float64(r.IntN(8))
		}
		v[i] = x
		if r.Float64() < 0.05 {
			v[i] += 0.1 * float64(r.IntN(3)-1)
		}
	}
	return v
}

// errorCounts are 0 but for few times.
func errorCounts(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		if r.Float64() < 0.02 {
			v[i] = 1 + poisson(r, 0.7)
		}
	}
	return v
}

// diskUsed grows until somebody tidies up.
func diskUsed(r *rand.Rand, n int, step int64) []float64 {
	v, x := make([]float64, n), 40.
	every, rate := 250+r.IntN(300), 0.02+0.03*r.Float64()
	for i := range v {
		x += rate * r.ExpFloat64()
		if (i+every/2)%every == 0 || x > 90 {
			x = 40 + 3*r.Float64()
		}
		v[i] = math.Round(100*(x+0.05*r.NormFloat64())) / 100
	}
	return v
}

// speed is that of cars, with jams in the rush hours.
func speed(r *rand.Rand, n int, step int64) []float64 {
	v, jam := make([]float64, n), 0.
	for i := range v {
		jam *= 0.85
		rush := math.Max(0, math.Sin(2*phase(i, step, day)-0.5))
		if r.Float64() < 0.03*rush {
			jam = 20 + 15*r.Float64()
		}
		v[i] = math.Round(math.Max(8, 72-jam-6*rush+4*r.NormFloat64()))
	}
	return v
}

// exact has a day that is the same to half a per cent.
func exact(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 50 + 30*math.Sin(phase(i, step, day)) + 10*math.Sin(3*phase(i, step, day)) + 0.2*r.NormFloat64()
	}
	return v
}

// walk goes where it likes.
func walk(r *rand.Rand, n int, step int64) []float64 {
	v, x := make([]float64, n), 1000.
	for i := range v {
		x += r.NormFloat64()
		v[i] = x + 0.5*r.NormFloat64()
	}
	return v
}
