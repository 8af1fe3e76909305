package watch

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/collector/wal/tail"
)

// input is a series of the log that a detector selects. Which tracks it feeds is
// found out at its first sample, so that series of the past make no models.
type input struct {
	labels  labels.Labels
	hash    uint64
	next    *input // of the same hash
	targets []target
	known   bool       // which targets there are
	same    *input     // the one of these labels that is used instead
	refused []*watched // whose limits it is beyond
}

// target is a track that an input feeds.
type target struct {
	track   *track
	channel *channel // of a group; nil: not known, or none
	asked   bool     // whether there is one
	of      *input
}

// sample is one for a target.
type sample struct {
	to *target
	t  int64
	v  float64
}

// series is what a series of the log is to the reader.
func (w *Watcher) series(lset labels.Labels) *input {
	selected, room := false, false
	for _, d := range w.detectors {
		if d.Selects(lset) {
			selected = true
			room = room || w.room(d)
		}
	}
	if !selected {
		return w.unwanted
	}
	if in := w.find(lset); in != nil {
		return in
	}
	if !room || len(w.inputs) >= 2*w.opts.Limit+unresolved {
		var by []*watched
		for _, d := range w.detectors {
			if d.Selects(lset) {
				w.refuse(d)
				by = append(by, d)
			}
		}
		return w.refusedBy(by)
	}
	return w.add(lset)
}

// refusedBy is what all series are to the reader that are beyond the limits of
// these detectors.
func (w *Watcher) refusedBy(by []*watched) *input {
	for _, in := range w.full {
		if slices.Equal(in.refused, by) {
			return in
		}
	}
	in := &input{known: true, refused: by}
	w.full = append(w.full, in)
	return in
}

// unresolved is how many series may be waiting for their first sample.
const unresolved = 100_000

func (w *Watcher) find(lset labels.Labels) *input {
	for in := w.inputs[lset.Hash()]; in != nil; in = in.next {
		if labels.Equal(in.labels, lset) {
			return in
		}
	}
	return nil
}

func (w *Watcher) add(lset labels.Labels) *input {
	in := &input{labels: lset, hash: lset.Hash()}
	w.link(in)
	return in
}

func (w *Watcher) link(in *input) {
	in.next = w.inputs[in.hash]
	w.inputs[in.hash] = in
}

// drop forgets an input that feeds nothing. The reader may still have it.
func (w *Watcher) drop(in *input) {
	in.known = false
	first := w.inputs[in.hash]
	if first == in {
		if in.next == nil {
			delete(w.inputs, in.hash)
		} else {
			w.inputs[in.hash] = in.next
		}
		in.next = nil
		return
	}
	for ; first != nil; first = first.next {
		if first.next == in {
			first.next, in.next = in.next, nil
			return
		}
	}
}

// resolve finds or makes the tracks that an input feeds.
func (w *Watcher) resolve(in *input) *input {
	for in.same != nil {
		in = in.same
	}
	if in.known {
		return in
	}
	switch there := w.find(in.labels); {
	case there == nil:
		w.link(in)
	case there != in:
		in.same = there
		return w.resolve(there)
	}
	in.known, in.refused = true, nil
	for _, d := range w.detectors {
		if d.Selects(in.labels) && !in.feeds(d) {
			w.attach(in, d)
		}
	}
	return in
}

func (in *input) feeds(d *watched) bool {
	for i := range in.targets {
		if in.targets[i].track.of == d {
			return true
		}
	}
	return false
}

// attach has an input feed a detector, unless that has too many already.
func (w *Watcher) attach(in *input, d *watched) {
	var k *track
	if d.Kind.Joint {
		common := d.Labels(in.labels)
		k = d.tracks[string(appendLabels(nil, common))]
		if k == nil && w.room(d) {
			k = w.newGroup(d, common)
		}
	} else if w.room(d) {
		k = w.newSingle(d, in)
	}
	if k == nil {
		w.refuse(d)
		in.refused = append(in.refused, d)
		return
	}
	in.targets = append(in.targets, target{track: k, of: in})
}

func (w *Watcher) newSingle(d *watched, in *input) *track {
	k := &track{of: d, in: in, outs: outputsOf(d.Detector, d.Labels(in.labels)), model: d.New(1)}
	k.shard = uint32(in.hash % uint64(len(w.shards)))
	return w.admit(k)
}

func (w *Watcher) newGroup(d *watched, common labels.Labels) *track {
	k := &track{of: d, group: &group{key: appendLabels(nil, common)}, outs: outputsOf(d.Detector, common)}
	k.shard = uint32(common.Hash() % uint64(len(w.shards)))
	d.tracks[string(k.group.key)] = k
	return w.admit(k)
}

func (w *Watcher) admit(k *track) *track {
	w.tracks = append(w.tracks, k)
	w.total++
	k.of.series.Add(1)
	return k
}

// expel takes a track out. The place in w.tracks is set to nil by the caller.
func (w *Watcher) expel(k *track) {
	w.total--
	k.of.series.Add(-1)
	if k.in != nil {
		w.detach(k.in, k)
	}
	if k.group != nil {
		delete(k.of.tracks, string(k.group.key))
		for _, c := range k.group.channels {
			if in := w.find(c.labels); in != nil {
				w.detach(in, k)
			}
		}
	}
}

func (w *Watcher) detach(in *input, k *track) {
	for i := range in.targets {
		if in.targets[i].track == k {
			in.targets = append(in.targets[:i:i], in.targets[i+1:]...)
			break
		}
	}
	if len(in.targets) == 0 {
		w.drop(in)
	}
}

// room says whether a detector may watch one more.
func (w *Watcher) room(d *watched) bool {
	return int(d.series.Load()) < d.Limit && w.total < w.opts.Limit
}

// refuse counts a series that is beyond the limit.
func (w *Watcher) refuse(d *watched) {
	if d.refused.Add(1) > 1 {
		return
	}
	key, limit := "limit of the detector", d.Limit
	if int(d.series.Load()) < d.Limit {
		key, limit = "limits.watched of the configuration", w.opts.Limit
	}
	w.opts.Logger.Error("a detector selects more series than may be watched; those that came first are watched, the others are not",
		"detector", d.Name, "file", d.File, "line", d.Line, "limit", limit, "key", key)
}

// gather is the sink of the reader: it sorts samples by shard.
type gather struct {
	w     *Watcher
	count int
}

var _ tail.Sink[*input] = (*gather)(nil)

// batch is how many samples are given to models at a time.
const batch = 8192

// Full implements tail.Sink.
func (g *gather) Full() bool { return g.count >= batch }

// Sample implements tail.Sink.
func (g *gather) Sample(in *input, v float64, t int64) {
	if !in.known {
		if in = g.w.resolve(in); in == nil {
			return
		}
	}
	for _, d := range in.refused {
		d.beyond.Inc()
	}
	for i := range in.targets {
		to := &in.targets[i]
		s := g.w.shards[to.track.shard]
		s.samples = append(s.samples, sample{to, t, v})
		g.count++
	}
}

// Skip implements tail.Sink.
func (g *gather) Skip(why tail.Reason, n int) {
	if why != tail.ReasonUnwanted {
		g.w.metrics.skipped(string(why)).Add(n)
	}
}
