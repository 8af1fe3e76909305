package state

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// scanner finds the frames of a file, past what is damaged.
type scanner struct {
	file    *os.File
	buf     *bufio.Reader
	at      int64 // of buf
	frame   []byte
	damaged int // places at which something was not readable
}

const scanBuffer = 1 << 20

func newScanner(f *os.File) *scanner {
	return &scanner{file: f, buf: bufio.NewReaderSize(f, scanBuffer)}
}

// next returns io.EOF at the end. The payload is good until the next call.
func (s *scanner) next() (kind frameType, payload []byte, err error) {
	for lost := false; ; lost = true {
		kind, payload, err = s.read()
		if err == nil || !errors.Is(err, errRecord) {
			return kind, payload, err
		}
		if !lost {
			s.damaged++
		}
		if err := s.seekMark(); err != nil {
			return 0, nil, err
		}
	}
}

// read reads the frame that begins here; with errRecord it has not moved.
func (s *scanner) read() (frameType, []byte, error) {
	head, err := s.buf.Peek(headBytes)
	if len(head) == 0 && err != nil {
		return 0, nil, err
	}
	if len(head) < headBytes || !bytes.HasPrefix(head, []byte(mark)) {
		return 0, nil, errRecord
	}
	length := binary.LittleEndian.Uint32(head[5:])
	want := binary.LittleEndian.Uint32(head[9:])
	if length > MostBytes {
		return 0, nil, errRecord
	}
	s.frame = append(s.frame[:0], head...)
	s.frame = append(s.frame, make([]byte, length)...)
	begin := s.at
	n, err := io.ReadFull(s.buf, s.frame)
	s.at += int64(n)
	if err != nil || sum(s.frame) != want {
		if err := s.seek(begin); err != nil {
			return 0, nil, err
		}
		return 0, nil, errRecord
	}
	return frameType(s.frame[4]), s.frame[headBytes:], nil
}

func (s *scanner) seek(at int64) error {
	if _, err := s.file.Seek(at, io.SeekStart); err != nil {
		return fmt.Errorf("read a round of states: %w", err)
	}
	s.buf.Reset(s.file)
	s.at = at
	return nil
}

// seekMark goes to the next mark behind the first byte.
func (s *scanner) seekMark() error {
	if err := s.skip(1); err != nil {
		return err
	}
	for {
		window, err := s.buf.Peek(64 << 10)
		if i := bytes.Index(window, []byte(mark)); i >= 0 {
			return s.skip(i)
		}
		if err != nil { // the last window
			return errors.Join(s.skip(len(window)), io.EOF)
		}
		if err := s.skip(len(window) - len(mark) + 1); err != nil {
			return err
		}
	}
}

func (s *scanner) skip(n int) error {
	n, err := s.buf.Discard(n)
	s.at += int64(n)
	return err
}
