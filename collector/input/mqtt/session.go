package mqtt

import "sync"

// session is what outlives a connection, as far as mochi does not keep it: the
// messages of QoS 2 that have not been released, so that none is taken twice
// (MQTT 5.0, section 4.3.3).
type session struct {
	mu       sync.Mutex
	conn     *conn // the one that answers go to
	incoming map[uint16]progress

	// outgoing is how large the messages are that the client has not
	// acknowledged.
	outgoing map[uint16]int
	bytes    int
}

// progress is how far a message of QoS 2 has come.
type progress byte

const (
	passedOn progress = iota + 1 // subscribers have it; the queue does not
	queued
	stored // and PUBREC was sent
)

// begin notes a message and says what is to be done with it. ok is false when
// the client has more under way than it may.
func (s *session) begin(id uint16) (before progress, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.incoming[id]
	switch {
	case before == 0 && len(s.incoming) >= receiveMaximum:
		return 0, false
	case s.incoming == nil:
		s.incoming = map[uint16]progress{}
	}
	if before < queued {
		s.incoming[id] = queued
	}
	return before, true
}

// reached notes progress, or with 0 the end, and returns who is to be told.
func (s *session) reached(id uint16, p progress) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.incoming[id]; known && p == 0 {
		delete(s.incoming, id)
	} else if known {
		s.incoming[id] = p
	}
	return s.conn
}

// release ends the exchange of a message that was stored.
func (s *session) release(id uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.incoming[id] != stored {
		return false
	}
	delete(s.incoming, id)
	return true
}

// attach makes c the connection that answers go to.
func (s *session) attach(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = c
}

// sent notes a message to the client, and returns by how much the sum of bytes
// has changed.
func (s *session) sent(id uint16, size int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outgoing == nil {
		s.outgoing = map[uint16]int{}
	}
	change := size - s.outgoing[id]
	s.outgoing[id] = size
	s.bytes += change
	return change
}

// acknowledged is the contrary of sent.
func (s *session) acknowledged(id uint16) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := s.outgoing[id]
	delete(s.outgoing, id)
	s.bytes -= size
	return -size
}

// forget returns what the session held.
func (s *session) forget() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	bytes := s.bytes
	s.outgoing, s.incoming, s.bytes = nil, nil, 0
	return -bytes
}

func (s *session) outgoingBytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}
