package mqtt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/reading"
)

// Packet types (MQTT 5.0, section 2.1.2), without those that are mochi's alone.
const (
	typeReserved    = 0
	typeConnect     = 1
	typeConnack     = 2
	typePublish     = 3
	typePuback      = 4
	typePubrec      = 5
	typePubrel      = 6
	typePubcomp     = 7
	typeSubscribe   = 8
	typeSuback      = 9
	typeUnsubscribe = 10
	typeUnsuback    = 11
	typePingresp    = 13
	typeDisconnect  = 14
	typeAuth        = 15 // MQTT 5's
)

// Reason codes (MQTT 5.0, section 2.4).
const (
	codeSuccess           = 0x00
	codeMalformed         = 0x81
	codeProtocolError     = 0x82
	codeImplementation    = 0x83
	codeNotAuthorized     = 0x87
	codeServerUnavailable = 0x88
	codeServerBusy        = 0x89
	codeShuttingDown      = 0x8b
	codeKeepAliveTimeout  = 0x8d
	codeTopicInvalid      = 0x90
	codeIDNotFound        = 0x92
	codeReceiveMaximum    = 0x93
	codeAliasInvalid      = 0x94
	codeTooLarge          = 0x95
	codeQuota             = 0x97
	codePayloadInvalid    = 0x99
)

// fault is why a connection cannot go on.
type fault struct {
	code   byte
	reason reading.Reason
	text   string
}

func (f *fault) Error() string { return f.text }

func malformed(format string, args ...any) *fault {
	return &fault{code: codeMalformed, reason: reading.ReasonSyntax, text: fmt.Sprintf(format, args...)}
}

// header is the fixed header of a packet.
type header struct {
	kind  byte
	flags byte
	size  int // of the header itself
	rest  int // of what follows it
}

// readHeader reads the fixed header at the beginning of b. ok is false when more
// bytes are needed.
func readHeader(b []byte) (h header, ok bool, err error) {
	if len(b) < 2 {
		return h, false, nil
	}
	h.kind, h.flags = b[0]>>4, b[0]&0x0f
	rest, n, err := readLength(b[1:])
	if err != nil || n == 0 {
		return h, false, err
	}
	h.size, h.rest = 1+n, rest
	return h, true, nil
}

// readLength reads a variable byte integer and how many bytes it takes, 0 when
// there are not enough.
func readLength(b []byte) (v, n int, err error) {
	for i := range min(len(b), 4) {
		v |= int(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return v, i + 1, nil
		}
	}
	if len(b) >= 4 {
		return 0, 0, malformed("the length of a packet takes more than four bytes")
	}
	return 0, 0, nil
}

// publish is a PUBLISH packet. Its slices are parts of the packet.
type publish struct {
	topic, payload  []byte
	id              uint16
	alias           uint16 // 0: none
	qos             byte
	dup, retain     bool
	properties, raw []byte // raw is what follows the fixed header
}

// errShort says that a packet ends before it should.
var errShort = errors.New("the packet is shorter than what it says")

// parsePublish reads what follows the fixed header.
func parsePublish(flags byte, b []byte, v5 bool) (p publish, _ error) {
	p.raw = b
	p.dup, p.qos, p.retain = flags&8 != 0, flags>>1&3, flags&1 != 0
	if p.qos == 3 {
		return p, malformed("a message with QoS 3")
	}
	head, err := p.parseHead(b)
	if err != nil {
		return p, err
	}
	b = b[head:]
	if v5 {
		n, size, err := readLength(b)
		if err != nil || size == 0 || len(b) < size+n {
			return p, malformed("properties: %v", errShort)
		}
		p.properties = b[size : size+n]
		b = b[size+n:]
		if err := p.readProperties(); err != nil {
			return p, err
		}
	}
	p.payload = b
	return p, p.checkTopic()
}

// parseHead reads topic and packet identifier and returns where they end.
func (p *publish) parseHead(b []byte) (int, error) {
	if len(b) < 2 {
		return 0, malformed("topic: %v", errShort)
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	if len(b) < n {
		return 0, malformed("topic: %v", errShort)
	}
	p.topic = b[2:n]
	if p.qos > 0 {
		if len(b) < n+2 {
			return 0, malformed("packet identifier: %v", errShort)
		}
		if p.id = binary.BigEndian.Uint16(b[n:]); p.id == 0 {
			return 0, &fault{codeProtocolError, reading.ReasonSyntax, "a message with packet identifier 0"}
		}
		n += 2
	}
	return n, nil
}

// checkTopic refuses what may stand in no packet. Wildcards are another matter:
// such a message is refused, and the connection goes on.
func (p *publish) checkTopic() error {
	for _, c := range p.topic {
		if c == 0 {
			return malformed("a topic with a NUL character")
		}
	}
	if !utf8.Valid(p.topic) {
		return &fault{codeMalformed, reading.ReasonInvalidUTF8, "a topic that is not valid UTF-8"}
	}
	if len(p.topic) == 0 && p.alias == 0 {
		return &fault{codeProtocolError, reading.ReasonSyntax, "a message without a topic"}
	}
	return nil
}

// properties of PUBLISH (MQTT 5.0, section 3.3.2.3).
const (
	propPayloadFormat   = 0x01
	propExpiry          = 0x02
	propContentType     = 0x03
	propResponseTopic   = 0x08
	propCorrelation     = 0x09
	propTopicAlias      = 0x23
	propReasonString    = 0x1f
	propUserProperty    = 0x26
	userPropertyStrings = 2
)

// readProperties looks for a topic alias, and refuses what does not belong
// there.
func (p *publish) readProperties() error {
	for b := p.properties; len(b) > 0; {
		n := 0
		switch b[0] {
		case propPayloadFormat:
			n = 2
		case propExpiry:
			n = 5
		case propTopicAlias:
			n = 3
			if len(b) >= n {
				if p.alias = binary.BigEndian.Uint16(b[1:]); p.alias == 0 {
					return &fault{codeAliasInvalid, reading.ReasonSyntax, "topic alias 0"}
				}
			}
		case propContentType, propResponseTopic, propCorrelation:
			n = stringEnd(b, 1)
		case propUserProperty:
			n = stringEnd(b, userPropertyStrings)
		default:
			return malformed("property %#x does not belong to a message", b[0])
		}
		if n > len(b) {
			return malformed("properties: %v", errShort)
		}
		b = b[n:]
	}
	return nil
}

// stringEnd is where count strings behind a property's identifier end.
func stringEnd(b []byte, count int) int {
	n := 1
	for range count {
		if len(b) < n+2 {
			return n + 2
		}
		n += 2 + int(binary.BigEndian.Uint16(b[n:]))
	}
	return n
}

// appendAck appends a PUBACK, PUBREC or PUBCOMP. Code and text are MQTT 5's and
// left out where code is 0; text also where it is empty.
func appendAck(to []byte, kind byte, id uint16, code byte, text string) []byte {
	if code == codeSuccess {
		return append(to, kind<<4, 2, byte(id>>8), byte(id))
	}
	if text == "" {
		return append(to, kind<<4, 3, byte(id>>8), byte(id), code)
	}
	properties := 3 + len(text)
	size := appendLength(nil, properties)
	to = append(to, kind<<4)
	to = appendLength(to, 3+len(size)+properties)
	to = append(to, byte(id>>8), byte(id), code)
	to = append(to, size...)
	return appendReason(to, text)
}

// appendDisconnect appends MQTT 5's DISCONNECT.
func appendDisconnect(to []byte, code byte, text string) []byte {
	if text == "" {
		return append(to, typeDisconnect<<4, 1, code)
	}
	properties := 3 + len(text)
	size := appendLength(nil, properties)
	to = append(to, typeDisconnect<<4)
	to = appendLength(to, 1+len(size)+properties)
	to = append(append(to, code), size...)
	return appendReason(to, text)
}

func appendReason(to []byte, text string) []byte {
	to = append(to, propReasonString, byte(len(text)>>8), byte(len(text)))
	return append(to, text...)
}

func appendLength(to []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		to = append(to, byte(n)|0x80)
	}
	return append(to, byte(n))
}
