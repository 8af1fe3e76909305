package model

import (
	"math"
	"time"
)

// seasonal finds values that do not belong to the hour of the day and the day of the week, and series that drift out of their rhythm.
//
// It is additive exponential smoothing with a season, in the robust form of Gelper, Fried and Croux (Robust Forecasting with
// Exponential and Holt-Winters Smoothing, Journal of Forecasting 29, 2010): each error is bounded by some scales before anything is
// learned of it, and the scale by which it is bounded is robust. The season is a table over the day, between whose entries it is
// interpolated, so that intervals may be irregular and samples missing, and a second table of how weekdays differ, which counts while it
// foretells better. What remains is foretold from what remained before. Rates are by time, not by samples. How far errors go is
// learned by extreme-value statistics (see rarity), for single errors and for averages of them.
//
// Days and weeks are those of the city's wall clock, so that people who change their clocks take the table along. What keeps to another
// clock, such as a machine that nobody changes, moves by an hour against the table. So errors are also counted against the table an hour
// earlier and later; the least one counts, and when one of these is better for hours, the table moves.
//
// A sample takes about 1 µs, and the model 5 KB.
type seasonal struct {
	of    uint32
	zone  *time.Location
	week  bool
	alarm alarm
	fresh alarm

	samples   int
	begun     int64 // first sample
	last      int64
	interval  float64 // usual, in milliseconds
	level     float64
	day       [seasonBins]float32
	weight    [seasonBins]float32 // days that were seen of an entry
	weekday   [7 * seasonBins]float32
	weekdayOf [7 * seasonBins]uint8 // weeks that were seen
	shift     int64                 // of the rhythm against the wall clock, in milliseconds
	losses    [3]float64            // of the rhythm an hour earlier, as it is, and an hour later
	withWeek  float64               // loss with and without the second table
	without   float64
	hour      [24]float64 // scale of errors
	scale     float64
	rest      float64 // what remained, of late
	cross     float64 // covariance of what remains with rest
	square    float64
	drift     float64
	driftUnit float64
	run       int // errors beyond the bound on the same side
	sides     [4]rarity
}

const (
	seasonBins  = 96
	milliDay    = 86_400_000
	milliHour   = 3_600_000
	milliBin    = milliDay / seasonBins
	seasonFirst = 2 * milliDay // before the first score
	// seasonDoubt is after how many days a surprise counts half.
	seasonDoubt = 2
	// seasonBound is by how many scales errors are bounded.
	seasonBound = 2.5
	// The level follows in so many days; a rhythm is learned in so many.
	seasonLevel = 2 * milliDay
	seasonRate  = 0.12
	// After so many errors on one side the level follows faster.
	seasonRun, seasonFaster = 60, 8
	// seasonDrift is how many samples are averaged, at most for so long.
	seasonDrift     = 12
	seasonRestRate  = 0.2
	seasonMost      = 1 << 30
	seasonLoss      = 12 * milliHour
	seasonBetter    = 0.6
	seasonLossMost  = 5.
	seasonScaleRate = 0.01
	// seasonValue bounds values so that tables of small floats hold them.
	seasonValue = 1e30
)

func seasonalKind() Kind {
	k := Kind{
		Name: "seasonal", Version: 1,
		Summary: "A value does not belong to its hour and weekday, or the series drifts out of its daily rhythm.",
		Options: alarmOptions(Option{
			Name: "week", Default: 1, Min: 0, Max: 1, Whole: true, Meaning: "1 where weekdays may differ, 0 where they do not",
		}),
	}
	k.New = func(series int, set Settings, zone *time.Location) Model {
		m := &seasonal{of: stateOf(k.Name+" "+Clock(zone), series, set), zone: zone, week: set["week"] > 0, fresh: newAlarm(set, 2)}
		m.reset()
		return m
	}
	return k
}

func (m *seasonal) reset() {
	*m = seasonal{of: m.of, zone: m.zone, week: m.week, fresh: m.fresh, alarm: m.fresh}
}

func modulo(a, b int64) int64 { return (a%b + b) % b }

// season is that of an instant, and whether it is known.
func (m *seasonal) season(t int64, week bool) (float64, bool) {
	at := modulo(t, milliDay)
	own := int(at / milliBin)
	if m.weight[own] == 0 {
		return 0, false
	}
	into := float64(at%milliBin)/milliBin - 0.5
	other := (own + 1) % seasonBins
	if into < 0 {
		other = (own + seasonBins - 1) % seasonBins
	}
	s := float64(m.day[own])
	if m.weight[other] > 0 {
		s += math.Abs(into) * (float64(m.day[other]) - s)
	}
	if week {
		if i := weekBin(t); m.weekdayOf[i] > 0 {
			n := float64(m.weekdayOf[i])
			s += float64(m.weekday[i]) * n / (n + 1)
		}
	}
	return s, true
}

func weekBin(t int64) int {
	return int(modulo(t, 7*milliDay) / milliBin)
}

// Observe implements Model.
func (m *seasonal) Observe(t int64, values []float64) Verdict {
	v := none()
	if !finite(values[0]) {
		return v
	}
	x := math.Max(-seasonValue, math.Min(seasonValue, values[0]))
	if m.samples == 0 {
		m.begun, m.last, m.level = t, t, x
	}
	step := float64(t - m.last)
	m.last = t
	m.samples = min(m.samples+1, seasonMost)
	if !(step >= 0) || m.samples == 1 {
		step = 0
	}
	if m.samples < 20 || step < 5*m.interval {
		m.interval += (step - m.interval) / math.Min(float64(m.samples), 100)
	}
	rhythm := wall(t, m.zone) + m.shift
	known := m.withWeek < m.without && m.week
	s, ok := m.season(rhythm, known)
	plain := x - m.level - s
	least := m.nearest(x, rhythm, known, plain)
	e, foretold := m.error(least)
	scale := m.scaleAt(rhythm)
	if ok && m.samples > 50 {
		u := m.surprise(e/scale, least, step)
		if t-m.begun >= seasonFirst {
			// A rhythm that was seen twice is not well known.
			v.Score = m.alarm.score(u / (1 + seasonDoubt*milliDay/float64(t-m.begun)))
			v.Expected = m.level + s + foretold
			v.Lower = v.Expected - scale*m.sides[1].level(m.alarm.bar())
			v.Upper = v.Expected + scale*m.sides[0].level(m.alarm.bar())
		}
	}
	m.learn(x, rhythm, step, plain, e, scale)
	return v
}

// error is what is left of a remainder after what remained before, and how much that was.
func (m *seasonal) error(remainder float64) (e, foretold float64) {
	if m.square > 0 {
		foretold = math.Max(0, math.Min(1, m.cross/m.square)) * m.rest
	}
	return remainder - foretold, foretold
}

// scaleAt is how large errors are at an hour.
func (m *seasonal) scaleAt(t int64) float64 {
	h := m.hour[modulo(t, milliDay)/milliHour]
	return math.Max((m.scale+2*math.Max(h, 0.2*m.scale))/3, least(m.level))
}

// nearest is the least remainder of the rhythm as it is, an hour earlier and an hour later.
func (m *seasonal) nearest(x float64, t int64, week bool, plain float64) float64 {
	best := plain
	for i := range m.losses {
		r := plain
		if i != 1 {
			s, ok := m.season(t+int64(i-1)*milliHour, week)
			if !ok {
				continue
			}
			r = x - m.level - s
		}
		loss := math.Min(math.Abs(r)/math.Max(m.driftUnit, least(m.level)), seasonLossMost)
		m.losses[i] += (loss - m.losses[i]) * m.lossRate()
		if math.Abs(r) < math.Abs(best) && r*plain > 0 {
			best = r
		}
	}
	return best
}

func (m *seasonal) lossRate() float64 {
	return math.Min(1, math.Max(m.interval, 1)/seasonLoss+1/float64(m.samples))
}

func (m *seasonal) surprise(z, remainder, step float64) (u float64) {
	z = deviation(z, 0, 1)
	d := deviation(remainder, 0, math.Max(m.driftUnit, least(m.level)))
	m.drift += (math.Max(-5, math.Min(5, d)) - m.drift) * math.Min(1, 2./(seasonDrift+1)+step/milliDay)
	for i, s := range [4]float64{z, -z, m.drift, -m.drift} {
		u = math.Max(u, m.sides[i].surprise(s))
		m.sides[i].learn(s)
	}
	return u
}

func (m *seasonal) learn(x float64, t int64, step, plain, e, scale float64) {
	h := &m.hour[modulo(t, milliDay)/milliHour]
	n := float64(m.samples)
	cut := func(r, unit float64) float64 {
		if m.samples < 30 {
			return r
		}
		return math.Max(-seasonBound*unit, math.Min(seasonBound*unit, r))
	}
	bounded := cut(e, scale)
	m.scale += (math.Abs(bounded)*1.3 - m.scale) * math.Max(seasonScaleRate, 1/n)
	if *h == 0 {
		*h = m.scale
	}
	*h += (math.Abs(bounded)*1.3 - *h) * 5 * seasonScaleRate
	unit := math.Max(m.driftUnit, scale)
	r := cut(plain, unit)
	m.driftUnit += (math.Abs(cut(plain, 2*unit))*1.25 - m.driftUnit) * math.Max(seasonScaleRate/2, 1/n)
	m.cross += (r*m.rest - m.cross) * seasonScaleRate
	m.square += (m.rest*m.rest - m.square) * seasonScaleRate
	m.rest += (r - m.rest) * seasonRestRate
	if r != plain && r*float64(m.run) >= 0 {
		m.run += int(math.Copysign(1, r))
	} else {
		m.run = 0
	}
	m.run = max(-seasonMost, min(seasonMost, m.run))
	m.follow(x, t, step, r)
	m.move()
}

// follow has level and tables follow a remainder.
func (m *seasonal) follow(x float64, t int64, step, r float64) {
	rate := math.Min(0.5, step/seasonLevel)
	if m.run > seasonRun || m.run < -seasonRun {
		rate = math.Min(0.5, seasonFaster*rate)
	}
	i := int(modulo(t, milliDay) / milliBin)
	w := math.Max(0.02, math.Min(1, m.interval/milliBin))
	if m.weight[i] == 0 {
		// Nothing is known of this hour; the level is only a guess.
		m.day[i], m.weight[i] = float32(x-m.level), float32(w)
		return
	}
	m.level += r * rate
	before := float64(m.day[i])
	m.weight[i] = min(m.weight[i]+float32(w), 100)
	m.day[i] += float32(r * math.Max(seasonRate*w, math.Min(1, w/float64(m.weight[i]))))
	if !m.week {
		return
	}
	k := weekBin(t)
	off := x - m.level - before
	if m.weekdayOf[k] > 0 {
		unit := math.Max(m.driftUnit, least(m.level))
		n := float64(m.weekdayOf[k])
		with := off - float64(m.weekday[k])*n/(n+1)
		m.without += (math.Min(math.Abs(off)/unit, seasonLossMost) - m.without) * m.lossRate() / 4
		m.withWeek += (math.Min(math.Abs(with)/unit, seasonLossMost) - m.withWeek) * m.lossRate() / 4
	}
	unit := 6 * math.Max(m.driftUnit, least(m.level))
	off = math.Max(-unit, math.Min(unit, off))
	m.weekday[k] += float32((off - float64(m.weekday[k])) * w / float64(min(m.weekdayOf[k], 3)+1))
	if modulo(t, milliBin) < int64(math.Max(m.interval, 1)) {
		m.weekdayOf[k] = min(m.weekdayOf[k]+1, 50)
	}
}

// move moves the rhythm when another hour has been better for long.
func (m *seasonal) move() {
	if m.samples < 200 || m.losses[1] < 0.8 {
		return
	}
	for i := range m.losses {
		if i != 1 && m.losses[i] < seasonBetter*m.losses[1] {
			m.shift += int64(i-1) * milliHour
			m.losses = [3]float64{}
			return
		}
	}
}

func (m *seasonal) layout(l *layout) {
	l.count(&m.samples, seasonMost)
	for _, t := range []*int64{&m.begun, &m.last, &m.shift} {
		l.time(t)
	}
	l.float(&m.interval, &m.level, &m.withWeek, &m.without, &m.scale, &m.rest, &m.cross, &m.square, &m.drift, &m.driftUnit)
	l.floats(m.losses[:])
	l.floats(m.hour[:])
	l.smalls(m.day[:])
	l.smalls(m.weight[:])
	if m.week {
		l.smalls(m.weekday[:])
		for i := range m.weekdayOf {
			n := int(m.weekdayOf[i])
			l.count(&n, 50)
			m.weekdayOf[i] = uint8(n) //nolint:gosec // at most 50
		}
	}
	side, run := m.run < 0, max(m.run, -m.run)
	l.flag(&side)
	l.count(&run, seasonMost)
	m.run = run
	if side {
		m.run = -run
	}
	for i := range m.sides {
		m.sides[i].layout(l)
	}
	m.alarm.layout(l)
}

// AppendBinary implements Model.
func (m *seasonal) AppendBinary(to []byte) ([]byte, error) {
	return writeState(to, 1, m.of, m.layout), nil
}

// UnmarshalBinary implements Model.
func (m *seasonal) UnmarshalBinary(from []byte) error {
	m.reset()
	err := readState(from, 1, m.of, m.layout)
	if err != nil {
		m.reset()
	}
	return err
}
