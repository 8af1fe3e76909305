package reading

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
}

// Field is one value of a point. Key and Name together make one series.
type Field struct {
	Name  Span
	Value float64
}

// Batch is what an input made of one request, or of a part of a large one. It
// holds no pointers into anything but Raw, so that a pooled batch costs the
// garbage collector nothing. A Batch is not safe for concurrent use.
type Batch struct {
	// Raw is what the spans point into; the batch does not own it.
	Raw      []byte
	Points   []Point
	Fields   []Field
	Refusals []Refusal
	// Strings counts fields that are text and therefore no sample.
	Strings int
}

// Bytes returns the bytes of s.
func (b *Batch) Bytes(s Span) []byte {
	return b.Raw[s.Off : s.Off+s.Len : s.Off+s.Len]
}

// Samples is the number of values in the batch.
func (b *Batch) Samples() int { return len(b.Fields) }

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
	b.Strings = 0
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
