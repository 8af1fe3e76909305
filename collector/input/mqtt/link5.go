package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

// link5 speaks MQTT 5.
type link5 struct {
	client  *Client
	manager *autopaho.ConnectionManager
	ready   chan struct{} // closed when manager is set
}

const (
	// ackInterval is how often acknowledgements are sent.
	ackInterval = 5 * time.Millisecond
	// brokerTime is in which a broker must answer.
	brokerTime = 10 * time.Second
)

func newLink5(c *Client) *link5 {
	return &link5{client: c, ready: make(chan struct{})}
}

func (l *link5) start(ctx context.Context) (err error) {
	c := l.client
	o := c.opts
	config := autopaho.ClientConfig{
		ServerUrls:            []*url.URL{o.URL},
		TlsCfg:                o.TLS,
		KeepAlive:             uint16(o.KeepAlive / time.Second),
		SessionExpiryInterval: uint32(o.SessionExpiry / time.Second),
		ReconnectBackoff:      c.backoff,
		ConnectTimeout:        brokerTime,
		ConnectUsername:       o.Username,
		ConnectPassword:       []byte(o.Password),
		OnConnectionUp:        func(*autopaho.ConnectionManager, *paho.Connack) { c.connected() },
		OnConnectionDown: func() bool {
			c.lost(errors.New("the connection was lost"))
			return true
		},
		OnConnectError: func(err error) {
			var answer *autopaho.ConnackError
			c.denied.Store(errors.As(err, &answer) && answer.ReasonCode != codeServerBusy && answer.ReasonCode != codeServerUnavailable)
			c.lost(err)
		},
		ConnectPacketBuilder: func(p *paho.Connect, _ *url.URL) (*paho.Connect, error) {
			if p.Properties == nil {
				p.Properties = &paho.ConnectProperties{}
			}
			most, size := uint16(receiveMaximum), uint32(o.MaxPacket)
			p.Properties.ReceiveMaximum, p.Properties.MaximumPacketSize = &most, &size
			return p, nil
		},
		ClientConfig: paho.ClientConfig{
			ClientID:                   o.ClientID,
			PacketTimeout:              brokerTime,
			EnableManualAcknowledgment: true,
			SendAcksInterval:           ackInterval,
			OnPublishReceived:          []func(paho.PublishReceived) (bool, error){l.received},
		},
	}
	// The manager's own context outlives ctx, so that stop can say goodbye.
	l.manager, err = autopaho.NewConnection(context.WithoutCancel(ctx), config)
	close(l.ready)
	return err
}

func (l *link5) received(p paho.PublishReceived) (bool, error) {
	packet, from := p.Packet, p.Client
	l.client.take(arrival{
		topic: packet.Topic, payload: packet.Payload, id: packet.PacketID, qos: packet.QoS,
		dup: packet.Duplicate(), retained: packet.Retain,
		// An error means that the connection is lost: the broker sends it again.
		ack: func() { _ = from.Ack(packet) },
	})
	return true, nil
}

func (l *link5) change(ctx context.Context, add, remove []string) error {
	<-l.ready
	ctx, cancel := context.WithTimeout(ctx, brokerTime)
	defer cancel()
	if len(remove) > 0 {
		if _, err := l.manager.Unsubscribe(ctx, &paho.Unsubscribe{Topics: remove}); err != nil {
			return fmt.Errorf("unsubscribe: %w", err)
		}
	}
	if len(add) == 0 {
		return nil
	}
	s := &paho.Subscribe{}
	for _, f := range add {
		// Retained messages come with a new subscription only.
		s.Subscriptions = append(s.Subscriptions, paho.SubscribeOptions{Topic: f, QoS: l.client.opts.QoS, RetainHandling: 1})
	}
	answer, err := l.manager.Subscribe(ctx, s)
	if answer != nil {
		if refused := refusedFilters(add, answer.Reasons); refused != nil {
			return refused
		}
	}
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

func (l *link5) stop(ctx context.Context) error {
	if l.manager == nil {
		return nil
	}
	err := l.manager.Disconnect(ctx)
	l.client.up.Store(false)
	return err
}
