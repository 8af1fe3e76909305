package lineproto

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// The parser looks at eight bytes at a time, held in a uint64 with the first
// byte lowest. A mark is the high bit of a byte.
const (
	every = 0x0101010101010101
	marks = 0x80 * every
)

// word returns the eight bytes of b from i on; what lies behind the end is zero.
func word(b []byte, i int) uint64 {
	if i+8 <= len(b) {
		return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))[:])
	}
	return tailWord(b, i)
}

//go:noinline
func tailWord(b []byte, i int) uint64 {
	var tail [8]byte
	if i < len(b) {
		copy(tail[:], b[i:])
	}
	return binary.LittleEndian.Uint64(tail[:])
}

// delimiters marks the ASCII bytes of w that may mean something in a key: all
// control characters, the space, `,`, `=` and `\`, and besides them the
// punctuation from `!` to `+`, which means nothing. Bytes of 0x80 and above are
// not marked.
func delimiters(w uint64) uint64 {
	low := w &^ marks
	plain := (low + (0x80-0x2d)*every) & // above the comma
		((low ^ '='*every) + 0x7f*every) &
		((low ^ '\\'*every) + 0x7f*every) &
		^(low + every) // not 0x7f
	return ^(plain | w) & marks
}

// digitValues returns each byte of w as the value of its digit, and marks the
// bytes that are no digits.
func digitValues(w uint64) (values, others uint64) {
	values = w ^ '0'*every
	others = (values | (values&^marks + (0x80-10)*every)) & marks
	return values, others
}

// firstMarked is the position of the first marked byte, 8 if there is none.
func firstMarked(m uint64) int { return bits.TrailingZeros64(m) >> 3 }

// decimal is the number that eight digits make.
func decimal(values uint64) uint64 {
	values = values*10 + values>>8
	const pairs = 0x000000ff000000ff
	return (values&pairs*(100+1000000<<32) + values>>16&pairs*(1+10000<<32)) >> 32
}

// shortDecimal is the number that the first n digits of values make; n is less
// than eight.
func shortDecimal(values uint64, n int) uint64 {
	return decimal(values << ((56 - 8*n) & 63) << 8)
}

// digits reads decimal digits from i on. It returns the number that they make,
// which is right for up to 19 digits, and where they end.
func digits(b []byte, i int) (m uint64, end int) {
	values, others := digitValues(word(b, i))
	for others == 0 {
		m = m*1e8 + decimal(values)
		i += 8
		values, others = digitValues(word(b, i))
	}
	n := firstMarked(others)
	return m*wholePowers[n] + shortDecimal(values, n), i + n
}
