package reading

// Event is something that a camera saw or a person reported, to be looked at by
// people.
type Event struct {
	Line uint32
	// ID is the sender's name of the event. Events of one Vendor, Asset and ID
	// are one, which begins, is updated and ends; an event without ID is one of
	// its own.
	ID    string
	Phase Phase
	// Time is when it began; End when it ended, or 0. Milliseconds.
	Time, End int64
	// Updated is the time of which this message of the event speaks, in
	// milliseconds; 0: that is Time.
	Updated int64
	// Within, in milliseconds, is for senders that have no names for their
	// events. ID then names a condition, whose messages are one event for as long
	// as no more than Within lies between two of them; an end without a beginning
	// is nothing. 0: ID names one event for ever.
	Within int64

	Asset string
	// Kind is of Belfry's taxonomy; VendorKind is what the sender called it.
	Kind, VendorKind       string
	Vendor                 string
	Domain, Severity, Team string
	Description            string
	Confidence             float64 // 0 to 1; negative: unknown
	Box                    *Box
	// Snapshot is where a picture is found: a URL or a file's name. Picture is
	// the picture itself, where the sender gave it.
	Snapshot    string
	Picture     []byte
	PictureType string // such as image/jpeg
	// Raw is the sender's message, without pictures.
	Raw []byte
}

// Phase is the place of a message in the life of its event.
type Phase string

// The values of Phase.
const (
	PhaseOnce   Phase = ""
	PhaseBegin  Phase = "begin"
	PhaseUpdate Phase = "update"
	PhaseEnd    Phase = "end"
)

// Box is a part of a picture, in fractions of its width and height, from the
// top left corner.
type Box struct {
	X, Y, Width, Height float64
}
