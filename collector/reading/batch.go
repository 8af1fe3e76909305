package reading

import (
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
)

// Span is a stretch of bytes in Batch.Raw.
type Span struct {
	Off, Len uint32
}

// Point is one line or message: a series key, a time and its fields.
type Point struct {
	// Key identifies the series in the input's own spelling, for example
	// `gas,asset=W17` in line protocol. Equal bytes mean the same series; the
	// same series may have several spellings.
	Key Span
	// Whole is the point as it arrived, for whoever keeps what was refused.
	Whole Span
	// Time is in milliseconds since the epoch.
	Time int64
	// Line is the 1-based position in the input, for messages to the sender.
	Line uint32
	// First and Count select Batch.Fields[First : First+Count].
	First, Count uint32
	// Own says that it is no sign that what it is about is alive.
	Own bool
}

// Field is one value of a point. Key and Name together make one series.
type Field struct {
	Name  Span
	Value float64
}

// Histogram is one native histogram of a series; one of Integer and Float is
// nil.
type Histogram struct {
	Key, Name, Whole Span
	Time             int64 // milliseconds
	Line             uint32
	Integer          *histogram.Histogram
	Float            *histogram.FloatHistogram
}

// Exemplar is an exemplar of a series. One that cannot be stored is dropped
// without a refusal, as Prometheus does.
type Exemplar struct {
	Key, Name Span
	Line      uint32
	Exemplar  exemplar.Exemplar
}

// Batch is what an input made of one request, or of a part of a large one. Points
// and fields hold no pointers into anything but Raw, so that a pooled batch costs the
// garbage collector nothing. A Batch is not safe for concurrent use.
type Batch struct {
	// Raw is what the spans point into; the batch does not own it.
	Raw      []byte
	Points   []Point
	Fields   []Field
	Refusals []Refusal
	// Histograms and Exemplars come only from formats of the Prometheus family.
	Histograms []Histogram
	Exemplars  []Exemplar
	// Levels are the points that may have changed the level of a series. The store
	// adds them where Follow asks for them; Followed says that there are no others.
	// Whoever asks settles the levels that are there.
	Levels           []Leveled
	Follow, Followed bool
	// Events are what cameras and people report besides readings.
	Events []Event
	// Strings counts fields that are text and therefore no sample.
	Strings int
	// Room is how many bytes the labels of series may take that the batch creates;
	// 0: any number. The store takes off what was needed, down to 1.
	Room int64
}

// Bytes returns the bytes of s.
func (b *Batch) Bytes(s Span) []byte {
	return b.Raw[s.Off : s.Off+s.Len : s.Off+s.Len]
}

// Samples is the number of values in the batch.
func (b *Batch) Samples() int { return len(b.Fields) + len(b.Histograms) }

// Refuse notes that line was not taken. raw may be nil; it is not copied.
func (b *Batch) Refuse(line uint32, reason Reason, detail string, raw []byte) {
	b.Refusals = append(b.Refusals, Refusal{Line: line, Reason: reason, Detail: detail, Raw: raw})
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Raw = nil
	b.Points = b.Points[:0]
	b.Fields = b.Fields[:0]
	clear(b.Refusals)
	b.Refusals = b.Refusals[:0]
	clear(b.Histograms)
	b.Histograms = b.Histograms[:0]
	clear(b.Exemplars)
	b.Exemplars = b.Exemplars[:0]
	clear(b.Events)
	b.Events = b.Events[:0]
	clear(b.Levels)
	b.Levels = b.Levels[:0]
	b.Strings, b.Room, b.Follow, b.Followed = 0, 0, false, false
}

// Label is one name and value of a series. The bytes are only valid during the
// call that receives them.
type Label struct {
	Name, Value []byte
}

// Speller turns a series key and a field name, both as the input spelled them,
// into a metric name and labels. It is called once for a series that the store
// has not seen, so it may be slow; it must be safe for concurrent use. labels
// is scratch space to append to. An error refuses the series with
// ReasonBadSeries.
type Speller interface {
	// Space tells apart equal keys that mean different series, such as those of
	// another format, or of another bucket. Equal spaces are equal spellings.
	Space() string
	Spell(key, field []byte, labels []Label) (metric []byte, _ []Label, err error)
}
