package lineproto

import (
	"math/bits"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/reading"
)

// part is what a token of a line is.
type part int

const (
	measurement part = iota
	tagKey
	tagValue
	fieldKey
)

// key finds the end of the series key that begins at start: the space before
// the fields. It returns -1 if the key is malformed.
func (p *Parser) key(raw []byte, start int) int {
	now, token := measurement, start // what is being read, and where it began
	escaped := -1                    // the byte behind the last backslash that escapes
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
			case c == ',' && now != tagKey && at > token:
				now, token = tagKey, at+1
			case c == '=' && now == tagKey && at > token:
				now, token = tagValue, at+1
			case c == ' ' && now != tagKey && at > token:
				if high&marks != 0 && !utf8.Valid(raw[start:at]) {
					return p.invalidUTF8(raw[start:at], start)
				}
				return at
			case c == '\\':
				if escapes(raw, at, now) {
					escaped = at + 1
				}
			case c == '=' && now == measurement, '!' <= c && c <= '+':
			default:
				return p.badKey(raw, at, now, at == token)
			}
		}
	}
}

// escapes says whether the backslash at pos takes the meaning from the byte
// behind it. Otherwise it stands for itself.
func escapes(raw []byte, pos int, in part) bool {
	if pos+1 >= len(raw) {
		return false
	}
	switch raw[pos+1] {
	case ',', ' ':
		return true
	case '=':
		return in != measurement
	}
	return false
}

// badKey notes what is wrong with the delimiter or control character at pos.
func (p *Parser) badKey(raw []byte, pos int, in part, empty bool) int {
	var want string
	switch {
	case pos < len(raw) && isControl(raw[pos]):
		return p.fail(reading.ReasonSyntax, pos, "control character ", " in the series key")
	case empty && in == measurement:
		want = "want a measurement, got "
	case empty && in == tagKey:
		want = "want a tag key, got "
	case empty:
		want = "want a tag value, got "
	case in == tagKey:
		want = "want = and a value behind the tag key, got "
	case pos < len(raw) && raw[pos] == '=':
		want = `want a comma or a space behind the tag value, or \= in it, got `
	default:
		want = "want a space and fields, got "
	}
	return p.fail(reading.ReasonSyntax, pos, want, "")
}

// isControl says whether c may not stand in names. Line breaks end them instead.
func isControl(c byte) bool {
	return c < ' ' && c != '\n' && c != '\r' || c == 0x7f
}

func (p *Parser) invalidUTF8(b []byte, at int) int {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n <= 1 {
			break
		}
		b, at = b[n:], at+n
	}
	return p.fail(reading.ReasonInvalidUTF8, at, "", " is no valid UTF-8")
}
