package mqtt_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/loadtest/mqtt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// allow lets everybody in, or nobody.
type allow struct {
	mochi.HookBase
	all bool
}

func (*allow) Provides(b byte) bool { return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck }

func (a *allow) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return a.all }

func (*allow) OnACLCheck(*mochi.Client, string, bool) bool { return true }

// broker is one that all may use or nobody, and what it has got.
func broker(t *testing.T, all bool) (addr string, got chan packets.Packet) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, s.AddHook(&allow{all: all}, nil))
	require.NoError(t, s.AddListener(listeners.NewNet("test", l)))
	got = make(chan packets.Packet, 10_000)
	require.NoError(t, s.Subscribe("t/#", 1, func(_ *mochi.Client, _ packets.Subscription, p packets.Packet) {
		select {
		case got <- p:
		default: // nobody looks at so many
		}
	}))
	require.NoError(t, s.Serve())
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return l.Addr().String(), got
}

func options(addr string) mqtt.Options {
	return mqtt.Options{
		Addr: addr, Publishers: 5, Window: 7, QoS: 1, Messages: 100,
		Topic:   func(p int) string { return fmt.Sprintf("t/%d", p) },
		Payload: func(to []byte, p, n int) []byte { return fmt.Appendf(to, "%d-%d", p, n) },
	}
}

func TestEachMessageIsPublishedInOrderAndAcknowledged(t *testing.T) {
	for qos := range byte(2) {
		addr, got := broker(t, true)
		o := options(addr)
		o.QoS = qos
		res, err := mqtt.Run(t.Context(), o)
		require.NoError(t, err)
		require.EqualValues(t, 500, res.Messages)
		if qos > 0 {
			require.EqualValues(t, 500, res.Latency.TotalCount())
		}
		next := map[string]int{}
		for range 500 {
			p := <-got
			require.Equal(t, fmt.Sprintf("%s-%d", p.TopicName[2:], next[p.TopicName]), string(p.Payload))
			require.Equal(t, qos, p.FixedHeader.Qos)
			next[p.TopicName]++
		}
		require.Len(t, next, 5)
	}
}

func TestARunEndsWhenItsTimeIsOverWithNothingUnderWay(t *testing.T) {
	addr, _ := broker(t, true)
	o := options(addr)
	o.Messages, o.Duration = 1<<30, 50*time.Millisecond
	res, err := mqtt.Run(t.Context(), o)
	require.NoError(t, err)
	require.Positive(t, res.Messages)
	require.Equal(t, res.Messages, res.Latency.TotalCount())
}

func TestABrokerThatLetsNobodyInIsAnError(t *testing.T) {
	addr, _ := broker(t, false)
	_, err := mqtt.Run(t.Context(), options(addr))
	require.ErrorContains(t, err, "publisher 0: the broker answers")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = mqtt.Run(ctx, options(addr))
	require.ErrorIs(t, err, context.Canceled)
}
