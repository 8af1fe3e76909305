package mqtt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// topicAliases is how many a client may use (MQTT 5.0, section 3.2.2.3.8).
const topicAliases = 64

var (
	errNoWrite   = errors.New("the token lacks scope write")
	errOversized = errors.New("a message that is larger than inputs.mqtt.max_packet")
)

// publish takes a message from the client.
func (c *conn) publish(flags byte, body []byte) error {
	p, err := parsePublish(flags, body, c.client.v5)
	if err != nil {
		return err
	}
	if err := c.resolveAlias(&p); err != nil {
		return err
	}
	decoder, code := input.Decoder(nil), byte(0)
	switch {
	case !c.client.rights.MayPublish():
		if !c.client.v5 && p.qos > 0 {
			// MQTT 3.1.1 has no other way to say it than to close the connection.
			return &fault{codeNotAuthorized, reading.ReasonUnauthorized, errNoWrite.Error()}
		}
		decoder, code = refusing{reading.ReasonUnauthorized, errNoWrite.Error()}, codeNotAuthorized
	case bytes.ContainsAny(p.topic, "+#"):
		decoder, code = refusing{reading.ReasonSyntax, "the topic has a wildcard"}, codeTopicInvalid
	case p.topic[0] == '$':
		decoder, code = refusing{reading.ReasonUnknownSource, "topics that begin with $ are the broker's own"}, codeTopicInvalid
	}
	before, err := c.begin(&p)
	if err != nil || before >= queued {
		return err
	}
	r := c.routes.find(p.topic)
	if decoder == nil {
		decoder, code = c.decoderOf(&p, r, before == 0)
	}
	return c.submit(&p, r, decoder, code)
}

// begin says how far a message has come already. One of QoS 2 that is on disk is
// acknowledged again, and one that is on its way there will be.
func (c *conn) begin(p *publish) (progress, error) {
	if p.qos != 2 {
		return 0, nil
	}
	before, ok := c.client.session.begin(p.id)
	if !ok {
		return 0, &fault{codeReceiveMaximum, reading.ReasonOverload, "too many messages of QoS 2 that were not released"}
	}
	if before == stored {
		c.output.ack(typePubrec, p.id, codeSuccess, "")
	}
	return before, nil
}

// decoderOf passes the message on to subscribers and says what reads it.
func (c *conn) decoderOf(p *publish, r *route, first bool) (input.Decoder, byte) {
	taken := false
	if first {
		taken = c.broker.passOn(c, p, r.topic)
	}
	switch {
	case p.retain && len(p.payload) == 0:
		return nothing{}, 0 // it takes a retained message away
	case r.decoder != nil:
		return r.decoder, 0
	case taken || !first:
		return nothing{}, 0
	}
	c.broker.complain("a message was refused", c.client.sender, errNoPattern.Error()+": "+r.topic)
	return refusing{reading.ReasonUnknownSource, errNoPattern.Error() + ": " + r.topic}, codeTopicInvalid
}

// submit hands the message to the queue, and waits while that is full.
func (c *conn) submit(p *publish, r *route, decoder input.Decoder, code byte) error {
	m := c.broker.messages.get()
	m.Body = append(m.Body[:0], p.payload...)
	m.Topic, m.Labels, m.Sender, m.Received = r.topic, r.labels, c.client.sender, c.received
	m.conn, m.id, m.qos, m.code, m.decoder = c, p.id, p.qos, code, decoder
	c.blocked.Store(c.received)
	defer c.blocked.Store(0)
	err := c.output.await(len(m.Body))
	if err == nil {
		if err = c.broker.opts.Queue.Submit(c.ctx, &m.Message, decoder, m.done); err != nil {
			c.output.answered(len(m.Body))
		}
	}
	if err != nil {
		if m.qos == 2 {
			c.client.session.reached(m.id, passedOn)
		}
		m.release()
	}
	return err
}

// answer is called when a message is on disk, or will not be.
func (c *conn) answer(m *message, res intake.Result, err error) {
	size := len(m.Body)
	if err != nil || m.qos == 0 {
		if m.qos == 2 {
			c.client.session.reached(m.id, passedOn)
		}
		c.output.answered(size)
		return
	}
	code, text := byte(codeSuccess), ""
	if res.Refused > 0 && c.client.v5 {
		code, text = m.verdict(res)
		if !c.client.explain {
			text = ""
		}
	}
	if m.qos == 1 {
		c.output.ackAnswered(typePuback, m.id, code, text, size)
		return
	}
	c.output.answered(size)
	progress := stored
	if code != codeSuccess {
		progress = 0 // the exchange ends here (MQTT 5.0, section 4.3.3)
	}
	// The client may have come back meanwhile.
	if now := c.client.session.reached(m.id, progress); now != nil {
		now.output.ack(typePubrec, m.id, code, text)
	}
}

// released answers the second half of QoS 2.
func (c *conn) released(flags byte, body []byte) error {
	if flags != 2 || len(body) < 2 {
		return malformed("a PUBREL that is none")
	}
	id := binary.BigEndian.Uint16(body)
	code := byte(codeSuccess)
	if !c.client.session.release(id) && c.client.v5 {
		code = codeIDNotFound
	}
	c.output.ack(typePubcomp, id, code, "")
	return nil
}

// resolveAlias puts the topic into the message where the client left it out.
func (c *conn) resolveAlias(p *publish) error {
	switch {
	case p.alias == 0:
		return nil
	case p.alias > topicAliases:
		return &fault{codeAliasInvalid, reading.ReasonSyntax, "a topic alias beyond the maximum"}
	case len(p.topic) > 0:
		if c.aliases == nil {
			c.aliases = map[uint16][]byte{}
		}
		if !bytes.Equal(c.aliases[p.alias], p.topic) {
			c.aliases[p.alias] = bytes.Clone(p.topic)
		}
		return nil
	}
	topic, ok := c.aliases[p.alias]
	if !ok {
		return &fault{codeProtocolError, reading.ReasonSyntax, "a topic alias that was not made"}
	}
	p.topic = topic
	return nil
}

// oversized refuses a message that is too large, without keeping it. Under MQTT
// 5 the client was told how large it may be. Others get an acknowledgement:
// without, they would send it again for ever.
func (c *conn) oversized(h header, b []byte) (need int, err error) {
	f := &fault{codeTooLarge, reading.ReasonTooLarge, errOversized.Error()}
	if c.client.v5 {
		return 0, f
	}
	head := min(h.size+h.rest, h.size+2+maxTopic+2)
	if len(b) < head {
		return head, nil
	}
	p := publish{qos: h.flags >> 1 & 3}
	if p.qos == 3 {
		return 0, malformed("a message with QoS 3")
	}
	if _, err := p.parseHead(b[h.size:]); err != nil {
		return 0, err
	}
	if err := p.checkTopic(); err != nil {
		return 0, err
	}
	if !c.client.rights.MayPublish() {
		return 0, &fault{codeNotAuthorized, reading.ReasonUnauthorized, errNoWrite.Error()}
	}
	c.skip = h.size + h.rest
	if before, err := c.begin(&p); err != nil || before >= queued {
		return 0, err
	}
	r := c.routes.find(p.topic)
	return 0, c.submit(&p, r, refusing{f.reason, f.text}, f.code)
}

// tooLong says whether reading has waited for the queue so long that the client
// must have given up.
func (c *conn) tooLong(now time.Time) bool {
	blocked, idle := c.blocked.Load(), time.Duration(c.idle.Load())
	return blocked > 0 && idle > 0 && now.Sub(time.UnixMilli(blocked)) > idle
}
