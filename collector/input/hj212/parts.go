package hj212

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/belfry-city/belfry/collector/reading"
)

// A report that is too long for one segment comes in parts, each acknowledged
// on its own; a device sends the next one when the one before it has been
// acknowledged (HJ 212-2017, tables C.49 and C.50). Each part begins with
// DataTime and ends where a pollutant ends. Other devices cut the data area
// wherever the segment is full, within a number if need be. So a part is stored
// as it comes, but for what at its end may go on in the next: the values of a
// pollutant whose flag has not been seen.
type assembly struct {
	mn       string
	cn, pnum int
	dataTime string // `DataTime=...;`
	// last, qn and text are number, QN and stored text of the last part that
	// came. It comes again when its answer was lost.
	last int
	qn   string
	text []byte
	// tail is the end of the last part that waits for the next, and waiting
	// are the answers to those whose end is in it.
	tail    []byte
	waiting []byte
	expires time.Time
}

func (a *assembly) done() bool { return a.last == a.pnum }

func (a *assembly) isLast(s *segment) bool { return s.pno == a.last && a.qn == string(s.qn) }

// mostAssemblies is how many reports in parts one connection can have under way.
const mostAssemblies = 8

const dataTimeKey = "DataTime="

// part takes one part of a report.
func (c *conn) part(s *segment) {
	a := c.assembly(s)
	if a == nil {
		return
	}
	a.expires = c.now.Add(c.server.opts.PartTime)
	var answer []byte
	if s.wantsAnswer() {
		answer = s.appendAnswer(nil, c.server.sum, cnStored)
	}
	if a.isLast(s) {
		c.partAgain(s, a, answer)
		return
	}
	if bytes.HasPrefix(s.cp, []byte(dataTimeKey)) {
		c.endPart(s, a)
	}
	text := joinParts(a.tail, s.cp)
	cut := len(text)
	if s.pno < s.pnum {
		cut = safeCut(text)
	}
	if len(text)-cut > LongestSegment {
		cut = len(text) // what is that long has no end
	}
	if t, ok := dataTimeOf(text[:cut]); ok {
		a.dataTime = t
	}
	held := a.waiting
	switch {
	case cut == len(text):
		c.storePart(s, a, text, append(held, answer...))
		a.waiting = nil
	case cut > 0:
		c.storePart(s, a, text[:cut], held)
		a.waiting = answer
	default:
		a.waiting = append(held, answer...)
	}
	a.last, a.qn = s.pno, string(s.qn)
	a.text, a.tail = bytes.Clone(text[:cut]), bytes.Clone(text[cut:])
}

// partAgain takes a part that was sent again because no answer came. If that is
// because its end was waited for, it is the end.
func (c *conn) partAgain(s *segment, a *assembly, answer []byte) {
	if len(a.tail) > 0 {
		c.endPart(s, a)
		return
	}
	c.storePart(s, a, a.text, answer)
}

// endPart stores what has waited for a next part that has nothing to add.
func (c *conn) endPart(s *segment, a *assembly) {
	if len(a.tail) == 0 {
		return
	}
	c.storePart(s, a, a.tail, a.waiting)
	a.text = append(append(a.text, ';'), a.tail...)
	a.tail, a.waiting = nil, nil
}

// assembly finds the report that a part belongs to, or begins it. A part that
// can't be joined to anything is refused, and nil returned.
func (c *conn) assembly(s *segment) *assembly {
	for _, a := range c.parts {
		if a.cn != s.cn || a.mn != string(s.mn) {
			continue
		}
		if a.pnum == s.pnum && (a.isLast(s) || s.pno == a.last+1) {
			return a
		}
		c.refuseParts(a, "other parts came")
		c.forget(a)
		break
	}
	if s.pno > 1 && !bytes.HasPrefix(s.cp, []byte(dataTimeKey)) {
		c.refuse(reading.ReasonIncomplete, fmt.Sprintf("part %d of %d came without those before it", s.pno, s.pnum), s.cp)
		return nil
	}
	if len(c.parts) == mostAssemblies {
		c.refuseParts(c.parts[0], "too many reports in parts at once")
		c.forget(c.parts[0])
	}
	a := &assembly{mn: string(s.mn), cn: s.cn, pnum: s.pnum}
	c.parts = append(c.parts, a)
	return a
}

func (c *conn) forget(a *assembly) {
	for i, open := range c.parts {
		if open == a {
			c.parts = append(c.parts[:i], c.parts[i+1:]...)
			return
		}
	}
}

// storePart submits a piece of a report as a segment of its own.
func (c *conn) storePart(s *segment, a *assembly, text, answer []byte) {
	m := c.message()
	m.answer = append(m.answer, answer...)
	b := append(m.body, "QN="...)
	b = append(append(b, s.qn...), ";CN="...)
	b = strconv.AppendInt(b, int64(s.cn), 10)
	b = append(append(b, ";MN="...), s.mn...)
	b = append(b, ";CP=&&"...)
	if _, ok := dataTimeOf(text); !ok {
		b = append(b, a.dataTime...)
	}
	m.body = append(append(b, text...), "&&"...)
	m.submit()
}

func dataTimeOf(text []byte) (string, bool) {
	if !bytes.HasPrefix(text, []byte(dataTimeKey)) {
		return "", false
	}
	item, _ := nextField(text)
	return string(item) + ";", true
}

// joinParts puts text behind tail, with a separator if it begins with a field
// and not within one.
func joinParts(tail, text []byte) []byte {
	if len(tail) == 0 {
		return text
	}
	joined := bytes.Clone(tail)
	last := joined
	if at := bytes.LastIndexAny(joined, ";,"); at >= 0 {
		last = joined[at+1:]
	}
	first, _ := nextField(text)
	if f, ok := parseField(first); ok && f.kind > bare && bytes.IndexByte(last, '=') >= 0 {
		joined = append(joined, ';')
	}
	return append(joined, text...)
}

// safeCut returns where the values of the last pollutant begin, unless its flag
// is there too, which says that they are complete.
func safeCut(text []byte) int {
	cut, complete := 0, false
	var code []byte
	for rest := text; len(rest) > 0; {
		item, next := nextField(rest)
		at := len(text) - len(rest)
		rest = next
		f, ok := parseField(item)
		switch {
		case len(bytes.TrimSpace(item)) == 0:
			continue
		case !ok:
			// It may be the beginning of the flag.
			if complete {
				cut = at
			}
			return cut
		case f.kind == bare || !bytes.EqualFold(f.code, code):
			cut, code, complete = at, f.code, false
		}
		if f.kind == flagged && len(f.value) > 0 {
			complete = true
		}
	}
	if complete {
		return len(text)
	}
	return cut
}

func (c *conn) expireParts() {
	for i := 0; i < len(c.parts); {
		a := c.parts[i]
		if c.now.Before(a.expires) {
			i++
			continue
		}
		c.refuseParts(a, fmt.Sprintf("the next part did not come within %s", c.server.opts.PartTime))
		c.forget(a)
	}
}

func (c *conn) dropParts(why string) {
	for _, a := range c.parts {
		c.refuseParts(a, why)
	}
	c.parts = nil
}

// refuseParts counts a report of which not all parts came.
func (c *conn) refuseParts(a *assembly, why string) {
	if a.done() {
		return
	}
	c.refuse(reading.ReasonIncomplete, fmt.Sprintf("%d of %d parts of a report of station %q came: %s", a.last, a.pnum, a.mn, why), a.tail)
}
