package model

import (
	"math"
	"slices"
)

// rarity learns how seldom a statistic is as large as it is, by peaks over a threshold, which is a high quantile (see pareto).
// The quantile is followed by stochastic approximation (Robbins and Monro 1951), so that all forgets; few excesses are
// helped by what is known of most distributions beforehand.
type rarity struct {
	first     [rarityFirst]float32
	seen      int
	threshold float64
	width     float64 // mean distance from the threshold
	peaks     float64 // how many excesses there were, up to a bound
	mean      float64 // of the excesses
	square    float64 // mean of their squares
}

const (
	// rarityBeyond is which part of all is beyond the threshold.
	rarityBeyond = 0.04
	rarityFirst  = 50
	// rarityMemory bounds how many samples, and rarityPeaks how many excesses, count.
	rarityMemory = 3000
	rarityPeaks  = 120
)

// learn takes a value as ordinary.
func (r *rarity) learn(x float64) {
	x = math.Max(-deviationMost, math.Min(deviationMost, x))
	if r.seen < rarityFirst {
		r.first[r.seen] = float32(x)
		r.seen++
		if r.seen == rarityFirst {
			r.begin()
		}
		return
	}
	if r.seen < rarityMemory {
		r.seen++
	}
	n := float64(r.seen)
	d := x - r.threshold
	r.width += (math.Min(math.Abs(d), 10*r.width+1e-9) - r.width) / math.Min(n, 300)
	gain := r.width * math.Max(4/n, 0.01)
	if d <= 0 {
		r.threshold -= gain * rarityBeyond
		return
	}
	r.threshold += gain * (1 - rarityBeyond)
	r.peak(d)
}

func (r *rarity) begin() {
	sorted := slices.Sorted(slices.Values(r.first[:]))
	at := rarityFirst - 3
	r.threshold = float64(sorted[at-1]+sorted[at]) / 2
	for _, x := range sorted {
		r.width += math.Abs(float64(x)-r.threshold) / rarityFirst
	}
	for _, x := range sorted[at:] {
		r.peak(float64(x) - r.threshold)
	}
}

func (r *rarity) peak(excess float64) {
	if r.peaks < rarityPeaks {
		r.peaks++
	}
	if r.mean > 0 {
		excess = math.Min(excess, 5*r.mean) // such come, which is to be learned; but one does not blind
	}
	r.mean += (excess - r.mean) / r.peaks
	r.square += (excess*excess - r.square) / r.peaks
}

// excesses are how those over the threshold are distributed.
func (r *rarity) excesses() pareto {
	// Some excesses, of the size that a normal distribution would have, stand for what is known beforehand.
	const prior, part, heavy = 4, 0.22, 2.2
	w := r.width * part
	n := r.peaks
	mean := (n*r.mean + prior*w) / (n + prior)
	square := (n*r.square + prior*heavy*w*w) / (n + prior)
	if !(mean > 1e-12) {
		return pareto{}
	}
	return paretoOf(mean, square, 0.01, 1e-9)
}

// surprise is the negative decimal logarithm of how likely a value as large is.
func (r *rarity) surprise(x float64) float64 {
	d := x - r.threshold
	if r.seen < rarityFirst || !(d > 0) {
		return 0
	}
	p := r.excesses()
	if p.scale == 0 {
		return surpriseMost
	}
	return p.surprise(d, rarityBeyond)
}

// level is how large a value is whose surprise is u, and NaN while that is not known.
func (r *rarity) level(u float64) float64 {
	if r.seen < rarityFirst {
		return math.NaN()
	}
	return r.threshold + r.excesses().excess(u, rarityBeyond)
}

func (r *rarity) layout(l *layout) {
	l.count(&r.seen, rarityMemory)
	l.float(&r.threshold, &r.width, &r.peaks, &r.mean, &r.square)
	if r.seen < rarityFirst {
		l.smalls(r.first[:])
	}
}
