package mqtt

import (
	"encoding/binary"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Protocol levels (MQTT 3.1.1 and 5.0, section 3.1.2.2).
const (
	level31  = 3
	level311 = 4
	level5   = 5
	// levelBridge is the bit by which mosquitto says that it is a bridge, not an
	// ordinary client: it wants none of its own messages back, and retained ones
	// to say that they are.
	levelBridge = 0x80
)

// introduced looks at the protocol level of a CONNECT packet. It returns how
// many bytes of it are needed before that can be done, or 0 when it was.
func (c *conn) introduced(h header, b []byte) (need int) {
	const longestName = 6 // MQIsdp; whatever else is there, mochi refuses
	whole := h.size + h.rest
	need = min(h.size+2+longestName+1, whole)
	if len(b) < need {
		return need
	}
	body := b[h.size:need]
	if len(body) < 2 {
		return 0
	}
	at := 2 + int(binary.BigEndian.Uint16(body))
	if at >= len(body) {
		return 0
	}
	name := string(body[2:at])
	switch {
	case name == "MQTT" && body[at] == level311|levelBridge, name == "MQIsdp" && body[at] == level31|levelBridge:
		body[at] &^= levelBridge
		c.client.bridge = true
	}
	c.client.v5 = body[at] == level5
	return 0
}

// connackCode is what a client of another version than MQTT 5 is told instead of
// one of MQTT 5's reason codes (MQTT 3.1.1, section 3.2.2.3). ok is false where
// the version has no word for it but the end of the connection.
func connackCode(level, code byte) (_ byte, ok bool) {
	switch {
	case level != level31 && level != level311:
		return packets.Err3UnsupportedProtocolVersion.Code, true
	case code < packets.ErrUnspecifiedError.Code:
		return code, true
	}
	switch code {
	case packets.ErrUnspecifiedError.Code, packets.ErrClientIdentifierNotValid.Code: // mochi's for no identifier without a clean session
		return packets.Err3ClientIdentifierNotValid.Code, true
	case packets.ErrServerUnavailable.Code, packets.ErrServerBusy.Code:
		return packets.Err3ServerUnavailable.Code, true
	}
	return 0, false
}
