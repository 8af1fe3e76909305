package loadtest

import (
	"context"
	"fmt"
	"time"
)

// Load makes the requests of a run: parts, each carrying the same series in
// every round. Different parts are used concurrently.
type Load interface {
	// Parts is how many requests make a round.
	Parts() int
	// Samples is how many values a part carries.
	Samples(part int) int
	// Metrics is how many values of each metric a part carries.
	Metrics(part int) map[string]int
	// Body is the request for a part in a round whose readings are of the
	// instant at. It is valid until the next call for the same part.
	Body(part int, round int64, at time.Time) []byte
}

// Driver speaks one protocol to one server.
type Driver interface {
	Connect() (Conn, error)
}

// Conn is used by one goroutine at a time.
type Conn interface {
	// Send returns nil once the server has acknowledged the body. *Busy means
	// that it may be sent again, *Rejected that this would be of no use; after
	// any other error it is unknown what the server did, so it is sent again.
	Send(ctx context.Context, body []byte) error
	Close() error
}

// Busy is a server's plea to come back later.
type Busy struct {
	Status int
	// After is how long the server asks to be left alone; 0 when it does not say.
	After time.Duration
}

func (e *Busy) Error() string { return fmt.Sprintf("the server answered %d", e.Status) }

// Rejected is a final answer.
type Rejected struct {
	Status  int
	Message string
}

func (e *Rejected) Error() string {
	return fmt.Sprintf("the server answered %d: %s", e.Status, e.Message)
}
