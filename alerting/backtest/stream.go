package backtest

import (
	"context"
	"io"
	"time"
)

// stream reads ahead, so that whoever waits for more can be interrupted, and can do something else before it waits.
type stream struct {
	in   io.ReadCloser
	done <-chan struct{} // interrupted
	quit chan struct{}   // closed
	live bool
	// idle, if any, is called before it waits.
	idle func()

	free chan []byte
	full chan chunk
	buf  []byte // of rest
	rest []byte
	err  error // after rest
}

type chunk struct {
	buf []byte
	n   int
	err error
}

const (
	chunkSize = 64 << 10
	chunks    = 2
)

// newStream begins to read; Close must follow. live is whether it may be long until more comes.
func newStream(ctx context.Context, in io.ReadCloser, live bool) *stream {
	s := &stream{in: in, done: ctx.Done(), quit: make(chan struct{}), live: live, free: make(chan []byte, chunks), full: make(chan chunk, chunks)}
	for range chunks {
		s.free <- make([]byte, chunkSize)
	}
	go s.fetch()
	return s
}

func (s *stream) fetch() {
	for {
		select {
		case buf := <-s.free:
			n, err := s.in.Read(buf)
			s.full <- chunk{buf, n, err}
			if err != nil {
				return
			}
		case <-s.quit:
			return
		}
	}
}

// Read implements io.Reader. When it is interrupted, the error is context.Canceled.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		select {
		case c := <-s.full:
			s.take(c)
			continue
		default:
		}
		if s.idle != nil {
			s.idle()
		}
		select {
		case c := <-s.full:
			s.take(c)
		case <-s.done:
			s.err = context.Canceled
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stream) take(c chunk) {
	if s.buf != nil {
		s.free <- s.buf
	}
	s.buf, s.rest, s.err = c.buf, c.buf[:c.n], c.err
}

// More implements table.Live.
func (s *stream) More(wait time.Duration) bool {
	if !s.live || len(s.rest) > 0 || s.err != nil {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case c := <-s.full:
		s.take(c)
	case <-s.done:
	case <-timer.C:
		select {
		case c := <-s.full: // both were true
			s.take(c)
		default:
			return false
		}
	}
	return true
}

// Close ends reading.
func (s *stream) Close() error {
	close(s.quit)
	return s.in.Close()
}
