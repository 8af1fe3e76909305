package reading

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
)

// Builder adds to a batch what a decoder has in hand as values, as opposed to
// bytes in the sender's spelling. Its keys are those of LabelSpeller, so that
// equal labels in equal order are one key whatever format they came in. A
// Builder keeps its memory from batch to batch and allocates nothing for floats
// in the steady state. It is not safe for concurrent use.
//
// For each message there is a call of Message, by whoever calls the decoder.
// The decoder then calls, for each set of labels and time, Begin, Label for
// each label, and then Value for each reading.
type Builder struct {
	batch *Batch
	buf   []byte

	whole  Span   // of the message
	raw    []byte // the message, as the sender's memory
	common []byte // encoded labels that all points of the message have
	base   uint32 // line of the message's first part
	line   uint32
	next   uint32 // first line of the next message

	any   bool // AnyNames
	key   Span // of what Begin began; its length is 0 until the first value
	point int  // index of its point, -1 before the first value that is a float
	time  int64
	bad   bool // it is refused
	own   bool // Own
}

// A label of a key is its name, 0xFE, its value and 0xFF, bytes that are in no
// UTF-8 text. After the labels there is another 0xFF. A key that begins with
// 0xFE is one of AnyNames, and has the metric behind it: requests of that kind
// have many metrics with equal labels, and the store is quickest with keys that
// a batch has once.
const (
	endName  = 0xFE
	endValue = 0xFF
	anyNames = 0xFE
)

// keptRaw is how much of a message is kept for those who look at what was
// refused.
const keptRaw = 64 << 10

// Reset makes the Builder fill b, until Done.
func (w *Builder) Reset(b *Batch) {
	w.batch, w.buf, w.next = b, w.buf[:0], 1
	w.Message(nil)
	w.next = 1
}

// Message begins a message and returns the line of its first part. Lines go on
// from message to message, so that a refusal can be brought home to its own.
// raw must stay as it is until the batch has been stored.
func (w *Builder) Message(raw []byte) (first uint32) {
	kept := raw[:min(len(raw), keptRaw)]
	w.whole = Span{Off: uint32(len(w.buf)), Len: uint32(len(kept))}
	w.buf = append(w.buf, kept...)
	w.raw, w.common, w.any = kept, w.common[:0], false
	w.base, w.line, w.next = w.next, w.next, w.next+1
	w.point, w.bad = -1, true // until Begin
	w.own = false
	return w.base
}

// Part says that what follows is in part n of the message, counted from 1: a
// line, an element of a list. Without it everything is in part 1.
func (w *Builder) Part(n int) {
	w.line = w.base + uint32(max(n, 1)) - 1
	w.next = max(w.next, w.line+1)
}

// Own says that the points of this message that follow are no sign that what they
// are about is alive: Belfry, or somebody else, says them of it.
func (w *Builder) Own() { w.own = true }

// Common adds a label to all points of this message, unless they have one of
// that name. It is for what surrounds the message, such as its topic.
func (w *Builder) Common(name, value string) {
	w.common = appendLabel(w.common, name, value)
}

// AnyNames permits what Prometheus 3 does in the names of metrics and labels
// of this message: any UTF-8 text. Otherwise the store refuses names that
// PromQL does not take without quotes, so that a device's spelling does not
// become one by mistake.
func (w *Builder) AnyNames() { w.any = true }

// Uncommon takes back what Common added under the name. It is for decoders to
// which something that surrounds the message says how to read it.
func (w *Builder) Uncommon(name string) {
	for at := 0; at < len(w.common); {
		end := at + bytes.IndexByte(w.common[at:], endValue) + 1
		if n := bytes.IndexByte(w.common[at:end], endName); string(w.common[at:at+n]) == name {
			w.common = append(w.common[:at], w.common[end:]...)
			continue
		}
		at = end
	}
}

// Begin begins a point at the given time, in milliseconds.
func (w *Builder) Begin(time int64) {
	w.key, w.point, w.time, w.bad = Span{Off: uint32(len(w.buf))}, -1, time, false
	if w.any {
		w.buf = append(w.buf, anyNames)
	}
}

// Label adds a label to the point; an empty value is no label. All labels of a
// point come before its first value.
func (w *Builder) Label(name, value string) {
	if w.key.Len > 0 {
		panic("reading: a label after a value")
	}
	if w.any && !utf8.ValidString(name) {
		w.refusePoint(ReasonInvalidUTF8, fmt.Sprintf("the name of a label is not valid UTF-8: %q", name))
		return
	}
	if !utf8.ValidString(value) {
		w.refusePoint(ReasonInvalidUTF8, fmt.Sprintf("label %s is not valid UTF-8: %q", name, value))
		return
	}
	w.buf = appendLabel(w.buf, name, value)
}

// LabelBytes is Label for a value that is not a string.
func (w *Builder) LabelBytes(name string, value []byte) { w.Label(name, view(value)) }

func appendLabel(to []byte, name, value string) []byte {
	if value == "" {
		return to
	}
	to = append(append(to, name...), endName)
	return append(append(to, value...), endValue)
}

// Value adds a reading to the point. What is no finite number is refused.
func (w *Builder) Value(metric string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		w.Refuse(ReasonNotFinite, fmt.Sprintf("%s is %v; only finite numbers are stored", metric, v))
		return
	}
	w.AnyValue(metric, v)
}

// ValueBytes is Value for a metric that is not a string.
func (w *Builder) ValueBytes(metric []byte, v float64) { w.Value(view(metric), v) }

// AnyValue is Value for formats in which NaN, infinities and staleness markers
// have a meaning.
func (w *Builder) AnyValue(metric string, v float64) {
	if w.bad {
		return
	}
	b := w.batch
	w.closeKey(metric)
	if w.point < 0 {
		w.point = len(b.Points)
		b.Points = append(b.Points, Point{Key: w.key, Whole: w.whole, Time: w.time, Line: w.line, First: uint32(len(b.Fields)), Own: w.own})
	}
	b.Fields = append(b.Fields, Field{Name: w.name(metric), Value: v})
	b.Points[w.point].Count++
}

// Histogram adds a native histogram; one of h and fh is nil.
func (w *Builder) Histogram(metric string, h *histogram.Histogram, fh *histogram.FloatHistogram) {
	if w.bad {
		return
	}
	w.closeKey(metric)
	w.batch.Histograms = append(w.batch.Histograms, Histogram{
		Key: w.key, Name: w.name(metric), Whole: w.whole, Time: w.time, Line: w.line, Integer: h, Float: fh,
	})
}

// Exemplar adds an exemplar to the series of the metric and the point's labels.
func (w *Builder) Exemplar(metric string, e exemplar.Exemplar) {
	if w.bad {
		return
	}
	w.closeKey(metric)
	w.batch.Exemplars = append(w.batch.Exemplars, Exemplar{Key: w.key, Name: w.name(metric), Line: w.line, Exemplar: e})
}

// Event adds an event. Its Raw may share the message's memory.
func (w *Builder) Event(e Event) {
	e.Line = w.line
	w.batch.Events = append(w.batch.Events, e)
}

// closeKey completes the key with the common labels. It ends in endValue, which
// also makes that of a series without labels longer than nothing.
func (w *Builder) closeKey(metric string) {
	if w.key.Len > 0 {
		return
	}
	own := w.buf[w.key.Off:]
	if w.any {
		own = own[1:]
	}
	for rest := w.common; len(rest) > 0; {
		name, end := rest[:bytes.IndexByte(rest, endName)+1], bytes.IndexByte(rest, endValue)+1
		if !hasLabel(own, name) {
			w.buf = append(w.buf, rest[:end]...)
		}
		rest = rest[end:]
	}
	w.buf = append(w.buf, endValue)
	if w.any {
		w.buf = append(w.buf, metric...)
	}
	w.key.Len = uint32(len(w.buf)) - w.key.Off
}

// hasLabel says whether key has a label of the name, which ends in endName.
func hasLabel(key, name []byte) bool {
	for len(key) > 0 {
		if bytes.HasPrefix(key, name) {
			return true
		}
		key = key[bytes.IndexByte(key, endValue)+1:]
	}
	return false
}

// name puts a metric's name behind the key, which is complete then.
func (w *Builder) name(metric string) Span {
	s := Span{Off: uint32(len(w.buf)), Len: uint32(len(metric))}
	w.buf = append(w.buf, metric...)
	return s
}

// Refuse says that something in the part at hand is not taken; what else is in
// it may be.
func (w *Builder) Refuse(reason Reason, detail string) {
	w.batch.Refuse(w.line, reason, detail, w.raw)
}

// RefuseRaw is Refuse where raw is what is wrong. raw may share the message's
// memory.
func (w *Builder) RefuseRaw(reason Reason, detail string, raw []byte) {
	w.batch.Refuse(w.line, reason, detail, raw)
}

func (w *Builder) refusePoint(reason Reason, detail string) {
	if !w.bad {
		w.Refuse(reason, detail)
	}
	w.bad = true
}

// Skip counts n fields that are text and no sample.
func (w *Builder) Skip(n int) { w.batch.Strings += n }

// Memory is how many bytes the Builder keeps for the next batch.
func (w *Builder) Memory() int { return cap(w.buf) }

// Done completes the batch. The memory of its keys is the Builder's until the
// next Reset.
func (w *Builder) Done() { w.batch.Raw = w.buf }

// LabelSpeller spells the keys that a Builder makes; the field is the name of
// the metric.
type LabelSpeller struct{}

// Space implements Speller.
func (LabelSpeller) Space() string { return "labels" }

var errBrokenKey = errors.New("the key is not one of labels")

// Spell implements Speller.
func (LabelSpeller) Spell(key, field []byte, labels []Label) ([]byte, []Label, error) {
	valid := validName
	if len(key) > 0 && key[0] == anyNames {
		end := bytes.LastIndexByte(key, endValue) + 1
		key, valid = key[min(1, end):end], validText
	}
	if !valid(field, true) {
		return nil, labels, fmt.Errorf("%q is no name of a metric", field)
	}
	if len(key) == 0 || key[len(key)-1] != endValue {
		return nil, labels, errBrokenKey
	}
	key = key[:len(key)-1]
	for len(key) > 0 {
		n := bytes.IndexByte(key, endName)
		v := bytes.IndexByte(key, endValue)
		if n < 0 || v < n {
			return nil, labels, errBrokenKey
		}
		l := Label{Name: key[:n], Value: key[n+1 : v]}
		if !valid(l.Name, false) {
			return nil, labels, fmt.Errorf("%q is no name of a label", l.Name)
		}
		labels = append(labels, l)
		key = key[v+1:]
	}
	return field, labels, nil
}
