package input

import (
	"strings"

	"github.com/belfry-city/belfry/collector/reading"
)

// Message is one message of a device, gateway or program.
type Message struct {
	// Body is only lent to the decoder.
	Body []byte
	// ContentType is HTTP's; empty elsewhere.
	ContentType string
	// Topic is MQTT's; empty elsewhere.
	Topic string
	// Sender says who sent it, for logs and for those who look at what was
	// refused: a client's name and address, a station's number.
	Sender string
	// Labels surround the message: from its topic, its URL. Whoever calls the
	// decoder has given them to the Builder as Common.
	Labels []Label
	// Received is when it arrived, in milliseconds: the time of readings that
	// have none.
	Received int64
}

// Label is a name and a value.
type Label struct {
	Name, Value string
}

// Label returns the value of a label that surrounds the message, or "".
func (m *Message) Label(name string) string {
	for _, l := range m.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// Decoder turns messages into readings. It is safe for concurrent use.
type Decoder interface {
	// Decode adds what the message says to out; whatever is wrong becomes a
	// refusal. It never fails as a whole.
	Decode(m *Message, out *reading.Builder)
}

// LabelName says whether name can be that of a label: letters, digits and
// underscores, not beginning with a digit or two underscores.
func LabelName(name string) bool {
	for i, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return name != "" && !strings.HasPrefix(name, "__")
}
