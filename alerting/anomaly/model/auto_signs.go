package model

import (
	"math"
	"slices"
	"time"
)

// sign is something by which an anomaly shows.
type sign int

const (
	signSpike    sign = iota // far from the forecast
	signPush                 // some values in a row on one side of the forecast
	signDrift                // many are
	signRough                // residuals are large
	signSmooth               // they are small
	signLevel                // higher or lower than ever
	signHour                 // far from what this time of day has
	signHours                // a dozen are
	signHalf                 // sixty are
	signLong                 // two hundred are
	signExtremes             // often among the highest or lowest tenth
	signStuck                // the same value for longer than ever
	signEchoFine             // a dozen values unlike any dozen before
	signEcho                 // sixteen fours
	signShapes               // shapes of blocks that resemble no category, learned from many
	signNoExcuse             // far from forecast, last value and time of day
	signStep                 // far from the value before
	signWeek                 // far from what this hour of the week has
	signRange                // out of the range of all values
	signEchoLong             // sixteen sixteens unlike any before
	signForm                 // a form of a dozen fours
	signFormLong             // of sixteen sixteens
	signMixture              // levels as often as never before
	signRagged               // neighbours differ more than they did, for how values vary
	signFlowing              // they differ less
	signShapes3              // as signShapes, learned from few
	signFormFine             // of two dozen values
	signSpan                 // how far apart the dozen values before were
	signCount
)

// sided are the tails for signs that go up and down.
const (
	sided     = 10
	tailCount = int(signCount) + sided
)

// other is where the tail is for the downward direction of a sign, or -1.
func (s sign) other() int {
	switch s {
	case signSpike, signPush, signDrift, signLevel, signHour, signHours, signHalf, signLong, signWeek:
		for i, o := range [...]sign{signSpike, signPush, signDrift, signLevel, signHour, signHours, signHalf, signLong, signWeek, signExtremes} {
			if o == s {
				return int(signCount) + i
			}
		}
	case signExtremes:
		return int(signCount) + sided - 1
	}
	return -1
}

// ofLevel is true of signs by which the turn of a weekend shows, to those who know no weeks.
func (s sign) ofLevel() bool {
	switch s {
	case signStuck, signWeek, signSmooth, signRagged, signFlowing, signShapes, signShapes3, signFormLong:
		return false
	}
	return true
}

// far is true of signs that know no bounds: of how far off they are only the logarithm is looked at, as the tail of a
// distribution may be heavier than a model of it can be.
func (s sign) far() bool {
	switch s {
	case signSpike, signHour, signStep, signNoExcuse, signLevel:
		return true
	}
	return false
}

const (
	signsEarly = 40 // buckets before anything is known
	// For so many more, scales are not settled, and what signs say would spoil their tails for long.
	signsSettled = 30
	signsWidest  = 5 * time.Minute
	signsWiden   = 512 // buckets of one width
	signsLong    = 1 << 30
	signsJump    = 6 // ordinary residuals, which are no slope of a rhythm
	// signsExcuse is by how many ordinary residuals values of late were better foretold by the week than by the day where
	// signs count half.
	signsExcuse = 3
	// After so many changes it is known for how long a series stays the same.
	signsChanges = 20
)

// signs look at the samples of one series. Samples are put together to buckets, which become longer as the series does,
// up to some minutes, so that what is learned reaches back far enough, and alarms are not the more the more often it is sampled.
type signs struct {
	zone *time.Location

	// of the bucket under way
	width    int // samples
	n        int
	sum      float64
	min, max float64

	last     int64   // time of the last sample
	interval float64 // milliseconds between samples
	gap      bool    // samples are missing before the bucket
	constant bool    // the unit is none that the values have

	buckets, since int // and since when of this width
	early          []float64
	center, unit   float64
	far            int // how often of late values were beyond anything

	before         [3]float64
	mean, scale    float64
	forecast       forecast
	expected       float64
	day, hours     rhythm // and the scale of residuals
	week, spread   rhythm // and the scale of deviations from the day
	push, drift    float64
	excuse         float64 // see signsExcuse
	rough          float64
	by             [4]float64 // deviations from day and week, over 12, 60, 200 and 24 buckets
	high, low, q   float64    // quantiles, and how far values are from the day
	often          [2]float64 // how often values are above and below them
	run            float64
	longest        float64
	changes        int
	lowest, utmost float64
	recent, all    [8]float64 // part of values in each of eight ranges
	allOf          float64
	level2, vary   float64
	differ         float64
	dozen          [12]float32
	fine, middle   echo
	coarse         echo
	shapes         [2]resonance
	tails          [tailCount]tail
}

func newSigns(zone *time.Location) *signs {
	s := &signs{
		zone: zone, width: 1, day: newRhythm(96, 24), hours: newRhythm(24, 50), week: newRhythm(168, 36), spread: newRhythm(24, 60),
		fine: echo{every: 1}, middle: echo{every: 4}, coarse: echo{every: 16}, lowest: math.Inf(1), utmost: math.Inf(-1),
		high: 1, low: -1, q: 1,
	}
	s.forecast.begin()
	for i, learn := range [...]int{750, 312} {
		s.shapes[i] = resonance{first: learn - learn%2, most: shapesMost}
		s.shapes[i].reset()
	}
	return s
}

// shapesMost is how many categories of shapes there are.
const shapesMost = 18

// add takes a sample; says is true where a bucket ended with it, and u is then how surprising each sign is.
func (s *signs) add(t int64, x float64) (u [signCount]float32, says bool) {
	if s.n == 0 {
		s.sum, s.min, s.max = 0, x, x
	}
	s.n++
	s.sum += x
	s.min, s.max = math.Min(s.min, x), math.Max(s.max, x)
	if s.last != 0 {
		d := float64(t - s.last)
		if s.interval == 0 {
			s.interval = d
		}
		if d > 5*s.interval {
			s.gap = true
		}
		s.interval += (math.Min(d, 4*s.interval) - s.interval) / 32
	}
	s.last = t
	if s.n < s.width {
		return u, false
	}
	value := s.sum / float64(s.n)
	if s.min == s.max {
		value = s.min
	}
	s.n = 0
	u = s.bucket(t, value, s.min, s.max)
	s.gap = false
	s.widen()
	return u, true
}

// bucket takes a bucket of samples between low and high whose mean is x.
func (s *signs) bucket(t int64, x, low, high float64) (u [signCount]float32) {
	s.buckets = min(s.buckets+1, signsLong)
	s.since = min(s.since+1, signsLong)
	if s.buckets <= signsEarly {
		s.early = append(s.early, x)
		if s.buckets == signsEarly {
			s.begin()
		}
		return u
	}
	if most := math.Max(high-s.center, s.center-low); s.constant && s.lowest == 0 && s.utmost == 0 && most > s.unit {
		s.unit = most / 4 // it has not varied so far, and does by this
	}
	scaled := func(x float64) float64 { return clip((x-s.center)/s.unit, 1e12) }
	y := scaled(x)
	l := s.look(t, y, scaled(low), scaled(high))
	if s.buckets > signsEarly+signsSettled {
		for i := range signCount {
			u[i] = float32(s.surprise(i, &l))
			if i.ofLevel() {
				u[i] *= float32(signsExcuse / (signsExcuse + s.excuse))
			}
		}
	}
	s.learn(&l)
	if math.Abs(y) < 1000 {
		s.far = 0
	} else if s.far++; s.far > signsEarly {
		zone := s.zone
		*s = *newSigns(zone) // what it began with was not what it is
	}
	return u
}

func (s *signs) begin() {
	for _, v := range s.early {
		s.center += v / signsEarly
	}
	s.unit = apartFrom(s.early, s.center)
	slices.Sort(s.early)
	// What is there by mistake does not decide how large a deviation is.
	middle := s.early[signsEarly/10 : signsEarly-signsEarly/10]
	if center := middle[len(middle)/2]; s.unit > 20*apartFrom(middle, center) {
		s.center, s.unit = center, apartFrom(middle, center)
	}
	least := math.Max(1e-6*math.Abs(s.center), 1e-9)
	s.constant = s.unit < least
	s.unit = math.Max(s.unit, least)
	s.early = nil
}

// apartFrom is the mean distance of values from a level.
func apartFrom(values []float64, level float64) (mean float64) {
	for _, v := range values {
		mean += math.Abs(v-level) / float64(len(values))
	}
	return mean
}

// narrow is by how much more has to be over what is an alarm as long as the history is short and buckets are many: half of what
// would keep alarms as rare in time as they are with the longest ones, as with the whole of it little was found at all.
func (s *signs) narrow() float64 {
	if s.interval == 0 {
		return 0
	}
	samples := float64(signsWidest.Milliseconds()) / s.interval
	return math.Log10(math.Max(1, samples/float64(s.width))) / 2
}

// widen doubles buckets once there are enough of them.
func (s *signs) widen() {
	if s.since < signsWiden || 2*float64(s.width)*s.interval > float64(signsWidest.Milliseconds()) {
		return
	}
	s.width *= 2
	s.since = 0
	s.run /= 2
	s.longest /= 2
	for _, e := range []*echo{&s.fine, &s.middle, &s.coarse} {
		e.halve()
	}
	for i := range s.tails {
		s.tails[i].hurry()
	}
}

// surprise is how surprising a sign is, and has its tail learn.
func (s *signs) surprise(i sign, l *looks) float64 {
	switch i {
	case signStuck:
		if s.run < 12 || s.changes < signsChanges {
			return 0
		}
		u := math.Max(0, 8*(s.run-2*s.longest)/(24+2*s.longest))
		if u > 8 {
			s.longest = s.run // until it is the same for as much longer again
		}
		return u
	case signShapes:
		return l.shapes[0]
	case signShapes3:
		return l.shapes[1]
	case signRange:
		return l.outside
	}
	x, down := l.statistic[i], l.below[i]
	if math.IsNaN(x) {
		return 0
	}
	part := tailPart
	if i.far() {
		part = tailPartFar
		x, down = math.Asinh(x), math.Asinh(down)
	}
	up := s.tails[i].surprise(x, part)
	s.tails[i].learn(x)
	o := i.other()
	if o < 0 {
		return up
	}
	up = math.Max(up, s.tails[o].surprise(down, part))
	s.tails[o].learn(down)
	return up
}

func (s *signs) layout(l *layout) {
	l.count(&s.width, signsLong)
	l.count(&s.n, max(s.width, 1))
	l.float(&s.sum, &s.min, &s.max, &s.interval, &s.center, &s.unit)
	l.time(&s.last)
	l.flag(&s.gap)
	l.flag(&s.constant)
	for _, v := range []*int{&s.buckets, &s.since, &s.far, &s.changes} {
		l.count(v, signsLong)
	}
	early := len(s.early)
	l.count(&early, signsEarly)
	if l.reading {
		s.early = make([]float64, early)
	}
	l.floats(s.early)
	l.floats(s.before[:])
	l.float(&s.mean, &s.scale, &s.expected, &s.push, &s.drift, &s.excuse, &s.rough, &s.high, &s.low, &s.q)
	s.forecast.layout(l)
	for _, r := range []*rhythm{&s.day, &s.hours, &s.week, &s.spread} {
		r.layout(l)
	}
	l.floats(s.by[:])
	l.floats(s.often[:])
	l.float(&s.run, &s.longest, &s.lowest, &s.utmost, &s.allOf, &s.level2, &s.vary, &s.differ)
	l.floats(s.recent[:])
	l.floats(s.all[:])
	l.smalls(s.dozen[:])
	for _, e := range []*echo{&s.fine, &s.middle, &s.coarse} {
		e.layout(l)
	}
	for i := range s.shapes {
		s.shapes[i].layout(l)
	}
	for i := range s.tails {
		s.tails[i].layout(l)
	}
}
