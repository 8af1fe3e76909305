package lineproto

import (
	"bytes"
	"math/bits"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/reading"
)

// fields reads the fields that begin at pos, appends those with a number to
// out, and returns out and where the last one ended, or -1 if one is malformed.
func (p *Parser) fields(raw []byte, pos int, out []reading.Field) ([]reading.Field, int) {
	first := len(out)
	p.names.reset()
	holes := false
	for {
		if pos > p.limit {
			return out, p.tooLong()
		}
		equals, hash := p.fieldKey(raw, pos)
		if equals < 0 {
			return out, -1
		}
		name := reading.Span{Off: uint32(pos), Len: uint32(equals - pos)}
		value, kind, end := p.value(raw, equals+1)
		if end < 0 {
			return out, -1
		}
		earlier := -1
		if p.names.seen(hash) {
			earlier = p.names.find(raw, out[first:], name)
		}
		switch {
		case kind == text:
			p.strings++
			if earlier >= 0 {
				out[first+earlier].Name.Len = 0
				holes = true
			}
		case earlier >= 0:
			out[first+earlier].Value = value
		default:
			out = append(out, reading.Field{Name: name, Value: value})
		}
		if end >= len(raw) || raw[end] != ',' {
			if holes {
				out = fill(out, first)
			}
			return out, end
		}
		pos = end + 1
	}
}

// fill closes the holes that fields without a name are.
func fill(fields []reading.Field, first int) []reading.Field {
	kept := fields[:first]
	for _, f := range fields[first:] {
		if f.Name.Len > 0 {
			kept = append(kept, f)
		}
	}
	return kept
}

// fieldKey finds the `=` behind the field key that begins at start, and makes a
// hash of the key that differs for most. It returns -1 if the key is malformed.
func (p *Parser) fieldKey(raw []byte, start int) (equals int, hash uint64) {
	escaped := -1
	var high uint64
	for base := start; ; base += 8 {
		w := word(raw, base)
		high |= w
		for marked := delimiters(w); marked != 0; marked &= marked - 1 {
			shift := bits.TrailingZeros64(marked) &^ 7
			at := base + shift>>3
			c := byte(w >> (shift & 63))
			if at == escaped {
				continue
			}
			switch {
			case c == '=' && at > start:
				if high&marks != 0 && !utf8.Valid(raw[start:at]) {
					return p.invalidUTF8(raw[start:at], start), 0
				}
				w &= 1<<(shift&63) - 1
				return at, (hash ^ w) * hashFactor
			case c == '\\':
				if escapes(raw, at, fieldKey) {
					escaped = at + 1
				}
			case '!' <= c && c <= '+':
			default:
				return p.badFieldKey(raw, at, at == start), 0
			}
		}
		hash = (hash ^ w) * hashFactor
	}
}

// badFieldKey notes what is wrong with the delimiter or control character at pos.
func (p *Parser) badFieldKey(raw []byte, pos int, empty bool) int {
	switch {
	case pos < len(raw) && isControl(raw[pos]):
		return p.fail(reading.ReasonSyntax, pos, "control character ", " in a field key")
	case empty:
		return p.fail(reading.ReasonSyntax, pos, "want a field key, got ", "")
	}
	return p.fail(reading.ReasonSyntax, pos, "want = and a value behind the field key, got ", "")
}

// kind is what a field's value is.
type kind int

const (
	number kind = iota
	text
)

// value reads the field value that begins at pos and returns where it ends: at
// a comma, a space or the end of the line.
func (p *Parser) value(raw []byte, pos int) (v float64, k kind, end int) {
	if pos < len(raw) {
		switch c := raw[pos]; {
		case '0' <= c && c <= '9', c == '-', c == '.':
			v, end = p.number(raw, pos)
			return v, number, end
		case c == '"':
			return 0, text, p.text(raw, pos)
		case c == 't', c == 'T', c == 'f', c == 'F':
			v, end = p.boolean(raw, pos)
			return v, number, end
		}
	}
	return 0, number, p.badValue(raw, pos)
}

func (p *Parser) boolean(raw []byte, pos int) (v float64, end int) {
	end = valueEnd(raw, pos)
	switch string(raw[pos:end]) {
	case "t", "T", "true", "True", "TRUE":
		return 1, end
	case "f", "F", "false", "False", "FALSE":
		return 0, end
	}
	return 0, p.badValue(raw, pos)
}

// text finds the end of the string whose quote stands at pos.
func (p *Parser) text(raw []byte, pos int) int {
	for i := pos + 1; ; i++ {
		n := bytes.IndexByte(raw[i:min(len(raw), max(i, p.limit))], '"')
		if n < 0 {
			return p.fail(reading.ReasonSyntax, pos, "the string ", " is not closed")
		}
		begin := i
		i += n
		// Backslashes pair up from the left, so their number decides whether
		// the quote is escaped.
		backslashes := 0
		for i-backslashes > begin && raw[i-backslashes-1] == '\\' {
			backslashes++
		}
		if backslashes%2 == 1 {
			continue
		}
		end := i + 1
		if p.split < 0 && bytes.IndexByte(raw[pos:end], '\n') >= 0 {
			p.split = pos
		}
		if !endsValue(raw, end) {
			return p.fail(reading.ReasonSyntax, end, "want a comma, a space or the end of the line behind the string, got ", "")
		}
		return end
	}
}

// endsValue says whether a field value may end at pos.
func endsValue(raw []byte, pos int) bool {
	if pos >= len(raw) {
		return true
	}
	switch raw[pos] {
	case ',', ' ', '\n', '\r':
		return true
	}
	return false
}

// valueEnd finds where the value at pos, if it is no string, ends.
func valueEnd(raw []byte, pos int) int {
	for !endsValue(raw, pos) {
		pos++
	}
	return pos
}

// badValue notes what is wrong with the value at pos, which is no number,
// boolean or string.
func (p *Parser) badValue(raw []byte, pos int) int {
	value := raw[pos:valueEnd(raw, pos)]
	switch {
	case len(value) == 0:
		return p.fail(reading.ReasonSyntax, pos, "want a field value, got ", "")
	case isNotFinite(value):
		return p.fail(reading.ReasonNotFinite, pos, "", " is no finite number")
	}
	return p.fail(reading.ReasonBadNumber, pos, "want a number, a boolean or a quoted string, got ", "")
}
