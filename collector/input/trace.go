package input

// Note says what a decoder left out of a message although nothing is wrong with
// it, for people who look at one message.
type Note struct {
	Part  int // counted from 1, as for Builder.Part
	Why   Omission
	Field string // the field, or the metric of the configuration
	// Detail is what stands there, or how the field is called; it may be empty.
	Detail string
}

// Omission is why something was left out.
type Omission string

// The values of Omission.
const (
	OmittedText      Omission = "text"      // it is text, and no sample
	OmittedUnnamed   Omission = "unnamed"   // it has no name that a metric can have
	OmittedMissing   Omission = "missing"   // a metric of the configuration, for which the message has nothing
	OmittedFiltered  Omission = "filtered"  // the configuration does not want it
	OmittedUndecoded Omission = "undecoded" // a payload that nobody has decoded
	OmittedEvent     Omission = "event"     // a message that has no readings
)

// Traced is a Decoder that can say what it leaves out.
type Traced interface {
	// Trace returns a decoder that does the same and says what it leaves out.
	Trace(note func(Note)) Decoder
}
