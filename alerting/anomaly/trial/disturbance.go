package trial

import (
	"math"
	"math/rand/v2"
)

// disturb adds what real series have and nobody would call an anomaly: slow drifts, small events, changes of how much
// values vary, and stretches without samples.
func disturb(r *rand.Rand, s *Series, scale float64) {
	v := s.Values
	n := len(v)
	whole := true
	for _, x := range v {
		whole = whole && x == math.Round(x)
	}
	add := func(i int, d float64) {
		if whole {
			d = math.Round(d)
		}
		v[i] += d
	}
	if r.Float64() < 0.35 {
		turn, size := r.IntN(n), 1.2*scale*r.NormFloat64()
		for i := range v {
			add(i, size*math.Abs(float64(i-turn))/float64(n))
		}
	}
	for range r.IntN(4) {
		at, size := r.IntN(n), scale*between(r, 2, 4)
		if r.IntN(3) == 0 {
			size = -size
		}
		for k := 0; k < 1+r.IntN(2) && at+k < n; k++ {
			add(at+k, size)
		}
	}
	if r.Float64() < 0.4 {
		at, size, long := r.IntN(n), scale*between(r, -1.3, 1.3), 5+r.IntN(60)
		for i := at; i < min(n, at+long); i++ {
			add(i, size)
		}
	}
	if !whole && r.Float64() < 0.2 {
		at, more := r.IntN(n), between(r, 0, 0.7)*scale
		for i := at; i < n; i++ {
			v[i] += more * r.NormFloat64()
		}
	}
}

// lose takes some stretches out of it, outside of windows.
func lose(r *rand.Rand, s *Series) {
	if r.Float64() > 0.3 {
		return
	}
	n := len(s.Values)
	long := 1 + r.IntN(n/40)
	at := n/5 + r.IntN(n/2)
	for _, w := range s.Windows {
		if at < w.To && at+long > w.From {
			return
		}
	}
	s.Times = append(s.Times[:at:at], s.Times[at+long:]...)
	s.Values = append(s.Values[:at:at], s.Values[at+long:]...)
	for k := range s.Windows {
		if s.Windows[k].From > at {
			s.Windows[k].From -= long
			s.Windows[k].To -= long
			s.Windows[k].At -= long
		}
	}
}
