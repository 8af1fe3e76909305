package model

import (
	"math"
	"time"
)

// auto needs no setting. It looks for some thirty signs of an anomaly in one series (see sign), each as surprising as it is
// for this series, and judges them together.
//
// How it judges was learned from series that package trial makes: thirty-five kinds, with known anomalies, and with
// disturbances that are none. What it knows of a series it learns online: forecasts from the last values, the day and the
// week; how values vary over the day; how seldom each sign is as strong; and what stretches and shapes of values there were.
//
// It marks where an anomaly begins: its score is over 1 once for each, then below for a while. Ten times rarer is 1 more.
// The longer a series is known, the longer are the buckets that its samples are put in, up to five minutes; what is far off
// within a bucket shows at once.
//
// It takes 8 KB a series and some microseconds a sample.
type auto struct {
	of     uint32
	warmup int
	zone   *time.Location
	judge  *Judge

	signs   *signs
	witness witness
	heat    float64
	rest    int     // buckets
	peak    float64 // the score of the last alarm
	// farthest is how far the farthest value was of which there was an alarm, which is forgotten by and by.
	farthest float64
	within   tail    // of samples within a bucket
	missing  int     // samples since the last one
	longest  float64 // how many ever were, which is forgotten by and by
}

const (
	autoVersion = 2
	autoHeatFor = 2000 // buckets
	// Samples are missing when there are so many, and so many times as many as ever of late.
	silenceLeast = 12
	silenceTimes = 3
	silenceKeep  = 0.9995
	autoDeeper   = 0.5
	autoFarKeep  = 0.9995
	// autoWithin is how surprising a sample within a bucket is that is an alarm.
	autoWithin = 5
	// autoBand is how surprising a value is at the bounds: one in a hundred is beyond each.
	autoBand = 2
	// autoWide bounds them: the inverse hyperbolic sine of ten ordinary residuals.
	autoWide = 3
)

func autoKind() Kind {
	k := Kind{
		Name: "auto", Version: autoVersion,
		Summary: "Anything that is unusual for the series: levels, shapes, rhythm, noise, silence. Needs no setting.",
		Options: []Option{{
			Name: "learn", Default: 200, Min: 60, Max: 1e6, Whole: true, Meaning: "buckets of samples before the first alarm",
		}},
	}
	judge := learnedJudge()
	k.New = func(series int, set Settings, zone *time.Location) Model {
		a := &auto{of: stateOf(k.Name+" "+Clock(zone), series, set), warmup: int(set["learn"]), zone: zone, judge: judge}
		a.reset()
		return a
	}
	return k
}

func (a *auto) reset() {
	*a = auto{of: a.of, warmup: a.warmup, zone: a.zone, judge: a.judge, signs: newSigns(a.zone)}
}

// Observe implements Model.
func (a *auto) Observe(t int64, values []float64) Verdict {
	x := values[0]
	if !finite(x) {
		v := none()
		a.missing = min(a.missing+1, signsLong)
		v.Score = a.silent(a.missing)
		return v
	}
	x = bounded(x)
	silence := a.hearAgain(t)
	within := a.lookWithin(x)
	far := a.farther((x - a.signs.center) / a.signs.unit)
	u, says := a.signs.add(t, x)
	v := a.band()
	if !says {
		v.Score = math.Max(silence, within)
		return v
	}
	v.Score = math.Max(silence, math.Max(within, a.judgeBucket(&u, far)))
	return v
}

// hearAgain judges how many samples are missing before one that comes.
func (a *auto) hearAgain(t int64) (score float64) {
	s := a.signs
	n := a.missing
	if s.last != 0 && s.interval > 0 {
		n = max(n, int(math.Min(math.Round(float64(t-s.last)/s.interval)-1, signsLong)))
	}
	if n > a.missing { // or it has been said
		score = a.silent(n)
	}
	a.longest = math.Max(a.longest*silenceKeep, float64(n))
	a.missing = 0
	return score
}

// silent judges that so many samples in a row are missing.
func (a *auto) silent(n int) float64 {
	usual := math.Max(silenceLeast, silenceTimes*a.longest)
	if a.signs.buckets < a.warmup || float64(n) < usual {
		return 0
	}
	return a.alarm(1+math.Log10(float64(n)/usual), 0)
}

// lookWithin judges a sample of a bucket of many.
func (a *auto) lookWithin(x float64) float64 {
	s := a.signs
	if s.width == 1 || s.buckets < a.warmup {
		return 0
	}
	far := math.Abs((x-s.center)/s.unit-s.expected) / math.Max(s.scale, 1e-6)
	u := a.within.surprise(far, tailPart)
	a.within.learn(far)
	return a.alarm(u/(autoWithin+math.Log10(float64(s.width))), a.farther((x-s.center)/s.unit))
}

func (a *auto) judgeBucket(u *[signCount]float32, far float64) float64 {
	var e Evidence
	some := a.witness.hear(u, a.signs.buckets, &e)
	a.heat -= a.heat / autoHeatFor
	a.farthest *= autoFarKeep
	if a.rest > 0 {
		a.rest--
	}
	if !some || a.signs.buckets < a.warmup {
		return 0
	}
	over := a.judge.Over(&e, a.heat) - a.signs.narrow()
	if over < 0 {
		return math.Exp(over)
	}
	return a.alarm(1+over, far)
}

// farther is how far a value is that is beyond all, and twice as far as any that has broken a rest; 0 for all others.
func (a *auto) farther(y float64) float64 {
	if far := math.Abs(y); a.signs.beyond(y, y) && far > 2*a.farthest {
		return far
	}
	return 0
}

// alarm has a score be over 1 once for each cause: in the rest after an alarm, only for what is three times rarer still, or far
// from everything.
func (a *auto) alarm(score, far float64) float64 {
	if score < 1 {
		return score
	}
	score = math.Max(score, 1.001)
	if a.rest > 0 && score < a.peak+autoDeeper && far == 0 {
		return 0.99
	}
	a.farthest = math.Max(a.farthest, far)
	a.rest, a.peak = a.judge.Rest, score
	a.heat++
	return score
}

// band is what the value was expected to be.
func (a *auto) band() Verdict {
	s := a.signs
	if s.buckets <= signsEarly+signsSettled+tailFirst {
		return none()
	}
	scale := math.Max(s.scale, 1e-6)
	side := func(tail int) float64 {
		// Of few values the tail is not known well.
		return scale * math.Sinh(math.Max(0, math.Min(s.tails[tail].level(autoBand, tailPartFar), autoWide)))
	}
	// What is less than a thousandth of how the series varies says nothing.
	unit := func(y float64) float64 { return s.center + s.unit*math.Round(y*1000)/1000 }
	down, up := side(signSpike.other()), side(int(signSpike))
	return Verdict{Expected: unit(s.expected), Lower: unit(s.expected - down), Upper: unit(s.expected + up)}
}

func (a *auto) layout(l *layout) {
	a.signs.layout(l)
	l.smalls(a.witness.held[:])
	l.float(&a.heat, &a.peak, &a.farthest)
	l.count(&a.rest, a.judge.Rest)
	l.count(&a.missing, signsLong)
	l.float(&a.longest)
	a.within.layout(l)
}

// AppendBinary implements Model.
func (a *auto) AppendBinary(to []byte) ([]byte, error) {
	return writeState(to, autoVersion, a.of, a.layout), nil
}

// UnmarshalBinary implements Model.
func (a *auto) UnmarshalBinary(from []byte) error {
	a.reset()
	err := readState(from, autoVersion, a.of, a.layout)
	if err != nil {
		a.reset()
	}
	return err
}

// Learner gives the evidence that the model auto has of a series, to learn from.
type Learner struct {
	signs   *signs
	witness witness
}

// NewLearner makes one whose clock is UTC.
func NewLearner() *Learner { return &Learner{signs: newSigns(nil)} }

// Add takes a sample; some says whether there is evidence to judge, and buckets how many there were.
func (l *Learner) Add(t int64, x float64) (e Evidence, buckets int, some bool) {
	u, says := l.signs.add(t, x)
	if !says {
		return e, l.signs.buckets, false
	}
	some = l.witness.hear(&u, l.signs.buckets, &e)
	return e, l.signs.buckets, some
}
