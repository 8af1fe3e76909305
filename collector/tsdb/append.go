package tsdb

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"unsafe"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/belfry-city/belfry/collector/reading"
)

// Receipt says what Append has taken.
type Receipt struct {
	// Samples is how many values were taken, exact duplicates and native
	// histograms included.
	Samples int
	// Histograms is how many of them are native histograms.
	Histograms int
	// Exemplars is how many exemplars were taken; they are no samples.
	Exemplars int
	// Generation is what to give to Sync.
	Generation uint64
}

// Empty says that nothing was taken, so that nothing waits for the disk.
func (r Receipt) Empty() bool { return r.Samples == 0 && r.Exemplars == 0 }

// Append writes a batch to the log and to memory. Before Sync has returned for
// the receipt's generation, nothing of it may be acknowledged. Points that the
// store does not take are added to the batch's refusals. An error means that
// nothing of the batch may be acknowledged. For series that it knows, Append
// allocates nothing per sample.
func (s *Store) Append(ctx context.Context, b *reading.Batch, sp reading.Speller) (taken Receipt, err error) {
	if s.broken.Load() {
		return Receipt{}, ErrFailed
	}
	if err := s.disk.check(); err != nil {
		return Receipt{}, err
	}
	d, err := s.use()
	if err != nil {
		return Receipt{}, err
	}
	defer s.gate.leave()
	generation := s.generation.Load()
	// Upstream panics when a chunk of the head cannot be written.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrFailed, p)
			s.fail(err)
		}
	}()
	epoch := s.fence.enter()
	defer s.fence.leave(epoch)
	telling := s.told.enter()
	defer s.told.leave(telling)
	a := appending{store: s, cache: d.series, app: d.Head().Appender(ctx), batch: b, speller: sp, id: s.batches.Add(1)}
	a.spaceHash = maphash.String(a.cache.seed, sp.Space())
	now := s.opts.Now()
	a.oldest, a.newest = now.Add(-s.opts.Late).UnixMilli(), now.Add(s.opts.Early).UnixMilli()
	a.following = b.Follow && s.follower != nil
	a.head, a.now, a.watching = d.Head(), now.UnixMilli(), s.watching.Load()
	a.appendAll()
	b.Followed = a.following && !a.wide
	a.appendHistograms()
	a.appendExemplars()
	if err := a.app.Commit(); err != nil {
		s.fail(err)
		return Receipt{}, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	a.told.visible()
	s.ring()
	s.stored.Add(a.stored)
	return Receipt{Samples: a.stored, Histograms: a.histograms, Exemplars: a.exemplars, Generation: generation}, nil
}

// appending is the state of one Append.
type appending struct {
	store          *Store
	cache          *seriesCache
	app            storage.Appender
	batch          *reading.Batch
	speller        reading.Speller
	spaceHash      uint64
	id             uint64
	oldest, newest int64
	stored         int
	histograms     int // of them
	exemplars      int
	touched        byte

	head     *tsdb.Head
	labels   []reading.Label
	scratch  []byte
	builder  labels.ScratchBuilder
	repeated repeats
	typed    typedInstants

	following bool
	stays     bool // the level of the point at hand
	wide      bool // there is a wide key, whose further fields nobody follows

	now      int64 // milliseconds
	watching *watching
	told     told
}

// ahead is how many points are looked up together. Finding a series waits for
// memory several times; loads that do not depend on each other wait together.
const ahead = 16

func (a *appending) appendAll() {
	b := a.batch
	var hashes [ahead]uint64
	for first := 0; first < len(b.Points); first += ahead {
		points := b.Points[first:min(first+ahead, len(b.Points))]
		a.lookAhead(points, &hashes)
		for i := range points {
			a.appendPoint(first+i, hashes[i])
		}
	}
}

// lookAhead hashes the keys and brings what will be needed into the cache.
func (a *appending) lookAhead(points []reading.Point, hashes *[ahead]uint64) {
	table := a.cache.table.Load()
	var entries [ahead]*seriesEntry
	for i := range points {
		hashes[i] = maphash.Bytes(a.cache.seed, a.batch.Bytes(points[i].Key)) ^ a.spaceHash
	}
	for i := range points { // not while hashing: the processor looks only so far ahead
		entries[i] = table.touch(hashes[i])
	}
	touched := byte(0)
	for _, e := range entries[:len(points)] {
		if e != nil && len(e.key) > 0 {
			touched ^= e.key[0]
		}
	}
	for _, e := range entries[:len(points)] {
		if e != nil {
			touched ^= byte(e.fields.Load().refs[0].ref)
		}
	}
	if a.watching != nil {
		for _, e := range entries[:len(points)] {
			if e != nil {
				touched ^= touchWatched(e.fields.Load().refs)
			}
		}
	}
	if a.following {
		for _, e := range entries[:len(points)] {
			if e != nil {
				if l := e.level.Load(); l != nil {
					touched ^= byte(l.Newest())
				}
			}
		}
	}
	a.touched = touched // or the loads could be left out
}

func (a *appending) appendPoint(index int, hash uint64) {
	p := &a.batch.Points[index]
	if p.Time > a.newest || p.Time < a.oldest {
		reason, detail := a.outOfTime(p.Time)
		a.refuse(p, reason, detail)
		return
	}
	k := seriesKey{hash: hash, key: a.batch.Bytes(p.Key)}
	e, before := a.cache.lookup(k), a.stored
	a.stays = false
	switch {
	case e == nil:
		e = a.appendNew(index, k)
	case a.repeats(e.touched.Swap(a.touch(index)), p.Time) || a.repeated.active():
		a.appendRepeated(index, k, e)
	default:
		a.appendKnown(p, k, e)
	}
	if a.stored > before && e != nil && !p.Own {
		a.hear(e, p.Time, a.batch.Fields[p.First].Value)
	}
	if a.following && e != nil && !a.stays {
		if l := e.level.Load(); l != nil {
			a.changed(index, e, l)
		}
	}
}

// outOfTime words the refusal of what is not between oldest and newest.
func (a *appending) outOfTime(t int64) (reading.Reason, string) {
	if t > a.newest {
		return reading.ReasonTooNew, fmt.Sprintf("its time is more than %s ahead of now", a.store.opts.Early)
	}
	return reading.ReasonTooOld, fmt.Sprintf("its time is more than %s ago", a.store.opts.Late)
}

// appendKnown is the way of nearly every sample.
func (a *appending) appendKnown(p *reading.Point, k seriesKey, e *seriesEntry) {
	level := e.level.Load() // before the fields, which say whose it is
	known := a.watched(e)
	fields := a.batch.Fields[p.First : p.First+p.Count]
	for i := range fields {
		f := &fields[i]
		name := a.batch.Bytes(f.Name)
		var series *fieldRef
		if i < len(known.refs) && known.refs[i].name.Value() == string(name) {
			series = &known.refs[i]
		} else {
			series = a.findField(known, k, name)
		}
		if series == nil {
			a.appendField(p, k, f)
			continue
		}
		if _, err := a.app.Append(series.ref, labels.EmptyLabels(), p.Time, f.Value); err != nil {
			a.appendFailed(p, k, f, series.ref, err)
			continue
		}
		a.stored++
		a.tellOf(series, p.Time, f.Value)
		if a.following && level != nil && series == &known.refs[known.leveled] {
			a.stays = level.Stays(p.Time, f.Value, a.newest)
		}
	}
}

// findField returns nil for a field that is not known.
func (a *appending) findField(known *fieldSet, k seriesKey, name []byte) *fieldRef {
	if f := known.find(name); f != nil || len(known.refs) < wideKey {
		return f
	}
	a.wide = true
	if e := a.cache.findWide(k, name, &a.scratch); e != nil {
		return &a.watched(e).refs[0]
	}
	return nil
}

// appendNew is appendKnown for a key that is not in the cache. It returns its
// entry, nil where nothing was taken.
func (a *appending) appendNew(index int, k seriesKey) *seriesEntry {
	p := &a.batch.Points[index]
	fields := a.batch.Fields[p.First : p.First+p.Count]
	for i := range fields {
		a.appendField(p, k, &fields[i])
	}
	e := a.cache.lookup(k)
	if e != nil {
		e.touched.Store(a.touch(index))
	}
	return e
}

func (a *appending) appendFailed(p *reading.Point, k seriesKey, f *reading.Field, ref storage.SeriesRef, err error) {
	if errors.Is(err, tsdb.ErrInvalidSample) {
		// Upstream has dropped the series for want of samples; it starts anew.
		a.appendField(p, k, f)
		return
	}
	if a.isStaleHistogram(ref, p.Time, f.Value, err) {
		a.stored++
		return
	}
	a.refuseField(p, f, err)
}

// appendField finds or creates the series of one field by its labels.
func (a *appending) appendField(p *reading.Point, k seriesKey, f *reading.Field) {
	lset, err := a.spell(k.key, a.batch.Bytes(f.Name))
	if err != nil {
		a.repeated.refuse(a.indexOf(p, f))
		a.say(p, 1, reading.ReasonBadSeries, err.Error())
		return
	}
	known := false
	ref, err := a.appendLabels(lset, func(ref storage.SeriesRef) (storage.SeriesRef, error) {
		known = ref != 0
		added, err := a.app.Append(ref, lset, p.Time, f.Value)
		if a.isStaleHistogram(ref, p.Time, f.Value, err) {
			return ref, nil
		}
		return added, err
	})
	if err != nil {
		a.refuseField(p, f, err)
		return
	}
	a.stored++
	a.note(k, a.batch.Bytes(f.Name), ref, lset, known, p.Time, f.Value)
}

// note remembers a series, and tells of its first sample.
func (a *appending) note(k seriesKey, name []byte, ref storage.SeriesRef, lset labels.Labels, known bool, t int64, v float64) {
	w := a.watching.watch(lset, known)
	e := a.cache.addField(k, name, fieldRef{ref: ref, watched: w}, a.watching.number())
	a.listen(e, lset)
	a.follow(e, name, lset)
	if w != nil {
		a.tell(w, t, v)
	}
}

var (
	errSeriesLimit = errors.New("the series limit is reached")
	errRoom        = errors.New("the labels of new series take too many bytes")
)

// appendLabels has add append to the series of the labels, unless that would be
// one more than the limit, or than the batch has room for.
func (a *appending) appendLabels(lset labels.Labels, add func(storage.SeriesRef) (storage.SeriesRef, error)) (storage.SeriesRef, error) {
	s := a.store
	s.createMu.Lock()
	defer s.createMu.Unlock()
	ref := storage.SeriesRef(0)
	if known, ok := a.app.(storage.GetRef); ok {
		ref, _ = known.GetRef(lset, lset.Hash())
	}
	if ref == 0 && a.head.NumSeries() >= uint64(s.opts.SeriesLimit) {
		return 0, errSeriesLimit
	}
	if ref == 0 && !a.takeRoom(int64(lset.ByteSize())) {
		return 0, errRoom
	}
	return add(ref)
}

// takeRoom returns false where the labels of a new series do not fit. A request
// can name a label's value once and have it in thousands of series.
func (a *appending) takeRoom(size int64) bool {
	b := a.batch
	switch {
	case b.Room == 0:
	case size >= b.Room:
		return false
	default:
		b.Room -= size
	}
	return true
}

func (a *appending) spell(key, field []byte) (labels.Labels, error) {
	metric, found, err := a.speller.Spell(key, field, a.labels[:0])
	a.labels = found[:0]
	if err != nil {
		return labels.EmptyLabels(), err
	}
	a.builder.Reset()
	a.builder.Add(model.MetricNameLabel, view(metric))
	for _, l := range found {
		a.builder.Add(view(l.Name), view(l.Value))
	}
	a.builder.Sort()
	lset := a.builder.Labels()
	if name, double := lset.HasDuplicateLabelNames(); double {
		return labels.EmptyLabels(), fmt.Errorf("label %q is given twice", name)
	}
	return lset, nil
}

// view is only handed to the label builder, which copies.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (a *appending) refuseField(p *reading.Point, f *reading.Field, err error) {
	a.repeated.refuse(a.indexOf(p, f))
	reason, detail := a.word(f.Name, err)
	a.say(p, 1, reason, detail)
}

// word says why upstream did not take a value.
func (a *appending) word(field reading.Span, err error) (reading.Reason, string) {
	what := a.subject(field)
	switch {
	case errors.Is(err, errSeriesLimit):
		return reading.ReasonSeriesLimit, fmt.Sprintf("%s would be a new series, and the limit of %d is reached", what, a.store.opts.SeriesLimit)
	case errors.Is(err, errRoom):
		return reading.ReasonTooLong, what + " would be a new series, and the labels of the request's new series take more than limits.body; send smaller batches, or shorter labels"
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		return reading.ReasonConflict, what + " has another value stored at the same time"
	case errors.Is(err, storage.ErrTooOldSample), errors.Is(err, storage.ErrOutOfBounds), errors.Is(err, storage.ErrOutOfOrderSample):
		return reading.ReasonTooOld, what + " is older than the store takes"
	default:
		return reading.ReasonBadSeries, fmt.Sprintf("%s: %v", what, err)
	}
}

// subject names a field to the sender; in formats whose keys are whole series
// it has no name.
func (a *appending) subject(field reading.Span) string {
	if field.Len == 0 {
		return "the series"
	}
	return fmt.Sprintf("field %q", a.batch.Bytes(field))
}

func (a *appending) indexOf(p *reading.Point, f *reading.Field) uint32 {
	for i := range p.Count {
		if &a.batch.Fields[p.First+i] == f {
			return p.First + i
		}
	}
	return p.First
}

// refuse refuses a whole point.
func (a *appending) refuse(p *reading.Point, reason reading.Reason, detail string) {
	for i := range p.Count {
		a.repeated.refuse(p.First + i)
	}
	a.say(p, p.Count, reason, detail)
}

// say notes a refusal of values of a point.
func (a *appending) say(p *reading.Point, values uint32, reason reading.Reason, detail string) {
	a.batch.Refusals = append(a.batch.Refusals, reading.Refusal{
		Line: p.Line, Reason: reason, Detail: detail, Values: values, Raw: a.batch.Bytes(p.Whole),
	})
}
