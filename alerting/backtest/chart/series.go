package chart

import (
	"math"
	"slices"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

// most is how many points are kept, of which each may stand for many rows: more than the picture has columns.
const most = 3000

// Series takes rows in the order of their times, and keeps of them what can be seen. The zero value is ready.
type Series struct {
	points []point
	width  int64 // of a point, in milliseconds
	// judged is from where on rows count; 0: nowhere.
	judged, first, last int64
	rows                int
}

// point stands for rows that are close to each other.
type point struct {
	slot                   int64
	at                     int64 // of the first row, in milliseconds since 1970
	low, high              float64
	expected, lower, upper float64
	score                  float64
	gap                    bool // a value was missing
}

// Add takes a row; counts is whether it is judged.
func (s *Series) Add(at int64, value float64, v model.Verdict, counts bool) {
	if s.rows == 0 {
		s.first, s.width = at, 1
	}
	if counts && s.judged == 0 {
		s.judged = at
	}
	s.rows++
	s.last = at
	p := point{slot: at / s.width, at: at, low: value, high: value, expected: v.Expected, lower: v.Lower, upper: v.Upper, score: v.Score, gap: math.IsNaN(value)}
	if n := len(s.points); n > 0 && s.points[n-1].slot == p.slot {
		s.points[n-1].join(p)
		return
	}
	s.points = append(s.points, p)
	for len(s.points) > most {
		s.halve()
	}
}

// halve makes points twice as wide.
func (s *Series) halve() {
	s.width *= 2
	kept := s.points[:0]
	for _, p := range s.points {
		p.slot = p.at / s.width
		if n := len(kept); n > 0 && kept[n-1].slot == p.slot {
			kept[n-1].join(p)
		} else {
			kept = append(kept, p)
		}
	}
	s.points = kept
}

func (p *point) join(o point) {
	p.low, p.high = least(p.low, o.low), greatest(p.high, o.high)
	p.lower, p.upper = least(p.lower, o.lower), greatest(p.upper, o.upper)
	if !math.IsNaN(o.expected) {
		p.expected = o.expected
	}
	p.score = greatest(p.score, o.score)
}

// least is the smaller of two numbers of which either may be NaN.
func least(a, b float64) float64 {
	if math.IsNaN(a) || b < a {
		return b
	}
	return a
}

func greatest(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}

// extent is from where to where an axis goes: over all values, but for few that are so far away that nothing else could be seen, with room
// for most of what was expected of them. Halves are reckoned with, as there is no number for twice the largest one.
func (s *Series) extent() (low, high float64) {
	low, high = s.values()
	around := [2]float64{math.NaN(), math.NaN()}
	for _, p := range s.points {
		around[0], around[1] = least(around[0], p.lower), greatest(around[1], p.upper)
	}
	if math.IsNaN(low) {
		return 0, 1
	}
	room := high/4 - low/4
	if room == 0 {
		room = math.Max(math.Abs(high)/10, 0.5)
	}
	bottom, top := math.Max(least(low, around[0]), low-room), math.Min(greatest(high, around[1]), high+room)
	margin := top/20 - bottom/20
	if margin == 0 {
		margin = room
	}
	return math.Max(bottom-margin, -math.MaxFloat64), math.Min(top+margin, math.MaxFloat64)
}

// values are the least and the greatest value of those that can be shown together.
func (s *Series) values() (low, high float64) {
	var lows, highs []float64
	for _, p := range s.points {
		if !math.IsNaN(p.low) {
			lows, highs = append(lows, p.low), append(highs, p.high)
		}
	}
	if len(lows) == 0 {
		return math.NaN(), math.NaN()
	}
	slices.Sort(lows)
	slices.Sort(highs)
	// So many at either end may be left out, if they are so many times farther away than all others are from each other.
	const few, far = 200, 20
	n := len(lows)
	skip := max(1, n/few)
	if n <= 4*skip {
		return lows[0], highs[n-1]
	}
	lowest, highest := lows[skip], highs[n-1-skip]
	usual := highest - lowest
	bottom, top := 0, n-1
	for usual > 0 && lowest/far-lows[bottom]/far > usual {
		bottom++
	}
	for usual > 0 && highs[top]/far-highest/far > usual {
		top--
	}
	return lows[bottom], highs[top]
}

// apart is how far two points have to be from each other for the line between them to be left out.
func (s *Series) apart() int64 {
	const usual = 5
	if len(s.points) < 3 {
		return math.MaxInt64
	}
	steps := make([]int64, 0, len(s.points))
	for i := 1; i < len(s.points); i++ {
		steps = append(steps, s.points[i].at-s.points[i-1].at)
	}
	return usual * middle(steps)
}
