package mqtt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// script is a connection whose client has said everything beforehand.
type script struct {
	in     *bytes.Reader
	mu     sync.Mutex
	out    bytes.Buffer
	closed bool
}

func (s *script) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	return s.in.Read(p)
}

func (s *script) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *script) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (*script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*script) SetDeadline(time.Time) error      { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }

// oneListener brings the connections that it is given.
type oneListener struct {
	conns chan net.Conn
	once  sync.Once
}

func (l *oneListener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *oneListener) Close() error {
	l.once.Do(func() { close(l.conns) })
	return nil
}

func (*oneListener) Addr() net.Addr { return &net.TCPAddr{} }

// atOnce is a queue that stores at once, and notes what.
type atOnce struct {
	mu    sync.Mutex
	taken int
	batch reading.Batch
	out   reading.Builder
}

func (q *atOnce) Submit(_ context.Context, m *input.Message, d input.Decoder, done func(intake.Result, error)) error {
	q.mu.Lock()
	q.taken++
	q.batch.Reset()
	q.out.Reset(&q.batch)
	q.out.Message(m.Body)
	d.Decode(m, &q.out)
	res := intake.Result{Samples: q.batch.Samples(), Refused: len(q.batch.Refusals)}
	for _, r := range q.batch.Refusals {
		res.Refusals = append(res.Refusals, intake.Refusal{Line: r.Line, Reason: r.Reason, Detail: r.Detail})
	}
	q.mu.Unlock()
	done(res, nil)
	return nil
}

type noRefuser struct{}

func (noRefuser) Refuse(intake.Source, reading.Refusal) {}

// FuzzConnection lets a client say anything: the broker must not panic, must end
// with the connection, and what it answers must be packets.
func FuzzConnection(f *testing.F) {
	w := &wire{}
	five := &wire{v5: true}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, v5 := range []bool{false, true} {
		w.v5 = v5
		hello := connectPacket(connecting{id: "d", v5: v5, keep: true, willTopic: "a/b", will: "x", user: "u", password: "p"})
		f.Add(join(hello, w.message("city/y/W/reading", 1, 1, "gas ch4=1"), w.message("city/y/W/reading", 2, 2, "gas"), packet(6, 2, []byte{0, 2}), []byte{0xc0, 0, 0xe0, 0}))
		f.Add(join(hello, packet(8, 2, append([]byte{0, 1}, append(text("#"), 2)...)), w.message("a", 2, 1, "x", retain), packet(4, 0, []byte{0, 1}), packet(5, 0, []byte{0, 1}), packet(7, 0, []byte{0, 1})))
		f.Add(join(hello, packet(10, 2, append([]byte{0, 1}, text("#")...)), hello))
		f.Add(hello[:len(hello)-3])
	}
	f.Add(join(connectPacket(connecting{id: "d", v5: true, receiveMaximum: 1}),
		packet(8, 2, append(append([]byte{0, 1, 0}, text("$share/g/+/b")...), 1)), five.message("a/b", 1, 1, "x"), five.message("a/b", 1, 2, "y"),
		packet(3, 2, append(append(text(""), 0, 1, 3, 0x23, 0, 7), "gas ch4=1"...)), []byte{0xf0, 2, 0x18, 0}))
	f.Fuzz(func(t *testing.T, said []byte) {
		if len(said) > 1<<16 {
			return
		}
		l := &oneListener{conns: make(chan net.Conn, 2)}
		set := metrics.NewSet()
		b, err := NewBroker(BrokerOptions{
			Listener: l, Queue: &atOnce{}, Refuser: noRefuser{}, Door: &testDoor{}, MaxPacket: 1 << 14, MaxConnections: 10, Memory: 1 << 20,
			Topics: Topics{{Pattern: pattern(t, "city/+district/+asset/reading"), Decoder: named("x")}},
			Logger: slog.New(slog.DiscardHandler), Metrics: set,
		})
		require.NoError(t, err)
		require.NoError(t, b.Start())
		s := &script{in: bytes.NewReader(said)}
		l.conns <- s
		require.Eventually(t, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.closed
		}, 20*time.Second, 100*time.Microsecond)
		require.NoError(t, b.Stop(t.Context()))
		require.Zero(t, set.GetOrCreateCounter(`belfry_mqtt_panics_total`).Get())
		require.NoError(t, checkPackets(s.out.Bytes()))
	})
}

// checkPackets says whether b is whole packets.
func checkPackets(b []byte) error {
	for len(b) > 0 {
		h, ok, err := readHeader(b)
		if err != nil {
			return err
		}
		if !ok || len(b) < h.size+h.rest {
			return io.ErrUnexpectedEOF
		}
		if h.kind == 0 {
			return errors.New("a packet of no type")
		}
		b = b[h.size+h.rest:]
	}
	return nil
}
