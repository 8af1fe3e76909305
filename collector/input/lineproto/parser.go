package lineproto

import (
	"bytes"
	"math"

	"github.com/belfry-city/belfry/collector/reading"
)

// Parser reads line protocol. Its zero value is ready; it is reusable, and
// allocates nothing once its batch and its own scratch space have grown to what
// the input needs, except for the details of refusals. A Parser is not safe for
// concurrent use.
type Parser struct {
	names nameSet
	scale scale
	now   int64

	// Of the line that is being read:
	start   int // where it begins
	limit   int // where it must have ended
	strings int // text fields
	split   int // where the first string with a line break begins, or -1
	fault   fault
	detail  []byte // scratch space of refuse
}

// Position is a place between two lines of an input.
type Position struct {
	Offset int    // in bytes
	Line   uint32 // the number of the line that begins there
}

// Parse reads all lines of raw and appends their points, fields and refusals to
// b. It sets b.Raw to raw, so what b held before must be of the same raw. The
// first line is called firstLine, usually 1.
func (p *Parser) Parse(b *reading.Batch, raw []byte, firstLine uint32, opt Options) {
	p.ParseSome(b, raw, Position{Line: firstLine}, math.MaxInt, opt)
}

// ParseSome is Parse in steps, so that a large body needs no large batch. It
// begins at from and stops behind the line with which this call has added most
// or more fields and refusals; a line is never divided, so it may add more by one
// line's fields. It returns where to go on; when that offset is len(raw), the
// input is done. Spans are offsets in raw at every step: pass all of raw each
// time, which must be smaller than 4 GiB.
//
//	for pos := (lineproto.Position{Line: 1}); pos.Offset < len(raw); {
//		b.Reset()
//		pos = p.ParseSome(b, raw, pos, 5000, opt)
//		... // use b
//	}
func (p *Parser) ParseSome(b *reading.Batch, raw []byte, from Position, most int, opt Options) Position {
	b.Raw = raw
	if uint64(len(raw)) > math.MaxUint32 {
		b.Refuse(0, reading.ReasonTooLarge, "the input is larger than 4 GiB", nil)
		return Position{Offset: len(raw), Line: from.Line}
	}
	p.scale = scaleOf(opt.Precision)
	p.now = opt.Now
	full := len(b.Fields) + len(b.Refusals) + most
	if full < most { // overflow
		full = math.MaxInt
	}
	for pos, line := from.Offset, from.Line; ; {
		pos, line = skipBlank(raw, pos, line)
		if pos >= len(raw) || len(b.Fields)+len(b.Refusals) >= full {
			return Position{Offset: pos, Line: line}
		}
		p.start, p.limit, p.strings, p.split = pos, math.MaxInt, 0, -1
		if opt.MaxLine > 0 {
			p.limit = pos + opt.MaxLine
		}
		first := len(b.Fields)
		next := p.line(b, raw, line)
		if next < 0 {
			b.Fields = b.Fields[:first]
			next = p.refuse(b, raw, line)
		} else if p.split >= 0 {
			line += uint32(bytes.Count(raw[p.split:next-1], []byte{'\n'}))
		}
		pos = next
		line++
	}
}

// skipBlank passes over empty lines and comments.
func skipBlank(raw []byte, pos int, line uint32) (int, uint32) {
	for pos < len(raw) {
		switch raw[pos] {
		case ' ':
			pos++
			continue
		case '\n', '\r':
			next := lineEnd(raw, pos)
			if next < 0 {
				return pos, line
			}
			pos = next
		case '#':
			pos = nextLine(raw, pos)
		default:
			return pos, line
		}
		line++
	}
	return pos, line
}

// line reads one line into b and returns where the next begins. It returns -1
// if the line is refused, and p.fault says why; of such a line, fields are left
// behind in b.
func (p *Parser) line(b *reading.Batch, raw []byte, line uint32) int {
	keyEnd := p.key(raw, p.start)
	if keyEnd < 0 {
		return -1
	}
	first := len(b.Fields)
	fields, pos := p.fields(raw, skipSpaces(raw, keyEnd), b.Fields)
	b.Fields = fields
	if pos < 0 {
		return -1
	}
	t := p.now
	end := skipSpaces(raw, pos)
	next := lineEnd(raw, end)
	if next < 0 {
		if t, end = p.timestamp(raw, end); end < 0 {
			return -1
		}
		end = skipSpaces(raw, end)
		if next = lineEnd(raw, end); next < 0 {
			return p.fail(reading.ReasonSyntax, end, "want the end of the line, got ", "")
		}
	}
	if end > p.limit {
		return p.tooLong()
	}
	b.Strings += p.strings
	if len(fields) > first {
		b.Points = append(b.Points, reading.Point{
			Key:   reading.Span{Off: uint32(p.start), Len: uint32(keyEnd - p.start)},
			Whole: reading.Span{Off: uint32(p.start), Len: uint32(end - p.start)},
			Time:  t,
			Line:  line,
			First: uint32(first),
			Count: uint32(len(fields) - first),
		})
	}
	return next
}

// skipSpaces returns where the first byte from pos on is that is no space.
func skipSpaces(raw []byte, pos int) int {
	for pos < len(raw) && raw[pos] == ' ' {
		pos++
	}
	return pos
}

// lineEnd returns where the next line begins if this one ends at pos, else -1.
func lineEnd(raw []byte, pos int) int {
	switch {
	case pos >= len(raw):
		return len(raw)
	case raw[pos] == '\n':
		return pos + 1
	case raw[pos] == '\r' && pos+1 == len(raw):
		return pos + 1
	case raw[pos] == '\r' && raw[pos+1] == '\n':
		return pos + 2
	}
	return -1
}

// nextLine returns where the line behind the next line break begins.
func nextLine(raw []byte, pos int) int {
	if i := bytes.IndexByte(raw[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(raw)
}
