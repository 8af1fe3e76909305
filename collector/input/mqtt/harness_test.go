package mqtt

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// station is a broker in front of a store.
type station struct {
	*Broker
	t       testing.TB
	addr    string
	set     *metrics.Set
	store   *heldStore
	queue   *intake.Queue
	door    *testDoor
	stopped bool
	stop    func()
}

// heldStore is a store that can be held up before its syncs, and be in trouble.
type heldStore struct {
	*tsdb.Store
	mu      sync.Mutex
	hold    chan struct{} // syncs wait until it is closed
	trouble error         // of appends
}

func (s *heldStore) Sync(ctx context.Context, generation uint64) error {
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return s.Store.Sync(ctx, generation)
}

func (s *heldStore) Append(ctx context.Context, b *reading.Batch, sp reading.Speller) (tsdb.Receipt, error) {
	s.mu.Lock()
	trouble := s.trouble
	s.mu.Unlock()
	if trouble != nil {
		return tsdb.Receipt{}, trouble
	}
	return s.Store.Append(ctx, b, sp)
}

func (s *heldStore) holdUp() (release func()) {
	hold := make(chan struct{})
	s.mu.Lock()
	s.hold = hold
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		s.hold = nil
		s.mu.Unlock()
		close(hold)
	}
}

func (s *heldStore) setTrouble(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = err
}

// testDoor knows one token, or lets everybody in.
type testDoor struct {
	demand       atomic.Bool
	write, read  atomic.Bool
	user, secret string
	entered      atomic.Int64
}

func (d *testDoor) Enter(user, secret string) (Rights, bool) {
	d.entered.Add(1)
	return d, !d.demand.Load() || user == d.user && secret == d.secret
}

func (d *testDoor) MayPublish() bool   { return !d.demand.Load() || d.write.Load() }
func (d *testDoor) MaySubscribe() bool { return !d.demand.Load() || d.read.Load() }

func openStore(t testing.TB) *heldStore {
	t.Helper()
	s, err := tsdb.Open(tsdb.Options{
		Dir: t.TempDir(), Late: 24 * time.Hour, Early: 10 * time.Minute, SeriesLimit: 100_000,
		Retention: tsdb.NoLimit, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(),
	})
	require.NoError(t, err)
	return &heldStore{Store: s}
}

// newStation starts a broker whose topics are city/+district/+asset/reading for
// line protocol and status/+asset/# for line protocol with seconds.
func newStation(t testing.TB, change ...func(*BrokerOptions)) *station {
	t.Helper()
	s := &station{t: t, set: metrics.NewSet(), store: openStore(t), door: &testDoor{user: "well-17", secret: "secret"}}
	s.door.write.Store(true)
	s.door.read.Store(true)
	in := intake.New(intake.Options{Store: s.store, Metrics: s.set, Lag: func() time.Duration { return 0 }})
	s.queue = in.NewQueue(Name, 8<<20)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr = l.Addr().String()
	o := BrokerOptions{
		Listener: l, Queue: s.queue, Refuser: in, Door: s.door, MaxPacket: 256 << 10, MaxConnections: 3000, Memory: 8 << 20,
		Logger: slog.New(slog.DiscardHandler), Metrics: s.set,
		Topics: Topics{
			{Pattern: pattern(t, "city/+district/+asset/reading"), Decoder: lineproto.NewDecoder(0, 1<<16)},
			{Pattern: pattern(t, "status/+asset/#"), Decoder: lineproto.NewDecoder(time.Second, 1<<16)},
		},
	}
	for _, f := range change {
		f(&o)
	}
	s.Broker, err = NewBroker(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var work conc.WaitGroup
	work.Go(func() { s.queue.Run(ctx) })
	require.NoError(t, s.Start())
	s.stop = func() {
		if s.stopped {
			return
		}
		s.stopped = true
		within, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		require.NoError(t, s.Stop(within))
		cancel()
		work.Wait()
	}
	t.Cleanup(func() {
		s.stop()
		require.NoError(t, s.store.Close())
	})
	return s
}

// stored is what is in the store: series to values in order of time.
func (s *station) stored() map[string][]float64 {
	s.t.Helper()
	q, err := s.store.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, q.Close()) }()
	all := map[string][]float64{}
	set := q.Select(s.t.Context(), true, nil, labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+"))
	for set.Next() {
		it := set.At().Iterator(nil)
		name := set.At().Labels().String()
		for it.Next() != 0 {
			_, v := it.At()
			all[name] = append(all[name], v)
		}
		require.NoError(s.t, it.Err())
	}
	require.NoError(s.t, set.Err())
	return all
}

// eventually waits until the counter has the value.
func (s *station) eventually(counter string, want uint64) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.count(counter) == want }, 20*time.Second, 5*time.Millisecond,
		"%s should become %d", counter, want)
}

func (s *station) count(counter string) uint64 { return s.set.GetOrCreateCounter(counter).Get() }

const (
	outcomeStored   = `belfry_mqtt_messages_total{outcome="stored"}`
	outcomeRefused  = `belfry_mqtt_messages_total{outcome="refused"}`
	outcomePassedOn = `belfry_mqtt_messages_total{outcome="passed_on"}`
)

func refusedFor(reason reading.Reason) string {
	return fmt.Sprintf(`belfry_input_refused_total{input="mqtt",reason=%q}`, string(reason))
}

// wire is a client that speaks the protocol byte by byte.
type wire struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	v5   bool
	// later are messages that are yet to be acknowledged.
	later []uint16
}

// connecting says how a wire introduces itself.
type connecting struct {
	id, user, password string
	v5, keep           bool
	keepAlive          uint16
	receiveMaximum     uint16
	willTopic, will    string
}

func (s *station) dial() *wire {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	return &wire{t: s.t, conn: conn, in: bufio.NewReader(conn)}
}

// connect introduces a client, which must be let in.
func (s *station) connect(c connecting) *wire {
	s.t.Helper()
	w := s.dial()
	answer := w.introduce(c)
	require.EqualValues(s.t, 0, answer[1], "CONNACK %x", answer)
	return w
}

// introduce sends CONNECT and returns what CONNACK says.
func (w *wire) introduce(c connecting) []byte {
	w.t.Helper()
	w.v5 = c.v5
	w.send(connectPacket(c))
	kind, _, body := w.read()
	require.EqualValues(w.t, 2, kind)
	return body
}

func connectPacket(c connecting) []byte {
	flags, version := byte(0), byte(4)
	if !c.keep {
		flags |= 2
	}
	if c.user != "" {
		flags |= 0xc0
	}
	if c.willTopic != "" {
		flags |= 4
	}
	if c.v5 {
		version = 5
	}
	body := append(text("MQTT"), version, flags)
	body = binary.BigEndian.AppendUint16(body, c.keepAlive)
	if c.v5 {
		var properties []byte
		if c.keep {
			properties = append(properties, 0x11, 0, 0, 1, 0)
		}
		if c.receiveMaximum > 0 {
			properties = binary.BigEndian.AppendUint16(append(properties, 0x21), c.receiveMaximum)
		}
		body = append(append(body, byte(len(properties))), properties...)
	}
	body = append(body, text(c.id)...)
	if c.willTopic != "" {
		if c.v5 {
			body = append(body, 0)
		}
		body = append(append(body, text(c.willTopic)...), text(c.will)...)
	}
	if c.user != "" {
		body = append(append(body, text(c.user)...), text(c.password)...)
	}
	return packet(1, 0, body)
}

func text(s string) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...) }

func packet(kind, flags byte, body []byte) []byte {
	return append(appendLength([]byte{kind<<4 | flags}, len(body)), body...)
}

func (w *wire) send(b []byte) {
	w.t.Helper()
	require.NoError(w.t, w.conn.SetWriteDeadline(time.Now().Add(20*time.Second)))
	_, err := w.conn.Write(b)
	require.NoError(w.t, err)
}

// publish sends a message; id is left out with QoS 0.
func (w *wire) publish(topic string, qos byte, id uint16, payload string, flags ...byte) {
	w.t.Helper()
	w.send(w.message(topic, qos, id, payload, flags...))
}

func (w *wire) message(topic string, qos byte, id uint16, payload string, flags ...byte) []byte {
	body := text(topic)
	if qos > 0 {
		body = binary.BigEndian.AppendUint16(body, id)
	}
	if w.v5 {
		body = append(body, 0)
	}
	f := qos << 1
	for _, flag := range flags {
		f |= flag
	}
	return packet(typePublish, f, append(body, payload...))
}

// Flags of a message.
const (
	retain = 1
	dup    = 8
)

// read returns the next packet; a connection that ends fails the test.
func (w *wire) read() (kind, flags byte, body []byte) {
	w.t.Helper()
	kind, flags, body, err := w.next(20 * time.Second)
	require.NoError(w.t, err)
	return kind, flags, body
}

func (w *wire) next(within time.Duration) (kind, flags byte, body []byte, err error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return 0, 0, nil, err
	}
	first, err := w.in.ReadByte()
	if err != nil {
		return 0, 0, nil, err
	}
	size, err := binary.ReadUvarint(w.in)
	if err != nil {
		return 0, 0, nil, err
	}
	body = make([]byte, size)
	_, err = io.ReadFull(w.in, body)
	return first >> 4, first & 15, body, err
}

// answer reads an acknowledgement and says it as text, such as PUBACK 7, or
// PUBACK 7 0x99 with the reason.
func (w *wire) answer() string {
	w.t.Helper()
	kind, _, body := w.read()
	names := map[byte]string{4: "PUBACK", 5: "PUBREC", 6: "PUBREL", 7: "PUBCOMP", 9: "SUBACK", 13: "PINGRESP", 14: "DISCONNECT"}
	name, ok := names[kind]
	require.True(w.t, ok, "packet %d: %x", kind, body)
	if kind == 13 {
		return name
	}
	out := name
	if kind != 14 {
		out += fmt.Sprintf(" %d", binary.BigEndian.Uint16(body))
		body = body[2:]
	}
	if kind == 9 {
		return fmt.Sprintf("%s %x", out, body[len(body)-1])
	}
	if len(body) > 0 {
		out += fmt.Sprintf(" %#x", body[0])
	}
	if len(body) > 4 {
		out += " " + string(body[5:])
	}
	return out
}

// silent says that nothing comes for a moment; it proves little, and is backed
// by what comes after.
func (w *wire) silent() {
	w.t.Helper()
	_, _, _, err := w.next(50 * time.Millisecond)
	require.ErrorContains(w.t, err, "timeout")
}

// ended waits for the broker to close the connection, after packets that do not
// matter.
func (w *wire) ended() {
	w.t.Helper()
	for {
		_, _, _, err := w.next(20 * time.Second)
		if err != nil {
			require.NotContains(w.t, err.Error(), "timeout")
			return
		}
	}
}

// subscribe asks for one filter.
func (w *wire) subscribe(filter string, qos byte) {
	w.t.Helper()
	body := []byte{0, 1}
	if w.v5 {
		body = append(body, 0)
	}
	w.send(packet(8, 2, append(append(body, text(filter)...), qos)))
	require.Equal(w.t, fmt.Sprintf("SUBACK 1 %x", qos&3), w.answer())
}

// received reads a message and acknowledges it.
func (w *wire) received() (topic, payload string) {
	w.t.Helper()
	for {
		kind, flags, body := w.read()
		if kind == typePubrel {
			w.send(packet(typePubcomp, 0, body[:2]))
			continue
		}
		require.EqualValues(w.t, typePublish, kind, "%x", body)
		p, err := parsePublish(flags, body, w.v5)
		require.NoError(w.t, err)
		id := binary.BigEndian.AppendUint16(nil, p.id)
		switch p.qos {
		case 1:
			w.send(packet(typePuback, 0, id))
		case 2:
			w.send(packet(typePubrec, 0, id))
		}
		return string(p.topic), string(p.payload)
	}
}

func sum(all map[string][]float64) (n int) {
	for _, values := range all {
		n += len(values)
	}
	return n
}

func sorted(all map[string][]float64) []string {
	var lines []string
	for series, values := range all {
		lines = append(lines, fmt.Sprint(series, " ", values))
	}
	slices.Sort(lines)
	return lines
}
