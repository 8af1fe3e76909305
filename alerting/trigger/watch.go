package trigger

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

// Watch is told of the samples of one series. It is safe for concurrent use.
// Nearly all samples change nothing, and cost a few comparisons.
type Watch struct {
	// What every sample looks at, in one line of the processor's cache:
	newest   atomic.Int64 // milliseconds
	known    known
	last     atomic.Uint64 // the newest sample's value, as bits
	lookback int64         // milliseconds
	each     bool          // as in shape
	lightly  bool          // as in shape
	hasDue   atomic.Bool   // whether there are wakes
	storing  atomic.Int32  // samples that Visible has still to be called for

	*shape
	labels labels.Labels
	next   *Watch // in the Index
	mu     sync.Mutex
	// values are those of the shape's divisions.
	values [][]string
	// against are the thresholds of the limits that have one, in their order, and
	// with is what the newest sample was compared with.
	against []*threshold
	with    []float64
	own     []*threshold // that this series is
	// unknown says that there may be newer samples, from before born, that were not
	// told of; told, that there was one that was.
	unknown atomic.Bool
	told    bool
	born    int64
	// due are wakes that wait for their sample to become visible. They are handed on
	// by each that does, and forgotten when the last one has: whose they are is not
	// known, where several are being stored at once.
	due       []Wake
	others    int // how many of due were there before the sample that is looked at
	laterNext int64
	// anyDue and differingDue are wakes of those for whom a sample may matter.
	anyDue, differingDue bool
}

// stretch is the open interval between from and to, and the value at.
type stretch struct{ from, to, at float64 }

// nowhere has no value.
func nowhere() stretch { return stretch{from: math.NaN(), to: math.NaN(), at: math.NaN()} }

// known is a stretch of values for which no comparison changes its truth. While
// it is being stored it has no value but, for a sample of the same series that is
// stored at the same moment, those of both.
type known struct{ from, to, at atomic.Uint64 }

func (k *known) has(v float64) bool {
	return v > math.Float64frombits(k.from.Load()) && v < math.Float64frombits(k.to.Load()) || v == math.Float64frombits(k.at.Load())
}

func (k *known) Store(s stretch) {
	k.from.Store(math.Float64bits(math.NaN()))
	k.at.Store(math.Float64bits(s.at))
	k.to.Store(math.Float64bits(s.to))
	k.from.Store(math.Float64bits(s.from))
}

// never is the newest time of a series without samples, far enough from the ends
// of time to calculate with.
const never = math.MinInt64 / 2

// Sample is told of a sample before queries can see it; t, and the time that it
// is now, are in milliseconds. It returns whether Visible is to be called, once,
// when they can.
func (w *Watch) Sample(t int64, v float64, now int64) bool {
	newest := w.newest.Load()
	if t > newest {
		w.newest.Store(t)
		ordinary := max(t, now)-newest < w.lookback && w.known.has(v)
		switch {
		case w.each:
		case w.lightly:
			if ordinary && t <= now && now-t < w.lookback {
				return w.lightLook(t, v)
			}
		case ordinary || now-t >= w.lookback: // or too old for anybody to see it
			w.last.Store(math.Float64bits(v))
			return false
		}
	}
	return w.look(t, newest, v, now)
}

// lightLook is Sample where nobody minds but those for whom the next sample may
// matter, or one that differs, or that there is one.
func (w *Watch) lightLook(t int64, v float64) bool {
	for _, m := range w.missed {
		m.seen(t)
	}
	differs := w.last.Swap(math.Float64bits(v)) != math.Float64bits(v)
	if w.any.empty() && (!differs || w.differing.empty()) {
		return false
	}
	w.storing.Add(1)
	return true
}

// laterPause is the least time between two samples of one series whose wakes are
// remembered until these samples count, in milliseconds.
const laterPause = 100

// look is Sample for what may wake somebody.
func (w *Watch) look(t, newest int64, v float64, now int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told, w.others = true, len(w.due)
	for _, m := range w.missed {
		m.seen(t)
	}
	if w.born == 0 {
		w.born = now
	}
	before, differs := math.Float64frombits(w.last.Load()), false
	wake := func(all []target) { w.push(all, t, now, true) }
	switch {
	case t <= newest && newest <= now:
		// Late: the newest sample stays what it is.
	case now-t >= w.index.lookback:
		// Too old for anybody who compares it.
	case t <= newest || max(t, now)-newest >= w.index.lookback || value.IsStaleNaN(v) || value.IsStaleNaN(before):
		// There was none that counted, or there is none any more, or one that lies
		// ahead and another before it.
		w.push(w.present, t, now, true)
		w.compare(before, v, false, wake)
		w.changed(v)
	default:
		w.compare(before, v, true, wake)
		if differs = w.changed(v); differs {
			w.push(w.changes, t, now, true)
		}
	}
	if !w.any.empty() || differs && !w.differing.empty() {
		w.another(t, now, differs)
	}
	if t >= w.born {
		w.unknown.Store(false)
	}
	if len(w.due) == 0 && !w.anyDue && !w.differingDue {
		return false
	}
	w.hasDue.Store(true)
	w.storing.Add(1)
	return true
}

// another is for those for whom a sample may matter, or one that differs: at once,
// or when its time comes.
func (w *Watch) another(t, now int64, differs bool) {
	if t <= now {
		w.anyDue = w.anyDue || len(w.any.now) > 0
		w.differingDue = w.differingDue || differs && len(w.differing.now) > 0
	}
	if now < w.laterNext {
		return // the interval finds it
	}
	before := len(w.due)
	w.push(w.any.later, t, now, false)
	if differs {
		w.push(w.differing.later, t, now, false)
	}
	if t > now {
		w.push(w.any.now, t, now, false)
		if differs {
			w.push(w.differing.now, t, now, false)
		}
	}
	if len(w.due) > before {
		w.laterNext = now + laterPause
	}
}

// longestOffset is how long each sample of a selector with `offset` is remembered
// until it counts, in milliseconds; beyond, the rule's interval is soon enough.
const longestOffset = 10_000

func (w *Watch) push(all []target, t, now int64, sure bool) {
	for _, p := range all {
		if p.offset > 0 && t+p.offset > now+longestOffset {
			continue
		}
		wake := Wake{Rule: p.rule, At: max(now, t+p.offset), Sure: sure}
		if p.division >= 0 {
			wake.Values = w.values[p.division]
		}
		w.add(wake, now)
	}
}

// add adds a wake, unless one of those that wait for others will do as well.
func (w *Watch) add(wake Wake, now int64) {
	for i := range w.due[:w.others] {
		soon := wake.At <= now && w.due[i].At <= now
		if d := &w.due[i]; d.Rule == wake.Rule && (soon || d.At == wake.At) && slices.Equal(d.Values, wake.Values) {
			d.Sure = d.Sure || wake.Sure
			return
		}
	}
	w.due = append(w.due, wake)
}

// changed notes the value and says whether it is another one.
func (w *Watch) changed(v float64) bool {
	before := w.last.Swap(math.Float64bits(v))
	for _, t := range w.own {
		t.set(v)
	}
	return before != math.Float64bits(v)
}

// compare evaluates all comparisons, calls wake for those whose truth may differ
// between two samples, and remembers the stretch of values around the newer one
// that changes none. Where one of them does not count, that is as if its
// comparisons did not hold.
func (w *Watch) compare(before, v float64, bothCount bool, wake func([]target)) {
	around := stretch{from: math.Inf(-1), to: math.Inf(1), at: v}
	n := 0
	for i := range w.limits {
		k := &w.limits[i]
		limit, earlier := k.limit.Value, k.limit.Value
		if k.limit.Thresholds != nil {
			limit, earlier = w.against[n].value(), w.with[n]
			w.with[n] = limit
			n++
		}
		holds, held := k.limit.holds(v, limit), k.limit.holds(before, limit)
		switch {
		case w.unknown.Load():
			wake(k.targets)
		case bothCount && math.Float64bits(limit) == math.Float64bits(earlier) && holds == held:
		case !bothCount && !holds && !held && !k.limit.holds(before, earlier):
		default:
			wake(k.targets)
		}
		around.bound(v, limit, k.limit.Abs)
	}
	if math.IsNaN(v) || w.unknown.Load() {
		around = nowhere() // it may be the end of the series, or not its newest sample
	}
	w.settle(around)
}

// settle remembers a stretch, unless a threshold has changed meanwhile.
func (w *Watch) settle(around stretch) {
	w.known.Store(around)
	for i, t := range w.against {
		if math.Float64bits(t.value()) != math.Float64bits(w.with[i]) {
			w.known.Store(nowhere())
		}
	}
}

// bound narrows a stretch around v by a limit.
func (s *stretch) bound(v, limit float64, abs bool) {
	limits := [2]float64{limit, math.NaN()}
	if abs {
		limits[1] = -limit
	}
	for _, at := range limits {
		switch {
		case math.IsNaN(at): // nothing is compared with it
		case v > at:
			s.from = max(s.from, at)
		case v < at:
			s.to = min(s.to, at)
		default: // exactly there: only this very value is known
			s.from, s.to = v, v
		}
	}
}

// Touch reads what Sample is going to, so that it comes into the cache.
func (w *Watch) Touch() byte { return byte(w.newest.Load()) }

// Visible hands on the wakes of samples that queries can see now, or will never.
func (w *Watch) Visible() {
	if w.hasDue.Load() {
		w.handOn()
		return
	}
	w.storing.Add(-1)
	w.wakeThose(&w.any)
	w.wakeThose(&w.differing)
}

func (w *Watch) handOn() {
	w.mu.Lock()
	// Of those that are looked at lightly it is not known.
	due, each, differing := w.due, w.anyDue || w.lightly, w.differingDue || w.lightly
	if w.storing.Add(-1) <= 0 {
		w.due, w.anyDue, w.differingDue = nil, false, false
		w.hasDue.Store(false)
	} else {
		due = slices.Clone(due)
	}
	w.mu.Unlock()
	for _, k := range due {
		w.index.wake(k)
	}
	if each {
		w.wakeThose(&w.any)
	}
	if differing {
		w.wakeThose(&w.differing)
	}
}

// wakeThose wakes those for whom a sample may matter, and of whom not all is going
// to be evaluated anyway.
func (w *Watch) wakeThose(m *maybe) {
	if w.index.asked.all(m.mask) {
		return
	}
	for _, p := range m.now {
		if w.index.asked.has(p.rule) {
			continue
		}
		wake := Wake{Rule: p.rule}
		if p.division >= 0 {
			wake.Values = w.values[p.division]
		}
		w.index.wake(wake)
	}
}
