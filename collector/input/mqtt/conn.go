package mqtt

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

const (
	// connectTime is in which a client must have said who it is.
	connectTime = 10 * time.Second
	// controlPacket is the size of the largest packet that is no message.
	controlPacket = 64 << 10
	// receiveMaximum is how many messages of one client are worked on at a time
	// (MQTT 5.0, section 3.2.2.3.3).
	receiveMaximum = 1024
	// receiveBytes is the same in bytes; one larger message is taken.
	receiveBytes = 4 << 20
	// readBuffer is what a connection has for reading before a packet needs more.
	readBuffer = 4 << 10
)

// conn stands between a client and mochi. Messages from the client are taken
// out and worked on here: mochi would acknowledge each of them within its read
// loop, before or instead of the disk, and one by one. Everything else passes
// to mochi, one packet a call of Read, so that the order is kept. What goes to
// the client, from both, is written by one goroutine, so that nobody waits for
// a client that does not read.
type conn struct {
	net.Conn
	broker *Broker
	ctx    context.Context
	cancel context.CancelFunc
	output output
	// blocked is when reading began to wait for the queue, in Unix milliseconds,
	// or 0.
	blocked atomic.Int64
	idle    atomic.Int64 // in which a packet must come, as a time.Duration; 0: any

	// client is complete before mochi tells others of it.
	client client

	// Of the goroutine that reads:
	endTurn  func() // see turns
	buf      []byte
	r, w     int
	pass     int // bytes that mochi reads as they are
	skip     int // bytes of an oversized message
	deadline time.Time
	received int64 // when the newest bytes came, in Unix milliseconds
	routes   routes
	aliases  map[uint16][]byte
}

// client is what is known of it once it has connected.
type client struct {
	id      string
	sender  string // for logs and for those who look at what was refused
	v5      bool
	bridge  bool          // see levelBridge
	idle    time.Duration // one and a half of its keep-alive; 0: none
	explain bool          // reason strings are welcome
	rights  Rights
	session *session
}

func newConn(b *Broker, under net.Conn) *conn {
	ctx, cancel := context.WithCancel(b.ctx)
	c := &conn{
		Conn: under, broker: b, ctx: ctx, cancel: cancel, client: client{sender: under.RemoteAddr().String()},
		routes: routes{router: b.router}, deadline: time.Now().Add(b.opts.ConnectTime), endTurn: func() {},
	}
	c.output.init(c)
	_ = under.SetReadDeadline(c.deadline) // an error shows when reading
	return c
}

// established is called between the CONNECT packet and all others.
func (c *conn) established() bool { return c.client.session != nil }

// Read returns bytes of the next packet that is for mochi.
func (c *conn) Read(p []byte) (int, error) {
	for {
		switch {
		case c.pass > 0 && c.w > c.r:
			n := copy(p, c.buf[c.r:min(c.w, c.r+c.pass)])
			c.r, c.pass = c.r+n, c.pass-n
			return n, nil
		case c.skip > 0 && c.w > c.r:
			n := min(c.skip, c.w-c.r)
			c.r, c.skip = c.r+n, c.skip-n
			continue
		}
		need, err := 1, error(nil)
		if c.pass == 0 && c.skip == 0 {
			need, err = c.packet()
		}
		if err == nil && need > 0 {
			err = c.fill(need)
		}
		if err != nil {
			return 0, c.fail(err)
		}
	}
}

// packet looks at the packet at the beginning of the buffer. It returns how many
// bytes of it are needed before something can be done, or 0 when something was.
func (c *conn) packet() (need int, err error) {
	b := c.buf[c.r:c.w]
	h, ok, err := readHeader(b)
	if err != nil || !ok {
		return len(b) + 1, err
	}
	whole := h.size + h.rest
	switch {
	case h.kind == typePublish && c.established():
		if whole > c.broker.opts.MaxPacket {
			return c.oversized(h, b)
		}
	case h.rest > controlPacket:
		return 0, &fault{codeTooLarge, reading.ReasonTooLarge, "a packet of more than 64 KiB that is no message"}
	case !c.established():
		if h.kind == typeConnect {
			need = c.introduced(h, b)
		}
		if need == 0 {
			c.pass = whole
		}
		return need, nil
	default:
		if need, err := c.checkControl(h, b); need > 0 || err != nil {
			return need, err
		}
		if h.kind != typePubrel && h.kind != typePuback && h.kind != typePubrec && h.kind != typePubcomp {
			c.pass = whole
			return 0, nil
		}
	}
	if len(b) < whole {
		return whole, nil
	}
	body := b[h.size:whole]
	switch h.kind {
	case typePublish:
		// The packet is consumed first: what it holds stays until the next fill.
		c.r += whole
		return 0, c.publish(h.flags, body)
	case typePubrel:
		c.r += whole
		return 0, c.released(h.flags, body)
	}
	c.pass = whole
	c.output.acknowledged(h.kind, body)
	return 0, nil
}

// fill reads more, until need bytes fit. The buffer grows with what arrives, not
// with what a packet says of itself.
func (c *conn) fill(need int) error {
	switch {
	case c.r == c.w:
		c.r, c.w = 0, 0
		if len(c.buf) > readBuffer && need <= readBuffer {
			c.buf = nil
		}
	case c.r+need > len(c.buf):
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	if c.w == len(c.buf) {
		grown := make([]byte, max(readBuffer, min(2*len(c.buf), max(need, readBuffer))))
		c.w = copy(grown, c.buf[c.r:c.w])
		c.r, c.buf = 0, grown
	}
	if err := c.extend(); err != nil {
		return err
	}
	// After the deadline was moved: Close and Stop move it back.
	if c.output.closing() || c.broker.stopping.Load() != nil {
		return net.ErrClosed
	}
	n, err := c.Conn.Read(c.buf[c.w:])
	c.w += n
	c.received = time.Now().UnixMilli()
	if n > 0 {
		return nil
	}
	return err
}

// extend moves the deadline of the next packet, not for every one of them.
func (c *conn) extend() error {
	idle := time.Duration(c.idle.Load())
	if idle == 0 {
		return nil
	}
	now := time.Now()
	if c.deadline.Sub(now) > idle {
		return nil
	}
	c.deadline = now.Add(idle + idle/16)
	return c.SetReadDeadline(c.deadline)
}

// SetDeadline is what mochi calls before each packet that it reads. Its time is
// rounded to seconds, and wrong for a keep-alive of half a day.
func (c *conn) SetDeadline(time.Time) error {
	idle := c.client.idle
	before := time.Duration(c.idle.Swap(int64(idle)))
	switch {
	case idle == 0:
		c.deadline = time.Time{}
		return c.SetReadDeadline(c.deadline)
	case before != idle:
		c.deadline = time.Time{} // that of connecting
	}
	return c.extend()
}

// fail ends the connection. A client of MQTT 5 is told why.
func (c *conn) fail(err error) error {
	var f *fault
	stopping := c.broker.stopping.Load()
	switch {
	case stopping != nil:
		c.output.drain(*stopping)
		f = &fault{code: codeShuttingDown}
	case errors.As(err, &f):
		c.broker.metrics.faults.Inc()
		c.broker.opts.Refuser.Refuse(c.source(), reading.Refusal{Reason: f.reason, Detail: f.text})
		c.broker.complain("a client broke the protocol and was disconnected", c.client.sender, f.text)
	case errors.Is(err, os.ErrDeadlineExceeded) && !c.output.closing():
		c.broker.metrics.timeouts.Inc()
		f = &fault{code: codeKeepAliveTimeout}
	}
	if f != nil && c.client.v5 {
		c.output.disconnect(f.code, shorten(f.text))
	}
	return err
}

func (c *conn) source() intake.Source { return intake.Source{Input: Name, Sender: c.client.sender} }

// Write takes packets from mochi.
func (c *conn) Write(p []byte) (int, error) { return c.output.write(p) }

// Close lets what was written go out, for a moment, and then closes the
// connection.
func (c *conn) Close() error {
	c.cancel()
	c.output.close()
	_ = c.SetReadDeadline(time.Now()) // whoever reads finds the end
	return nil
}
