package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// Broker is the embedded broker. Messages whose topic a pattern matches are
// stored before they are acknowledged; all go to subscribers, as from any
// broker. Sessions and retained messages live as long as the Broker.
type Broker struct {
	opts     BrokerOptions
	router   *router
	server   *mochi.Server
	inner    *mochi.Client // on whose behalf messages are passed on
	messages *messages
	metrics  brokerMetrics
	retained retained
	turns    turns

	ctx     context.Context
	cancel  context.CancelFunc
	work    conc.WaitGroup
	serving conc.WaitGroup // connections
	// stopping is how long messages under way are waited for; nil before Stop.
	stopping atomic.Pointer[context.Context]

	mu       sync.Mutex
	conns    map[*conn]struct{}
	sessions map[string]*session
	queued   atomic.Int64 // bytes in sessions

	complainMu sync.Mutex
	nextLog    time.Time
	unsaid     int
}

const (
	// sessionExpiry is how long a session is kept whose client is away.
	sessionExpiry = 24 * time.Hour
	// sessionsPerConnection bounds the number of sessions.
	sessionsPerConnection = 4
	// sessionMessages is how many messages a session keeps for its client.
	sessionMessages = 4096
	// writesPending is how many of them may wait for mochi to write them.
	writesPending = 1024
	// sessionBytes is the same in bytes.
	sessionBytes = 8 << 20
	// willTime is in which a last will must have found room in the queue.
	willTime = time.Second
	// sysInterval is between two publications of the topics below $SYS.
	sysInterval = 10 * time.Second
	// logInterval is between two complaints in the log.
	logInterval = 10 * time.Second
)

// NewBroker returns a broker that Start starts.
func NewBroker(o BrokerOptions) (*Broker, error) {
	if o.ConnectTime == 0 {
		o.ConnectTime = connectTime
	}
	b := &Broker{
		opts: o, router: newRouter(o.Topics), messages: newMessages(newCount(o.Metrics)), metrics: newBrokerMetrics(o.Metrics),
		conns: map[*conn]struct{}{}, sessions: map[string]*session{},
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	limits := mochi.NewDefaultServerCapabilities()
	limits.MaximumClients = int64(o.MaxConnections)
	limits.MaximumMessageExpiryInterval = 0 // else it would also end retained messages
	limits.MaximumSessionExpiryInterval = uint32(sessionExpiry / time.Second)
	limits.MaximumClientWritesPending = writesPending
	limits.MaximumInflight = sessionMessages
	limits.MaximumPacketSize = uint32(o.MaxPacket)
	limits.ReceiveMaximum = receiveMaximum
	limits.TopicAliasMaximum = topicAliases
	b.server = mochi.New(&mochi.Options{
		Capabilities: limits,
		Logger:       slog.New(quiet{o.Logger.Handler()}),
		// Read hands over one packet at a time.
		ClientNetReadBufferSize: 256,
		SysTopicResendInterval:  int64(sysInterval / time.Second),
	})
	b.inner = b.server.NewClient(nil, mochi.LocalListener, mochi.InlineClientId, true)
	b.inner.Properties.ProtocolVersion = 5
	b.retained.init(o.Memory)
	if err := b.server.AddHook(&hook{broker: b}, nil); err != nil {
		return nil, fmt.Errorf("MQTT broker: %w", err)
	}
	if err := b.server.AddListener(&listener{broker: b}); err != nil {
		return nil, fmt.Errorf("MQTT broker: %w", err)
	}
	o.Metrics.NewGauge(`belfry_mqtt_clients`, func() float64 { return float64(atomic.LoadInt64(&b.server.Info.ClientsConnected)) })
	o.Metrics.NewGauge(`belfry_mqtt_subscriptions`, func() float64 { return float64(atomic.LoadInt64(&b.server.Info.Subscriptions)) })
	o.Metrics.NewGauge(`belfry_mqtt_undelivered_total`, b.undelivered)
	o.Metrics.NewGauge(`belfry_mqtt_queued_bytes`, func() float64 { return float64(b.queued.Load()) })
	return b, nil
}

// undelivered is how many messages subscribers have not got, because they were
// away or slow.
func (b *Broker) undelivered() float64 {
	return float64(b.metrics.undelivered.Load() + atomic.LoadInt64(&b.server.Info.InflightDropped))
}

// SetTopics replaces the patterns, also for clients that are connected.
func (b *Broker) SetTopics(ts Topics) { b.router.topics.Store(&ts) }

// Start begins to accept connections.
func (b *Broker) Start() error {
	b.work.Go(b.watch)
	if err := b.server.Serve(); err != nil {
		return fmt.Errorf("MQTT broker: %w", err)
	}
	return nil
}

// Stop disconnects all clients. Messages that have been read are answered until
// ctx ends; nothing else is.
func (b *Broker) Stop(ctx context.Context) error {
	b.mu.Lock()
	b.stopping.Store(&ctx)
	b.mu.Unlock()
	err := b.opts.Listener.Close()
	for _, c := range b.connected() {
		_ = c.SetReadDeadline(time.Now()) // nothing more is read; see conn.fail
	}
	release := context.AfterFunc(ctx, func() {
		b.cancel()
		for _, c := range b.connected() {
			_ = c.Close()
		}
	})
	b.serving.Wait()
	release()
	b.cancel()
	err = errors.Join(err, b.server.Close())
	b.work.Wait()
	return err
}

func (b *Broker) connected() []*conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	conns := make([]*conn, 0, len(b.conns))
	for c := range b.conns {
		conns = append(conns, c)
	}
	return conns
}

// watch disconnects clients that must have given up: while reading waits for the
// queue, nothing else notices that they have gone.
func (b *Broker) watch() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case now := <-tick.C:
			for _, c := range b.connected() {
				if c.tooLong(now) {
					b.metrics.timeouts.Inc()
					_ = c.Close()
				}
			}
		}
	}
}

// passOn gives a message to subscribers and keeps it where it is to be retained.
// It says whether anybody may get it.
func (b *Broker) passOn(c *conn, p *publish, topic string) bool {
	keep := p.retain && b.retained.permit(topic, len(p.payload))
	if !keep && !b.subscribed(topic) {
		return false
	}
	pk := packets.Packet{ProtocolVersion: 4}
	pk.FixedHeader = packets.FixedHeader{Type: packets.Publish, Qos: p.qos, Retain: keep}
	if len(p.properties) > 0 {
		pk.ProtocolVersion = 5
		if err := pk.PublishDecode(p.raw); err != nil {
			return false // readProperties has seen nothing wrong
		}
	}
	pk.TopicName, pk.Payload, pk.PacketID = topic, append([]byte(nil), p.payload...), uint16(min(p.qos, 1))
	pk.Properties.TopicAlias, pk.Properties.TopicAliasFlag = 0, false
	pk.Connect.ClientIdentifier = c.client.id // see hook.OnPublish
	if err := b.server.InjectPacket(b.inner, pk); err != nil {
		b.opts.Logger.Debug("a message was not passed on", "err", err, "topic", topic)
		return false
	}
	return true
}

// subscribed says whether a subscription matches the topic.
func (b *Broker) subscribed(topic string) bool {
	if atomic.LoadInt64(&b.server.Info.Subscriptions) == 0 {
		return false
	}
	s := b.server.Topics.Subscribers(topic)
	return len(s.Subscriptions)+len(s.Shared) > 0
}

// lastWill stores what a client wanted to be said when it is gone.
func (b *Broker) lastWill(c *conn, topic string, payload []byte) {
	r := b.router.topics.Load().route(topic)
	if b.stopping.Load() != nil || r.decoder == nil || len(payload) == 0 {
		return
	}
	m := b.messages.get()
	m.Body = append(m.Body[:0], payload...)
	m.Topic, m.Labels, m.Sender, m.Received = topic, r.labels, c.client.sender, time.Now().UnixMilli()
	m.decoder = r.decoder
	// Nobody waits for an answer, so nobody is to hang here while the store is in
	// trouble.
	ctx, cancel := context.WithTimeout(b.ctx, willTime)
	defer cancel()
	if err := b.opts.Queue.Submit(ctx, &m.Message, m.decoder, m.done); err != nil {
		b.refuse(m.Sender, reading.ReasonOverload, "a last will could not be stored in time")
		m.release()
	}
}

// refuse counts what never became a message.
func (b *Broker) refuse(sender string, reason reading.Reason, detail string) {
	b.opts.Refuser.Refuse(intake.Source{Input: Name, Sender: sender}, reading.Refusal{Reason: reason, Detail: detail})
}

// complain logs what is wrong with a client, but not every time: a device with a
// wrong topic publishes every few seconds.
func (b *Broker) complain(what, sender, detail string) {
	now := time.Now()
	b.complainMu.Lock()
	if now.Before(b.nextLog) {
		b.unsaid++
		b.complainMu.Unlock()
		return
	}
	unsaid := b.unsaid
	b.unsaid, b.nextLog = 0, now.Add(logInterval)
	b.complainMu.Unlock()
	b.opts.Logger.Warn(what, "from", sender, "reason", detail, "unlogged_before", unsaid)
}
