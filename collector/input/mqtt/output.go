package mqtt

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	// writeTime is in which a client must read what is written to it at a time.
	writeTime = 15 * time.Second
	// closeTime is for the last packets of a connection.
	closeTime = 2 * time.Second
	// outputBytes is up to where output of a connection is kept. Beyond,
	// messages of QoS 0 are dropped, and with others the client is cut off.
	outputBytes = 1 << 20
	// keptOutput is how much memory a connection that is quiet keeps.
	keptOutput = 16 << 10
)

// output is what goes to the client, and what is under way from it.
type output struct {
	conn *conn

	mu      sync.Mutex
	room    sync.Cond // pending has become less, or the connection ends
	out     []byte
	spare   []byte
	writing bool // a goroutine is
	ending  bool // nothing is added any more
	shut    bool

	pending      int // messages from the client that are not answered
	pendingBytes int

	// quota is how many messages of QoS 1 and 2 the client takes now, of most
	// (MQTT 5.0, section 4.9); most is 0 where it takes any. held are those beyond.
	quota, most int
	held        [][]byte
	kept        int // bytes in held
}

func (o *output) init(c *conn) {
	o.conn = c
	o.room.L = &o.mu
}

func (o *output) closing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ending
}

// await waits until a message of size bytes may be worked on.
func (o *output) await(size int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.ending && o.pending > 0 && (o.pending >= receiveMaximum || o.pendingBytes+size > receiveBytes) {
		o.room.Wait()
	}
	if o.ending {
		return net.ErrClosed
	}
	o.pending++
	o.pendingBytes += size
	return nil
}

// answered is the contrary of await.
func (o *output) answered(size int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settle(size)
}

// drain waits until all that was read is answered, or ctx ends.
func (o *output) drain(ctx context.Context) {
	wake := context.AfterFunc(ctx, o.room.Broadcast)
	defer wake()
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.ending && o.pending > 0 && ctx.Err() == nil {
		o.room.Wait()
	}
}

func (o *output) settle(size int) {
	o.pending--
	o.pendingBytes -= size
	o.room.Broadcast()
}

func (o *output) ackAnswered(kind byte, id uint16, code byte, text string, size int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settle(size)
	o.append(appendAck(o.out, kind, id, code, text))
}

func (o *output) ack(kind byte, id uint16, code byte, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.append(appendAck(o.out, kind, id, code, text))
}

func (o *output) disconnect(code byte, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.append(appendDisconnect(o.out, code, text))
}

// append makes out what is to be written.
func (o *output) append(out []byte) {
	if o.ending {
		return
	}
	o.out = out
	if !o.writing {
		o.writing = true
		o.conn.broker.work.Go(o.writeAll)
	}
}

// writeAll writes until there is nothing left.
func (o *output) writeAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.out) > 0 {
		batch := o.out
		o.out, o.spare = o.spare[:0], nil
		wait := writeTime
		if o.ending {
			wait = closeTime
		}
		o.mu.Unlock()
		err := o.conn.SetWriteDeadline(time.Now().Add(wait))
		if err == nil {
			_, err = o.conn.Conn.Write(batch)
		}
		o.mu.Lock()
		if cap(batch) <= keptOutput {
			o.spare = batch[:0]
		}
		if err != nil {
			o.out = nil
			o.end()
		}
	}
	o.writing = false
	if o.ending {
		o.shutDown()
	}
}

// end begins the end: nothing is added, and nobody waits.
func (o *output) end() {
	if o.ending {
		return
	}
	o.ending = true
	o.held = nil
	o.room.Broadcast()
}

// close ends the output; what is in it still goes out.
func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end()
	o.shutWhenIdle()
}

func (o *output) shutDown() {
	if o.shut {
		return
	}
	o.shut = true
	o.out, o.spare = nil, nil
	_ = o.conn.Conn.Close() // there is nobody left to be told
}

// write takes whole packets from mochi.
func (o *output) write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := p; len(rest) > 0; {
		h, ok, err := readHeader(rest)
		if err != nil || !ok || h.size+h.rest > len(rest) {
			h.size, h.rest = len(rest), 0 // as it is
		}
		packet := rest[:h.size+h.rest]
		rest = rest[len(packet):]
		if o.ending {
			return 0, net.ErrClosed
		}
		switch {
		case ok && o.unheardOf(h, packet):
		case h.kind != typePublish || ok && o.mayDeliver(h, packet):
			o.append(append(o.out, packet...))
		}
	}
	return len(p), nil
}

// unheardOf says whether a packet is one that only MQTT 5 has: before, the end of
// the connection says it all.
func (o *output) unheardOf(h header, packet []byte) bool {
	if o.conn.client.v5 {
		return false
	}
	return h.kind == typeDisconnect || h.kind == typeConnack && h.rest == 2 && packet[h.size+1] >= packets.ErrUnspecifiedError.Code
}

// mayDeliver says whether a message goes out now.
func (o *output) mayDeliver(h header, packet []byte) bool {
	qos := h.flags >> 1 & 3
	full := len(o.out)+o.kept > outputBytes
	switch {
	case full && qos == 0:
		o.conn.broker.metrics.undelivered.Add(1)
		return false
	case full:
		// Messages that must not be dropped wait for the client in its session.
		o.conn.broker.complain("a subscriber reads too slowly and was disconnected", o.conn.client.sender, "")
		o.conn.cancel()
		o.end()
		o.shutWhenIdle()
		return false
	case qos == 0 || o.most == 0:
		return true
	case o.quota == 0:
		o.held = append(o.held, append([]byte(nil), packet...))
		o.kept += len(packet)
		return false
	}
	o.quota--
	return true
}

func (o *output) shutWhenIdle() {
	if o.writing {
		_ = o.conn.SetWriteDeadline(time.Now().Add(closeTime)) // an error shows when writing
		return
	}
	o.shutDown()
}

// limit is called before the first message to the client.
func (o *output) limit(quota int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.quota, o.most = quota, quota
}

// acknowledged looks at the client's PUBACK, PUBREC and PUBCOMP: all that end
// an exchange make room for another message.
func (o *output) acknowledged(kind byte, body []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.most == 0 || o.quota == o.most || len(body) < 2 || kind == typePubrec && (len(body) < 3 || body[2] < 0x80) {
		return
	}
	o.quota++
	if len(o.held) == 0 {
		return
	}
	next := o.held[0]
	o.held[0] = nil
	o.held = o.held[1:]
	o.kept -= len(next)
	o.quota--
	o.append(append(o.out, next...))
}
