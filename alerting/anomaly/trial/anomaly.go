package trial

import (
	"math"
	"math/rand/v2"
	"slices"
)

func between(r *rand.Rand, from, to float64) float64 { return from + (to-from)*r.Float64() }

// over changes n samples from at on.
func over(v []float64, at, n int, f func(i int, x float64) float64) {
	for i := at; i < min(at+n, len(v)); i++ {
		v[i] = f(i-at, v[i])
	}
}

func someHours(r *rand.Rand, v []float64) int { return len(v)/200 + r.IntN(len(v)/60+1) }

// anomaly changes values from a sample on, by sizes that are multiples of a scale.
type anomaly func(r *rand.Rand, v []float64, at int, scale float64)

// anomalies are what series of the corpus have, by name:
//
//   - a spike is far up for up to three samples, a dip far down for up to seven;
//   - a shift up adds, and a shift down multiplies, for some hours; so does a double, by more than one;
//   - noisy adds noise, a burst adds some to each of some samples, and dense throws in extremes seen before;
//   - stuck is one value, an outage one at the bottom;
//   - a ramp departs slowly, and is suddenly over;
//   - a flat day has next to no rhythm, a mirror an upside-down one.
func anomalies() map[string]anomaly {
	return map[string]anomaly{
		"spike": func(r *rand.Rand, v []float64, at int, scale float64) {
			size := between(r, 5, 10) * scale
			over(v, at, 1+r.IntN(3), func(_ int, x float64) float64 { return x + size*between(r, 0.8, 1) })
		},
		"dip": func(r *rand.Rand, v []float64, at int, scale float64) {
			size := between(r, 5, 10) * scale
			over(v, at, 2+r.IntN(6), func(_ int, x float64) float64 { return x - size })
		},
		"shift up": func(r *rand.Rand, v []float64, at int, scale float64) {
			size := between(r, 2, 4) * scale
			over(v, at, 4*someHours(r, v), func(_ int, x float64) float64 { return x + size })
		},
		"shift down": func(r *rand.Rand, v []float64, at int, scale float64) {
			part := between(r, 0.3, 0.7)
			over(v, at, 2*someHours(r, v), func(_ int, x float64) float64 { return x * part })
		},
		"noisy": func(r *rand.Rand, v []float64, at int, scale float64) {
			size := between(r, 1.5, 3) * scale
			over(v, at, 2*someHours(r, v), func(_ int, x float64) float64 { return x + size*r.NormFloat64() })
		},
		"stuck": func(r *rand.Rand, v []float64, at int, scale float64) {
			last := v[at]
			over(v, at, 3*someHours(r, v), func(int, float64) float64 { return last })
		},
		"ramp": func(r *rand.Rand, v []float64, at int, scale float64) {
			n, size := 4*someHours(r, v), between(r, 3, 6)*scale
			over(v, at, n, func(i int, x float64) float64 { return x + size*float64(i)/float64(n) })
		},
		"outage": func(r *rand.Rand, v []float64, at int, scale float64) {
			low := slices.Min(v[:at])
			over(v, at, someHours(r, v), func(int, float64) float64 { return math.Min(0, low) + 0.01*scale*r.NormFloat64() })
		},
		"burst": func(r *rand.Rand, v []float64, at int, scale float64) {
			size := between(r, 3, 6) * scale
			over(v, at, someHours(r, v), func(_ int, x float64) float64 { return x + size*r.Float64() })
		},
		"double": func(r *rand.Rand, v []float64, at int, scale float64) {
			by := between(r, 1.6, 3)
			over(v, at, 2*someHours(r, v), func(_ int, x float64) float64 { return x * by })
		},
		"mirror": func(r *rand.Rand, v []float64, at int, scale float64) {
			n := len(v) / 20
			low, high := slices.Min(v[max(0, at-2*n):at]), slices.Max(v[max(0, at-2*n):at])
			over(v, at, n, func(_ int, x float64) float64 { return low + high - x })
		},
		"dense": func(r *rand.Rand, v []float64, at int, scale float64) {
			low, high := slices.Min(v[:at]), slices.Max(v[:at])
			over(v, at, 3*someHours(r, v), func(_ int, x float64) float64 {
				switch r.IntN(5) {
				case 0:
					return low
				case 1:
					return high
				}
				return x
			})
		},
		"flat day": func(r *rand.Rand, v []float64, at int, scale float64) {
			n := len(v) / 20
			mean := 0.
			for _, x := range v[max(0, at-n):at] {
				mean += x / float64(min(n, at))
			}
			over(v, at, n, func(_ int, x float64) float64 { return mean + 0.1*(x-mean) })
		},
	}
}
