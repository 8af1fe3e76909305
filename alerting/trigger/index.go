package trigger

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Wake says that a rule is to be evaluated.
type Wake struct {
	// Rule is the rule's number in the Index.
	Rule int
	// Values are those of the labels in the plan's By; nil: all of it.
	Values []string
	// At is from when on the sample counts, in milliseconds; 0: it does.
	At int64
	// Sure is whether the result may well have changed, as opposed to just
	// another sample.
	Sure bool
}

// Index finds for a series whom its samples wake. It does not change, but for
// the thresholds that it has seen.
type Index struct {
	plans    []*Plan
	lookback int64 // milliseconds
	wake     func(Wake)

	byName map[string][]sourceRef
	others []sourceRef

	asked rulesSet
	// panels are by the matchers of a selector.
	panels map[string]*panel

	mu         sync.Mutex
	thresholds map[string]*threshold // by selector and values of labels
	shapes     map[string]*shape     // by metric and sources
	missed     []*missing
	watches    map[uint64]*Watch // by hash of labels; others of the same follow each
}

// sourceRef is a source of a plan.
type sourceRef struct {
	rule   int
	source *Source
	missed *missing
	panel  *panel
}

// NewIndex makes an Index of plans; the number of a rule is its position. wake
// is called for each wake, by whoever stores samples: it must not wait.
func NewIndex(plans []*Plan, lookback int64, wake func(Wake)) *Index {
	x := &Index{
		plans: plans, lookback: lookback, wake: wake, asked: newRulesSet(len(plans)), byName: map[string][]sourceRef{}, panels: map[string]*panel{},
		thresholds: map[string]*threshold{}, shapes: map[string]*shape{}, watches: map[uint64]*Watch{},
	}
	for rule, p := range plans {
		if p == nil {
			continue
		}
		for i := range p.Sources {
			s := &p.Sources[i]
			ref := sourceRef{rule: rule, source: s}
			if s.Missed {
				ref.missed = &missing{rule: rule, window: x.lookback}
				if s.Window > 0 {
					ref.missed.window = s.Window.Milliseconds()
				}
				x.missed = append(x.missed, ref.missed)
			}
			if name, ok := metricOf(s.Matchers); ok {
				if s.Newest {
					ref.panel = x.panelOf(name, s.Matchers)
				}
				x.byName[name] = append(x.byName[name], ref)
			} else {
				x.others = append(x.others, ref)
			}
		}
	}
	return x
}

func metricOf(ms []*labels.Matcher) (string, bool) {
	for _, m := range ms {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value, true
		}
	}
	return "", false
}

func matches(ms []*labels.Matcher, lset labels.Labels) bool {
	for _, m := range ms {
		if !m.Matches(lset.Get(m.Name)) {
			return false
		}
	}
	return true
}

// threshold is a value that samples are compared with.
type threshold struct {
	bits atomic.Uint64

	mu      sync.Mutex
	watches []*Watch // whose samples they are
}

func (t *threshold) value() float64 { return math.Float64frombits(t.bits.Load()) }

// set makes those who compare with the threshold look at it again.
func (t *threshold) set(v float64) {
	if t.bits.Swap(math.Float64bits(v)) == math.Float64bits(v) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.watches {
		w.known.Store(nowhere())
	}
}

// seed sets a threshold that is not known yet.
func (t *threshold) seed(v float64) {
	if math.IsNaN(t.value()) {
		t.set(v)
	}
}

func (t *threshold) watch(w *Watch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watches = append(t.watches, w)
}

// threshold returns that of the selector for the labels of a series; it is NaN
// until it is known. x.mu is held.
func (x *Index) threshold(selector string, on []string, lset labels.Labels) *threshold {
	key := selector + "\xff" + joined(on, lset)
	t, ok := x.thresholds[key]
	if !ok {
		t = &threshold{}
		t.bits.Store(math.Float64bits(math.NaN()))
		x.thresholds[key] = t
	}
	return t
}

// Thresholds calls f for each selector of thresholds, as PromQL.
func (x *Index) Thresholds(f func(selector string, seed func(series labels.Labels, v float64))) {
	seen := map[string]bool{}
	for _, p := range x.plans {
		if p == nil {
			continue
		}
		for i := range p.Sources {
			s := &p.Sources[i]
			key := selectorKey(s.Matchers, s.On)
			if s.On == nil || seen[key] {
				continue
			}
			seen[key] = true
			f((&parser.VectorSelector{LabelMatchers: s.Matchers}).String(), func(series labels.Labels, v float64) {
				x.mu.Lock()
				defer x.mu.Unlock()
				x.threshold(key, s.On, series).seed(v)
			})
		}
	}
}

func selectorKey(ms []*labels.Matcher, on []string) string {
	texts := make([]string, 0, len(ms))
	for _, m := range ms {
		texts = append(texts, m.String())
	}
	slices.Sort(texts)
	return strings.Join(texts, ",") + "\xfe" + strings.Join(on, ",")
}

func joined(names []string, lset labels.Labels) string {
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = lset.Get(name)
	}
	return strings.Join(values, "\xff")
}

// missing follows when any series of a source last had a sample.
type missing struct {
	rule   int
	window int64 // milliseconds
	newest atomic.Int64
}

func (m *missing) seen(t int64) {
	for {
		before := m.newest.Load()
		if t <= before || m.newest.CompareAndSwap(before, t) {
			return
		}
	}
}

// Missed calls f for each source whose rule minds when there are no samples of
// it, with when that is unless others come, in milliseconds; 0: none has come
// yet.
func (x *Index) Missed(f func(source, rule int, due int64)) {
	for i, m := range x.missed {
		due := int64(0)
		if newest := m.newest.Load(); newest > 0 {
			due = newest + m.window
		}
		f(i, m.rule, due)
	}
}

// Watch returns what is to be told of the samples of a series, the same each
// time; nil: nobody minds them. known says that the series may have had samples
// that were not told of.
func (x *Index) Watch(lset labels.Labels, known bool) *Watch {
	w, before := x.find(lset, known)
	if w != nil && before && known {
		w.doubt()
	}
	return w
}

// find returns the watch of a series, and whether there was one before.
func (x *Index) find(lset labels.Labels, known bool) (_ *Watch, before bool) {
	hash := lset.Hash()
	x.mu.Lock()
	defer x.mu.Unlock()
	for w := x.watches[hash]; w != nil; w = w.next {
		if labels.Equal(w.labels, lset) {
			return w, true
		}
	}
	w := x.newWatch(lset, known)
	if w != nil {
		w.next, x.watches[hash] = x.watches[hash], w
	}
	return w, false
}

func (x *Index) newWatch(lset labels.Labels, known bool) *Watch {
	refs := x.byName[lset.Get(model.MetricNameLabel)]
	var selected []sourceRef
	var key []byte
	for n, all := range [][]sourceRef{refs, x.others} {
		for i, r := range all {
			if matches(r.source.Matchers, lset) {
				selected = append(selected, r)
				key = binary.AppendUvarint(append(key, byte(n)), uint64(i))
			}
		}
	}
	if len(selected) == 0 {
		return nil
	}
	return x.shape(lset.Get(model.MetricNameLabel)+"\xff"+string(key), selected).watch(lset, known)
}

// shape returns that of the sources; those in byName are of one metric. x.mu is
// held.
func (x *Index) shape(key string, selected []sourceRef) *shape {
	s, ok := x.shapes[key]
	if !ok {
		s = x.newShape(selected)
		x.shapes[key] = s
	}
	return s
}
