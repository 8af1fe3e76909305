package hj212

import (
	"bytes"
	"fmt"

	"github.com/belfry-city/belfry/collector/reading"
)

// A frame is `##`, the length of the data segment in four decimal digits, the
// segment, its CRC in four hexadecimal digits and CRLF (HJ 212-2017, 6.3.1).
const (
	headLen = 6 // ## and the length
	crcLen  = 4
	tailLen = 2 // CRLF
	// frameLen is how much a frame is longer than its segment.
	frameLen = headLen + crcLen + tailLen
	// StandardSegment is how long a segment may be by the standard, in bytes.
	StandardSegment = 1024
	// LongestSegment is how long a segment can be said to be.
	LongestSegment = 9999
	// firstBuffer holds two frames of ordinary size.
	firstBuffer = 2 << 10
)

// scanner finds frames in a stream. It keeps no more than one frame that is not
// complete, and its buffer grows only for one that says it is long.
type scanner struct {
	sum *checksum
	max int // bytes of a segment

	buf        []byte
	start, end int
	// skipped counts bytes that were in no frame since the last one.
	skipped int
	// quiet says that a refusal has been made for what is being skipped.
	quiet bool
}

// fault is a stretch of the stream that is no frame.
type fault struct {
	reason reading.Reason
	detail string
	raw    []byte // valid until the next read
}

// space is where the next bytes of the stream go.
func (s *scanner) space() []byte {
	if s.start == s.end {
		s.start, s.end = 0, 0
		if cap(s.buf) != firstBuffer {
			s.buf = make([]byte, firstBuffer)
		}
	}
	if s.end == len(s.buf) || s.start > len(s.buf)/2 {
		s.end = copy(s.buf, s.buf[s.start:s.end])
		s.start = 0
	}
	if need := s.declared() + frameLen; need > len(s.buf) && need <= s.max+frameLen {
		grown := make([]byte, need)
		s.end = copy(grown, s.buf[s.start:s.end])
		s.buf, s.start = grown, 0
	}
	return s.buf[s.end:]
}

// filled says that n bytes have been put into space.
func (s *scanner) filled(n int) { s.end += n }

// pending are the bytes of a frame that is not complete.
func (s *scanner) pending() []byte { return s.buf[s.start:s.end] }

// declared is the length that the frame at hand has said, or 0.
func (s *scanner) declared() int {
	if data := s.pending(); len(data) >= headLen {
		if n, ok := decimal(data[2:headLen]); ok {
			return n
		}
	}
	return 0
}

// next returns the next segment, or what was wrong. With neither, more bytes
// are needed. The segment is valid until space is called.
func (s *scanner) next() (segment []byte, wrong *fault) {
	for {
		if wrong := s.toFrame(); wrong != nil {
			return nil, wrong
		}
		data := s.pending()
		if len(data) < headLen {
			return nil, nil
		}
		n, ok := decimal(data[2:headLen])
		if !ok {
			// ### may be a # before a frame.
			s.skip(1)
			continue
		}
		if n > s.max {
			return nil, s.broken(reading.ReasonTooLong, len(data), fmt.Sprintf("a data segment of %d bytes; at most %d are taken", n, s.max))
		}
		end := headLen + n + crcLen
		if len(data) < end {
			return nil, s.endsEarly(data, n)
		}
		body := data[headLen : headLen+n]
		want, isHex := hexadecimal(data[headLen+n : end])
		got := s.sum.of(body)
		if isHex && got == want {
			s.start += end
			s.skipped, s.quiet = 0, false
			return body, nil
		}
		if len(data) < end+tailLen {
			return nil, nil
		}
		if isHex && data[end] == '\r' && data[end+1] == '\n' {
			return nil, s.broken(reading.ReasonBadChecksum, end+tailLen, fmt.Sprintf("the CRC is said to be %04X; it is %04X", want, got))
		}
		return nil, s.broken(reading.ReasonSyntax, end+tailLen, fmt.Sprintf("no CRC and CRLF behind the %d bytes that the data segment is said to have", n))
	}
}

// toFrame skips to ##. Line ends and blanks between frames are nothing to speak
// of.
func (s *scanner) toFrame() *fault {
	data := s.pending()
	at := bytes.Index(data, []byte("##"))
	if at < 0 {
		at = len(data)
		if at > 0 && data[at-1] == '#' {
			at--
		}
	}
	junk := data[:at]
	blank := len(bytes.Trim(junk, "\r\n\t \x00")) == 0
	s.start += at
	if !blank {
		s.skipped += at
		if !s.quiet {
			s.quiet = true
			return &fault{reading.ReasonSyntax, "bytes that are in no frame", junk}
		}
	}
	return nil
}

func (s *scanner) skip(n int) {
	s.start += n
	s.skipped += n
}

// broken refuses a frame of which n bytes are known, and goes on to look for ##
// right behind its own, because its length may be what is wrong.
func (s *scanner) broken(reason reading.Reason, n int, detail string) *fault {
	raw := s.pending()[:n]
	s.skip(2)
	s.quiet = true
	return &fault{reason, detail, raw}
}

// endsEarly finds a frame that ends before it is as long as it says: what
// follows is not to be waited for.
func (s *scanner) endsEarly(data []byte, n int) *fault {
	for from := headLen + crcLen; from < len(data); {
		at := bytes.Index(data[from:], []byte("\r\n"))
		if at < 0 {
			return nil
		}
		at += from
		if _, isHex := hexadecimal(data[at-crcLen : at]); isHex {
			return s.broken(reading.ReasonSyntax, at+tailLen,
				fmt.Sprintf("the data segment is said to have %d bytes; it has %d", n, at-crcLen-headLen))
		}
		from = at + tailLen
	}
	return nil
}

func decimal(digits []byte) (n int, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, len(digits) > 0
}

func hexadecimal(digits []byte) (n uint16, ok bool) {
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint16(c)
	}
	return n, true
}

// drop forgets a frame that is not complete.
func (s *scanner) drop() {
	s.start = s.end
	s.quiet = true
}
