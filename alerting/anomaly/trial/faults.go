package trial

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Fault is what can be wrong with a sensor or what it measures.
type Fault string

const (
	// Spike is one or two samples that are off by the size.
	Spike Fault = "spike"
	// Drift grows for five days up to the size, and is then repaired.
	Drift Fault = "drift"
	// Stuck repeats a value, for a day times the size.
	Stuck Fault = "stuck"
	// Missing has no samples for half a day times the size.
	Missing Fault = "missing"
	// Zeros are zeros for half a day times the size.
	Zeros Fault = "zeros"
	// Noise is noise of the size for a day.
	Noise Fault = "noise burst"
	// Shift is off by the size for three days.
	Shift Fault = "level shift"
)

// Faults are all there are.
func Faults() []Fault { return []Fault{Spike, Drift, Stuck, Missing, Zeros, Noise, Shift} }

// Sizes are those that faults are tried at. One is the spread of the series: half of the distance between the values that a
// tenth of all are below and above, in the unit in which that of normal ones is their standard deviation.
func Sizes() []float64 { return []float64{0.5, 1, 2, 4} }

// grace is for how many samples after a fault an alarm still is right: what returns is a change too.
const grace = 6

// Break copies a series and puts a fault of one size into some places of it. Windows begin with the fault, and end a little
// after it. Counts stay counts, and what is never negative stays so. A series too short for so many places gets fewer.
func Break(s Series, f Fault, size float64, places int, seed uint64) Series {
	r := newRand(seed, fmt.Sprintf("%s %s %g", s.Name, f, size))
	b := broken{
		fault: f, size: size,
		Series: Series{Name: fmt.Sprintf("%s, %s of %g", s.Name, f, size), Times: slices.Clone(s.Times), Values: slices.Clone(s.Values)},
	}
	b.spread, b.step = spread(s.Values), usualStep(s.Times)
	b.whole, b.least = true, math.Inf(1)
	for _, x := range s.Values {
		b.whole = b.whole && x == math.Round(x)
		b.least = math.Min(b.least, x)
	}
	n := len(s.Values)
	long := b.long(r)
	from := ProbationOf(n) + 1
	places = min(places, (n-from)/(2*long+4*grace))
	for j := range places {
		// From the last place to the first, so that samples taken out move no window to come.
		room := (n - from) / places
		at := from + (places-1-j)*room + r.IntN(room-long-2*grace)
		b.put(r, at, long)
	}
	slices.SortFunc(b.Windows, func(a, c Window) int { return a.From - c.From })
	return b.Series
}

// usualStep is the median distance of samples, in milliseconds.
func usualStep(times []int64) int64 {
	var steps []int64
	for i := 1; i < len(times); i++ {
		steps = append(steps, times[i]-times[i-1])
	}
	slices.Sort(steps)
	return max(1, steps[len(steps)/2])
}

// broken is a series that gets faults.
type broken struct {
	Series
	fault  Fault
	size   float64
	spread float64
	step   int64
	whole  bool
	least  float64
}

// long is how many samples a fault takes.
func (b *broken) long(r *rand.Rand) int {
	days := map[Fault]float64{
		Drift: 5, Stuck: b.size, Missing: b.size / 2, Zeros: b.size / 2, Noise: 1, Shift: 3,
	}[b.fault]
	if b.fault == Spike {
		return 1 + r.IntN(2)
	}
	return max(2, int(days*float64(day)/float64(b.step)))
}

func (b *broken) put(r *rand.Rand, at, long int) {
	if b.fault == Missing {
		b.Times = slices.Delete(b.Times, at, at+long)
		b.Values = slices.Delete(b.Values, at, at+long)
		for k := range b.Windows {
			w := &b.Windows[k]
			w.From, w.To, w.At = w.From-long, w.To-long, w.At-long
		}
		b.Windows = append(b.Windows, Window{From: at, To: at + grace, At: at})
		return
	}
	off := b.size * b.spread
	if r.IntN(2) == 0 && (b.least < 0 || slices.Min(b.Values[at:at+long]) > off) {
		off = -off
	}
	last := b.Values[at-1]
	over(b.Values, at, long, func(i int, x float64) float64 {
		switch b.fault {
		case Spike, Shift:
			return b.like(x + off)
		case Drift:
			return b.like(x + off*float64(i+1)/float64(long))
		case Noise:
			return b.like(x + off*r.NormFloat64())
		case Zeros:
			return 0
		default: // Stuck
			return last
		}
	})
	b.Windows = append(b.Windows, Window{From: at, To: min(at+long+grace, len(b.Values)), At: at})
}

// like makes of a value one that the series could have.
func (b *broken) like(x float64) float64 {
	if b.whole {
		x = math.Round(x)
	}
	if b.least >= 0 {
		x = math.Max(0, x)
	}
	return x
}
