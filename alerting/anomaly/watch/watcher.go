package watch

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	"github.com/belfry-city/belfry/alerting/anomaly/state"
	"github.com/belfry-city/belfry/collector/wal/segments"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

// Watcher runs detectors. Its methods are safe for concurrent use.
type Watcher struct {
	opts    Options
	metrics *watchMetrics
	shown   atomic.Pointer[[]shownDetector]

	fresh  atomic.Pointer[detector.Set] // of a reload; nil: there was none
	wake   chan struct{}
	cancel context.CancelFunc
	stopBy atomic.Int64 // when a stop has to be over, in nanoseconds since 1970
	work   conc.WaitGroup

	// What follows belongs to the goroutine that runs; shards and tracks belong to
	// their workers while these observe.
	detectors []*watched
	inputs    map[uint64]*input
	unwanted  *input
	full      []*input // see refusedBy
	tracks    []*track // nil: there was one
	total     int
	shards    []*shard
	out       []score
	refsOf    uint64 // the generation of the references in outputs

	log        *segments.Dir
	reader     *tail.Reader[*input]
	generation uint64
	place      tail.Place // of the log, where all before has been seen
	begun      bool       // whether the reader has been told where to begin
	replaying  bool       // what was in the log at the start
	stored     stored     // while replaying
	started    time.Time

	saving
}

// New makes the directory, and looks at nothing else.
func New(o Options) (*Watcher, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Workers == 0 {
		o.Workers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if o.Round == 0 {
		o.Round = 30 * time.Second
	}
	if o.pace == 0 {
		o.pace = savePace
	}
	if o.tick == 0 {
		o.tick = tickEvery
	}
	rounds, err := state.Open(o.Dir, o.Logger)
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		opts: o, wake: make(chan struct{}, 1),
		inputs: map[uint64]*input{}, unwanted: &input{known: true},
		log: segments.NewDir(o.Store.LogDir()),
	}
	w.rounds = rounds
	w.metrics = newMetrics(o.Metrics, w)
	for range o.Workers {
		w.shards = append(w.shards, &shard{})
	}
	w.reader = tail.NewReader(tail.Options[*input]{
		Log: w.log, Series: w.series, Unwanted: w.unwanted, Unfit: w.unwanted, Logger: o.Logger,
		Needed: func() int { return w.place.Segment },
	})
	w.use(o.Detectors)
	return w, nil
}

// Start begins to watch. Stop must follow.
func (w *Watcher) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.place = tail.PlaceAt(w.log, w.logEnd()) // all that is written from now on is watched
	if w.replaying = !w.rounds.Empty(); !w.replaying {
		w.saveFirst()
	}
	w.metrics.show()
	w.work.Go(func() { w.run(ctx) })
}

// Stop watches what has been logged so far, and writes states, as long as ctx
// lasts. What is not written is made again from the log at the next start.
func (w *Watcher) Stop(ctx context.Context) error {
	if w.cancel == nil {
		return nil
	}
	by, ok := ctx.Deadline()
	if !ok {
		by = time.Now().Add(time.Minute)
	}
	w.stopBy.Store(by.UnixNano())
	w.cancel()
	w.work.Wait()
	w.metrics.hide()
	for _, d := range w.detectors {
		d.hide()
	}
	return nil
}

// Reload runs other detectors. One whose model, options and grouping stay the
// same keeps what it has learned.
func (w *Watcher) Reload(set *detector.Set) {
	w.fresh.Store(set)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// use takes up a set of detectors, and says whether the log has to be asked anew
// which series there are.
func (w *Watcher) use(set *detector.Set) (anew bool) {
	before := map[string]*watched{}
	for _, d := range w.detectors {
		before[d.Name] = d
	}
	w.detectors = nil
	var fresh []*watched
	for _, d := range set.Detectors() {
		old := before[d.Name]
		if old == nil || old.depends != d.State() {
			one := &watched{Detector: d, depends: d.State(), tracks: map[string]*track{}}
			one.counts = newCounts(w.opts.Metrics, w.opts.Logger, d.Name)
			w.detectors = append(w.detectors, one)
			fresh = append(fresh, one)
			anew = true
			continue
		}
		anew = anew || fmt.Sprint(old.Select.Texts(), old.Limit) != fmt.Sprint(d.Select.Texts(), d.Limit)
		old.Detector = d
		w.detectors = append(w.detectors, old)
		delete(before, d.Name)
	}
	for _, gone := range before {
		gone.hide()
	}
	for _, one := range fresh {
		one.show()
	}
	w.fit(anew)
	shown := make([]shownDetector, len(w.detectors))
	for i, d := range w.detectors {
		shown[i] = shownDetector{d.Detector, &d.counts}
	}
	w.shown.Store(&shown)
	return anew
}

// fit drops the tracks that no detector has any more, and has the others store
// what their detectors say.
func (w *Watcher) fit(anew bool) {
	runs := map[*watched]bool{}
	for _, d := range w.detectors {
		runs[d] = true
	}
	for i, k := range w.tracks {
		switch {
		case k == nil:
		case !runs[k.of] || k.in != nil && !k.of.Selects(k.in.labels):
			if k.last != 0 {
				w.out = append(w.out, score{k: k, t: k.last + 1, ends: true})
			}
			w.expel(k)
			w.tracks[i] = nil
		case k.in != nil:
			k.outs = outputsOf(k.of.Detector, k.of.Labels(k.in.labels))
		case !k.keepSelected():
			w.expel(k)
			w.tracks[i] = nil
		default:
			k.outs = outputsOf(k.of.Detector, k.of.Labels(k.group.channels[0].labels))
		}
	}
	gone := func(d *watched) bool { return !runs[d] }
	if anew {
		w.full = nil
	}
	for _, in := range w.full { // which the reader still has
		in.refused = slices.DeleteFunc(in.refused, gone)
	}
	var idle []*input
	for _, in := range w.inputs {
		for ; in != nil; in = in.next {
			in.targets = slices.DeleteFunc(in.targets, func(to target) bool {
				return !runs[to.track.of] || !to.track.of.Selects(in.labels)
			})
			if len(in.targets) == 0 {
				idle = append(idle, in)
			}
			in.refused = slices.DeleteFunc(in.refused, gone)
			if anew {
				in.known, in.refused = false, nil
			}
		}
	}
	for _, in := range idle {
		w.drop(in)
	}
}

// keepSelected drops the channels that are no longer selected; false: none is
// left.
func (k *track) keepSelected() bool {
	return k.keepChannels(func(c *channel) bool { return k.of.Selects(c.labels) })
}

func (k *track) keepChannels(keep func(*channel) bool) bool {
	var left []*channel
	for _, c := range k.group.channels {
		if keep(c) {
			left = append(left, c)
		}
	}
	if len(left) != len(k.group.channels) {
		k.group.channels = left
		if len(k.of.Channels) == 0 {
			k.regroup()
		}
	}
	return len(left) > 0
}
