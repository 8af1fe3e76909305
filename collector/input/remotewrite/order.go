package remotewrite

import "encoding/binary"

// hasLateLabels says whether a label stands behind something else in the open
// series.
func (p *Parser) hasLateLabels() (late bool, err error) {
	m := p.body[:p.series.to]
	other := false
	for pos := p.series.from; pos < len(m); {
		f, err := readField(m, pos)
		if err != nil {
			return false, err
		}
		// A tag in more bytes than needed is also one that has to be written anew.
		plain := m[pos] == tagLabels || m[pos] == tagLabelRef
		if f.number == fieldLabels && (other || !plain) {
			return true, nil
		}
		other = other || f.number != fieldLabels
		pos = f.next
	}
	return false, nil
}

// reorder brings the labels of the open series to its front, where the key is
// read from. To protobuf that is the same message.
func (p *Parser) reorder() error {
	s := &p.series
	m := p.body[:s.to]
	p.scratch = p.scratch[:0]
	for _, labels := range []bool{true, false} {
		for pos := s.from; pos < len(m); {
			f, err := readField(m, pos)
			if err != nil {
				return err
			}
			switch {
			case f.number != fieldLabels && !labels:
				p.scratch = append(p.scratch, m[pos:f.next]...)
			case f.number == fieldLabels && f.wire != wireBytes && (f.wire != wireVarint || p.version == V1):
				return f.wrongType()
			case f.number == fieldLabels && labels:
				p.scratch = appendLabelField(p.scratch, m, f)
			}
			pos = f.next
		}
	}
	s.to = s.from + copy(m[s.from:], p.scratch)
	return nil
}

// appendLabelField writes numbers and lengths as short as can be, or the result
// might not fit where it came from.
func appendLabelField(to, m []byte, f field) []byte {
	if f.wire == wireVarint {
		return binary.AppendUvarint(append(to, tagLabelRef), f.value)
	}
	return append(binary.AppendUvarint(append(to, tagLabels), uint64(f.to-f.from)), m[f.from:f.to]...)
}
