package model

import (
	"math"
	"time"
)

// multivariate finds that several sensors of one thing do not go together as they did.
//
// What they show it smooths by an exponential average (the multivariate EWMA chart of Lowry, Woodall, Champ and Rigdon,
// Technometrics 34, 1992), and keeps mean and covariance of that, shrunk the more towards independence the fewer samples there were. The
// residual of each sensor on all others follows from one inverse (Whittaker, Graphical Models in Applied Multivariate Statistics, 1990,
// section 5.7). A residual that returns to nothing counts whole; of one that wanders, as what the sun does to a sensor, only that part
// counts which was not there some time before. It wanders as much as has been seen of it, and at least as much as the sensor itself does, so
// far as the others do not explain that: of residuals less is known than of sensors, as they are only there when those are related. How far
// they go ordinarily is learned of each, and of all together as Hotelling's T² does (see spread).
//
// Its score stays over 1 for as long as the fault lasts, and less so the more a sensor wanders: that one of those has not come back
// is no fault. While it does, nothing is learned, and neither is what came shortly before; that is why samples are learned
// with a delay. What came and went within that delay is no fault either, but what such sensors do now and then: the tails of
// their distributions learn it. After a longest time the fault is how things are.
//
// A sensor that falls silent is left out, of what the others say as well, until enough of it is known again to be as smooth as it was.
//
// A sample of p sensors takes 2·p³ multiplications (8 sensors: about 7 µs), and the model 8·(2·p²+(19+4·smooth)·p)+700·(p+1) bytes
// (8 sensors: 14 KB).
type multivariate struct {
	of      uint32
	series  int
	limit   float64 // surprise of an alarm
	needed  float64 // samples learned before the first score
	smooth  float64
	memory  float64
	longest int     // samples of an alarm
	gone    float64 // weight of a sensor that has been silent for as long
	delay   int     // samples after which one is learned
	learnt  int     // samples for which quartiles are kept

	seen   []float64 // instants since the first value of each sensor
	usual  []float64 // which part of these had one
	first  []float64 // the value before the last one of each, as long as it is new
	second []float64 // and the last one
	weight []float64 // the same of late
	sum    []float64 // and the smoothed value times that
	past   []float64 // a ring of what now was, NaN where there was none
	at     int
	full   int // how much of the ring is filled, in samples
	clean  int // samples without an alarm, so far as they matter

	n      float64   // samples learned, up to the memory
	known  []float64 // the same of each sensor
	mean   []float64
	cov    []float64 // series × series
	level  []float64 // variance of residuals
	lagged []float64 // and their covariance with what they were a delay before
	moved  []float64 // half the mean square of what sensors do in a delay
	worst  []float64 // of this alarm, the residuals farthest off, and how far all were
	joint  spread
	single []spread
	on     bool
	frozen int
	often  float64 // alarms of late

	// These are of no matter between two samples. wild are values beyond what counts, there are sensors that can be compared,
	// stay is which part of their residuals is still there a delay later, part which part of these counts.
	x, z, e, was, d, inverse, wild, stay, part []float64
	there                                      []bool
}

const (
	multivariateVersion = 2
	// multivariateHold is the score down to which an alarm goes on where nothing wanders.
	multivariateHold = 0.5
	// multivariateClip bounds, in standard deviations, what is learned of a deviation.
	multivariateClip = 2.5
	// multivariateJoint is what T² counts. It adds up what all sensors have, and they have it together when the weather changes.
	multivariateJoint = 0.5
	// multivariateDoubt is how many independent samples a sensor it takes for correlations to count half.
	multivariateDoubt = 3
	// multivariateFirst is how many residuals of it are known before a sensor is judged.
	multivariateFirst = 20
	// multivariateFar bounds deviations, in standard deviations.
	multivariateFar = 100
	// multivariateEnough is how much of its usual weight of late a sensor needs to count.
	multivariateEnough = 0.7
)

func multivariateKind() Kind {
	k := Kind{
		Name: "multivariate", Joint: true, Version: multivariateVersion,
		Summary: "Several sensors of one pump, bridge or street do not go together as they did; the score stays up while they do not.",
		Options: []Option{
			{Name: "every", Default: 1700, Min: 100, Max: 1e9, Meaning: "samples in which one false alarm is accepted"},
			{Name: "learn", Default: 300, Min: 60, Max: 1e6, Whole: true, Meaning: "samples before the first score"},
			{Name: "smooth", Default: 20, Min: 1, Max: 500, Whole: true, Meaning: "samples that are averaged"},
			{Name: "memory", Default: 5000, Min: 100, Max: 1e7, Whole: true, Meaning: "samples that are remembered"},
			{Name: "freeze", Default: 2000, Min: 1, Max: 1e7, Whole: true, Meaning: "samples after which a fault that lasts is how things are"},
		},
	}
	k.New = func(series int, set Settings, _ *time.Location) Model {
		return newMultivariate(series, stateOf(k.Name, series, set), set)
	}
	return k
}

func newMultivariate(series int, of uint32, set Settings) *multivariate {
	m := &multivariate{
		of: of, series: series,
		// Smoothed samples count as so many fewer; and alarms were three times as many as that says, on sensors that share something
		// and else are noise of their own.
		limit:  math.Max(1.5, math.Log10(3*set["every"]/set["smooth"])),
		needed: set["learn"], smooth: set["smooth"], memory: set["memory"], longest: int(set["freeze"]),
		delay: 2 * int(set["smooth"]), learnt: int(set["memory"]),
	}
	m.gone = math.Pow(1-2/(m.smooth+1), math.Max(set["freeze"], 20*m.smooth))
	m.reset()
	return m
}

func (m *multivariate) reset() {
	p := m.series
	for _, v := range []*[]float64{&m.seen, &m.usual, &m.first, &m.second, &m.weight, &m.sum, &m.known, &m.mean, &m.level, &m.lagged, &m.moved, &m.x, &m.z, &m.e, &m.was, &m.d, &m.wild, &m.stay, &m.part} {
		*v = make([]float64, p)
	}
	m.past = make([]float64, 2*m.delay*p)
	m.cov, m.inverse = make([]float64, p*p), make([]float64, p*p)
	m.worst, m.there = make([]float64, p+1), make([]bool, p)
	m.joint = newSpread(m.learnt, m.smooth)
	m.single = make([]spread, p)
	for c := range m.single {
		m.single[c] = newSpread(m.learnt, m.smooth)
	}
	m.at, m.full, m.clean, m.frozen, m.n, m.often, m.on = 0, 0, 0, 0, 0, 0, false
}

// Observe implements Model.
func (m *multivariate) Observe(_ int64, values []float64) Verdict {
	if m.take(values) == 0 {
		return none()
	}
	v := none()
	if m.n >= math.Max(m.needed-float64(2*m.delay), m.needed/2) && m.joint.quartiles.seen() >= multivariateFirst {
		m.compare(m.x, m.before(m.delay))
		v = m.judge()
	}
	m.often -= m.often / alarmMemory
	if v.Score > 1 && !m.on {
		m.often++
	}
	m.on = v.Score > 1
	switch {
	case !m.on:
		m.end()
		m.frozen = 0
		m.clean = min(m.clean+1, 2*m.delay)
	case m.frozen < m.longest:
		m.frozen++
		m.remember()
		m.clean = 0 // what came just before is suspect
	default:
		m.accept()
	}
	if m.full == 2*m.delay && m.clean == 2*m.delay {
		m.learn(m.before(m.delay), m.before(2*m.delay))
	}
	copy(m.past[m.at*m.series:], m.x)
	m.at = (m.at + 1) % (2 * m.delay)
	m.full = min(m.full+1, 2*m.delay)
	return v
}

// take smooths values into x, and says how many there are.
func (m *multivariate) take(values []float64) (present int) {
	rate := 2 / (m.smooth + 1)
	for c, v := range values {
		is := 0.
		m.wild[c] = math.NaN()
		if finite(v) {
			is = 1
			present++
		}
		if m.seen[c] < 2 {
			m.begin(c, v)
			continue
		}
		m.seen[c] = math.Min(m.seen[c]+1, m.memory)
		m.usual[c] += (is - m.usual[c]) / m.seen[c]
		m.weight[c] += (is - m.weight[c]) * rate
		m.sum[c] -= m.sum[c] * rate
		if is > 0 {
			m.sum[c] += m.within(c, bounded(v)) * rate
		}
		m.x[c] = math.NaN()
		if m.weight[c] < m.gone {
			m.forget(c)
			m.seen[c], m.usual[c] = 0, 0
			continue
		}
		if m.weight[c] >= multivariateEnough*m.usual[c] || m.seen[c] < m.smooth {
			m.x[c] = m.sum[c] / m.weight[c]
		}
	}
	return present
}

// begin takes the first two values of a sensor, of which nobody knows whether they are wild.
func (m *multivariate) begin(c int, v float64) {
	m.x[c] = math.NaN()
	if finite(v) {
		m.seen[c]++
		m.first[c], m.second[c] = m.second[c], bounded(v)
	}
}

// within has a value count no more than can be told of it: what is wild would be felt in the average for long.
func (m *multivariate) within(c int, v float64) float64 {
	if m.known[c] <= 30 {
		first, second := m.first[c], m.second[c]
		m.first[c], m.second[c] = second, v
		return math.Max(math.Min(first, second), math.Min(math.Max(first, second), v)) // the median of these
	}
	far := multivariateFar * m.sd(c)
	if math.Abs(v-m.mean[c]) <= far {
		return v
	}
	m.wild[c] = v
	return math.Max(m.mean[c]-far, math.Min(m.mean[c]+far, v))
}

// before is what was smoothed so many samples ago.
func (m *multivariate) before(ago int) []float64 {
	i := (m.at - ago + 2*m.delay) % (2 * m.delay) * m.series
	return m.past[i : i+m.series]
}

// remember keeps what is farthest off in an alarm.
func (m *multivariate) remember() {
	for c, d := range m.d {
		if finite(m.x[c]) && math.Abs(d) > math.Abs(m.worst[c]) {
			m.worst[c] = d
		}
	}
	m.worst[m.series] = math.Max(m.worst[m.series], m.together())
}

// end learns from an alarm that is over. Without those that were short, tails would be of what is not surprising only.
func (m *multivariate) end() {
	if m.frozen == 0 {
		return
	}
	if m.frozen < m.delay {
		for c := range m.single {
			m.single[c].learnTail(m.worst[c], int(m.smooth))
		}
		m.joint.learnTail(m.worst[m.series], int(m.smooth))
	}
	clear(m.worst)
}

// accept takes what is as how things are. Of a sensor that is beyond what counts nothing known is of use.
func (m *multivariate) accept() {
	for c, v := range m.x {
		switch {
		case finite(m.wild[c]):
			m.forget(c)
			m.sum[c] = bounded(m.wild[c]) * m.weight[c]
			m.full = 0
		case finite(v) && m.known[c] > 0:
			m.mean[c] = v
		}
	}
	m.frozen, m.clean = 0, 0
	clear(m.worst)
	m.n = math.Min(m.n, m.needed/2)
}

func (m *multivariate) forget(c int) {
	m.known[c], m.level[c], m.lagged[c], m.moved[c] = 0, 0, 0, 0
	m.single[c] = newSpread(m.learnt, m.smooth)
	for j := range m.series {
		m.cov[c*m.series+j], m.cov[j*m.series+c] = 0, 0
	}
}

// together is how far all are.
func (m *multivariate) together() float64 {
	t, n := 0., 0
	for c, d := range m.d {
		if m.there[c] {
			t += d * d
			n++
		}
	}
	return math.Sqrt(t / float64(max(n, 1)))
}

func (m *multivariate) judge() Verdict {
	v := none()
	present := 0
	for _, is := range m.there {
		if is {
			present++
		}
	}
	if present == 0 {
		return v
	}
	u := multivariateJoint * m.joint.surprise(m.together())
	held := u / multivariateHold
	tests := math.Log10(float64(present))
	for c := range m.series {
		if m.known[c] > m.needed/4 && m.there[c] {
			one := m.single[c].surprise(m.d[c]) - tests
			u = math.Max(u, one)
			held = math.Max(held, one/(multivariateHold+(1-multivariateHold)*m.stay[c]))
		}
	}
	bar := m.limit * (1 + alarmRaise*m.often)
	v.Score = u / bar
	if m.on && held > bar {
		v.Score = math.Max(v.Score, 1.01)
	}
	if m.there[0] {
		// The residual, and the values of it with which the score would be 1, in the unit of the sensor.
		g := m.inverse[0]
		unit := m.sd(0) / math.Sqrt(g)
		low, high := m.single[0].usual(bar + tests)
		v.Expected = m.x[0] - m.d[0]*unit
		v.Lower, v.Upper = v.Expected+low*unit, v.Expected+high*unit
	}
	return v
}

func (m *multivariate) learn(x, before []float64) {
	p := m.series
	m.n = math.Min(m.n+1, m.memory)
	if m.n > m.needed/3 {
		m.compare(x, before)
		m.joint.learn(m.together())
		for c := range p {
			if m.there[c] && m.part[c] == 1 {
				m.single[c].learn(m.d[c])
				m.learnWander(c)
			}
		}
	}
	for c := range p {
		m.z[c] = 0
		if finite(x[c]) {
			m.learnOne(c, x[c])
			m.learnMoved(c, x[c]-before[c])
		}
	}
	rate := 1 / m.n
	for i := range p {
		for j := range p {
			m.cov[i*p+j] += (m.z[i]*m.z[j] - m.cov[i*p+j]) * rate
		}
	}
}

// learnOne learns from the value of a sensor, and puts into z what counts of how far it is from its mean.
func (m *multivariate) learnOne(c int, x float64) {
	m.known[c] = math.Min(m.known[c]+1, m.memory)
	rate := 1 / m.known[c]
	if m.known[c] == 1 {
		m.mean[c] = x
		return
	}
	m.z[c] = x - m.mean[c]
	if m.known[c] > 30 {
		limit := multivariateClip * m.sd(c)
		m.z[c] = math.Max(-limit, math.Min(limit, m.z[c]))
	}
	m.mean[c] += m.z[c] * rate
}

// learnMoved learns how far a sensor goes in a delay.
func (m *multivariate) learnMoved(c int, by float64) {
	if finite(by) {
		m.moved[c] += (by*by/2 - m.moved[c]) / m.known[c]
	}
}

// learnWander learns how much of a residual is still there a delay later.
func (m *multivariate) learnWander(c int) {
	n := math.Min(float64(m.single[c].quartiles.seen()), m.memory)
	limit := math.Inf(1)
	if n > 30 {
		limit = multivariateClip * math.Sqrt(m.level[c])
	}
	e, was := math.Max(-limit, math.Min(limit, m.e[c])), math.Max(-limit, math.Min(limit, m.was[c]))
	m.level[c] += (e*e - m.level[c]) / n
	m.lagged[c] += (e*was - m.lagged[c]) / n
}

func (m *multivariate) layout(l *layout) {
	for _, v := range [][]float64{m.seen, m.usual, m.first, m.second, m.weight, m.sum, m.past, m.known, m.mean, m.level, m.lagged, m.moved, m.worst, m.cov} {
		l.floats(v)
	}
	l.count(&m.at, 2*m.delay-1)
	l.count(&m.full, 2*m.delay)
	l.count(&m.clean, 2*m.delay)
	l.float(&m.n, &m.often)
	m.joint.layout(l)
	for c := range m.single {
		m.single[c].layout(l)
	}
	l.flag(&m.on)
	l.count(&m.frozen, m.longest)
}

// AppendBinary implements Model.
func (m *multivariate) AppendBinary(b []byte) ([]byte, error) {
	return writeState(b, multivariateVersion, m.of, m.layout), nil
}

// UnmarshalBinary implements Model.
func (m *multivariate) UnmarshalBinary(b []byte) error {
	m.reset()
	err := readState(b, multivariateVersion, m.of, m.layout)
	if err != nil {
		m.reset()
	}
	return err
}
