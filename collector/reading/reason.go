package reading

// Reason says why something was refused. The values are label values of
// belfry_refused_total and part of the answer to the sender: keep them stable.
type Reason string

// Refused by an input.
const (
	ReasonSyntax        Reason = "syntax"        // the line does not follow the format
	ReasonBadTimestamp  Reason = "bad_timestamp" // no integer, or beyond what milliseconds can hold
	ReasonBadNumber     Reason = "bad_number"    // a field value that is no number, or overflows
	ReasonNotFinite     Reason = "not_finite"    // NaN or infinity
	ReasonInvalidUTF8   Reason = "invalid_utf8"
	ReasonTooLong       Reason = "too_long"      // a line beyond the limit
	ReasonBadSeries     Reason = "bad_series"    // duplicate or reserved label, no name
	ReasonBadHistogram  Reason = "bad_histogram" // a native histogram whose parts contradict each other
	ReasonBadChecksum   Reason = "bad_checksum"
	ReasonBadType       Reason = "bad_type"       // text where a number belongs, a list where an object does
	ReasonTooDeep       Reason = "too_deep"       // nested beyond reason
	ReasonMissing       Reason = "missing"        // a part without which the rest says nothing
	ReasonUnsupported   Reason = "unsupported"    // understood, and not taken here
	ReasonUnknownSource Reason = "unknown_source" // a device or topic that no setting names
)

// Refused by the intake or the store.
const (
	ReasonTooOld      Reason = "too_old"
	ReasonTooNew      Reason = "too_new"
	ReasonConflict    Reason = "conflict" // another value is stored at the same instant
	ReasonSeriesLimit Reason = "series_limit"
)

// Whole requests that were turned away.
const (
	ReasonTooLarge     Reason = "body_too_large"
	ReasonBadEncoding  Reason = "bad_encoding" // broken gzip, unknown Content-Encoding
	ReasonIncomplete   Reason = "incomplete"   // the connection ended before the body did
	ReasonUnauthorized Reason = "unauthorized"
	ReasonOverload     Reason = "overload"
	ReasonDiskFull     Reason = "disk_full"
	ReasonStoreFailed  Reason = "store_failed"
)

// Refusal is one part of an input that was not taken.
type Refusal struct {
	// Line is the 1-based position in the input; 0 means all of it.
	Line   uint32
	Reason Reason
	Detail string
	// Values is how many values of the batch are not stored because of this.
	Values uint32
	// Raw is the refused part as it arrived. It shares the request's memory:
	// whoever keeps it copies it.
	Raw []byte
}
