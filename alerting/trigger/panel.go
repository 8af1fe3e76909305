package trigger

import (
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

// panel has the newest samples of the series that a selector selects, once it is
// complete.
type panel struct {
	metric string

	mu       sync.RWMutex
	watches  []*Watch
	complete bool
}

func (p *panel) add(w *Watch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watches = append(p.watches, w)
}

func (p *panel) all() (_ []*Watch, complete bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.watches, p.complete
}

func panelKey(ms []*labels.Matcher) string {
	texts := make([]string, len(ms))
	for i, m := range ms {
		texts[i] = m.String()
	}
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), ",")
}

func (x *Index) panelOf(metric string, ms []*labels.Matcher) *panel {
	key := panelKey(ms)
	p, ok := x.panels[key]
	if !ok {
		p = &panel{metric: metric}
		x.panels[key] = p
	}
	return p
}

// Metrics are those whose newest samples are to be told of by Stored, and then
// Complete, so that Newest can answer.
func (x *Index) Metrics() (all []string) {
	for _, p := range x.panels {
		all = append(all, p.metric)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Stored tells of the newest sample of a series that is stored, or, as any NaN,
// that it is no number. All samples that have not been told of must have been
// looked at.
func (x *Index) Stored(series labels.Labels, t int64, v float64) {
	if w, _ := x.find(series, true); w != nil {
		w.stored(t, v)
	}
}

// Complete says that Stored has been told of all series of a metric.
func (x *Index) Complete(metric string) {
	for _, p := range x.panels {
		if p.metric == metric {
			p.mu.Lock()
			p.complete = true
			p.mu.Unlock()
		}
	}
}

// Reading is the newest sample of a series. T is in milliseconds.
type Reading struct {
	Series labels.Labels
	T      int64
	V      float64
	// Elsewhere says that it has to be looked up: it is no number, or there is one
	// before it that counts still.
	Elsewhere bool
}

// Newest returns the newest samples that a selector reads at an instant, which is
// about now, in milliseconds; those that have come since are as if they had come
// then. It says no where it does not know them.
func (x *Index) Newest(ms []*labels.Matcher, at, now int64) ([]Reading, bool) {
	p, ok := x.panels[panelKey(ms)]
	if !ok {
		return nil, false
	}
	watches, complete := p.all()
	if !complete {
		return nil, false
	}
	all := make([]Reading, 0, len(watches))
	for _, w := range watches {
		t := w.newest.Load()
		v := math.Float64frombits(w.last.Load())
		switch {
		case w.unknown.Load():
			all = append(all, Reading{Series: w.labels, Elsewhere: true})
		case t <= at-x.lookback, value.IsStaleNaN(v) && t <= at:
		case math.IsNaN(v), t > max(at, now):
			all = append(all, Reading{Series: w.labels, Elsewhere: true})
		default:
			all = append(all, Reading{Series: w.labels, T: min(t, at), V: v})
		}
	}
	return all, true
}

// Gone says how many of the series have had no samples for a while, in
// milliseconds, and how many there are.
func (x *Index) Gone(now, since int64) (gone, all int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, w := range x.watches {
		for ; w != nil; w = w.next {
			all++
			if now-w.newest.Load() > since {
				gone++
			}
		}
	}
	return gone, all
}

// stored takes note of the newest sample that is stored.
func (w *Watch) stored(t int64, v float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for newest := w.newest.Load(); t > newest; newest = w.newest.Load() {
		if w.newest.CompareAndSwap(newest, t) {
			w.last.Store(math.Float64bits(v))
			w.known.Store(nowhere())
			for _, own := range w.own {
				own.set(v)
			}
			for _, m := range w.missed {
				m.seen(t)
			}
		}
	}
	w.unknown.Store(false)
}

// doubt has the watch not rely on what it was told: there may be other samples.
func (w *Watch) doubt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.told {
		return
	}
	w.born = 0
	w.unknown.Store(true)
	w.known.Store(nowhere())
}
