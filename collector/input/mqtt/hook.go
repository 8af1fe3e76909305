package mqtt

import (
	"errors"
	"fmt"
	"strings"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/belfry-city/belfry/collector/reading"
)

// hook is what mochi asks and tells.
type hook struct {
	mochi.HookBase
	broker *Broker
}

func (*hook) ID() string { return Name }

// Provides implements mochi.Hook.
func (*hook) Provides(b byte) bool {
	switch b {
	case mochi.OnConnect, mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnSessionEstablish, mochi.OnSessionEstablished, mochi.OnSubscribe,
		mochi.OnDisconnect, mochi.OnClientExpired, mochi.OnPacketEncode, mochi.OnPublish, mochi.OnPublishDropped,
		mochi.OnQosPublish, mochi.OnQosComplete, mochi.OnQosDropped, mochi.OnRetainMessage, mochi.OnRetainedExpired, mochi.OnWillSent:
		return true
	}
	return false
}

// connOf is the connection of a client, nil for those that have none.
func connOf(cl *mochi.Client) *conn {
	c, _ := cl.Net.Conn.(*conn)
	return c
}

var errWill = errors.New("the last will is not acceptable")

// OnConnect finds out who the client is.
func (h *hook) OnConnect(cl *mochi.Client, pk packets.Packet) error {
	c := connOf(cl)
	if c == nil {
		return errors.New("a client without a connection")
	}
	user := string(pk.Connect.Username)
	c.client.id, c.client.idle = cl.ID, time.Duration(pk.Connect.Keepalive)*time.Second*3/2 // [MQTT-3.1.2-22]
	c.client.explain = (!pk.Properties.RequestProblemInfoFlag || pk.Properties.RequestProblemInfo != 0) &&
		(pk.Properties.MaximumPacketSize == 0 || pk.Properties.MaximumPacketSize > 2*longestReason)
	c.client.sender = fmt.Sprintf("%s (%s)", cl.ID, c.RemoteAddr())
	if user != "" {
		c.client.sender = fmt.Sprintf("%s as %s (%s)", cl.ID, user, c.RemoteAddr())
	}
	rights, known := h.broker.opts.Door.Enter(user, string(pk.Connect.Password))
	if !known {
		return nil // OnConnectAuthenticate says so
	}
	c.client.rights = rights
	return h.checkWill(cl, c, pk)
}

// checkWill refuses a will that its client could not publish itself. One about
// the broker's own topics is left out instead: by default the bridges of other
// brokers want to say below $SYS that they are gone, and cannot do without.
func (h *hook) checkWill(cl *mochi.Client, c *conn, pk packets.Packet) error {
	if !pk.Connect.WillFlag {
		return nil
	}
	topic, code := pk.Connect.WillTopic, packets.ErrNotAuthorized
	switch {
	case checkText(topic) != nil || strings.ContainsAny(topic, "+#"):
		code = packets.ErrTopicNameInvalid
	case topic[0] == '$':
		cl.Properties.Will = mochi.Will{}
		h.broker.complain("a last will is left out", c.client.sender, "topics that begin with $ are the broker's own: "+topic)
		return nil
	case c.client.rights.MayPublish():
		return nil
	}
	if !c.client.v5 {
		code = packets.Err3NotAuthorized // 3.1.1 has nothing nearer
	}
	h.broker.refuse(c.client.sender, reading.ReasonUnauthorized, errWill.Error())
	h.broker.complain("a client was turned away", c.client.sender, errWill.Error())
	if err := h.broker.server.SendConnack(cl, code, false, nil); err != nil {
		return err
	}
	return errWill
}

// OnConnectAuthenticate says whether the client may come in.
func (h *hook) OnConnectAuthenticate(cl *mochi.Client, _ packets.Packet) bool {
	c := connOf(cl)
	if c == nil {
		return false
	}
	if c.client.rights == nil {
		h.broker.refuse(c.client.sender, reading.ReasonUnauthorized, "user and password are not the name and secret of a token")
		h.broker.complain("a client was turned away", c.client.sender, "user and password are not the name and secret of a token")
		return false
	}
	return true
}

// OnACLCheck is asked about subscriptions, and about each message to a
// subscriber.
func (h *hook) OnACLCheck(cl *mochi.Client, _ string, write bool) bool {
	if write {
		return false // what clients publish does not come here
	}
	c := connOf(cl)
	if c == nil {
		return cl == h.broker.inner
	}
	if !c.client.rights.MaySubscribe() {
		return false
	}
	if s := c.client.session; s != nil && (s.outgoingBytes() > sessionBytes || h.broker.queued.Load() > h.broker.opts.Memory) {
		h.broker.metrics.undelivered.Add(1)
		return false
	}
	return true
}

// OnSessionEstablish is called before the session of an earlier connection is
// found. What the client takes at a time is seen to by output: mochi's own
// counting can lose track of it, and with it wait for ever.
func (h *hook) OnSessionEstablish(cl *mochi.Client, _ packets.Packet) {
	c := connOf(cl)
	c.output.limit(int(cl.Properties.Props.ReceiveMaximum))
	cl.Properties.Props.ReceiveMaximum = 0
	cl.Properties.Props.TopicAliasMaximum = 0 // an alias would not outlive the connection, messages may
	cl.State.TopicAliases.Outbound = mochi.NewOutboundTopicAliases(0)
	cl.State.Inflight.ResetSendQuota(0)
	c.endTurn = h.broker.turns.take(cl.ID)
	h.broker.attach(c, cl)
}

// OnSessionEstablished is called when mochi has the client in its list.
func (h *hook) OnSessionEstablished(cl *mochi.Client, _ packets.Packet) { connOf(cl).endTurn() }

// attach finds or makes the session of a connection.
func (b *Broker) attach(c *conn, cl *mochi.Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, exists := b.server.Clients.Get(cl.ID)
	if exists && !before.Closed() {
		b.metrics.takenOver.Inc()
	}
	s, ok := b.sessions[cl.ID]
	// As mochi decides it: see Server.inheritClientSession.
	fresh := !exists || cl.Properties.Clean || before.Properties.Clean && before.Properties.ProtocolVersion < 5
	if ok && fresh {
		b.queued.Add(int64(s.forget()))
	}
	if !ok || fresh {
		s = &session{}
		b.sessions[cl.ID] = s
	}
	if len(b.sessions) > sessionsPerConnection*b.opts.MaxConnections {
		cl.Properties.Clean, cl.Properties.Props.SessionExpiryInterval = true, 0 // it ends with the connection
	}
	s.attach(c)
	c.client.session = s
}

// OnDisconnect forgets sessions that end with the connection. Whether the
// session has been taken over is certain only while nobody is taking it.
func (h *hook) OnDisconnect(cl *mochi.Client, _ error, expire bool) {
	c := connOf(cl)
	if c == nil || !c.established() || !expire {
		return
	}
	c.endTurn = h.broker.turns.take(cl.ID) // until mochi is done with the connection
	if !cl.IsTakenOver() {
		h.broker.detach(cl.ID, c.client.session)
	}
}

// OnClientExpired forgets sessions that were kept long enough.
func (h *hook) OnClientExpired(cl *mochi.Client) {
	if c := connOf(cl); c != nil {
		h.broker.detach(cl.ID, c.client.session)
	}
}

func (b *Broker) detach(id string, s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sessions[id] == s {
		delete(b.sessions, id)
	}
	b.queued.Add(int64(s.forget()))
}

// OnPacketEncode tells clients of MQTT 5 the limits that mochi keeps to itself,
// and others in their own words why they cannot come in.
func (h *hook) OnPacketEncode(cl *mochi.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type != packets.Connack {
		return pk
	}
	level := cl.Properties.ProtocolVersion
	switch {
	case level != level5:
		if code, ok := connackCode(level, pk.ReasonCode); ok {
			pk.ReasonCode = code
		}
	case pk.ReasonCode == codeSuccess:
		pk.Properties.MaximumPacketSize = uint32(h.broker.opts.MaxPacket)
		pk.Properties.TopicAliasMaximum = topicAliases
	}
	return pk
}

// OnSubscribe gives bridges what they have asked for: see levelBridge.
func (h *hook) OnSubscribe(cl *mochi.Client, pk packets.Packet) packets.Packet {
	if c := connOf(cl); c == nil || !c.client.bridge {
		return pk
	}
	for i := range pk.Filters {
		f := &pk.Filters[i]
		f.NoLocal, f.FwdRetainedFlag = !mochi.IsSharedFilter(f.Filter), true
	}
	return pk
}

// OnPublish sees what passOn injects, and says again who it is from: a
// subscriber may not want its own messages.
func (h *hook) OnPublish(_ *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	pk.Origin, pk.Connect.ClientIdentifier = pk.Connect.ClientIdentifier, ""
	return pk, nil
}

// OnPublishDropped counts messages that a subscriber does not get.
func (h *hook) OnPublishDropped(*mochi.Client, packets.Packet) { h.broker.metrics.undelivered.Add(1) }

// OnQosPublish notes a message that waits for a subscriber.
func (h *hook) OnQosPublish(cl *mochi.Client, pk packets.Packet, _ int64, _ int) {
	if c := connOf(cl); c != nil && c.established() && pk.FixedHeader.Type == packets.Publish {
		h.broker.queued.Add(int64(c.client.session.sent(pk.PacketID, len(pk.Payload))))
	}
}

// OnQosComplete notes that a subscriber has a message.
func (h *hook) OnQosComplete(cl *mochi.Client, pk packets.Packet) { h.acknowledged(cl, pk.PacketID) }

// OnQosDropped notes that a message does not wait any more.
func (h *hook) OnQosDropped(cl *mochi.Client, pk packets.Packet) { h.acknowledged(cl, pk.PacketID) }

func (h *hook) acknowledged(cl *mochi.Client, id uint16) {
	if c := connOf(cl); c != nil && c.established() {
		h.broker.queued.Add(int64(c.client.session.acknowledged(id)))
	}
}

// OnRetainMessage counts what retained messages take.
func (h *hook) OnRetainMessage(_ *mochi.Client, pk packets.Packet, _ int64) {
	h.broker.retained.set(pk.TopicName, len(pk.Payload))
}

// OnRetainedExpired is the contrary.
func (h *hook) OnRetainedExpired(topic string) { h.broker.retained.set(topic, 0) }

// OnWillSent stores a will that is a reading.
func (h *hook) OnWillSent(cl *mochi.Client, pk packets.Packet) {
	if c := connOf(cl); c != nil {
		h.broker.lastWill(c, pk.TopicName, pk.Payload)
	}
}
