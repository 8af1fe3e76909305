package mqtt

import (
	"context"
	"fmt"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/sourcegraph/conc"
)

// link311 speaks MQTT 3.1.1.
type link311 struct {
	client *Client
	paho   paho.Client
	work   conc.WaitGroup

	// Acknowledgements wait for the connection, so a goroutine makes them.
	mu    sync.Mutex
	some  sync.Cond
	acks  []func()
	ended bool
}

func newLink311(c *Client) *link311 {
	l := &link311{client: c}
	l.some.L = &l.mu
	return l
}

func (l *link311) start(context.Context) error {
	c := l.client
	o := c.opts
	options := paho.NewClientOptions().
		AddBroker(o.URL.String()).
		SetProtocolVersion(4).
		SetClientID(o.ClientID).
		SetUsername(o.Username).
		SetPassword(o.Password).
		SetCleanSession(false).
		SetAutoAckDisabled(true).
		SetOrderMatters(true).
		SetKeepAlive(o.KeepAlive).
		SetConnectTimeout(brokerTime).
		SetWriteTimeout(brokerTime).
		SetConnectRetry(true).
		SetConnectRetryInterval(c.retryTime()).
		SetAutoReconnect(true).
		SetMaxReconnectInterval(c.retryTime()).
		SetDefaultPublishHandler(l.received).
		SetConnectionLostHandler(func(_ paho.Client, err error) { c.lost(err) }).
		SetOnConnectHandler(func(paho.Client) { c.connected() })
	if o.TLS != nil {
		options.SetTLSConfig(o.TLS)
	}
	options.SetConnectionNotificationHandler(func(_ paho.Client, n paho.ConnectionNotification) {
		if failed, ok := n.(paho.ConnectionNotificationFailed); ok {
			c.lost(failed.Reason)
		}
	})
	l.paho = paho.NewClient(options)
	l.work.Go(l.acknowledge)
	l.paho.Connect() // it tries until it is told to stop
	return nil
}

func (l *link311) received(_ paho.Client, m paho.Message) {
	l.client.take(arrival{
		topic: m.Topic(), payload: m.Payload(), id: m.MessageID(), qos: m.Qos(), dup: m.Duplicate(), retained: m.Retained(),
		ack: func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.acks = append(l.acks, m.Ack)
			l.some.Signal()
		},
	})
}

// acknowledge makes acknowledgements in their order.
func (l *link311) acknowledge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.acks) == 0 && !l.ended {
			l.some.Wait()
		}
		if len(l.acks) == 0 {
			return
		}
		batch := l.acks
		l.acks = nil
		l.mu.Unlock()
		for _, ack := range batch {
			ack()
		}
		l.mu.Lock()
	}
}

func (l *link311) change(ctx context.Context, add, remove []string) error {
	if len(remove) > 0 {
		if err := wait(ctx, l.paho.Unsubscribe(remove...)); err != nil {
			return fmt.Errorf("unsubscribe: %w", err)
		}
	}
	if len(add) == 0 {
		return nil
	}
	filters := map[string]byte{}
	for _, f := range add {
		filters[f] = l.client.opts.QoS
	}
	token := l.paho.SubscribeMultiple(filters, nil)
	if err := wait(ctx, token); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if t, ok := token.(*paho.SubscribeToken); ok {
		var codes []byte
		for _, f := range add {
			codes = append(codes, t.Result()[f])
		}
		return refusedFilters(add, codes)
	}
	return nil
}

func wait(ctx context.Context, t paho.Token) error {
	ctx, cancel := context.WithTimeout(ctx, brokerTime)
	defer cancel()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// quiesce is how long the last packets have to go out.
const quiesce = 250 * time.Millisecond

func (l *link311) stop(context.Context) error {
	if l.paho == nil {
		return nil
	}
	l.paho.Disconnect(uint(quiesce.Milliseconds()))
	l.client.up.Store(false)
	l.mu.Lock()
	l.ended = true
	l.some.Signal()
	l.mu.Unlock()
	l.work.Wait()
	return nil
}
