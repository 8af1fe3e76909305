package loadtest_test

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/belfry-city/belfry/loadtest"
)

// fakeLoad has parts of ten samples whose body names part, round and instant.
type fakeLoad int

func (l fakeLoad) Parts() int               { return int(l) }
func (fakeLoad) Samples(int) int            { return 10 }
func (fakeLoad) Metrics(int) map[string]int { return map[string]int{"fake": 10} }
func (fakeLoad) Body(part int, round int64, at time.Time) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(part))
	b = binary.BigEndian.AppendUint64(b, uint64(round))
	return binary.BigEndian.AppendUint64(b, uint64(at.UnixMilli()))
}

type sent struct {
	part, round int64
	reading     time.Time
	at          time.Time
}

// fakeServer remembers what it was sent; answer decides what becomes of it.
type fakeServer struct {
	answer func(ctx context.Context, attempt int, s sent) error

	mu       sync.Mutex
	attempts int
	took     []sent
}

func (f *fakeServer) Connect() (loadtest.Conn, error) { return fakeConn{f}, nil }

func (f *fakeServer) all() []sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.took
}

type fakeConn struct{ *fakeServer }

func (c fakeConn) Close() error { return nil }

func (c fakeConn) Send(ctx context.Context, body []byte) error {
	s := sent{
		part: int64(binary.BigEndian.Uint64(body)), round: int64(binary.BigEndian.Uint64(body[8:])),
		reading: time.UnixMilli(int64(binary.BigEndian.Uint64(body[16:]))), at: time.Now(),
	}
	c.mu.Lock()
	attempt := c.attempts
	c.attempts++
	c.mu.Unlock()
	if c.answer != nil {
		if err := c.answer(ctx, attempt, s); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, s)
	return nil
}
