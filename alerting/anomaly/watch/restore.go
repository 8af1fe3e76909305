package watch

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/alerting/anomaly/state"
)

// restore takes up the states of before.
func (w *Watcher) restore() {
	not := dropped{}
	l := w.rounds.Load(func(r state.Record) { not.note(r, w.take(r)) })
	if l.Lost > 0 {
		w.metrics.dropped(damaged).Add(l.Lost)
		w.opts.Logger.Error("some of what models have learned is damaged; these series begin anew unless another state of them is there", "at_least", l.Lost, "dir", w.opts.Dir)
	}
	w.tell(not)
	if !l.Any {
		return
	}
	w.place = l.From
	if !l.Known {
		w.place.Segment = -1 // fits nowhere
	}
	w.opts.Logger.Info("detectors go on from what they have learned", "series", w.total, "bytes", l.Bytes)
}

// reason is why a state is not taken up; "": it is.
type reason string

const (
	damaged     reason = "damaged"
	noDetector  reason = "no_detector"
	otherModel  reason = "other_model"
	notSelected reason = "not_selected"
	overLimit   reason = "limit"
	notWritten  reason = "not_written" // already when it was to be kept
)

// words say it to operators.
func (r reason) words() string {
	switch r {
	case noDetector:
		return "there is no detector of this name any more"
	case otherModel:
		return "the detector's model, its version or options, its grouping or the clocks of the timezone are others"
	case notSelected:
		return "the detector does not select these series any more"
	case overLimit:
		return "they are beyond the limit of the detector, or limits.watched of the configuration"
	default:
		return "they are damaged"
	}
}

// drop is states of one detector that are not taken up for one reason.
type drop struct {
	why               reason
	detector, depends string
}

// dropped are why those states are not taken up of which there is no other, by
// detector and key.
type dropped map[string]drop

func (d dropped) note(r state.Record, why reason) {
	if key := r.Detector + "\x00" + string(r.Key); why == "" {
		delete(d, key)
	} else {
		d[key] = drop{why, r.Detector, r.Depends}
	}
}

// tell counts and logs them.
func (w *Watcher) tell(d dropped) {
	states := map[drop]int{}
	for _, one := range d {
		states[one]++
	}
	for one, n := range states {
		w.metrics.dropped(one.why).Add(n)
		more := []any{"detector", one.detector, "states", n, "why", one.why.words()}
		if i := w.detectorOf(one.detector); one.why == otherModel {
			more = append(more, "learned_by", one.depends, "now", w.detectors[i].depends)
		}
		w.opts.Logger.Warn("what models have learned is dropped; where these series are watched still, they begin anew", more...)
	}
}

func (w *Watcher) detectorOf(name string) int {
	return slices.IndexFunc(w.detectors, func(d *watched) bool { return d.Name == name })
}

// take makes a track of a state. It returns why it does not.
func (w *Watcher) take(r state.Record) reason {
	i := w.detectorOf(r.Detector)
	if i < 0 {
		return noDetector
	}
	d := w.detectors[i]
	if r.Depends != d.depends {
		return otherModel
	}
	key, dec := decoder{b: r.Key}, decoder{b: r.Body}
	lset := key.labels()
	if key.broken || len(key.b) > 0 {
		return damaged
	}
	if w.loaded(d, lset) {
		return ""
	}
	first, last := dec.varint(), dec.varint()
	var g *group
	if d.Kind.Joint {
		g = dec.group()
	}
	has := dec.bit()
	if dec.broken {
		return damaged
	}
	if g == nil && !d.Selects(lset) {
		return notSelected
	}
	if !w.room(d) {
		return overLimit
	}
	channels := 1
	if g != nil {
		channels = max(len(d.Channels), len(g.channels))
		if len(g.channels) == 0 || len(d.Channels) > 0 && slices.ContainsFunc(g.channels, func(c *channel) bool { return c.place >= channels }) {
			return damaged
		}
	}
	m := d.New(channels)
	if has && m.UnmarshalBinary(dec.b) != nil {
		return damaged
	}
	k := w.build(d, lset, g)
	k.first, k.last, k.model = first, last, nil
	if has {
		k.model = m
	}
	if g != nil && !k.keepSelected() {
		w.expel(k)
		w.tracks = w.tracks[:len(w.tracks)-1]
		return notSelected
	}
	return ""
}

// loaded says whether there is a newer state.
func (w *Watcher) loaded(d *watched, lset labels.Labels) bool {
	if d.Kind.Joint {
		return d.tracks[string(appendLabels(nil, lset))] != nil
	}
	in := w.find(lset)
	return in != nil && in.feeds(d)
}

func (w *Watcher) build(d *watched, lset labels.Labels, g *group) *track {
	if g == nil {
		in := w.inputFor(lset)
		k := w.newSingle(d, in)
		in.targets = append(in.targets, target{track: k, of: in})
		return k
	}
	k := w.newGroup(d, lset)
	g.key, k.group = k.group.key, g
	for _, c := range g.channels {
		in := w.inputFor(c.labels)
		in.targets = append(in.targets, target{track: k, channel: c, asked: true, of: in})
	}
	return k
}

func (w *Watcher) inputFor(lset labels.Labels) *input {
	if in := w.find(lset); in != nil {
		return in
	}
	return w.add(lset)
}
