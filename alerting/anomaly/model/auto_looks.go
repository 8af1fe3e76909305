package model

import (
	"math"
	"time"
)

// looks are what is seen of a bucket before anything is learned from it.
type looks struct {
	y, squashed       float64
	low, high         float64 // of the samples in the bucket
	day, week         float64 // phases
	in                [regressors]float64
	residual, scale   float64
	deviation, spread float64 // from the time of day
	statistic         [signCount]float64
	below             [signCount]float64
	shapes            [2]float64
	outside           float64
}

func (s *signs) look(t int64, y, low, high float64) (l looks) {
	l.y, l.squashed, l.low, l.high = y, math.Asinh(y), low, high
	l.day, l.week = phases(t, s.zone)
	for i := range l.statistic {
		l.statistic[i] = math.NaN()
	}
	s.lookAtForecast(&l)
	s.lookAtTimeOfDay(&l)
	s.lookAtLevels(&l)
	s.lookAtEchoes(&l)
	for i := range s.shapes {
		l.shapes[i] = s.shapes[i].add(y)
	}
	return l
}

func (l *looks) both(i sign, x float64) { l.sides(i, x, -x) }

// sides are how far up and how far down a bucket goes.
func (l *looks) sides(i sign, up, down float64) { l.statistic[i], l.below[i] = up, down }

func clip(x, most float64) float64 { return math.Max(-most, math.Min(most, x)) }

func (s *signs) lookAtForecast(l *looks) {
	l.scale = s.scaleAt(l.day)
	season, rises, known := s.rhythmic(&s.day, l.day, 24*time.Hour, signsJump*l.scale)
	if !known {
		season = s.mean
	}
	week, risesInWeek, weekly := s.rhythmic(&s.week, l.week, 7*24*time.Hour, signsJump*l.scale)
	if !weekly {
		week = season
	}
	if s.knowsWeek(l.week) {
		rises = risesInWeek
	}
	l.in = [regressors]float64{1, s.before[0], s.before[1], s.before[2], s.mean, season, rises, week}
	s.expected = s.forecast.of(&l.in)
	if s.buckets < signsEarly+15 {
		s.expected = s.before[0]
	}
	if w := s.utmost - s.lowest; w >= 0 {
		s.expected = math.Max(s.lowest-w/8, math.Min(s.expected, s.utmost+w/8))
	}
	l.residual = l.y - s.expected
	if s.gap { // what came between is not known, nor how far it went
		y := s.tame(l.y)
		s.before = [3]float64{y, y, y}
		s.expected, l.residual = season, 0
	}
	z := l.residual / l.scale
	c := clip(z, 4)
	s.push += (c - s.push) / 6
	s.drift += (c - s.drift) / 40
	s.rough += (math.Abs(c) - s.rough) / 12
	l.sides(signSpike, z+(l.high-l.y)/l.scale, (l.y-l.low)/l.scale-z)
	l.both(signPush, s.push)
	l.both(signDrift, s.drift)
	l.statistic[signRough], l.statistic[signSmooth] = s.rough, -s.rough
	w := 0.
	if weekly && s.week.seen(l.week) > 5 {
		w = (l.y - week) / l.scale
	}
	s.by[3] += (clip(w, 6) - s.by[3]) / 24
	l.both(signWeek, s.by[3])
	l.deviation = l.y - season
	better := 0.
	if s.knowsWeek(l.week) {
		better = clip((math.Abs(l.deviation)-math.Abs(l.y-week))/l.scale, 10)
	}
	s.excuse = math.Max(0, s.excuse+(better-s.excuse)/12)
}

// rhythmic is what a rhythm has at a phase of its period, and by how much that is more than a bucket before.
func (s *signs) rhythmic(r *rhythm, phase float64, period time.Duration, jump float64) (mean, rises float64, known bool) {
	mean, known = r.at(phase, jump)
	bucket := float64(s.width) * s.interval / float64(period.Milliseconds())
	before, was := r.at(math.Mod(phase+1-math.Min(bucket, 1), 1), jump)
	if known && was {
		rises = mean - before
	}
	return mean, rises, known
}

// knowsWeek says whether this hour of the week is known well enough to say how values rise and fall in it.
func (s *signs) knowsWeek(week float64) bool {
	const weeks, least = 2, 6
	inHour := float64(time.Hour.Milliseconds()) / (float64(s.width) * s.interval)
	return s.week.seen(week) >= math.Min(float64(s.week.most), math.Max(least, weeks*inHour))
}

// scaleAt is how large residuals are at a time of day.
func (s *signs) scaleAt(day float64) float64 {
	scale := math.Max(s.scale, 1e-6)
	if n := s.hours.seen(day); n > 0 {
		g := n / (n + 10)
		scale = (1-g)*scale + g*math.Max(s.hours.own(day), 0.1*scale)
	}
	return scale
}

func (s *signs) lookAtTimeOfDay(l *looks) {
	l.spread = math.Max(s.spread.own(l.day), 1e-6)
	z := 0.
	if s.spread.seen(l.day) >= 5 {
		z = l.deviation / l.spread
	}
	for i, memory := range [...]float64{12, 60, 200} {
		s.by[i] += (clip(z, 6) - s.by[i]) / memory
	}
	if z != 0 {
		l.sides(signHour, z+(l.high-l.y)/l.spread, (l.y-l.low)/l.spread-z)
	} else {
		l.both(signHour, 0)
	}
	l.both(signHours, s.by[0])
	l.both(signHalf, s.by[1])
	l.both(signLong, s.by[2])
	step := math.Abs(l.y - s.before[0])
	l.statistic[signNoExcuse] = math.Min(math.Abs(l.residual)/l.scale, math.Min(step/l.scale, math.Abs(z)))
	l.statistic[signStep] = step
}

func (s *signs) lookAtLevels(l *looks) {
	l.sides(signLevel, l.high, -l.low)
	above, below := 0., 0.
	if l.y > s.high {
		above = 1
	}
	if l.y < s.low {
		below = 1
	}
	s.often[0] += (above - s.often[0]) / 24
	s.often[1] += (below - s.often[1]) / 24
	l.sides(signExtremes, s.often[0], s.often[1])
	if s.tame(l.y) == s.before[0] && !s.gap {
		s.run++
	} else {
		s.longest = math.Max(s.longest*0.9999, s.run)
		s.run = 0
		s.changes = min(s.changes+1, signsChanges)
	}
	if w := s.utmost - s.lowest; w > 0 {
		if far := math.Max(l.high-s.utmost, s.lowest-l.low) / w; far > 0.05 {
			l.outside = math.Min(surpriseMost, 1+2*math.Log10(1+10*far))
		}
	}
	s.lookAtMixture(l)
	s.level2 += (l.squashed - s.level2) / 24
	d := l.squashed - s.level2
	s.vary += (d*d - s.vary) / 24
	d = l.squashed - math.Asinh(s.before[0])
	s.differ += (d*d - s.differ) / 24
	ragged := math.Log((s.differ + 1e-4) / (s.vary + 1e-4))
	l.statistic[signRagged], l.statistic[signFlowing] = ragged, -ragged
	if s.buckets > signsEarly+len(s.dozen) {
		low, high := s.dozen[0], s.dozen[0]
		for _, v := range s.dozen {
			low, high = min(low, v), max(high, v)
		}
		l.statistic[signSpan] = float64(high - low)
	}
}

// lookAtMixture compares how often values of late were in each of eight ranges with how often they ever were, by relative
// entropy (Wang et al., Statistical Techniques for Online Anomaly Detection in Data Centers, IM 2011).
func (s *signs) lookAtMixture(l *looks) {
	at := int(clip(4+3*(l.y-(s.high+s.low)/2)/(s.high-s.low+1e-9), 1e6))
	at = max(0, min(len(s.recent)-1, at))
	sum := 0.
	for i := range s.recent {
		s.recent[i] -= s.recent[i] / 36
		if i == at {
			s.recent[i] += 1. / 36
		}
		if p := s.recent[i]; p > 0.001 {
			sum += p * math.Log(p*(s.allOf+4)/(s.all[i]*s.allOf+0.5))
		}
	}
	l.statistic[signMixture] = sum
	s.allOf = math.Min(s.allOf+1, 3000)
	for i := range s.all {
		e := 0.
		if i == at {
			e = 1
		}
		s.all[i] += (e - s.all[i]) / s.allOf
	}
}

func (s *signs) lookAtEchoes(l *looks) {
	look := func(i sign, e *echo, length int, levels bool) {
		if d := e.distance(length, levels); d >= 0 {
			l.statistic[i] = d
		}
	}
	if s.fine.learn(l.squashed) {
		look(signEchoFine, &s.fine, 12, true)
		look(signFormFine, &s.fine, 24, false)
	}
	if s.middle.learn(l.squashed) {
		look(signEcho, &s.middle, 16, true)
		look(signForm, &s.middle, 12, false)
	}
	if s.coarse.learn(l.squashed) {
		look(signEchoLong, &s.coarse, 16, true)
		look(signFormLong, &s.coarse, 16, false)
	}
}

// learn takes a bucket as one more that was.
func (s *signs) learn(l *looks) {
	n := float64(s.buckets - signsEarly)
	y := s.tame(l.y)
	if !s.gap {
		size := math.Abs(y - s.expected)
		if n > 20 {
			s.hours.learn(l.day, math.Min(size, 5*l.scale))
		}
		if n < 30 {
			s.scale = math.Max(0.95*s.scale, size/3)
		}
		s.scale += math.Max(1/n, 0.004) * (math.Min(size, 5*l.scale) - s.scale)
		s.forecast.learn(&l.in, clip(l.residual, 3*l.scale))
	}
	off := math.Abs(l.deviation)
	if s.spread.seen(l.day) > 5 {
		off = math.Min(off, 5*l.spread)
	}
	s.spread.learn(l.day, off)
	s.mean += (y - s.mean) * math.Max(1/n, 0.01)
	gain := s.q * math.Max(4/n, 0.02)
	s.q += (math.Min(math.Abs(l.deviation), 10*s.q) - s.q) * 0.005
	s.high += gain * (above(l.y, s.high) - 0.1)
	s.low += gain * (0.1 - above(s.low, l.y))
	s.lowest, s.utmost = math.Min(s.lowest, s.tame(l.low)), math.Max(s.utmost, s.tame(l.high))
	s.day.learn(l.day, s.near(&s.day, l.day, y, l))
	s.week.learn(l.week, s.near(&s.week, l.week, y, l))
	copy(s.dozen[:], s.dozen[1:])
	s.dozen[len(s.dozen)-1] = float32(l.squashed)
	s.before = [3]float64{y, s.before[0], s.before[1]}
}

// near is a value no farther from what a rhythm has than what may come: a single one that is far off is none of the next day.
func (s *signs) near(r *rhythm, phase, y float64, l *looks) float64 {
	if s.spread.seen(l.day) <= 5 || r.seen(phase) == 0 {
		return y
	}
	return r.own(phase) + clip(y-r.own(phase), 6*l.spread)
}

// beyond says whether values are farther from all before than these were from each other.
func (s *signs) beyond(low, high float64) bool {
	w := s.utmost - s.lowest
	return w > 0 && math.Max(high-s.utmost, s.lowest-low) > w
}

// tame is a value no farther from the usual than what can be learned from without being blinded by it, as by a -999 that says
// that there is none. What is usual follows if such values last.
func (s *signs) tame(y float64) float64 {
	const times, least = 10, 30
	if s.constant {
		return y
	}
	far := math.Max(times*(s.high-s.low), least)
	middle := (s.high + s.low) / 2
	return math.Max(middle-far, math.Min(y, middle+far))
}

// above is 1 where x is above y, else 0.
func above(x, y float64) float64 {
	if x > y {
		return 1
	}
	return 0
}
