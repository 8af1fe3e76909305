package mqtt

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// message is one on its way to the disk, with what its answer needs. Messages
// are used again, so that one costs nothing.
type message struct {
	input.Message
	decoder input.Decoder
	conn    *conn   // of the embedded broker, or
	client  *Client // of an external one; both nil: nobody waits for an answer
	ack     func()  // client's
	id      uint16
	qos     byte
	// code is what MQTT 5 calls the refusal of all of it; 0: the reason decides.
	code byte
	// done is answer, bound once.
	done func(intake.Result, error)
	pool *messages
}

// messages are those that are not in use.
type messages struct {
	pool sync.Pool
	count
}

func newMessages(c count) *messages { return &messages{count: c} }

func (ms *messages) get() *message {
	ms.waiting.Inc()
	if m, ok := ms.pool.Get().(*message); ok {
		return m
	}
	m := &message{pool: ms}
	m.done = m.answer
	return m
}

// keptBody is up to which size the memory of a body is used again.
const keptBody = 16 << 10

func (m *message) release() {
	body := m.Body[:0]
	if cap(body) > keptBody {
		body = nil
	}
	m.pool.waiting.Dec()
	*m = message{Message: input.Message{Body: body}, done: m.done, pool: m.pool}
	m.pool.pool.Put(m)
}

// answer says to the sender what became of the message. It does not wait.
func (m *message) answer(res intake.Result, err error) {
	switch {
	case err != nil:
	case res.Refused > 0:
		m.pool.refused.Inc()
	case m.decoder == input.Decoder(nothing{}):
		m.pool.passedOn.Inc()
	default:
		m.pool.stored.Inc()
	}
	switch {
	case m.conn != nil:
		m.conn.answer(m, res, err)
	case m.client != nil:
		m.client.answer(m, err)
	}
	m.release()
}

// verdict is what MQTT 5 tells the sender.
func (m *message) verdict(res intake.Result) (code byte, text string) {
	if res.Refused == 0 || len(res.Refusals) == 0 {
		return codeSuccess, ""
	}
	first := res.Refusals[0]
	if code = m.code; code == codeSuccess {
		code = codeOf(first.Reason)
	}
	text = fmt.Sprintf("%s: %s", first.Reason, first.Detail)
	if res.Samples+res.Events > 0 {
		text = fmt.Sprintf("%d stored, %d refused: line %d: %s", res.Samples+res.Events, res.Refused, first.Line, text)
	}
	return code, shorten(text)
}

// longestReason is how many bytes of a reason a client is sent.
const longestReason = 256

func shorten(text string) string {
	text = strings.ReplaceAll(text, "\x00", "")
	if len(text) > longestReason {
		text = text[:longestReason]
	}
	return strings.ToValidUTF8(text, "")
}

// codeOf is the reason code of a refusal (MQTT 5.0, section 2.4).
func codeOf(r reading.Reason) byte {
	switch r {
	case reading.ReasonUnauthorized:
		return codeNotAuthorized
	case reading.ReasonSeriesLimit:
		return codeQuota
	case reading.ReasonTooLarge:
		return codeTooLarge
	case reading.ReasonTooOld, reading.ReasonTooNew, reading.ReasonConflict, reading.ReasonUnknownSource:
		return codeImplementation
	}
	return codePayloadInvalid
}

// nothing is the decoder of messages that are not for Belfry.
type nothing struct{}

func (nothing) Decode(*input.Message, *reading.Builder) {}

// refusing is the decoder of messages that are refused as a whole. They go the
// way of all messages, so that answers stay in order.
type refusing struct {
	reason reading.Reason
	text   string
}

func (r refusing) Decode(_ *input.Message, out *reading.Builder) { out.Refuse(r.reason, r.text) }

var errNoPattern = errors.New("no pattern of inputs.mqtt.topics matches the topic")
