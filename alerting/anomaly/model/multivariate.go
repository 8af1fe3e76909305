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
// A sample of p sensors takes 2·p³ multiplications (8 sensors: about 7 µs), and the model 8·(2·p²+(15+4·smooth)·p)+700·(p+1) bytes
// (8 sensors: 14 KB).
type multivariate struct {
	of      uint32
	series  int
	limit   float64 // surprise of an alarm
	needed  float64 // samples learned before the first score
	smooth  float64
	memory  float64
	longest int // samples of an alarm
	delay   int // samples after which one is learned
	learnt  int // samples for which quartiles are kept

	seen  []float64 // samples of each sensor
	now   []float64 // smoothed
	past  []float64 // a ring of what now was, NaN where there was none
	at    int
	full  int // how much of the ring is filled, in samples
	clean int // samples without an alarm, so far as they matter

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

	// x, z, e, was, d and inverse are of no matter between two samples.
	x, z, e, was, d, inverse []float64
}

const (
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
)

func multivariateKind() Kind {
	k := Kind{
		Name: "multivariate", Joint: true, Version: 1,
		Summary: "Several sensors of one pump, bridge or street do not go together as they did; the score stays up while they do not.",
		Options: []Option{
			{Name: "every", Default: 5000, Min: 100, Max: 1e9, Meaning: "samples in which one false alarm is accepted"},
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
		limit:  math.Max(1.5, math.Log10(set["every"]/set["smooth"])),
		needed: set["learn"], smooth: set["smooth"], memory: set["memory"], longest: int(set["freeze"]),
		delay: 2 * int(set["smooth"]), learnt: int(set["memory"]),
	}
	m.reset()
	return m
}

func (m *multivariate) reset() {
	p := m.series
	for _, v := range []*[]float64{&m.seen, &m.now, &m.known, &m.mean, &m.level, &m.lagged, &m.moved, &m.x, &m.z, &m.e, &m.was, &m.d} {
		*v = make([]float64, p)
	}
	m.past = make([]float64, 2*m.delay*p)
	m.cov, m.inverse = make([]float64, p*p), make([]float64, p*p)
	m.worst = make([]float64, p+1)
	m.joint = newSpread(m.learnt, m.smooth)
	m.single = make([]spread, p)
	for c := range m.single {
		m.single[c] = newSpread(m.learnt, m.smooth)
	}
	m.at, m.full, m.clean, m.frozen, m.n, m.often, m.on = 0, 0, 0, 0, 0, 0, false
}

// Observe implements Model.
func (m *multivariate) Observe(_ int64, values []float64) Verdict {
	present := m.take(values)
	if present == 0 {
		return none()
	}
	v := none()
	if m.n >= math.Max(m.needed-float64(2*m.delay), m.needed/2) && m.joint.quartiles.seen() >= multivariateFirst {
		m.compare(m.x, m.before(m.delay))
		v = m.judge(present)
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
	for c, v := range values {
		m.x[c] = math.NaN()
		if !finite(v) {
			continue
		}
		present++
		m.seen[c]++
		m.now[c] += (bounded(v) - m.now[c]) * math.Max(2/(m.smooth+1), 1/m.seen[c])
		m.x[c] = m.now[c]
	}
	return present
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

// accept takes what is as how things are.
func (m *multivariate) accept() {
	for c, v := range m.x {
		if finite(v) && m.known[c] > 0 {
			m.mean[c] = v
		}
	}
	m.frozen, m.clean = 0, 0
	clear(m.worst)
	m.n = math.Min(m.n, m.needed/2)
}

// stays is which part of a residual is still there a delay later. The inverse has to be that of now.
func (m *multivariate) stays(c int) float64 {
	s := m.wanders(c) / m.inverse[c*m.series+c] // which is how much of the sensor the others do not explain
	if m.level[c] > 0 {
		s = math.Max(s, m.lagged[c]/m.level[c])
	}
	return math.Min(1, s)
}

// wanders is which part of what a sensor is from its mean is still there a delay later.
func (m *multivariate) wanders(c int) float64 {
	v := m.cov[c*m.series+c]
	if !(v > 0) {
		return 0
	}
	return math.Max(0, 1-m.moved[c]/v)
}

func (m *multivariate) sd(c int) float64 {
	return math.Max(math.Sqrt(m.cov[c*m.series+c]), 1e-9*math.Abs(m.mean[c])+1e-100)
}

// relate has the inverse of the correlations.
func (m *multivariate) relate() {
	p := m.series
	independent := math.Max(m.n/m.smooth, 1)
	sure := independent / (multivariateDoubt*float64(p) + independent)
	for i := range p {
		for j := range i {
			r := sure * math.Max(-1, math.Min(1, m.cov[i*p+j]/m.sd(i)/m.sd(j)))
			m.inverse[i*p+j], m.inverse[j*p+i] = r, r
		}
		m.inverse[i*p+i] = 1
	}
	invert(m.inverse, p)
}

// residuals puts into e how far each sensor is from what the others say, in standard deviations of it.
func (m *multivariate) residuals(x, e []float64) {
	p := m.series
	for c := range p {
		m.z[c] = 0
		if finite(x[c]) && m.known[c] > 0 {
			m.z[c] = math.Max(-multivariateFar, math.Min(multivariateFar, (x[c]-m.mean[c])/m.sd(c)))
		}
	}
	for c := range p {
		e[c] = 0
		for j := range p {
			e[c] += m.inverse[c*p+j] * m.z[j]
		}
		e[c] /= math.Sqrt(m.inverse[c*p+c])
	}
}

// compare puts into e how far each sensor is from what the others say, and into d which part of that is new.
func (m *multivariate) compare(x, before []float64) {
	m.relate()
	m.residuals(before, m.was)
	m.residuals(x, m.e)
	for c := range m.d {
		m.d[c] = m.e[c] - m.stays(c)*m.was[c]
	}
}

// together is how far all are.
func (m *multivariate) together() float64 {
	t := 0.
	for _, d := range m.d {
		t += d * d
	}
	return math.Sqrt(t / float64(m.series))
}

func (m *multivariate) judge(present int) Verdict {
	v := none()
	u := multivariateJoint * m.joint.surprise(m.together())
	held := u / multivariateHold
	tests := math.Log10(float64(present))
	for c := range m.series {
		if m.known[c] > m.needed/4 && finite(m.x[c]) {
			one := m.single[c].surprise(m.d[c]) - tests
			u = math.Max(u, one)
			held = math.Max(held, one/(multivariateHold+(1-multivariateHold)*m.stays(c)))
		}
	}
	bar := m.limit * (1 + alarmRaise*m.often)
	v.Score = u / bar
	if m.on && held > bar {
		v.Score = math.Max(v.Score, 1.01)
	}
	if m.known[0] > 0 && finite(m.x[0]) {
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
			if finite(x[c]) {
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

// invert inverts a symmetric positive definite matrix in place, by Gauss and Jordan.
func invert(a []float64, p int) {
	for k := range p {
		d := 1 / math.Max(a[k*p+k], 1e-9)
		for i := range p {
			if i == k {
				continue
			}
			f := a[i*p+k] * d
			for j := range p {
				if j != k {
					a[i*p+j] -= f * a[k*p+j]
				}
			}
			a[i*p+k] = -f
		}
		for j := range p {
			if j != k {
				a[k*p+j] *= d
			}
		}
		a[k*p+k] = d
	}
	for k := range p {
		a[k*p+k] = math.Max(a[k*p+k], 1e-9)
	}
}

func (m *multivariate) layout(l *layout) {
	for _, v := range [][]float64{m.seen, m.now, m.past, m.known, m.mean, m.level, m.lagged, m.moved, m.worst, m.cov} {
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
	return writeState(b, 1, m.of, m.layout), nil
}

// UnmarshalBinary implements Model.
func (m *multivariate) UnmarshalBinary(b []byte) error {
	m.reset()
	err := readState(b, 1, m.of, m.layout)
	if err != nil {
		m.reset()
	}
	return err
}
