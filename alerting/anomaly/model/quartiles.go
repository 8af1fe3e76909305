package model

import (
	"math"
	"slices"
)

// quartiles follows minimum, quartiles and maximum of values without keeping them, by the P² algorithm (Jain and
// Chlamtac, Communications of the ACM 28, 1985). So that it forgets, a second one starts every so many values, and takes
// over when as many have come again.
type quartiles struct {
	memory   int
	old, new markers
}

type markers struct {
	n        int
	height   [5]float64
	position [5]float64
}

func (q *quartiles) learn(x float64) {
	q.old.learn(x)
	if q.old.n < q.memory {
		return
	}
	q.new.learn(x)
	if q.new.n >= q.memory {
		q.old, q.new = q.new, markers{}
	}
}

func (q *quartiles) seen() int { return q.old.n }

// median and how far upper and lower quartile are from it.
func (q *quartiles) median() (median, down, up float64) {
	h := q.old.height
	n := q.old.n
	switch {
	case n == 0:
		return 0, 0, 0
	case n < 5:
		sorted := slices.Sorted(slices.Values(h[:n]))
		return sorted[n/2], sorted[n/2] - sorted[0], sorted[n-1] - sorted[n/2]
	}
	return h[2], h[2] - h[1], h[3] - h[2]
}

func (m *markers) learn(x float64) {
	h, p := &m.height, &m.position
	if m.n < 5 {
		h[m.n] = x
		m.n++
		if m.n == 5 {
			slices.Sort(h[:])
			*p = [5]float64{0, 1, 2, 3, 4}
		}
		return
	}
	m.n++
	h[0], h[4] = math.Min(h[0], x), math.Max(h[4], x)
	k := 3
	for k > 0 && x < h[k] {
		k--
	}
	for i := k + 1; i < 5; i++ {
		p[i]++
	}
	for i := 1; i < 4; i++ {
		d := float64(i)/4*float64(m.n-1) - p[i]
		if d >= 1 && p[i+1]-p[i] > 1 {
			m.move(i, 1)
		}
		if d <= -1 && p[i-1]-p[i] < -1 {
			m.move(i, -1)
		}
	}
}

// move moves a marker by one position, on a parabola through its neighbours.
func (m *markers) move(i int, s float64) {
	h, p := &m.height, &m.position
	right := (h[i+1] - h[i]) / (p[i+1] - p[i])
	left := (h[i] - h[i-1]) / (p[i] - p[i-1])
	to := h[i] + s/(p[i+1]-p[i-1])*((p[i]-p[i-1]+s)*right+(p[i+1]-p[i]-s)*left)
	if !(to > h[i-1] && to < h[i+1]) {
		to = h[i]
		if s > 0 {
			to += right
		} else {
			to -= left
		}
	}
	h[i] = to
	p[i] += s
}

func (q *quartiles) layout(l *layout) {
	for _, m := range []*markers{&q.old, &q.new} {
		l.count(&m.n, 2*q.memory)
		l.floats(m.height[:])
		l.floats(m.position[:])
	}
}

// studentSurprise is the negative decimal logarithm of how likely a value of Student's distribution is as large as t (by the
// transformation of Wallace, Annals of Mathematical Statistics 30, 1959).
func studentSurprise(t, freedom float64) float64 {
	if !(t > 0) {
		return 0
	}
	z := (8*freedom + 1) / (8*freedom + 3) * math.Sqrt(freedom*math.Log1p(t*t/freedom))
	if z > 9 {
		return surpriseMost
	}
	return math.Min(surpriseMost, -math.Log10(0.5*math.Erfc(z/math.Sqrt2)))
}

// studentValue is the value whose surprise is u.
func studentValue(u, freedom float64) float64 {
	z := -math.Sqrt2 * math.Erfinv(2*math.Pow(10, -math.Min(u, 15))-1)
	z *= (8*freedom + 3) / (8*freedom + 1)
	return math.Sqrt(freedom * math.Expm1(math.Min(z*z/freedom, 700)))
}
