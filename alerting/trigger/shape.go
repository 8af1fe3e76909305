package trigger

import (
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
)

// shape is what the watches have in common whose series the same sources select:
// thousands of bays have one.
type shape struct {
	index   *Index
	limits  []sharedLimit
	changes []target
	// present are those that mind whether there are samples.
	present []target
	// differing are those that mind, now and then, whether a sample differs, and any
	// those that mind each.
	differing, any maybe
	missed         []*missing
	// each is whether each sample needs a close look; lightly, whether a light one will
	// do, of those that change no truth.
	each, lightly bool
	// divisions are the lists of labels by which rules are divided.
	divisions [][]string
	// owned are the sources that are thresholds.
	owned []*Source
	// panels are those that show the series.
	panels []*panel
}

// target is a part of a rule: the one that belongs to the series.
type target struct {
	rule     int
	division int   // in the shape's divisions; -1: all of the rule
	offset   int64 // milliseconds
}

// sharedLimit is a comparison, and whom a change of its truth wakes.
type sharedLimit struct {
	limit   *Limit
	key     string // of the threshold
	targets []target
}

func (l *sharedLimit) same(other *Limit, key string) bool {
	return l.limit.Op == other.Op && l.limit.Abs == other.Abs && l.key == key && (key != "" || l.limit.Value == other.Value)
}

func (x *Index) newShape(refs []sourceRef) *shape {
	s := &shape{index: x}
	for _, r := range refs {
		s.add(r)
	}
	s.each = s.each || !s.any.empty() && !s.differing.empty()
	s.lightly = !s.each && (!s.any.empty() || !s.differing.empty() || len(s.missed) > 0)
	return s
}

func (s *shape) add(r sourceRef) {
	t := target{rule: r.rule, division: s.division(s.index.plans[r.rule].By), offset: r.source.Offset.Milliseconds()}
	if r.panel != nil && !slices.Contains(s.panels, r.panel) {
		s.panels = append(s.panels, r.panel)
	}
	if r.missed != nil {
		s.missed = append(s.missed, r.missed)
	}
	switch {
	case r.source.Any:
		s.any.add(t)
		s.each = s.each || t.offset > 0
	case r.source.Differing:
		s.differing.add(t)
		s.each = s.each || t.offset > 0
	case r.source.Changes:
		s.changes, s.each = with(s.changes, t), true
		if r.source.On != nil {
			s.owned = append(s.owned, r.source)
		}
	}
	if r.source.Limits == nil && !r.source.Any {
		s.present = with(s.present, t)
	}
	for i := range r.source.Limits {
		s.addLimit(&r.source.Limits[i], t)
	}
}

func (s *shape) division(by []string) int {
	if by == nil {
		return -1
	}
	if i := slices.IndexFunc(s.divisions, func(d []string) bool { return slices.Equal(d, by) }); i >= 0 {
		return i
	}
	s.divisions = append(s.divisions, by)
	return len(s.divisions) - 1
}

func with(all []target, t target) []target {
	if slices.Contains(all, t) {
		return all
	}
	return append(all, t)
}

func (s *shape) addLimit(l *Limit, t target) {
	key := ""
	if l.Thresholds != nil {
		key = selectorKey(l.Thresholds, l.On)
	}
	for i := range s.limits {
		if k := &s.limits[i]; k.same(l, key) {
			k.targets = with(k.targets, t)
			return
		}
	}
	s.limits = append(s.limits, sharedLimit{limit: l, key: key, targets: []target{t}})
}

// watch makes the watch of a series; known says that it may have had samples.
// The index's lock is held.
func (s *shape) watch(lset labels.Labels, known bool) *Watch {
	w := &Watch{shape: s, lookback: s.index.lookback, each: s.each, lightly: s.lightly, labels: lset}
	w.unknown.Store(known)
	w.last.Store(math.Float64bits(math.NaN()))
	w.newest.Store(never)
	w.known.Store(nowhere())
	for _, by := range s.divisions {
		values := make([]string, len(by))
		for i, name := range by {
			values[i] = lset.Get(name)
		}
		w.values = append(w.values, values)
	}
	for i := range s.limits {
		if k := &s.limits[i]; k.key != "" {
			t := s.index.threshold(k.key, k.limit.On, lset)
			t.watch(w)
			w.against, w.with = append(w.against, t), append(w.with, t.value())
		}
	}
	for _, source := range s.owned {
		if t := s.index.threshold(selectorKey(source.Matchers, source.On), source.On, lset); !slices.Contains(w.own, t) {
			w.own = append(w.own, t)
		}
	}
	for _, p := range s.panels {
		p.add(w)
	}
	return w
}
