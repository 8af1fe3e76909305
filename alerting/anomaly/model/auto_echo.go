package model

import "math"

// echo keeps the last values at one resolution, and looks for what resembles the newest of them.
type echo struct {
	every int // values that one that is kept is the mean of
	sum   float64
	n     int
	full  int
	kept  [echoes]int16 // the oldest first; in parts of echoPart
}

const (
	echoes   = 128
	echoPart = 1. / 1024
)

// learn says whether something was kept.
func (e *echo) learn(x float64) bool {
	e.sum += x
	e.n++
	if e.n < e.every {
		return false
	}
	if e.full == echoes {
		copy(e.kept[:], e.kept[1:])
		e.full--
	}
	e.kept[e.full] = int16(math.Round(math.Max(-31, math.Min(31, e.sum/float64(e.n))) / echoPart))
	e.full++
	e.sum, e.n = 0, 0
	return true
}

// distance is how far, on average, the last values are from those that resemble them second most, of all earlier ones in a row (the second:
// what happened once before may have been as wrong). Where levels do not matter, only the shape counts. It is negative as
// long as it is not known. (Distances to nearest neighbours: Keogh, Lin and Fu, HOT SAX, ICDM 2005.)
func (e *echo) distance(length int, levels bool) float64 {
	if e.full < 3*length {
		return -1
	}
	last := e.kept[e.full-length : e.full]
	shift, total := 0, 0
	if !levels {
		for i, v := range last {
			total += int(v) - int(e.kept[i])
		}
	}
	nearest, second := math.MaxInt, math.MaxInt
	for at := 0; at+2*length <= e.full; at++ {
		if !levels {
			shift = total / length
			total += int(e.kept[at]) - int(e.kept[at+length])
		}
		d := apart(last, e.kept[at:at+length], shift, second)
		switch {
		case d < nearest:
			nearest, second = d, nearest
		case d < second:
			second = d
		}
	}
	if second == math.MaxInt {
		return -1
	}
	return float64(second) / float64(length) * echoPart
}

// apart is the sum of the distances, or some number of at least enough.
func apart(a, b []int16, shift, enough int) (sum int) {
	b = b[:len(a)]
	for i, v := range a {
		d := int(v) - int(b[i]) - shift
		if d < 0 {
			d = -d
		}
		sum += d
		if sum >= enough {
			return sum
		}
	}
	return sum
}

// halve has each of the kept ones be the mean of two.
func (e *echo) halve() {
	odd := e.full % 2
	for i := 0; i < e.full/2; i++ {
		e.kept[i] = int16((int(e.kept[odd+2*i]) + int(e.kept[odd+2*i+1])) / 2)
	}
	e.full /= 2
	e.sum, e.n = 0, 0
}

func (e *echo) layout(l *layout) {
	l.count(&e.n, e.every)
	l.float(&e.sum)
	l.count(&e.full, echoes)
	l.shorts(e.kept[:e.full])
}
