package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
)

// layout goes through the state of a model, in one direction or the other: what it is handed it appends to data, or
// takes from there. Numbers are little-endian. The first byte is the version; then comes what the state is of, and
// last a checksum.
type layout struct {
	data    []byte
	reading bool
	err     error
}

const (
	stateHead = 1 + 4
	stateSum  = 4
)

// stateOf tells apart the states of models that differ in their kind, in how many series they have or in a setting.
func stateOf(kind string, series int, set Settings) uint32 {
	what := fmt.Sprintf("%s %d", kind, series)
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		what += fmt.Sprintf(" %s=%x", name, math.Float64bits(set[name]))
	}
	return crc32.ChecksumIEEE([]byte(what))
}

// writeState appends a state.
func writeState(b []byte, version byte, of uint32, fields func(*layout)) []byte {
	begin := len(b)
	l := &layout{data: append(b, version)}
	l.data = binary.LittleEndian.AppendUint32(l.data, of)
	fields(l)
	return binary.LittleEndian.AppendUint32(l.data, crc32.ChecksumIEEE(l.data[begin:]))
}

// readState takes what writeState appended.
func readState(b []byte, version byte, of uint32, fields func(*layout)) error {
	if len(b) < stateHead+stateSum {
		return errors.New("reading the state of a model: it is cut short")
	}
	if b[0] != version {
		return fmt.Errorf("reading the state of a model: it is of version %d, want %d", b[0], version)
	}
	if binary.LittleEndian.Uint32(b[1:]) != of {
		return errors.New("reading the state of a model: it is of another model, or of other options")
	}
	end := len(b) - stateSum
	if crc32.ChecksumIEEE(b[:end]) != binary.LittleEndian.Uint32(b[end:]) {
		return errors.New("reading the state of a model: it is cut short or altered")
	}
	l := &layout{data: b[stateHead:end], reading: true}
	fields(l)
	if l.err == nil && len(l.data) > 0 {
		l.err = fmt.Errorf("%d bytes more than expected", len(l.data))
	}
	if l.err != nil {
		return fmt.Errorf("reading the state of a model: %w", l.err)
	}
	return nil
}

func (l *layout) uint64(v *uint64) {
	switch {
	case !l.reading:
		l.data = binary.LittleEndian.AppendUint64(l.data, *v)
	case len(l.data) < 8:
		l.fail()
	default:
		*v = binary.LittleEndian.Uint64(l.data)
		l.data = l.data[8:]
	}
}

func (l *layout) uint32(v *uint32) {
	switch {
	case !l.reading:
		l.data = binary.LittleEndian.AppendUint32(l.data, *v)
	case len(l.data) < 4:
		l.fail()
	default:
		*v = binary.LittleEndian.Uint32(l.data)
		l.data = l.data[4:]
	}
}

func (l *layout) fail() {
	l.data = nil
	if l.err == nil {
		l.err = errors.New("it is cut short")
	}
}

func (l *layout) time(v *int64) {
	u := uint64(*v) //nolint:gosec // the same bits
	l.uint64(&u)
	*v = int64(u) //nolint:gosec // the same bits
}

// count is a whole number from 0 to most.
func (l *layout) count(v *int, most int) {
	u := uint32(*v) //nolint:gosec // it is not negative
	l.uint32(&u)
	if int64(u) > int64(most) {
		if l.err == nil {
			l.err = fmt.Errorf("a count is %d, want at most %d", u, most)
		}
		u = 0
	}
	*v = int(u)
}

func (l *layout) flag(v *bool) {
	n := 0
	if *v {
		n = 1
	}
	l.count(&n, 1)
	*v = n == 1
}

func (l *layout) float(vs ...*float64) {
	for _, v := range vs {
		u := math.Float64bits(*v)
		l.uint64(&u)
		*v = math.Float64frombits(u)
	}
}

func (l *layout) floats(vs []float64) {
	for i := range vs {
		l.float(&vs[i])
	}
}

func (l *layout) small(vs ...*float32) {
	for _, v := range vs {
		u := math.Float32bits(*v)
		l.uint32(&u)
		*v = math.Float32frombits(u)
	}
}

func (l *layout) smalls(vs []float32) {
	for i := range vs {
		l.small(&vs[i])
	}
}

func (l *layout) bytes(vs []byte) {
	switch {
	case !l.reading:
		l.data = append(l.data, vs...)
	case len(l.data) < len(vs):
		l.fail()
	default:
		copy(vs, l.data)
		l.data = l.data[len(vs):]
	}
}

func (l *layout) uint16(v *uint16) {
	switch {
	case !l.reading:
		l.data = binary.LittleEndian.AppendUint16(l.data, *v)
	case len(l.data) < 2:
		l.fail()
	default:
		*v = binary.LittleEndian.Uint16(l.data)
		l.data = l.data[2:]
	}
}

func (l *layout) shorts(vs []int16) {
	for i := range vs {
		u := uint16(vs[i]) //nolint:gosec // the same bits
		l.uint16(&u)
		vs[i] = int16(u) //nolint:gosec // the same bits
	}
}
