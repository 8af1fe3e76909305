package model

import (
	"math"
	"time"
)

// rhythm is a mean for each part of a day or a week, which forgets.
type rhythm struct {
	mean  []float32
	count []uint8
	most  uint8 // values that a mean is of
}

func newRhythm(parts int, most uint8) rhythm {
	return rhythm{mean: make([]float32, parts), count: make([]uint8, parts), most: most}
}

// at is the mean at a phase from 0 to 1, between the parts around it, as far as they are known; that of its own part where they are
// farther apart than jump, as at the hour at which an office opens.
func (r *rhythm) at(phase, jump float64) (mean float64, known bool) {
	parts := len(r.mean)
	at := phase*float64(parts) - 0.5
	if at < 0 {
		at += float64(parts)
	}
	i := int(at) % parts
	j := (i + 1) % parts
	part := at - math.Floor(at)
	switch {
	case r.count[i] > 0 && r.count[j] > 0 && math.Abs(float64(r.mean[i]-r.mean[j])) > jump:
		return r.own(phase), true
	case r.count[i] > 0 && r.count[j] > 0:
		return float64(r.mean[i])*(1-part) + float64(r.mean[j])*part, true
	case r.count[i] > 0:
		return float64(r.mean[i]), true
	case r.count[j] > 0:
		return float64(r.mean[j]), true
	}
	return 0, false
}

// seen is how often there was a value in the part at a phase, up to a bound.
func (r *rhythm) seen(phase float64) float64 { return float64(r.count[r.part(phase)]) }

// own is the mean of the part at a phase.
func (r *rhythm) own(phase float64) float64 { return float64(r.mean[r.part(phase)]) }

func (r *rhythm) part(phase float64) int { return min(int(phase*float64(len(r.mean))), len(r.mean)-1) }

func (r *rhythm) learn(phase, x float64) {
	i := r.part(phase)
	if r.count[i] < r.most {
		r.count[i]++
	}
	r.mean[i] += float32((x - float64(r.mean[i])) / float64(r.count[i]))
}

func (r *rhythm) layout(l *layout) {
	l.smalls(r.mean)
	l.bytes(r.count)
}

// phases are where an instant, in milliseconds, is in the day and the week of a clock on the wall.
func phases(t int64, zone *time.Location) (ofDay, ofWeek float64) {
	day := (24 * time.Hour).Milliseconds()
	t = wall(t, zone)
	return float64((t%day+day)%day) / float64(day), float64((t%(7*day)+7*day)%(7*day)) / float64(7*day)
}
