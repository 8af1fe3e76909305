package model

import (
	"math"
	"time"
)

// band finds values, and averages of values, that are outside of where a series usually is, and a series that is stuck.
//
// The level is the median and the scale comes from the quartiles, both followed without keeping values by the P² algorithm
// (Jain and Chlamtac 1985, see quartiles); how far values go beyond is learned for each side by extreme-value statistics
// (Siffer et al. 2017, see rarity). Stuck is a series that repeats one value far longer than ever, after it changed often
// enough to know.
//
// A sample takes about 0.3 µs, and the model about 1.6 KB.
type band struct {
	of     uint32
	memory int
	only   bool // a stuck series is found, and nothing else
	level  quartiles
	off    float64    // mean distance from the median
	mean   float64    // of the deviations of late
	sides  [4]rarity  // above, below, and the same of the mean
	stuck  repetition //
	alarm  alarm
	fresh  alarm
}

const (
	// bandFirst is how many samples come before the first score.
	bandFirst = 100
	// bandMean is how many deviations are averaged.
	bandMean = 12
	// bandMeanMost bounds what one of them adds, in scales.
	bandMeanMost = 5
)

func bandKind() Kind {
	k := Kind{
		Name: "band", Version: 1,
		Summary: "A value is outside of where the series usually is, or the series is stuck.",
		Options: alarmOptions(Option{
			Name: "memory", Default: 3000, Min: 200, Max: 1e7, Whole: true, Meaning: "samples by which the level is known",
		}, Option{
			Name: "only_stuck", Default: 0, Min: 0, Max: 1, Whole: true, Meaning: "1 where only a series that is stuck is anomalous",
		}),
	}
	k.New = func(series int, set Settings, _ *time.Location) Model {
		b := &band{of: stateOf(k.Name, series, set), memory: int(set["memory"]), only: set["only_stuck"] == 1, fresh: newAlarm(set, 1)}
		b.reset()
		return b
	}
	return k
}

func (b *band) reset() {
	*b = band{of: b.of, memory: b.memory, only: b.only, level: quartiles{memory: b.memory}, alarm: b.fresh, fresh: b.fresh}
}

// Observe implements Model.
func (b *band) Observe(_ int64, values []float64) Verdict {
	x := values[0]
	if !finite(x) {
		return none()
	}
	x = bounded(x)
	v := none()
	u := b.stuck.surprise(x)
	if b.level.seen() >= bandFirst/2 {
		median, scale := b.scale()
		if !b.only {
			u = math.Max(u, b.outside(deviation(x, median, scale)))
		}
		if b.level.seen() >= bandFirst {
			v.Expected = median
			v.Lower = median - scale*b.sides[1].level(b.alarm.bar())
			v.Upper = median + scale*b.sides[0].level(b.alarm.bar())
			v.Score = b.alarm.score(u)
		}
	}
	b.learn(x)
	return v
}

// outside says how surprising it is to be so many scales from the median.
func (b *band) outside(z float64) (u float64) {
	b.mean += (math.Max(-bandMeanMost, math.Min(bandMeanMost, z)) - b.mean) * 2 / (bandMean + 1)
	for i, s := range [4]float64{z, -z, b.mean, -b.mean} {
		u = math.Max(u, b.sides[i].surprise(s))
		b.sides[i].learn(s)
	}
	return u
}

func (b *band) scale() (median, scale float64) {
	median, down, up := b.level.median()
	// Half of the values of many series are the same.
	scale = math.Max((down+up)/1.349, 0.2*b.off)
	return median, math.Max(scale, least(median))
}

func (b *band) learn(x float64) {
	median, scale := b.scale()
	n := float64(min(b.level.seen()+1, b.memory))
	d := math.Abs(x - median)
	if b.level.seen() > bandFirst {
		d = math.Min(d, 20*scale)
	}
	b.off += (d - b.off) / n
	b.level.learn(x)
}

func (b *band) layout(l *layout) {
	b.level.layout(l)
	l.float(&b.off, &b.mean)
	for i := range b.sides {
		b.sides[i].layout(l)
	}
	b.stuck.layout(l)
	b.alarm.layout(l)
}

// AppendBinary implements Model.
func (b *band) AppendBinary(to []byte) ([]byte, error) { return writeState(to, 1, b.of, b.layout), nil }

// UnmarshalBinary implements Model.
func (b *band) UnmarshalBinary(from []byte) error {
	b.reset()
	err := readState(from, 1, b.of, b.layout)
	if err != nil {
		b.reset()
	}
	return err
}
