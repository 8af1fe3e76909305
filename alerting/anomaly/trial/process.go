package trial

import (
	"math"
	"math/rand/v2"
)

// process makes what is ordinary for a kind of series.
type process struct {
	name string
	step int64 // milliseconds
	n    int   // samples
	make func(r *rand.Rand, n int, step int64) []float64
	// wrong are the anomalies that such series have, of which one is drawn each time; one that stands twice comes twice as often.
	wrong []string
}

const (
	minute = int64(60_000)
	day    = 24 * 60 * minute
)

// phase is where in a period a sample is, as an angle.
func phase(i int, step, period int64) float64 {
	return 2 * math.Pi * float64(int64(i)*step%period) / float64(period)
}

// autoregressive is noise that forgets slowly, of a given standard deviation.
func autoregressive(r *rand.Rand, n int, memory, sd float64) []float64 {
	v, x := make([]float64, n), 0.
	for i := range v {
		x = memory*x + math.Sqrt(1-memory*memory)*r.NormFloat64()
		v[i] = sd * x
	}
	return v
}

// poisson draws a count.
func poisson(r *rand.Rand, mean float64) float64 {
	if mean > 50 {
		return math.Max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64()))
	}
	limit, k, p := math.Exp(-mean), 0., r.Float64()
	for p > limit {
		k++
		p *= r.Float64()
	}
	return k
}

// processes are those of which Synthetic makes series.
func processes() []process {
	everything := []string{"spike", "dip", "shift up", "shift down", "noisy", "stuck", "ramp", "outage"}
	return []process{
		{"load with jobs", 5 * minute, 4032, loadWithJobs, []string{"spike", "shift up", "outage", "noisy", "burst"}},
		{"quiet load", 5 * minute, 4032, quietLoad, []string{"spike", "shift up", "noisy", "ramp", "burst"}},
		{"bytes", 5 * minute, 4032, bytesOut, []string{"spike", "shift up", "burst", "outage"}},
		{"requests by day and week", 5 * minute, 4032, requests, []string{"spike", "outage", "shift down", "flat day", "burst"}},
		{"counts with bursts", 5 * minute, 10000, bursts, []string{"spike", "burst"}},
		{"air temperature", 60 * minute, 5000, temperature, []string{"ramp", "stuck", "shift up", "noisy", "dip"}},
		{"machine temperature", 5 * minute, 10000, machine, []string{"ramp", "dip", "outage", "noisy"}},
		{"travel time", 10 * minute, 2500, travel, []string{"spike", "shift up", "burst"}},
		{"price of a click", 60 * minute, 1600, price, []string{"spike", "burst", "shift up"}},
		{"passengers", 30 * minute, 10320, passengers, []string{"flat day", "outage", "shift down", "spike"}},
		{"noise", 5 * minute, 4032, whiteNoise, everything},
		{"saw tooth", 5 * minute, 4032, sawTooth, []string{"stuck", "outage", "spike", "shift up"}},
		{"square wave", 5 * minute, 4032, squareWave, []string{"flat day", "spike", "shift up", "noisy", "outage"}},
		{"strain", minute, 8000, strain, []string{"ramp", "shift up", "stuck", "noisy", "spike"}},
		{"flow", minute, 8000, flow, []string{"shift up", "ramp", "stuck", "spike", "outage"}},
	}
}

// loadWithJobs is how busy a machine is that has a job every some hours.
func loadWithJobs(r *rand.Rand, n int, step int64) []float64 {
	v, every := autoregressive(r, n, 0.3, 2), 12+r.IntN(100)
	base := 20 + 30*r.Float64()
	for i := range v {
		v[i] = math.Max(0, base+v[i])
		if i%every < 2 {
			v[i] += 15 + 5*r.NormFloat64()
		}
		if r.Float64() < 0.004 {
			v[i] += 10 * r.ExpFloat64()
		}
		v[i] = math.Min(100, math.Max(0, v[i]))
	}
	return v
}

// quietLoad is how busy a machine is that has little to do.
func quietLoad(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.Round(1000*(0.1+0.03*math.Abs(r.NormFloat64()))) / 1000
		if r.Float64() < 0.01 {
			v[i] += 0.05 * r.ExpFloat64()
		}
	}
	return v
}

// bytesOut are the bytes that a server sends: of a heavy tail, more by day, with a copy of all twice a day.
func bytesOut(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1e5 * math.Exp(0.5*r.NormFloat64()+0.4*math.Sin(phase(i, step, day)))
		if i%72 == 5 || r.Float64() < 0.003 {
			v[i] *= 6 + r.Float64()*3
		}
	}
	return v
}

// requests are those of a service that people use by day and less at the weekend.
func requests(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		mean := 200 * (1.3 + math.Sin(phase(i, step, day)) + 0.3*math.Sin(2*phase(i, step, day)+1))
		if int64(i)*step%(7*day) >= 5*day {
			mean *= 0.6
		}
		v[i] = poisson(r, math.Max(5, mean*(1+0.05*r.NormFloat64())))
	}
	return v
}

// bursts are counts, more by day, of things that bring others with them.
func bursts(r *rand.Rand, n int, step int64) []float64 {
	v, hot := make([]float64, n), 0.
	for i := range v {
		hot *= 0.8
		if r.Float64() < 0.003 {
			hot += 20 * r.ExpFloat64()
		}
		v[i] = poisson(r, 12*(1.3+math.Sin(phase(i, step, day)))*math.Exp(0.3*r.NormFloat64())+hot)
	}
	return v
}

// temperature is that of the air, with day, year and weather.
func temperature(r *rand.Rand, n int, step int64) []float64 {
	v := autoregressive(r, n, 0.995, 3)
	for i := range v {
		v[i] += 15 + 4*math.Sin(phase(i, step, day)) + 6*math.Sin(phase(i, step, 365*day)) + 0.3*r.NormFloat64()
	}
	return v
}

// machine is the temperature of a machine that is set to another load now and then.
func machine(r *rand.Rand, n int, step int64) []float64 {
	v, level := autoregressive(r, n, 0.98, 4), 85.
	for i := range v {
		if r.Float64() < 0.001 {
			level = 85 + 8*r.NormFloat64()
		}
		v[i] += level + 2*math.Sin(phase(i, step, day)) + 0.5*r.NormFloat64()
	}
	return v
}

// travel is how long cars need for a street, in seconds, with two rush hours.
func travel(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		rush := math.Exp(4 * (math.Sin(2*phase(i, step, day)) - 1))
		v[i] = math.Round(70 + 60*rush*r.Float64() + 10*math.Abs(r.NormFloat64()))
		if r.Float64() < 0.01 {
			v[i] += math.Round(80 * r.Float64())
		}
	}
	return v
}

// price is what an advertisement costs: of a heavy tail.
func price(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 0.1 * math.Exp(0.3*r.NormFloat64()+0.2*math.Sin(phase(i, step, day)))
		if r.Float64() < 0.02 {
			v[i] *= 1 + 2*r.Float64()
		}
	}
	return v
}

// passengers are those of a taxi company or a metro, by day and week.
func passengers(r *rand.Rand, n int, step int64) []float64 {
	v, slow := make([]float64, n), autoregressive(r, n, 0.99, 0.05)
	for i := range v {
		p := phase(i, step, day)
		weekend := 0.
		if int64(i)*step%(7*day) >= 5*day {
			weekend = 1
		}
		v[i] = 15000 * (1 + 0.5*math.Sin(p-2) + 0.25*math.Sin(2*p+0.5*weekend) + 0.1*weekend*math.Cos(p)) * (1 + slow[i] + 0.03*r.NormFloat64())
	}
	return v
}

// whiteNoise has nothing but noise.
func whiteNoise(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 50 + 5*r.NormFloat64()
	}
	return v
}

// sawTooth fills up and is emptied, always as fast.
func sawTooth(r *rand.Rand, n int, step int64) []float64 {
	v, every := make([]float64, n), 150+r.IntN(200)
	for i := range v {
		v[i] = 30 + 40*float64(i%every)/float64(every) + 0.5*r.NormFloat64()
	}
	return v
}

// squareWave is on in the middle third of each day.
func squareWave(r *rand.Rand, n int, step int64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 20 + 3*r.NormFloat64()
		if h := int64(i) * step % day; h > day/3 && h < 2*day/3 {
			v[i] += 60
		}
	}
	return v
}

// strain is that of a bridge: the sun, and lorries.
func strain(r *rand.Rand, n int, step int64) []float64 {
	v := autoregressive(r, n, 0.9, 3)
	for i := range v {
		v[i] += 120 + 40*math.Sin(phase(i, step, day)+0.4) + 8*math.Sin(2*phase(i, step, day))
		if r.Float64() < 0.02 {
			v[i] += 15 * r.Float64() // a heavy lorry
		}
	}
	return v
}

// flow is what a district draws from the water mains, in the morning and in the evening.
func flow(r *rand.Rand, n int, step int64) []float64 {
	v := autoregressive(r, n, 0.8, 0.06)
	for i := range v {
		p := phase(i, step, day)
		v[i] = 40 * (0.25 + 0.5*math.Exp(2*(math.Sin(p)-1)) + 0.4*math.Exp(3*(math.Sin(p+3)-1))) * (1 + v[i])
	}
	return v
}
