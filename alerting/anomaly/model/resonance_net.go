package model

import "math"

const (
	window       = 8 // blocks
	levels       = 80
	snap         = 0.075
	featureCount = 2 * window
	histogramOf  = 1 << 15
)

// features describe a window of blocks: how its shape is, and its levels.
type features [featureCount]float32

func (p *features) cosine(q *features) float64 {
	if p == q {
		return 1
	}
	var pq, pp, qq float64
	for i := range p {
		pq += float64(p[i] * q[i])
		pp += float64(p[i] * p[i])
		qq += float64(q[i] * q[i])
	}
	pp, qq = math.Sqrt(pp), math.Sqrt(qq)
	switch {
	case pp == 0:
		return 1 - qq
	case qq == 0:
		return 1 - pp
	}
	return pq / (pp * qq)
}

// box is a category: from the first half of its numbers to 1 minus the second. They are in parts of boxUnit, of which levels are
// whole multiples.
type box [2 * featureCount]uint8

const boxUnit = 3 * levels

// net is a set of categories.
type net struct {
	boxes         []box
	used          []uint32 // when the box was last near enough
	clock         uint32
	most          int
	lower, upper  float64 // vigilances
	match, energy float64 // of the nearest category
}

// step finds the nearest category, learns, and says whether what came is novel.
func (n *net) step(f *features, learning bool) (novel bool) {
	var x box
	for i, v := range f {
		x[i] = uint8(v*boxUnit + 0.5)
		x[i+featureCount] = boxUnit - x[i]
	}
	n.clock++
	if len(n.boxes) == 0 {
		var ones box
		for i := range ones {
			ones[i] = boxUnit
		}
		n.append(ones)
		n.match, n.energy = 0, 0
		return false
	}
	best, energy := -1., 0.
	for k := range n.boxes {
		m, es := near(&n.boxes[k], &x)
		if m > best {
			best, energy = m, es
		}
	}
	n.match, n.energy = best, energy
	if !learning {
		return false
	}
	if best < n.upper {
		n.append(x)
		return best < n.lower
	}
	for k := range n.boxes {
		if m, _ := near(&n.boxes[k], &x); m >= n.upper {
			n.used[k] = n.clock
			for i := range x {
				n.boxes[k][i] = min(n.boxes[k][i], x[i])
			}
		}
	}
	return false
}

// near is how near a box is to a point, 1 where the point is in it, and how near to its last level alone.
func near(w, x *box) (match, energy float64) {
	both, all := 0, 0
	for i, v := range x {
		both += int(min(v, w[i]))
		all += int(w[i])
	}
	const last, other = featureCount - 1, 2*featureCount - 1
	e := part(int(min(x[last], w[last]))+int(min(x[other], w[other])), int(w[last])+int(w[other]))
	fs := part(both, all)
	return fs * fs * fs * e * e, e
}

func part(of, all int) float64 {
	if all == 0 {
		return float64(of) / (0.001 * boxUnit)
	}
	return float64(of) / float64(all)
}

func (n *net) append(x box) {
	if len(n.boxes) < n.most {
		n.boxes = append(n.boxes, x)
		n.used = append(n.used, n.clock)
		return
	}
	oldest := 1
	for k := 2; k < len(n.boxes); k++ {
		if n.clock-n.used[k] > n.clock-n.used[oldest] {
			oldest = k
		}
	}
	n.boxes[oldest], n.used[oldest] = x, n.clock
}

// move has the levels of all categories follow a range that has changed.
func (n *net) move(move func(float32) float32) {
	for k := 1; k < len(n.boxes); k++ {
		w := &n.boxes[k]
		for i := window; i < featureCount; i++ {
			low, high := float32(w[i])/boxUnit, 1-float32(w[i+featureCount])/boxUnit
			w[i] = parts(move(low))
			w[i+featureCount] = boxUnit - parts(move(high))
		}
	}
}

func parts(v float32) uint8 { return uint8(max(0, min(1, v))*boxUnit + 0.5) }

func (n *net) layout(l *layout) {
	k := len(n.boxes)
	l.count(&k, n.most)
	if l.reading {
		n.boxes, n.used = make([]box, k, n.most), make([]uint32, k, n.most)
	}
	for i := range n.boxes {
		l.bytes(n.boxes[i][:])
		l.uint32(&n.used[i])
	}
	l.uint32(&n.clock)
	l.float(&n.lower, &n.upper, &n.match, &n.energy)
}

// window8 makes features of levels that come one after the other.
type window8 struct {
	values               [window]float32 // the oldest first
	seen                 int
	histogram            [levels + 1]uint16
	median, below, above int
	total                int
}

// add takes a level between 0 and 1.
func (w *window8) add(d float64) (f features) {
	level := int(math.RoundToEven(math.Max(0, math.Min(1, d)) * levels))
	w.follow(level)
	d = float64(level) / levels
	if m := float64(w.median) / levels; math.Abs(d-m) < snap {
		d = m
	}
	copy(w.values[:], w.values[1:])
	w.values[window-1] = float32(d)
	w.seen = min(w.seen+1, window)
	if w.seen < window {
		return f
	}
	var a [window]float64
	for i, v := range w.values {
		a[i] = float64(v)
	}
	toUnit(&a)
	a = haar(a)
	toUnit(&a)
	for i, v := range a {
		f[i], f[i+window] = float32(v), w.values[i]
	}
	return f
}

// toUnit has numbers go from 0 to 1.
func toUnit(a *[window]float64) {
	low, high := a[0], a[0]
	for _, v := range a {
		low, high = math.Min(low, v), math.Max(high, v)
	}
	for i := range a {
		a[i] -= low
		if high > low {
			a[i] /= high - low
		}
	}
}

// haar is the sum, then one difference of the third level, two of the second and four of the first; a rise is positive.
func haar(a [window]float64) (out [window]float64) {
	for n := window / 2; n >= 1; n /= 2 {
		for k := range n {
			out[n+k] = (a[2*k+1] - a[2*k]) / math.Sqrt2
			a[k] = (a[2*k] + a[2*k+1]) / math.Sqrt2
		}
	}
	out[0] = a[0]
	return out
}

// follow keeps about the median of all levels, moving by one level at a time that there is.
func (w *window8) follow(level int) {
	if w.total >= histogramOf {
		w.halve()
	}
	h := &w.histogram
	h[level]++
	w.total++
	if w.total == 1 {
		w.median = level
	}
	switch {
	case w.median > level:
		w.below++
	case w.median < level:
		w.above++
	}
	half := w.total / 2
	switch {
	case half < w.above:
		w.below += int(h[w.median])
		for w.median++; w.median < levels && h[w.median] == 0; {
			w.median++
		}
		w.above -= int(h[w.median])
	case half < w.below:
		w.above += int(h[w.median])
		for w.median--; w.median > 0 && h[w.median] == 0; {
			w.median--
		}
		w.below -= int(h[w.median])
	}
}

func (w *window8) halve() {
	for i := range w.histogram {
		w.histogram[i] /= 2
	}
	w.count()
}

// count sets what follows from the histogram and the median.
func (w *window8) count() {
	w.total, w.below, w.above = 0, 0, 0
	for l, c := range w.histogram {
		w.total += int(c)
		switch {
		case l < w.median:
			w.below += int(c)
		case l > w.median:
			w.above += int(c)
		}
	}
}

func (w *window8) move(move func(float32) float32) {
	at := func(l int) int {
		return min(levels, max(0, int(math.Round(float64(move(float32(l)/levels))*levels))))
	}
	for i := range w.values {
		w.values[i] = move(w.values[i])
	}
	var h [levels + 1]uint16
	for l, c := range w.histogram {
		h[at(l)] += c
	}
	w.histogram = h
	w.median = at(w.median)
	w.count()
}

func (w *window8) layout(l *layout) {
	l.smalls(w.values[:])
	l.count(&w.seen, window)
	for i := range w.histogram {
		l.uint16(&w.histogram[i])
	}
	l.count(&w.median, levels)
	if l.reading {
		w.count()
	}
}
