package mqtt

import (
	"errors"
	"fmt"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/belfry-city/belfry/collector/reading"
)

// checkControl looks at a packet that is no message, before mochi does, which
// closes the connection without a word where it cannot read one. need is how
// many bytes of it are wanted for that, or 0.
func (c *conn) checkControl(h header, b []byte) (need int, err error) {
	flags := byte(0)
	switch h.kind {
	case typePubrel, typeSubscribe, typeUnsubscribe:
		flags = 2
	case typeReserved:
		return 0, malformed("a packet of type 0")
	case typeConnect, typeConnack, typeSuback, typeUnsuback, typePingresp, typeAuth:
		return 0, &fault{codeProtocolError, reading.ReasonSyntax, fmt.Sprintf("a packet of type %d, which clients do not send here", h.kind)}
	}
	if h.flags != flags {
		return 0, malformed("a packet of type %d with the flags %#x", h.kind, h.flags)
	}
	if h.kind != typeSubscribe && h.kind != typeUnsubscribe {
		return 0, nil
	}
	if whole := h.size + h.rest; len(b) < whole {
		return whole, nil
	}
	return 0, checkFilters(h, b[h.size:h.size+h.rest], c.client.v5)
}

// checkFilters reads a SUBSCRIBE or UNSUBSCRIBE as mochi does.
func checkFilters(h header, body []byte, v5 bool) (err error) {
	defer func() {
		if p := recover(); p != nil { // mochi reads on where a packet ends
			err = malformed("subscription: %v", errShort)
		}
	}()
	pk := packets.Packet{ProtocolVersion: level311, FixedHeader: packets.FixedHeader{Type: h.kind, Qos: 1, Remaining: h.rest}}
	if v5 {
		pk.ProtocolVersion = level5
	}
	read, validate := pk.SubscribeDecode, pk.SubscribeValidate
	if h.kind == typeUnsubscribe {
		read, validate = pk.UnsubscribeDecode, pk.UnsubscribeValidate
	}
	err = read(body)
	if err == nil {
		if code := validate(); code != packets.CodeSuccess {
			err = code
		}
	}
	var code packets.Code
	switch {
	case err == nil:
		return nil
	case errors.As(err, &code):
		return &fault{code.Code, reading.ReasonSyntax, "subscription: " + code.Reason}
	}
	return malformed("subscription: %v", err)
}
