package model

import "math"

const (
	// valueMost bounds values so that sums of their squares stay finite.
	valueMost = 1e100
	// deviationMost bounds deviations, which are in units of how much a series varies.
	deviationMost = 1e6
)

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func bounded(x float64) float64 { return math.Max(-valueMost, math.Min(valueMost, x)) }

// least is the smallest difference that counts at a level.
func least(level float64) float64 { return 1e-9*math.Abs(level) + 1e-100 }

// deviation is how many scales a value is from a level.
func deviation(x, level, scale float64) float64 {
	return math.Max(-deviationMost, math.Min(deviationMost, (x-level)/scale))
}

// none is the verdict of a model that has no opinion.
func none() Verdict {
	return Verdict{Expected: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}
}

// repetition finds that a series is stuck.
type repetition struct {
	last    float64
	run     int // samples for which it was so
	longest int // that it ever was so before
	changes int
}

const (
	// After so many changes it is known how long a series stays the same.
	repetitionChanges = 20
	// It is stuck after so many samples more than so many times the longest time.
	repetitionLeast = 24
	repetitionTimes = 4
	repetitionMost  = 1 << 30
)

// surprise says how surprising it is that the series is x now: a surprise of an alarm, or 0.
func (r *repetition) surprise(x float64) float64 {
	if x != r.last {
		r.longest = max(r.longest, r.run)
		r.last, r.run = x, 0
		r.changes = min(r.changes+1, repetitionMost)
		return 0
	}
	r.run = min(r.run+1, repetitionMost)
	if r.changes < repetitionChanges || r.run < repetitionLeast+repetitionTimes*r.longest {
		return 0
	}
	r.longest = r.run // until it is the same for as much longer again
	return surpriseMost
}

func (r *repetition) layout(l *layout) {
	l.float(&r.last)
	l.count(&r.run, repetitionMost)
	l.count(&r.longest, repetitionMost)
	l.count(&r.changes, repetitionMost)
}
