package remotewrite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The wire format is that of https://protobuf.dev/programming-guides/encoding/.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireGroup   = 3
	wireGroupTo = 4
	wireFixed32 = 5
)

var (
	errTruncated = errors.New("it ends in the middle of a field")
	errVarint    = errors.New("a number of more than ten bytes")
	errTag       = errors.New("a field without a number")
	errGroup     = errors.New("a group ends that did not begin")
)

// field is one field of a message; next is where the one behind it begins.
type field struct {
	number   int32
	wire     int
	value    uint64 // of a number: a varint, or the bits of a fixed64
	from, to int    // of bytes
	next     int
}

// wrongType is the error for a field that is not encoded as its number demands.
func (f field) wrongType() error {
	return fmt.Errorf("field %d has the wrong wire type %d", f.number, f.wire)
}

// varint reads the number at pos. Bits beyond the 64th are dropped, as
// upstream's decoder does; next is negative where there is none.
func varint(b []byte, pos int) (v uint64, next int) {
	if pos < len(b) && b[pos] < 0x80 {
		return uint64(b[pos]), pos + 1
	}
	for shift := uint(0); shift < 64; shift += 7 {
		if pos >= len(b) {
			return 0, -1
		}
		c := b[pos]
		pos++
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, pos
		}
	}
	return 0, -2
}

func varintError(next int) error {
	if next == -1 {
		return errTruncated
	}
	return errVarint
}

// bytesField reads the field at pos if it is written as bytes are as a rule,
// with a number below 16 and a length below 16 KiB; else to is negative.
func bytesField(b []byte, pos int) (number int32, from, to int) {
	if len(b)-pos < 2 {
		return 0, 0, -1
	}
	tag, n := b[pos], int(b[pos+1])
	from = pos + 2
	if n >= 0x80 {
		if from >= len(b) || b[from] >= 0x80 {
			return 0, 0, -1
		}
		n = n&0x7f | int(b[from])<<7
		from++
	}
	if tag&0x87 != wireBytes || tag < 8 || n > len(b)-from {
		return 0, 0, -1
	}
	return int32(tag >> 3), from, from + n
}

// readField reads the field that begins at pos of the message b.
func readField(b []byte, pos int) (f field, err error) {
	if number, from, to := bytesField(b, pos); to >= 0 {
		return field{number: number, wire: wireBytes, from: from, to: to, next: to}, nil
	}
	tag, at := varint(b, pos)
	if at < 0 {
		return f, varintError(at)
	}
	f.number, f.wire = int32(tag>>3), int(tag&7)
	if f.wire == wireGroupTo {
		return f, errGroup
	}
	if f.number <= 0 {
		return f, errTag
	}
	return readValue(b, at, f)
}

func readValue(b []byte, at int, f field) (field, error) {
	switch f.wire {
	case wireVarint:
		f.value, f.next = varint(b, at)
		if f.next < 0 {
			return f, varintError(f.next)
		}
	case wireFixed64:
		if len(b)-at < 8 {
			return f, errTruncated
		}
		f.value, f.next = binary.LittleEndian.Uint64(b[at:]), at+8
	case wireBytes:
		n, from := varint(b, at)
		if from < 0 {
			return f, varintError(from)
		}
		if n > uint64(len(b)-from) {
			return f, errTruncated
		}
		f.from, f.to = from, from+int(n)
		f.next = f.to
	case wireFixed32:
		if len(b)-at < 4 {
			return f, errTruncated
		}
		f.next = at + 4
	case wireGroup:
		next, err := skipGroup(b, at)
		if err != nil {
			return f, err
		}
		f.next = next
	default:
		return f, fmt.Errorf("field %d has the wire type %d, which does not exist", f.number, f.wire)
	}
	return f, nil
}

// skipGroup returns what is behind the group whose first field is at pos.
// Groups nest; they are only ever skipped.
func skipGroup(b []byte, pos int) (int, error) {
	for depth := 1; depth > 0; {
		tag, at := varint(b, pos)
		if at < 0 {
			return 0, varintError(at)
		}
		switch f := (field{number: int32(tag >> 3), wire: int(tag & 7)}); f.wire {
		case wireGroup:
			depth++
			pos = at
		case wireGroupTo:
			depth--
			pos = at
		default:
			f, err := readValue(b, at, f)
			if err != nil {
				return 0, err
			}
			pos = f.next
		}
	}
	return pos, nil
}

func zigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// zigzag32 is zigzag for fields of 32 bits, of which senders write no more.
func zigzag32(v uint64) int32 {
	n := uint32(v)
	return int32(n>>1) ^ -int32(n&1)
}

func (f field) float() float64 { return math.Float64frombits(f.value) }
