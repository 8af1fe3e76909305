package model

import "math"

// tail learns how seldom a statistic is as large as it is, as rarity does, in a tenth of the memory and from the first
// values on: its quantile begins anywhere and moves fast at first.
type tail struct {
	seen      uint16  // how many values, up to a bound
	peaks     uint16  // how many excesses, up to a bound
	threshold float32 // the quantile
	width     float32 // mean distance from it
	mean      float32 // of the excesses
	square    float32 // mean of their squares
}

const (
	// tailPart is that of most statistics, which are rather heavy; and tailPartFar that of logarithms.
	tailPart    = 0.7
	tailPartFar = 0.25
	// tailBeyond is which part of all is beyond the threshold.
	tailBeyond = 0.04
	// tailMemory bounds how many values, and tailPeaks how many excesses, count; before tailFirst there is no surprise.
	tailMemory = 2000
	tailPeaks  = 100
	tailFirst  = 20
)

func (t *tail) learn(x float64) {
	x = math.Max(-1e15, math.Min(1e15, x))
	if t.seen == 0 {
		t.threshold = float32(x)
	}
	if t.seen < tailMemory {
		t.seen++
	}
	seen, width := float64(t.seen), float64(t.width)
	d := x - float64(t.threshold)
	rate := math.Max(1/seen, 0.005)
	width += rate * (math.Min(math.Abs(d), 10*width+1e-30/rate) - width)
	if seen < 10 {
		width = math.Max(width, math.Abs(d)/2)
	}
	t.width = float32(width)
	gain := 2 * width * math.Max(4/seen, 0.02)
	if d <= 0 {
		t.threshold -= float32(gain * tailBeyond)
		return
	}
	t.threshold += float32(gain * (1 - tailBeyond))
	if t.peaks < tailPeaks {
		t.peaks++
	}
	if t.mean > 0 {
		d = math.Min(d, 20*float64(t.mean)) // such come, which is to be learned; but one does not blind
	}
	t.mean += (float32(d) - t.mean) / float32(t.peaks)
	t.square += (float32(d*d) - t.square) / float32(t.peaks)
}

// excesses are how those over the threshold are distributed. Of few, part says what is known beforehand: how large they are, in
// mean distances of values from the threshold.
func (t *tail) excesses(part float64) pareto {
	const prior, heavy = 4, 2.5
	w, n := part*float64(t.width), float64(t.peaks)
	mean := (n*float64(t.mean) + prior*w) / (n + prior)
	square := (n*float64(t.square) + prior*heavy*w*w) / (n + prior)
	if !(mean > 0) {
		return pareto{}
	}
	return paretoOf(mean, square, 0.02, 1e-12)
}

// surprise is the negative decimal logarithm of how likely a value as large is; 0 of those that are not in the tail.
func (t *tail) surprise(x, part float64) float64 {
	d := x - float64(t.threshold)
	if !(d > 0) || t.seen < tailFirst {
		return 0
	}
	p := t.excesses(part)
	if !(p.scale > 0) {
		return 0
	}
	return p.surprise(d, tailBeyond)
}

// level is how large a value is whose surprise is u.
func (t *tail) level(u, part float64) float64 {
	return float64(t.threshold) + t.excesses(part).excess(u, tailBeyond)
}

// hurry has it learn faster for a while, when what it learns from changes.
func (t *tail) hurry() {
	t.seen = min(t.seen, 100)
	t.peaks = min(t.peaks, 10)
}

func (t *tail) layout(l *layout) {
	l.uint16(&t.seen)
	l.uint16(&t.peaks)
	l.small(&t.threshold, &t.width, &t.mean, &t.square)
}
