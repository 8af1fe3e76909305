package lineproto

import (
	"bytes"
	"hash/maphash"

	"github.com/belfry-city/belfry/collector/reading"
)

// hashFactor is 2^64 divided by the golden ratio: it spreads a word over the
// upper bits.
const hashFactor = 0x9e3779b97f4a7c15

// wide is how many fields of a line are compared one by one.
const wide = 64

// nameSet finds the field keys that occur twice in a line. A filter answers for
// nearly all; what it suspects is compared with the fields before it, and in
// lines of very many fields looked up in a table.
type nameSet struct {
	filter [4]uint64

	table []uint32 // 1 + the index of a field; its length is a power of 2
	known int      // fields that are in the table
	seed  maphash.Seed
}

func (s *nameSet) reset() {
	s.filter = [4]uint64{}
	s.known = 0
}

// seen adds hash, and says whether it may have been added before.
func (s *nameSet) seen(hash uint64) bool {
	word, bit := &s.filter[hash>>62], uint64(1)<<(hash>>56&63)
	before := *word&bit != 0
	*word |= bit
	return before
}

// find returns the index of the field that is called name, or -1. fields are
// all fields of the line so far.
func (s *nameSet) find(raw []byte, fields []reading.Field, name reading.Span) int {
	if len(fields) > wide {
		return s.findInTable(raw, fields, name)
	}
	for i := range fields {
		if sameName(raw, fields[i].Name, name) {
			return i
		}
	}
	return -1
}

func sameName(raw []byte, a, b reading.Span) bool {
	return bytes.Equal(raw[a.Off:a.Off+a.Len], raw[b.Off:b.Off+b.Len])
}

func (s *nameSet) findInTable(raw []byte, fields []reading.Field, name reading.Span) int {
	if s.known == 0 {
		if s.table == nil {
			s.seed = maphash.MakeSeed()
			s.table = make([]uint32, 8*wide)
		}
		clear(s.table)
	}
	if 2*len(fields) > len(s.table) {
		s.table = make([]uint32, 4*len(s.table))
		s.known = 0
	}
	for ; s.known < len(fields); s.known++ {
		if slot, _ := s.slot(raw, fields, fields[s.known].Name); slot != nil {
			*slot = uint32(s.known + 1)
		}
	}
	_, i := s.slot(raw, fields, name)
	return i
}

// slot returns where name belongs and -1, or nil and the index of the field.
func (s *nameSet) slot(raw []byte, fields []reading.Field, name reading.Span) (*uint32, int) {
	mask := uint64(len(s.table) - 1)
	for at := maphash.Bytes(s.seed, raw[name.Off:name.Off+name.Len]) & mask; ; at = (at + 1) & mask {
		slot := &s.table[at]
		if *slot == 0 {
			return slot, -1
		}
		if i := int(*slot) - 1; sameName(raw, fields[i].Name, name) {
			return nil, i
		}
	}
}
