package hj212

import (
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/intake"
)

// message is a segment on its way to the disk, and what is answered when it is
// there. Messages are pooled with all that they hold.
type message struct {
	input.Message
	conn   *conn
	body   []byte
	answer []byte // frames; empty: nobody waits
	dues   []*due // to parts that the message has a piece of
	done   func(intake.Result, error)
}

const (
	// keptBody bounds what a pooled message keeps.
	keptBody = 4 << 10
)

func newMessage() *message {
	m := &message{}
	m.done = m.finish
	return m
}

func (c *conn) message() *message {
	m := c.server.messages.Get().(*message)
	m.conn, m.body, m.answer, m.dues = c, m.body[:0], m.answer[:0], m.dues[:0]
	return m
}

// submit hands the message over. It waits while the store cannot take more.
func (m *message) submit(sender string, station *Station) {
	c := m.conn
	m.Message = input.Message{Body: m.body, Sender: sender, Labels: station.Labels, Received: c.now.UnixMilli()}
	c.refs.Add(1)
	s := c.server
	if err := s.opts.Queue.Submit(s.submitting, &m.Message, s.opts.Decoder, m.done); err != nil {
		for _, d := range m.dues {
			d.finish(c, intake.Result{}, err)
		}
		m.release()
		c.release()
	}
}

// finish answers when the message is on disk. What is not stored at all is not
// answered: the device keeps it and sends it again.
func (m *message) finish(res intake.Result, err error) {
	c := m.conn
	if len(m.answer) > 0 {
		if err == nil && (res.Samples > 0 || res.Refused == 0) {
			c.server.counters.stored.Inc()
			c.send(m.answer)
		} else {
			c.server.counters.unanswered.Inc()
		}
	}
	for _, d := range m.dues {
		d.finish(c, res, err)
	}
	m.release()
	c.release()
}

func (m *message) release() {
	s := m.conn.server
	m.conn, m.Message = nil, input.Message{}
	clear(m.dues)
	if cap(m.body) > keptBody {
		return
	}
	s.messages.Put(m)
}
