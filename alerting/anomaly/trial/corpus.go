package trial

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// corpus makes series with anomalies.
type corpus struct {
	seed uint64
	// disturbed is true where series have disturbances, anomalies more different sizes, and windows their anomaly not
	// always in the middle.
	disturbed bool
}

// firstBegin bounds, with a week after it, when series begin.
const firstBegin = 1_700_000_000_000

// Synthetic makes series of several kinds, so many of each, with one to three anomalies or, one in seven, without.
func Synthetic(seed uint64, ofEach int) []Series {
	return corpus{seed: seed}.all(processes(), ofEach)
}

// Hard makes series of more kinds than Synthetic, and they have what is no anomaly: slow drifts, small events, gaps.
func Hard(seed uint64, ofEach int) []Series {
	return corpus{seed: seed, disturbed: true}.all(append(processes(), moreProcesses()...), ofEach)
}

func (c corpus) all(kinds []process, ofEach int) (all []Series) {
	wrong := anomalies()
	for _, p := range kinds {
		for k := range ofEach {
			all = append(all, c.one(p, fmt.Sprintf("%s %d", p.name, k), wrong))
		}
	}
	return all
}

func (c corpus) one(p process, name string, wrong map[string]anomaly) Series {
	r := newRand(c.seed, name)
	s := Series{Name: name, Times: make([]int64, p.n), Values: p.make(r, p.n, p.step)}
	begin := firstBegin + r.Int64N(7*day/minute)*minute
	for i := range s.Times {
		s.Times[i] = begin + int64(i)*p.step
	}
	scale := spread(s.Values)
	if c.disturbed {
		disturb(r, &s, scale)
	}
	if r.IntN(7) > 0 {
		c.harm(r, &s, p, scale, wrong)
	}
	if c.disturbed {
		lose(r, &s)
	}
	return s
}

// harm puts one to three anomalies into a series, each into a part of its own of what comes after the probation. Windows
// are a tenth of the series together.
func (c corpus) harm(r *rand.Rand, s *Series, p process, scale float64, wrong map[string]anomaly) {
	some := 1 + r.IntN(3)
	width := p.n / 10 / some
	for j := range some {
		from := ProbationOf(p.n) + width
		room := (p.n - from - width) / some
		at := from + j*room + r.IntN(max(1, room-width))
		name := p.wrong[r.IntN(len(p.wrong))]
		if c.disturbed {
			scale = spread(s.Values) * math.Exp(0.35*r.NormFloat64()-0.1)
		}
		wrong[name](r, s.Values, at, scale)
		s.Name += " " + name
		before := width / 2
		if c.disturbed {
			before = int(between(r, 0.3, 0.7) * float64(width))
		}
		s.Windows = append(s.Windows, Window{From: at - before, To: at - before + width, At: at})
	}
}

// spread is how much values vary, of which a few are far off: what would be their standard deviation, were they normal.
func spread(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	n := len(sorted)
	if s := (sorted[n*9/10] - sorted[n/10]) / 2.56; s > 0 {
		return s
	}
	return 1
}
