package watch

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/alerting/anomaly/state"
)

// restore takes up the states of before.
func (w *Watcher) restore() {
	damaged := 0
	l := w.rounds.Load(func(r state.Record) {
		switch why := w.take(r); why {
		case "":
		case "damaged":
			damaged++
			fallthrough
		default:
			w.metrics.dropped(why).Inc()
		}
	})
	if l.Damaged > 0 {
		w.metrics.dropped("damaged").Add(l.Damaged)
		damaged += l.Damaged
	}
	if damaged > 0 {
		w.opts.Logger.Error("some of what models have learned is damaged; these series begin anew unless an older state is there", "states", damaged, "dir", w.opts.Dir)
	}
	if !l.Any {
		return
	}
	w.place = l.From
	if !l.Known {
		w.place.Segment = -1 // fits nowhere
	}
	w.opts.Logger.Info("detectors go on from what they have learned", "series", w.total, "bytes", l.Bytes)
}

// take makes a track of a state. It returns why it does not.
func (w *Watcher) take(r state.Record) (dropped string) {
	i := slices.IndexFunc(w.detectors, func(d *watched) bool { return d.Name == r.Detector })
	if i < 0 {
		return "no_detector"
	}
	d := w.detectors[i]
	if r.Depends != d.depends {
		return "other_model"
	}
	key, dec := decoder{b: r.Key}, decoder{b: r.Body}
	lset := key.labels()
	first, last := dec.varint(), dec.varint()
	var g *group
	if d.Kind.Joint {
		g = dec.group()
	}
	has := dec.bit()
	if key.broken || dec.broken || len(key.b) > 0 {
		return "damaged"
	}
	if g == nil && !d.Selects(lset) {
		return "not_selected"
	}
	if w.loaded(d, lset) {
		return ""
	}
	if !w.room(d) {
		return "limit"
	}
	channels := 1
	if g != nil {
		channels = max(len(d.Channels), len(g.channels))
		if len(g.channels) == 0 || len(d.Channels) > 0 && slices.ContainsFunc(g.channels, func(c *channel) bool { return c.place >= channels }) {
			return "damaged"
		}
	}
	m := d.New(channels)
	if has && m.UnmarshalBinary(dec.b) != nil {
		return "damaged"
	}
	k := w.build(d, lset, g)
	k.first, k.last, k.model = first, last, nil
	if has {
		k.model = m
	}
	if g != nil && !k.keepSelected() {
		w.expel(k)
		w.tracks = w.tracks[:len(w.tracks)-1]
		return "not_selected"
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
	k.group = g
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
