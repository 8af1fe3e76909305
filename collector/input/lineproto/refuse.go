package lineproto

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/reading"
)

// fault is why a line is refused. The message quotes what stands at that place
// between before and after.
type fault struct {
	reason        reading.Reason
	at            int // offset in the input
	before, after string
}

// fail notes why the line is refused. It returns -1.
func (p *Parser) fail(reason reading.Reason, at int, before, after string) int {
	p.fault = fault{reason: reason, at: at, before: before, after: after}
	return -1
}

func (p *Parser) tooLong() int {
	return p.fail(reading.ReasonTooLong, p.limit, "the line is longer than ", " bytes")
}

// refuse hands p.fault to b and returns where the next line begins. That is
// behind the first line break, even where it stood in a string: when a quote is
// missing, the string seems to reach into the following lines, which are good.
func (p *Parser) refuse(b *reading.Batch, raw []byte, line uint32) int {
	next := nextLine(raw, p.start)
	bad := bytes.TrimSuffix(bytes.TrimSuffix(raw[p.start:next:next], []byte{'\n'}), []byte{'\r'})
	if len(bad) > p.limit-p.start {
		p.tooLong()
	}
	f := p.fault
	d := append(p.detail[:0], "column "...)
	d = strconv.AppendInt(d, int64(f.at-p.start+1), 10)
	d = append(d, ": "...)
	d = append(d, f.before...)
	if f.reason == reading.ReasonTooLong {
		d = strconv.AppendInt(d, int64(p.limit-p.start), 10)
	} else {
		d = appendExcerpt(d, raw, f.at)
	}
	d = append(d, f.after...)
	if p.split >= 0 && p.split != f.at {
		d = append(d, " (is the string at column "...)
		d = strconv.AppendInt(d, int64(p.split-p.start+1), 10)
		d = append(d, " closed? it goes on over the end of the line)"...)
	}
	p.detail = d
	b.Refuse(line, f.reason, string(d), bad)
	return next
}

// appendExcerpt quotes what stands at pos: a delimiter, what cannot stand
// anywhere, or the token up to the next delimiter.
func appendExcerpt(d, raw []byte, pos int) []byte {
	const most = 32
	if pos >= len(raw) {
		return append(d, "the end of the input"...)
	}
	b := raw[pos:]
	r, n := utf8.DecodeRune(b)
	switch {
	case b[0] == '\n':
		return append(d, "the end of the line"...)
	case b[0] == ' ':
		return append(d, "a space"...)
	case b[0] == ',', b[0] == '=', isControl(b[0]), r == utf8.RuneError && n == 1:
		return strconv.AppendQuote(d, asString(b[:n]))
	}
	for i, c := range b[:min(len(b), most)] {
		if i > 0 && (c == ',' || c == ' ' || c == '\r' || c == '\n') {
			return strconv.AppendQuote(d, asString(b[:i]))
		}
	}
	if len(b) <= most {
		return strconv.AppendQuote(d, asString(b))
	}
	n = most
	for n > most-utf8.UTFMax && !utf8.RuneStart(b[n]) {
		n--
	}
	return append(strconv.AppendQuote(d, asString(b[:n])), "..."...)
}
