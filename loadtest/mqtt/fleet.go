package mqtt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/sourcegraph/conc/pool"
)

// Options say who publishes what.
type Options struct {
	Addr       string
	Publishers int
	// Window is how many messages of a publisher are under way at a time.
	Window int
	QoS    byte // 0 or 1
	// Username and Password may be empty.
	Username, Password string
	// Topic is that of a publisher.
	Topic func(publisher int) string
	// Payload appends message n of a publisher.
	Payload func(to []byte, publisher, n int) []byte
	// Messages is how many each publisher sends; Duration ends the run earlier
	// if it is not 0.
	Messages int
	Duration time.Duration
}

// Result is what was acknowledged; with QoS 0, what was sent.
type Result struct {
	Messages int64
	Took     time.Duration
	// Latency is from sending to acknowledgement, in microseconds.
	Latency *hdrhistogram.Histogram
}

// Run publishes until everything is sent and acknowledged.
func Run(ctx context.Context, o Options) (Result, error) {
	publishers := make([]*publisher, o.Publishers)
	defer func() {
		for _, p := range publishers {
			if p != nil {
				_ = p.conn.Close() // whatever it had to say was heard
			}
		}
	}()
	for i := range publishers {
		p, err := connect(ctx, o, i)
		if err != nil {
			return Result{}, fmt.Errorf("publisher %d: %w", i, err)
		}
		publishers[i] = p
	}
	all := Result{Latency: newLatency()}
	var mu sync.Mutex
	began := time.Now()
	work := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	for i, p := range publishers {
		work.Go(func(ctx context.Context) error {
			stop := context.AfterFunc(ctx, func() { _ = p.conn.Close() })
			defer stop()
			if err := p.run(o, began); err != nil {
				return fmt.Errorf("publisher %d: %w", i, err)
			}
			mu.Lock()
			defer mu.Unlock()
			all.Messages += p.acknowledged
			all.Latency.Merge(p.latency)
			return nil
		})
	}
	err := work.Wait()
	all.Took = time.Since(began)
	return all, err
}

func newLatency() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, time.Minute.Microseconds(), 3)
}

// publisher is one client. It writes as many messages as there is room for, and
// then reads what has been acknowledged.
type publisher struct {
	number  int
	conn    net.Conn
	topic   string
	out     []byte
	payload []byte
	in      []byte
	partial int // bytes of an acknowledgement that is not whole

	sent         int
	acknowledged int64
	// began is when the messages under way were sent, a ring.
	began   []time.Time
	latency *hdrhistogram.Histogram
}

const (
	typeConnack = 2
	typePuback  = 4
	ackSize     = 4
)

func connect(ctx context.Context, o Options, number int) (*publisher, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	p := &publisher{
		number: number, conn: conn, topic: o.Topic(number), in: make([]byte, 64<<10),
		began: make([]time.Time, o.Window), latency: newLatency(),
	}
	if _, err := conn.Write(connectPacket(fmt.Sprintf("load-%d", number), o.Username, o.Password)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	var ack [4]byte
	if _, err := io.ReadFull(conn, ack[:]); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if ack[0]>>4 != typeConnack || ack[3] != 0 {
		return nil, errors.Join(fmt.Errorf("the broker answers %x", ack), conn.Close())
	}
	return p, nil
}

// connectPacket is MQTT 3.1.1's, with a clean session and no keep-alive.
func connectPacket(id, user, password string) []byte {
	flags := byte(2)
	body := append([]byte{0, 4}, "MQTT\x04"...)
	if user != "" {
		flags |= 0xc0
	}
	body = append(body, flags, 0, 0)
	body = appendText(body, id)
	if user != "" {
		body = appendText(appendText(body, user), password)
	}
	return append(appendLength([]byte{0x10}, len(body)), body...)
}

func appendText(to []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(text))), text...)
}

func appendLength(to []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		to = append(to, byte(n)|0x80)
	}
	return append(to, byte(n))
}

func (p *publisher) run(o Options, began time.Time) error {
	for {
		over := p.sent >= o.Messages || o.Duration > 0 && time.Since(began) > o.Duration
		if over && int64(p.sent) == p.acknowledged {
			return nil
		}
		if !over {
			if err := p.send(o); err != nil {
				return err
			}
		}
		if o.QoS == 0 {
			p.acknowledged = int64(p.sent)
			continue
		}
		if err := p.receive(o); err != nil {
			return err
		}
	}
}

// send writes messages until the window is full.
func (p *publisher) send(o Options) error {
	p.out = p.out[:0]
	now := time.Now()
	for p.sent < o.Messages && p.sent-int(p.acknowledged) < o.Window {
		p.began[p.sent%o.Window] = now
		p.payload = o.Payload(p.payload[:0], p.number, p.sent)
		size := 2 + len(p.topic) + len(p.payload)
		if o.QoS > 0 {
			size += 2
		}
		p.out = appendLength(append(p.out, 0x30|o.QoS<<1), size)
		p.out = appendText(p.out, p.topic)
		if o.QoS > 0 {
			p.out = binary.BigEndian.AppendUint16(p.out, identifier(p.sent))
		}
		p.out = append(p.out, p.payload...)
		p.sent++
		if o.QoS == 0 && len(p.out) > len(p.in) {
			break
		}
	}
	_, err := p.conn.Write(p.out)
	return err
}

// identifier is never 0.
func identifier(n int) uint16 { return uint16(n%65535 + 1) }

// receive reads some acknowledgements, which must come in order.
func (p *publisher) receive(o Options) error {
	n, err := p.conn.Read(p.in[p.partial:])
	if err != nil {
		return err
	}
	now := time.Now()
	b := p.in[:p.partial+n]
	for ; len(b) >= ackSize; b = b[ackSize:] {
		want := identifier(int(p.acknowledged))
		if b[0]>>4 != typePuback || b[1] != 2 || binary.BigEndian.Uint16(b[2:]) != want {
			return fmt.Errorf("want the acknowledgement of %d, got %x", want, b[:ackSize])
		}
		_ = p.latency.RecordValue(now.Sub(p.began[int(p.acknowledged)%o.Window]).Microseconds())
		p.acknowledged++
	}
	p.partial = copy(p.in, b)
	return nil
}
