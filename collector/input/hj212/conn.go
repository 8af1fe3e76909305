package hj212

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// conn is one connection. Its reader is one goroutine; answers are written by
// another one that lives only while there are some.
type conn struct {
	server *Server
	nc     net.Conn
	// refs are the reader, the messages on their way and the writer. Who lets
	// go last closes the connection, so that a device that has said its last
	// still gets its answers.
	refs atomic.Int64

	// The rest is the reader's.
	scan      scanner
	now       time.Time // when the bytes at hand arrived
	lastFrame time.Time // that was taken, or the connection's beginning
	begun     time.Time // when the first byte of a frame that is not complete arrived
	taken     bool      // any frame
	strikes   int       // frames refused for who sent them, since one was taken
	warned    bool
	mn        string // of the last frame
	station   *Station
	sender    string
	reports   []*report // in parts

	mu      sync.Mutex
	out     []byte
	writing bool
	broken  bool
}

const (
	// mostStrikes ends a connection that tries out passwords.
	mostStrikes = 16
	// mostJunk ends a connection that speaks something else, in bytes.
	mostJunk = 64 << 10
	// mostUnread ends a connection that does not read its answers, in bytes.
	mostUnread = 64 << 10
	// writeBuffer is what the system holds of answers, in bytes.
	writeBuffer = 16 << 10
	writeTime   = 10 * time.Second
	// keptOut is what a connection keeps of the memory for its answers.
	keptOut = 256
)

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{server: s, nc: nc, scan: scanner{sum: s.sum, max: s.opts.MaxSegment}}
	c.refs.Store(1)
	return c
}

func (c *conn) serve() {
	defer c.release()
	c.now = time.Now()
	c.lastFrame = c.now
	why, err := c.read()
	c.now = time.Now()
	if rest := c.scan.pending(); len(rest) > 0 && (why == whyEnded || why == whyError) {
		c.refuse(reading.ReasonIncomplete, "the connection ended before the frame did", rest)
	}
	c.dropReports("the connection ended before the other parts came")
	c.server.counters.closed(why)
	c.server.opts.Logger.Debug("a connection ended", "from", c.nc.RemoteAddr(), "mn", c.mn, "why", why, "err", err)
	if why != whyEnded {
		c.abort()
	}
}

// Reasons for the end of a connection.
const (
	whyEnded   = "ended" // by the device, or because Belfry stops
	whyError   = "error"
	whyIdle    = "idle"
	whySlow    = "slow"
	whyJunk    = "garbage"
	whyStrikes = "refused"
)

func (c *conn) read() (why string, err error) {
	for {
		if err := c.nc.SetReadDeadline(c.deadline()); err != nil {
			return whyError, err
		}
		if c.server.submitting.Err() != nil {
			return whyEnded, nil
		}
		n, err := c.nc.Read(c.scan.space())
		c.now = time.Now()
		c.scan.filled(n)
		if why := c.frames(); why != "" {
			return why, nil
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return whyEnded, nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return whyError, err
		case c.server.submitting.Err() != nil:
			return whyEnded, nil
		}
		if why := c.expire(); why != "" {
			return why, nil
		}
	}
}

// deadline is when something has waited long enough.
func (c *conn) deadline() time.Time {
	d := c.lastFrame.Add(c.server.opts.IdleTime)
	sooner := func(t time.Time) {
		if t.Before(d) {
			d = t
		}
	}
	if !c.begun.IsZero() {
		sooner(c.begun.Add(c.server.opts.FrameTime))
	}
	for _, r := range c.reports {
		sooner(r.expires)
		if !r.settles.IsZero() {
			sooner(r.settles)
		}
	}
	return d
}

// expire gives up what has waited long enough. A device that was taken before
// may stay when a frame of it breaks off.
func (c *conn) expire() (why string) {
	opts := &c.server.opts
	if !c.begun.IsZero() && c.now.Sub(c.begun) >= opts.FrameTime {
		c.refuse(reading.ReasonIncomplete, fmt.Sprintf("the frame did not end within %s", opts.FrameTime), c.scan.pending())
		c.scan.drop()
		c.begun = time.Time{}
		if !c.taken {
			return whySlow
		}
	}
	c.expireReports()
	if c.now.Sub(c.lastFrame) >= opts.IdleTime {
		return whyIdle
	}
	return ""
}

// frames handles all that is complete.
func (c *conn) frames() (why string) {
	before := c.scan.start
	for {
		data, wrong := c.scan.next()
		switch {
		case data != nil:
			c.segment(data)
		case wrong != nil:
			c.refuse(wrong.reason, wrong.detail, wrong.raw)
		}
		switch {
		case c.strikes >= mostStrikes:
			return whyStrikes
		case c.scan.skipped >= mostJunk:
			return whyJunk
		case data == nil && wrong == nil:
			c.clock(before)
			return ""
		}
	}
}

// clock starts the time of a frame that has begun.
func (c *conn) clock(before int) {
	switch {
	case len(c.scan.pending()) == 0:
		c.begun = time.Time{}
	case c.begun.IsZero() || c.scan.start != before:
		c.begun = c.now
	}
}

// refuse counts what the reader refuses. Passwords do not go with it; they are
// blotted out in a copy, for the next frame may begin within raw.
func (c *conn) refuse(reason reading.Reason, detail string, raw []byte) {
	raw = bytes.Clone(raw)
	hidePassword(raw)
	sender := c.sender
	if sender == "" {
		sender = c.nc.RemoteAddr().String()
	}
	c.server.opts.Refuser.Refuse(intake.Source{Input: inputName, Sender: sender}, reading.Refusal{Reason: reason, Detail: detail, Raw: raw})
}

// send queues frames for the device, and never waits.
func (c *conn) send(frames []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return
	}
	if len(c.out)+len(frames) > mostUnread {
		c.broken = true
		c.server.counters.closed("unread")
		_ = c.nc.Close()
		return
	}
	c.out = append(c.out, frames...)
	if !c.writing {
		c.writing = true
		c.refs.Add(1)
		c.server.working.Go(c.write)
	}
}

// write writes what there is, and ends.
func (c *conn) write() {
	defer c.release()
	var spare []byte
	for {
		c.mu.Lock()
		frames := c.out
		if len(frames) == 0 || c.broken {
			c.writing = false
			if cap(c.out) > keptOut {
				c.out = nil
			}
			c.mu.Unlock()
			return
		}
		c.out = spare[:0]
		c.mu.Unlock()
		err := c.nc.SetWriteDeadline(time.Now().Add(writeTime))
		if err == nil {
			_, err = c.nc.Write(frames)
		}
		if err != nil {
			c.abort()
		}
		spare = frames
	}
}

// stopReading makes the reader end; answers still go out.
func (c *conn) stopReading() { _ = c.nc.SetReadDeadline(time.Unix(1, 0)) }

// abort closes the connection under its users.
func (c *conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	_ = c.nc.Close()
}

func (c *conn) release() {
	if c.refs.Add(-1) > 0 {
		return
	}
	_ = c.nc.Close()
	c.server.forget(c)
}
