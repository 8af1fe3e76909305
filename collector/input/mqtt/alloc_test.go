//go:build !race

package mqtt

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/intake"
)

// nowhere is a queue that forgets, and has stored it.
type nowhere struct{}

func (nowhere) Submit(_ context.Context, _ *input.Message, _ input.Decoder, done func(intake.Result, error)) error {
	done(intake.Result{Samples: 1}, nil)
	return nil
}

// loop is a client that says the same again and again.
type loop struct {
	script
	said []byte
	rest []byte
}

func (l *loop) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		l.rest = l.said
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *loop) Write(p []byte) (int, error) { return len(p), nil }

// publishing is a connection that reads a hundred messages, and what does it.
func publishing(t testing.TB, qos byte) (once func()) {
	b, err := NewBroker(BrokerOptions{
		Listener: &oneListener{}, Queue: nowhere{}, Refuser: noRefuser{}, Door: &testDoor{}, MaxPacket: 1 << 20, MaxConnections: 10,
		Topics: Topics{{Pattern: pattern(t, "city/+district/+asset/reading"), Decoder: named("x")}},
		Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(),
	})
	require.NoError(t, err)
	t.Cleanup(b.cancel)
	w := &wire{}
	const messages = 100
	said := bytes.Repeat(w.message(wellTopic, qos, 7, "gas,asset=W17 ch4_lel_percent=12.5 1732350000123000000"), messages)
	c := newConn(b, &loop{said: said})
	c.client = client{id: "d", sender: "d", rights: b.opts.Door.(*testDoor), session: &session{}}
	c.idle.Store(int64(time.Minute))
	return func() {
		for range messages {
			for need := 0; ; {
				if need, err = c.packet(); need == 0 || err != nil {
					break
				}
				if err = c.fill(need); err != nil {
					break
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAllocAMessageAllocatesNothing(t *testing.T) {
	once := publishing(t, 0)
	once()
	require.Zero(t, testing.AllocsPerRun(50, once))
}

// BenchmarkPublish is what a message takes from the socket to the queue, and its
// acknowledgement back.
func BenchmarkPublish(b *testing.B) {
	for qos, name := range []string{"QoS 0", "QoS 1"} {
		b.Run(name, func(b *testing.B) {
			once := publishing(b, byte(qos))
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/message")
		})
	}
}
