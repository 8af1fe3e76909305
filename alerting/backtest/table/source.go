package table

import (
	"bufio"
	"bytes"
	"io"
	"time"
)

// sniffed is how much of a file is looked at to find out how it is written.
const sniffed = 256 << 10

// moment is for how long more of a live file is waited for, once there is a row of readings.
const moment = 200 * time.Millisecond

// Live is a file that may still be written, such as a pipe.
type Live interface {
	io.Reader
	// More says whether something more, or the end, is there to be read, or comes within so long.
	More(wait time.Duration) bool
}

// source is a file on its way to being text.
type source struct {
	text  *bufio.Reader
	below *bufio.Reader // what text is made from; nil: from the file
	live  Live          // nil: there is no need to be quick
	until time.Time     // when it has been waited for long enough
	// encoding is what it looks like, "" for UTF-8.
	encoding string
}

func newSource(in io.Reader) *source {
	s := &source{text: bufio.NewReaderSize(in, sniffed)}
	s.live, _ = in.(Live)
	return s
}

// through makes the text pass through something.
func (s *source) through(in io.Reader) {
	s.below, s.text = s.text, bufio.NewReaderSize(in, sniffed)
}

// peek looks at as much of the text as says how it is written. Where that is all of it the error is io.EOF.
func (s *source) peek() ([]byte, error) {
	if s.live == nil {
		return s.text.Peek(sniffed)
	}
	for {
		start, _ := s.text.Peek(s.text.Buffered())
		const lines = 2 // names, and a row of readings
		if len(start) == sniffed || bytes.Count(start, []byte("\n")) >= lines && !s.more() {
			return start, nil
		}
		if start, err := s.text.Peek(len(start) + 1); err != nil {
			return start, err
		}
	}
}

func (s *source) more() bool {
	if s.until.IsZero() {
		s.until = time.Now().Add(moment)
	}
	return s.below != nil && s.below.Buffered() > 0 || s.live.More(max(0, time.Until(s.until)))
}
