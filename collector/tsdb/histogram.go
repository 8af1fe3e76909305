package tsdb

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/belfry-city/belfry/collector/reading"
)

// appendHistograms comes after the floats. Upstream keeps a pointer to the
// newest histogram of each series, so they are the store's from here on.
func (a *appending) appendHistograms() {
	for i := range a.batch.Histograms {
		a.appendHistogram(&a.batch.Histograms[i])
	}
}

func (a *appending) appendHistogram(h *reading.Histogram) {
	if h.Time > a.newest || h.Time < a.oldest {
		reason, detail := a.outOfTime(h.Time)
		a.refuseHistogram(h, reason, detail)
		return
	}
	if err := prepareHistogram(h); err != nil {
		a.refuseHistogram(h, reading.ReasonBadHistogram, fmt.Sprintf("%s: %v", a.subject(h.Name), err))
		return
	}
	k := a.keyOf(h.Key)
	earlier, repeated := a.typed.earlier(a, h, k)
	switch {
	case repeated && earlier.same(h):
		a.storedHistogram()
		return
	case repeated:
		a.refuseHistogram(h, reading.ReasonConflict, fmt.Sprintf("%s has another value at the same time in line %d", a.subject(h.Name), earlier.line))
		return
	}
	err := a.addHistogram(h, k)
	if err != nil {
		reason, detail := a.word(h.Name, err)
		a.refuseHistogram(h, reason, detail)
		return
	}
	a.typed.note(a, h)
	a.storedHistogram()
	if e := a.cache.lookup(k); e != nil {
		a.hear(e, h.Time, sum(h))
	}
}

func (a *appending) storedHistogram() {
	a.stored++
	a.histograms++
}

func (a *appending) keyOf(s reading.Span) seriesKey {
	key := a.batch.Bytes(s)
	return seriesKey{hash: maphash.Bytes(a.cache.seed, key) ^ a.spaceHash, key: key}
}

// addHistogram finds or creates the series and appends to it.
func (a *appending) addHistogram(h *reading.Histogram, k seriesKey) error {
	name := a.batch.Bytes(h.Name)
	if e := a.cache.lookup(k); e != nil {
		if series := a.findField(a.watched(e), k, name); series != nil {
			_, err := a.app.AppendHistogram(series.ref, labels.EmptyLabels(), h.Time, h.Integer, h.Float)
			if err == nil {
				a.tellOf(series, h.Time, notANumber())
			}
			if !errors.Is(err, tsdb.ErrInvalidSample) {
				return err
			}
			// Upstream has dropped the series for want of samples; it starts anew.
		}
	}
	lset, err := a.spell(k.key, name)
	if err != nil {
		return err
	}
	ref, err := a.appendLabels(lset, func(ref storage.SeriesRef) (storage.SeriesRef, error) {
		return a.app.AppendHistogram(ref, lset, h.Time, h.Integer, h.Float)
	})
	if err != nil {
		return err
	}
	a.note(k, name, ref, lset, true, h.Time, notANumber())
	return nil
}

// notANumber is what a watcher is told of a histogram.
func notANumber() float64 { return math.NaN() }

func (a *appending) refuseHistogram(h *reading.Histogram, reason reading.Reason, detail string) {
	a.batch.Refusals = append(a.batch.Refusals, reading.Refusal{
		Line: h.Line, Reason: reason, Detail: detail, Values: 1, Raw: a.batch.Bytes(h.Whole),
	})
}

var errNoHistogram = errors.New("neither an integer nor a float histogram")

// sum is the staleness marker at the end of a series.
func sum(h *reading.Histogram) float64 {
	if h.Integer != nil {
		return h.Integer.Sum
	}
	return h.Float.Sum
}

// prepareHistogram checks a histogram, and brings one of finer resolution than
// upstream stores to the finest that it does. A panic of upstream's code over
// it must not look like a failure of the store.
func prepareHistogram(h *reading.Histogram) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it cannot be read: %v", p)
		}
	}()
	switch {
	case h.Integer != nil && h.Float == nil:
		if tooFine(h.Integer.Schema) {
			if err := h.Integer.ReduceResolution(histogram.ExponentialSchemaMax); err != nil {
				return err
			}
		}
		return h.Integer.Validate()
	case h.Float != nil && h.Integer == nil:
		if tooFine(h.Float.Schema) {
			if err := h.Float.ReduceResolution(histogram.ExponentialSchemaMax); err != nil {
				return err
			}
		}
		return h.Float.Validate()
	}
	return errNoHistogram
}

func tooFine(schema int32) bool {
	return histogram.IsExponentialSchemaReserved(schema) && schema > histogram.ExponentialSchemaMax
}

// isStaleHistogram says whether v was refused with err though it is the
// staleness marker with which a series of histograms already ends: senders write
// it as a float, upstream turns it into a histogram, and refuses the same float
// a second time.
func (a *appending) isStaleHistogram(ref storage.SeriesRef, t int64, v float64, err error) bool {
	if !errors.Is(err, storage.ErrDuplicateSampleForTimestamp) || !value.IsStaleNaN(v) {
		return false
	}
	if _, err := a.app.AppendHistogram(ref, labels.EmptyLabels(), t, &histogram.Histogram{Sum: v}, nil); err == nil {
		return true
	}
	_, err = a.app.AppendHistogram(ref, labels.EmptyLabels(), t, nil, &histogram.FloatHistogram{Sum: v})
	return err == nil
}

// typedInstants remembers what a batch with histograms holds of each series.
// Upstream compares a sample with what is committed, so it would drop the second
// of two for one instant without a word.
type typedInstants struct {
	seen   map[typedInstant]earlierValue
	floats bool // those of the batch are in seen
}

type typedInstant struct {
	key, name string
	time      int64
}

// earlierValue is a histogram, or a float if it has neither.
type earlierValue struct {
	line    uint32
	integer *histogram.Histogram
	float   *histogram.FloatHistogram
}

func (v earlierValue) same(h *reading.Histogram) bool {
	switch {
	case v.integer != nil && h.Integer != nil:
		return v.integer.Equals(h.Integer)
	case v.float != nil && h.Float != nil:
		return v.float.Equals(h.Float)
	}
	return false
}

func (a *appending) typedInstant(h *reading.Histogram) typedInstant {
	return typedInstant{view(a.batch.Bytes(h.Key)), view(a.batch.Bytes(h.Name)), h.Time}
}

func (t *typedInstants) note(a *appending, h *reading.Histogram) {
	if t.seen == nil {
		t.seen = make(map[typedInstant]earlierValue, len(a.batch.Histograms))
	}
	t.seen[a.typedInstant(h)] = earlierValue{h.Line, h.Integer, h.Float}
}

// earlier returns what the batch has for the same series and time before h.
func (t *typedInstants) earlier(a *appending, h *reading.Histogram, k seriesKey) (earlierValue, bool) {
	if !t.floats {
		// The batch has floats of this key.
		if e := a.cache.lookup(k); e != nil && a.touchedBy(e.touched.Load()) {
			t.noteFloats(a)
		}
	}
	v, ok := t.seen[a.typedInstant(h)]
	return v, ok
}

func (t *typedInstants) noteFloats(a *appending) {
	t.floats = true
	b := a.batch
	if t.seen == nil {
		t.seen = make(map[typedInstant]earlierValue, len(b.Fields)+len(b.Histograms))
	}
	for i := range b.Points {
		p := &b.Points[i]
		for at := p.First; at < p.First+p.Count; at++ {
			if _, refused := a.repeated.refused[at]; !refused {
				t.seen[typedInstant{view(b.Bytes(p.Key)), view(b.Bytes(b.Fields[at].Name)), p.Time}] = earlierValue{line: p.Line}
			}
		}
	}
}

// appendExemplars comes last: an exemplar belongs to a series that exists.
func (a *appending) appendExemplars() {
	if a.store.opts.MaxExemplars < 0 {
		return
	}
	for i := range a.batch.Exemplars {
		e := &a.batch.Exemplars[i]
		if e.Exemplar.Ts > a.newest || e.Exemplar.Ts < a.oldest {
			continue
		}
		if a.appendExemplar(e) == nil {
			a.exemplars++
		}
	}
}

func (a *appending) appendExemplar(e *reading.Exemplar) error {
	k, name := a.keyOf(e.Key), a.batch.Bytes(e.Name)
	if known := a.cache.lookup(k); known != nil {
		if series := a.findField(known.fields.Load(), k, name); series != nil {
			_, err := a.app.AppendExemplar(series.ref, labels.EmptyLabels(), e.Exemplar)
			if err == nil || errors.Is(err, storage.ErrOutOfOrderExemplar) || errors.Is(err, storage.ErrExemplarLabelLength) {
				return err
			}
			// Upstream has dropped the series; it may be there anew.
		}
	}
	lset, err := a.spell(k.key, name)
	if err != nil {
		return err
	}
	_, err = a.app.AppendExemplar(0, lset, e.Exemplar)
	return err
}
