package trial

import (
	"math"
	"math/rand/v2"
)

// Composed makes series each of which is of a kind of its own, put together by chance, with anomalies and disturbances.
func Composed(seed uint64, n int) (all []Series) {
	for k := range n {
		r := newRand(seed, "composed")
		r = rand.New(rand.NewPCG(r.Uint64(), uint64(k))) //nolint:gosec // it is to be the same each time
		steps := []int64{1, 5, 5, 5, 5, 10, 15, 30, 60}
		p := process{
			name: "composed", step: steps[r.IntN(len(steps))] * minute, n: 1600 + r.IntN(6000), make: compose,
			wrong: []string{"spike", "dip", "shift up", "shift down", "noisy", "stuck", "ramp", "outage", "burst", "flat day", "double", "mirror", "dense"},
		}
		all = append(all, corpus{seed: r.Uint64(), disturbed: true}.all([]process{p}, 1)...)
	}
	return all
}

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// compose puts a rhythm, jobs, states, noise and bursts together, and shows them as some sensor would.
func compose(r *rand.Rand, n int, step int64) []float64 {
	memory := []float64{0, 0, 0.5, 0.9, 0.98, 0.995}[r.IntN(6)]
	v := autoregressive(r, n, memory, math.Exp(between(r, -3, 0.4)))
	if chance(r, 0.55) {
		addRhythm(r, v, step)
	}
	if chance(r, 0.25) {
		every, wide, size := 10+r.IntN(300), 1+r.IntN(5), between(r, 1, 6)
		for i := range v {
			if i%every < min(wide, every/2) {
				v[i] += size * (1 + 0.1*r.NormFloat64())
			}
		}
	}
	if chance(r, 0.2) {
		on, rate, size := 0., math.Exp(between(r, -7, -3)), between(r, 1, 6)
		for i := range v {
			if chance(r, rate) {
				on = 1 - on
			}
			v[i] += on * size
		}
	}
	if chance(r, 0.15) {
		x, pace := 0., math.Exp(between(r, -5, -2))
		for i := range v {
			x += pace * r.NormFloat64()
			v[i] += x
		}
	}
	if chance(r, 0.35) {
		rate, keep, size, hot := math.Exp(between(r, -7, -4)), between(r, 0, 0.95), between(r, 0.5, 4), 0.
		for i := range v {
			hot *= keep
			if chance(r, rate) {
				hot += size * r.ExpFloat64()
			}
			v[i] += hot
		}
	}
	return show(r, v)
}

func addRhythm(r *rand.Rand, v []float64, step int64) {
	size, harmonics := math.Exp(between(r, -1, 1.4)), 1+r.IntN(4)
	var height, turn [4]float64
	for h := range harmonics {
		height[h], turn[h] = size*r.Float64()/float64(h+1), between(r, 0, 2*math.Pi)
	}
	weekend, square := 1., chance(r, 0.2)
	if chance(r, 0.5) {
		weekend = between(r, 0, 1)
	}
	low, high := math.Inf(-1), math.Inf(1)
	if chance(r, 0.2) {
		low = between(r, -size, 0)
	}
	if chance(r, 0.2) {
		high = between(r, 0, size)
	}
	for i := range v {
		x := 0.
		for h := range harmonics {
			x += height[h] * math.Sin(float64(h+1)*phase(i, step, day)+turn[h])
		}
		if square {
			x = math.Copysign(size, x)
		}
		if int64(i)*step%(7*day) >= 5*day {
			x *= weekend
		}
		v[i] += math.Max(low, math.Min(high, x))
	}
}

// show makes of what is there what a sensor shows.
func show(r *rand.Rand, v []float64) []float64 {
	if chance(r, 0.3) {
		by := between(r, 0.2, 0.8)
		for i := range v {
			v[i] = math.Exp(math.Min(by*v[i], 20))
		}
	}
	if chance(r, 0.15) {
		mean := math.Exp(between(r, -2, 4))
		for i := range v {
			v[i] = poisson(r, mean*math.Max(0.02, 1+0.3*v[i]))
		}
		return v
	}
	level := between(r, -2, 20)
	for i := range v {
		v[i] += level
	}
	if chance(r, 0.3) {
		part := math.Exp(between(r, -3, 0.5))
		for i := range v {
			v[i] = math.Round(v[i]/part) * part
		}
	}
	if chance(r, 0.3) {
		floor := 0.
		if level > 4 {
			floor = level - between(r, 0, 2)
		}
		for i := range v {
			v[i] = math.Max(floor, v[i])
		}
	}
	unit := math.Exp(between(r, -4, 6))
	for i := range v {
		v[i] *= unit
	}
	return v
}
