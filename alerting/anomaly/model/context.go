package model

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// contexts finds that what follows in a series is not what followed before in like contexts.
//
// It is a contextual detector of the kind of M. Smirnov's CAD OSE (2016): values become facts, one for each bit of one of eight
// levels; what was true one sample before, together with which contexts were recognised then, is the left side of a context, and
// the facts that came are its right side. What is common to contexts makes new ones. A sample is anomalous when few contexts that
// should apply do, and many are new. Unlike there, contexts are so many at most, of which those go that applied longest ago, and the
// range of the levels is that of the first samples, and of later ones when values leave it.
//
// A sample takes some 20 operations a context, with 512 contexts about 15 µs, and the model 150 bytes a context, 75 KB.
type contexts struct {
	of    uint32
	first int // samples that set the range
	most  int // contexts
	alarm alarm
	fresh alarm

	seen           int // samples
	low, high      float64
	inRow          int     // samples since the range was last looked at
	outside        int     // how many of them were outside
	rowLow, rowTop float64 // how far they went

	left      []uint32 // facts of the sample before, in order
	predicted uint8    // facts foretold for this one
	clock     uint32
	serial    uint32 // of the last context
	all       []situation
	index     map[uint64]int // of all, by hash
	common    []uint8        // how many facts of each are in left

	// active and derived are of no matter between two samples.
	active  []int
	derived []situation
}

// situation is a context.
type situation struct {
	left   [contextLeft]uint32
	leftOf uint8
	right  uint8
	whole  bool // it was seen, not derived
	serial uint32
	used   uint32
	// How many facts it foretold, how many of them came, and how often all did.
	said, came, held uint32
}

const (
	contextBits   = 3
	contextFacts  = 2 * contextBits
	contextActive = 15
	contextLeft   = contextBits + contextActive
	// contextShared bounds the left side of contexts that are derived, and contextNew how many are in a sample.
	contextShared, contextNew = 7, 16
	// contextLimit is the strength of an alarm.
	contextLimit = 0.75
	// contextRow is after how many samples the range is looked at, and contextOutside how many of them may be outside.
	contextRow, contextOutside = 1000, 200
)

func contextKind() Kind {
	k := Kind{
		Name: "context", Version: 1,
		Summary: "What follows is not what followed before in such a context; best for few levels that follow a pattern.",
		Options: alarmOptions(
			Option{Name: "learn", Default: 300, Min: 50, Max: 20_000, Whole: true, Meaning: "samples that set the range, before the first score"},
			Option{Name: "contexts", Default: 512, Min: 64, Max: 8192, Whole: true, Meaning: "contexts that it remembers"},
		),
	}
	k.New = func(series int, set Settings, _ *time.Location) Model {
		m := &contexts{of: stateOf(k.Name, series, set), first: int(set["learn"]), most: int(set["contexts"]), fresh: newAlarm(set, 1)}
		m.reset()
		return m
	}
	return k
}

func (m *contexts) reset() {
	*m = contexts{of: m.of, first: m.first, most: m.most, fresh: m.fresh, alarm: m.fresh, index: map[uint64]int{}}
	m.low, m.rowLow, m.high, m.rowTop = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
}

// Observe implements Model.
func (m *contexts) Observe(_ int64, values []float64) Verdict {
	v := none()
	if !finite(values[0]) {
		return v
	}
	x := bounded(values[0])
	m.seen = min(m.seen+1, 2*m.first)
	if m.seen <= m.first {
		m.low, m.high = math.Min(m.low, x), math.Max(m.high, x)
		if m.seen == m.first {
			m.span(m.low, m.high)
		}
		return v
	}
	m.follow(x)
	strength := m.step(m.facts(x))
	if m.seen > m.first*3/2 {
		v.Score = m.alarm.score(strength / contextLimit * m.alarm.limit)
	}
	return v
}

// span has the inner third of the levels reach from one value to another, so that noise stays within few of them.
func (m *contexts) span(low, high float64) {
	room := math.Max(high-low, least(low))
	m.low, m.high = low-room, high+room
}

// follow follows a series that has left its range for good.
func (m *contexts) follow(x float64) {
	m.inRow++
	m.rowLow, m.rowTop = math.Min(m.rowLow, x), math.Max(m.rowTop, x)
	if level := m.levelOf(x); level == 0 || level == 7 {
		m.outside++
	}
	if m.inRow < contextRow {
		return
	}
	if m.outside > contextOutside {
		m.span(m.rowLow, m.rowTop)
	}
	m.inRow, m.outside = 0, 0
	m.rowLow, m.rowTop = math.Inf(1), math.Inf(-1)
}

func (m *contexts) levelOf(x float64) int {
	return int(math.Max(0, math.Min(7, math.Floor(8*(x-m.low)/(m.high-m.low)))))
}

// facts has a bit for each fact: that a bit of the level is 0, or that it is 1.
func (m *contexts) facts(x float64) (facts uint8) {
	level := m.levelOf(x)
	for k := range contextBits {
		facts |= 1 << (2*k + level>>k&1)
	}
	return facts
}

// step takes the facts of a sample, and says how much they are not what was to come, from 0 to 1.
func (m *contexts) step(facts uint8) float64 {
	m.clock++
	wrong := facts&^m.predicted != 0
	created := false
	seen := -1
	if len(m.left) > 0 {
		seen, created = m.find(m.left, facts, true)
	}
	selected := 0
	active, derived := m.active[:0], m.derived[:0]
	for i := range m.all {
		c := &m.all[i]
		if i == seen && created || m.common[i] == 0 {
			continue
		}
		both := c.right & facts
		if m.common[i] == c.leftOf {
			selected++
			c.said += uint32(bits.OnesCount8(c.right)) //nolint:gosec // at most 8
			c.came += uint32(bits.OnesCount8(both))    //nolint:gosec // at most 8
			if both == c.right {
				c.held++
				c.used = m.clock
				active = append(active, i)
				continue
			}
		}
		if created && c.whole && both != 0 && m.common[i] <= contextShared && len(derived) < contextNew {
			derived = append(derived, m.shared(c, both))
		}
	}
	m.active, m.derived = active, derived
	fresh, distinct := 0, 0
	if created {
		fresh, distinct = m.derive(derived, seen)
	}
	m.next(facts, active)
	if !wrong {
		return 0
	}
	return (1 - float64(len(active))/float64(max(selected, 1)) + float64(fresh)/float64(max(distinct, 1))) / 2
}

// shared is what a context has in common with what is.
func (m *contexts) shared(c *situation, right uint8) (s situation) {
	for _, f := range c.left[:c.leftOf] {
		if _, ok := slices.BinarySearch(m.left, f); ok {
			s.left[s.leftOf] = f
			s.leftOf++
		}
	}
	s.right = right
	return s
}

// derive adds contexts that have not been there, and says how many of how many.
func (m *contexts) derive(derived []situation, seen int) (fresh, distinct int) {
	done := map[uint64]bool{hash(m.all[seen].left[:m.all[seen].leftOf], m.all[seen].right): true}
	for _, d := range derived {
		h := hash(d.left[:d.leftOf], d.right)
		if done[h] {
			continue
		}
		done[h] = true
		if _, added := m.find(d.left[:d.leftOf], d.right, false); added {
			fresh++
		}
	}
	return fresh + 1, len(done)
}

// find is the context with these sides, which it adds where there is none.
func (m *contexts) find(left []uint32, right uint8, whole bool) (i int, added bool) {
	h := hash(left, right)
	i, ok := m.index[h]
	if ok {
		m.all[i].whole = m.all[i].whole || whole
		return i, false
	}
	if len(m.all) < m.most {
		i = len(m.all)
		m.all = append(m.all, situation{})
		m.common = append(m.common, 0)
	} else {
		for k := range m.all {
			if m.clock-m.all[k].used > m.clock-m.all[i].used {
				i = k
			}
		}
		old := &m.all[i]
		delete(m.index, hash(old.left[:old.leftOf], old.right))
	}
	m.serial++
	c := situation{leftOf: uint8(len(left)), right: right, whole: whole, serial: m.serial, used: m.clock} //nolint:gosec // at most 18
	copy(c.left[:], left)
	m.all[i], m.index[h], m.common[i] = c, i, 0
	return i, true
}

func hash(left []uint32, right uint8) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, f := range left {
		h = (h ^ uint64(f)) * 1099511628211
	}
	return (h ^ uint64(right)<<32) * 1099511628211
}

// next makes the left side for the next sample, and foretells it.
func (m *contexts) next(facts uint8, active []int) {
	slices.SortStableFunc(active, func(a, b int) int { return int(m.all[b].held) - int(m.all[a].held) })
	m.left = m.left[:0]
	for k := range contextFacts {
		if facts&(1<<k) != 0 {
			m.left = append(m.left, uint32(k)) //nolint:gosec // at most 6
		}
	}
	for _, i := range active[:min(len(active), contextActive)] {
		m.left = append(m.left, contextFacts+m.all[i].serial)
	}
	slices.Sort(m.left)
	m.recognise()
}

// recognise counts what contexts have in common with the left side, and foretells by those that were most often right.
func (m *contexts) recognise() {
	m.predicted = 0
	best := -1.
	for i := range m.all {
		c := &m.all[i]
		m.common[i] = overlap(c.left[:c.leftOf], m.left)
		if m.common[i] < c.leftOf {
			continue
		}
		p := float64(c.came) / float64(max(c.said, 1))
		if p > best {
			best, m.predicted = p, 0
		}
		if p == best {
			m.predicted |= c.right
		}
	}
}

// overlap is how many two ordered lists have in common.
func overlap(a, b []uint32) (n uint8) {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			n++
			i++
			j++
		}
	}
	return n
}

func (m *contexts) layout(l *layout) {
	l.count(&m.seen, 2*m.first)
	l.float(&m.low, &m.high, &m.rowLow, &m.rowTop)
	l.count(&m.inRow, contextRow)
	l.count(&m.outside, contextRow)
	l.uint32(&m.clock)
	l.uint32(&m.serial)
	k, n := len(m.all), len(m.left)
	l.count(&n, contextLeft)
	l.count(&k, m.most)
	if l.reading {
		m.all, m.common, m.left = make([]situation, k), make([]uint8, k), make([]uint32, n)
	}
	for i := range m.left {
		l.uint32(&m.left[i])
	}
	for i := range m.all {
		c := &m.all[i]
		c.layout(l)
		if l.reading {
			m.index[hash(c.left[:c.leftOf], c.right)] = i
		}
	}
	m.alarm.layout(l)
	if l.reading {
		m.recognise()
	}
}

func (c *situation) layout(l *layout) {
	n, right := int(c.leftOf), int(c.right)
	l.count(&n, contextLeft)
	l.count(&right, 1<<contextFacts)
	c.leftOf, c.right = uint8(n), uint8(right) //nolint:gosec // bounded
	for i := range c.left[:c.leftOf] {
		l.uint32(&c.left[i])
	}
	l.flag(&c.whole)
	for _, v := range []*uint32{&c.serial, &c.used, &c.said, &c.came, &c.held} {
		l.uint32(v)
	}
}

// AppendBinary implements Model.
func (m *contexts) AppendBinary(to []byte) ([]byte, error) {
	return writeState(to, 1, m.of, m.layout), nil
}

// UnmarshalBinary implements Model.
func (m *contexts) UnmarshalBinary(from []byte) error {
	m.reset()
	err := readState(from, 1, m.of, m.layout)
	if err != nil {
		m.reset()
	}
	return err
}
