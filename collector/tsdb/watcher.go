package tsdb

import (
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// Watcher is told of the samples that are stored.
type Watcher interface {
	// Watch is asked once for each series; nil: nobody minds its samples. known says
	// that the series may have samples of which the watcher was not told.
	Watch(series labels.Labels, known bool) Watched
}

// Watched is told of the samples of one series, possibly by several goroutines at
// once.
type Watched interface {
	// Sample is told of a sample that is about to be stored; t, and the time that it
	// is now, are in milliseconds. It is on the way of every sample, and must be
	// quick. It returns whether Visible is to be called.
	Sample(t int64, v float64, now int64) bool
	// Visible is called when queries can see the sample, or when it has not been
	// stored after all. It must not wait.
	Visible()
	// Touch is called some time before Sample. It reads, and returns anything.
	Touch() byte
}

// Watch has the watcher told of all samples from now on, instead of the one
// before. It returns when all that are stored without it being told can be read.
func (s *Store) Watch(w Watcher) {
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	s.watching.Store(&watching{watcher: w, epoch: s.epochs.Add(1)})
	s.told.pass()
}

// watching is a watcher, and which one it is.
type watching struct {
	watcher Watcher
	epoch   uint32
}

func (w *watching) watch(lset labels.Labels, known bool) Watched {
	if w == nil || w.watcher == nil {
		return nil
	}
	return w.watcher.Watch(lset, known)
}

func (w *watching) number() uint32 {
	if w == nil {
		return 0
	}
	return w.epoch
}

// mixedEpoch is that of fields which do not have the same one.
const mixedEpoch = math.MaxUint32

// told are the watched series of a transaction that are to hear when it is done.
type told []Watched

func (t told) visible() {
	for _, w := range t {
		w.Visible()
	}
}

func touchWatched(fields []fieldRef) (touched byte) {
	for i := range fields[:min(len(fields), 4)] {
		if w := fields[i].watched; w != nil {
			touched ^= w.Touch()
		}
	}
	return touched
}

// tellOf tells of a sample of a known field.
func (a *appending) tellOf(f *fieldRef, t int64, v float64) {
	if f.watched != nil {
		a.tell(f.watched, t, v)
	}
}

// tell tells of a sample.
func (a *appending) tell(w Watched, t int64, v float64) {
	if w.Sample(t, v, a.now) {
		a.told = append(a.told, w)
	}
}

// watched are the fields of an entry as the watcher of now watches them.
func (a *appending) watched(e *seriesEntry) *fieldSet {
	set := e.fields.Load()
	if set.epoch != a.watching.number() {
		set = a.rewatch(e, set)
	}
	return set
}

// rewatch asks the watcher anew for the fields of an entry: it is another one than
// when they were noted.
func (a *appending) rewatch(e *seriesEntry, old *fieldSet) *fieldSet {
	set := newFieldSet(len(old.refs), a.watching.number())
	set.leveled = old.leveled
	for i, f := range old.refs {
		set.refs[i] = fieldRef{name: f.name, ref: f.ref}
	}
	index, err := a.head.Index()
	if err != nil {
		return set
	}
	defer func() { _ = index.Close() }() // it only reads
	for i := range set.refs {
		f := &set.refs[i]
		if err := index.Series(f.ref, &a.builder, nil); err != nil {
			continue // it is gone, which the next sample finds out
		}
		a.builder.Sort()
		f.watched = a.watching.watch(a.builder.Labels(), true)
	}
	e.fields.CompareAndSwap(old, set) // otherwise there is another field, and the next sample asks again
	return set
}

// watchedAppender tells the watcher of what upstream's own code stores.
type watchedAppender struct {
	storage.Appender
	watching *watching
	known    *upstreamSeries
	now      int64
	told     told
}

func (a *watchedAppender) Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	ref, err := a.Appender.Append(ref, l, t, v)
	if err == nil {
		a.tell(ref, l, t, v)
	}
	return ref, err
}

func (a *watchedAppender) AppendHistogram(
	ref storage.SeriesRef, l labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram,
) (storage.SeriesRef, error) {
	ref, err := a.Appender.AppendHistogram(ref, l, t, h, fh)
	if err == nil {
		a.tell(ref, l, t, notANumber())
	}
	return ref, err
}

func (a *watchedAppender) tell(ref storage.SeriesRef, l labels.Labels, t int64, v float64) {
	w, asked := a.known.find(ref, a.watching.epoch)
	if !asked {
		w = a.watching.watch(l, true)
		a.known.note(ref, a.watching.epoch, w)
	}
	if w != nil && w.Sample(t, v, a.now) {
		a.told = append(a.told, w)
	}
}

func (a *watchedAppender) Commit() error {
	defer a.told.visible()
	return a.Appender.Commit()
}

func (a *watchedAppender) Rollback() error {
	defer a.told.visible()
	return a.Appender.Rollback()
}
