package hj212

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"strconv"
	"time"

	"github.com/belfry-city/belfry/collector/reading"
)

// A report that is too long for one segment comes in parts, each acknowledged
// on its own; a device sends the next one when the one before it has been
// acknowledged (HJ 212-2017, tables C.49 and C.50). Each part begins with
// DataTime and ends where a pollutant ends. Other devices cut the data area
// wherever the segment is full, within a number if need be, or send the parts
// in another order. So a part is stored when all that is before it has been, or
// when it begins with DataTime; but for what at its end may go on in the next:
// the values of a pollutant behind which neither a flag nor a semicolon stands.

const (
	// mostReports is how many in parts one connection can have under way, and
	// mostHeld what it can have of them in memory, in bytes.
	mostReports = 8
	mostHeld    = 64 << 10
)

const dataTimeKey = "DataTime="

// part takes one part of a report.
func (c *conn) part(s *segment) {
	r, again := c.report(s)
	if again != nil {
		if c.partAgain(s, r, again) {
			return
		}
		c.end(r, "a part came again that is not in memory any more")
		r, _ = c.report(s)
	}
	r.station, r.sender = c.station, c.sender
	r.expires = c.now.Add(c.server.opts.PartTime)
	p := &part{qn: string(s.qn), sum: maphash.Bytes(c.server.seed, s.cp), due: newDue(c.answerTo(s)), cp: bytes.Clone(s.cp)}
	if p.due.answer != nil {
		r.settles = c.now.Add(c.server.opts.AnswerTime)
	}
	r.parts[s.pno] = p
	_, begins := dataTimeOf(p.cp)
	if before := r.parts[s.pno-1]; s.pno == 1 || begins || before != nil && before.taken {
		c.take(r, s.pno)
	}
	c.bound()
}

func (c *conn) answerTo(s *segment) []byte {
	if !s.wantsAnswer() {
		return nil
	}
	return s.appendAnswer(nil, c.server.sum, cnStored)
}

// partAgain takes a part that has come before: no answer came, or none in time.
// It is nothing new. It returns false where the part has to be stored once more,
// and only the device still has it.
func (c *conn) partAgain(s *segment, r *report, p *part) bool {
	switch {
	case p.due.left.Load() > 0:
		c.settleAll(r)
	case p.due.good():
		if answer := c.answerTo(s); answer != nil {
			c.send(answer)
		}
	default: // the disk has failed
		text, ok := r.text(s.pno)
		if !ok {
			return false
		}
		p.due = newDue(c.answerTo(s))
		c.storePart(r, p.qn, text, []*due{p.due})
		p.due.release(c)
	}
	return true
}

// take stores part n, and those behind it that have waited for it.
func (c *conn) take(r *report, n int) {
	for ; r.parts[n] != nil && !r.parts[n].taken; n++ {
		p, before, next := r.parts[n], r.parts[n-1], r.parts[n+1]
		text, dues := p.cp, []*due{p.due}
		if before != nil && len(before.tail) > 0 {
			if _, ok := dataTimeOf(text); ok {
				_, text = nextField(text)
			}
			text, dues = joinParts(before.tail, text), append(before.ends, p.due)
			before.tail, before.ends = nil, nil
		}
		cut := len(text)
		if n < r.pnum && (next == nil || !next.taken) {
			cut = r.safeCut(text)
		}
		if len(text)-cut > LongestSegment {
			cut = len(text) // what is that long has no end
		}
		if t, ok := dataTimeOf(text[:cut]); ok {
			r.dataTime = t
		}
		p.taken, p.cp = true, nil
		p.text, p.tail = bytes.Clone(text[:cut]), bytes.Clone(text[cut:])
		if cut > 0 {
			c.storePart(r, p.qn, p.text, dues)
		}
		ready := len(dues)
		switch {
		case cut == len(text):
		case cut > 0:
			ready--
		default:
			ready = 0
		}
		p.ends = dues[ready:]
		for _, d := range dues[:ready] {
			d.release(c)
		}
	}
}

// settleAll has those parts answered whose end may go on in a next one that the
// device does not send before it has its answer. What is in sight of a value is
// stored as one that is not fit for use; the whole one follows under its name.
func (c *conn) settleAll(r *report) {
	for _, n := range r.numbers() {
		p := r.parts[n]
		if text := cutValues(p.tail); len(p.ends) > 0 && len(text) > 0 && r.dataTime != "" {
			c.storePart(r, p.qn, text, p.ends)
		}
		for _, d := range p.ends {
			d.release(c)
		}
		p.ends = nil
	}
	r.settles = time.Time{}
}

// end gives up what has not come of a report. What is complete in the parts
// behind a gap is stored; they are not answered.
func (c *conn) end(r *report, why string) {
	c.forget(r)
	if r.done() {
		return
	}
	came := len(r.parts)
	var raw [][]byte
	for _, n := range r.numbers() {
		p := r.parts[n]
		if at := bytes.IndexByte(p.cp, ';') + 1; !p.taken && at > 0 && r.dataTime != "" {
			p.due.answer = nil
			raw = append(raw, p.cp[:at])
			p.cp = p.cp[at:]
			c.take(r, n)
		}
	}
	for _, n := range r.numbers() {
		if p := r.parts[n]; len(p.cp)+len(p.tail) > 0 {
			raw = append(raw, p.cp, p.tail)
		}
	}
	detail := fmt.Sprintf("%d of %d parts of a report of station %q came: %s", came, r.pnum, r.mn, why)
	c.refuse(reading.ReasonIncomplete, detail, bytes.Join(raw, nil))
}

// storePart submits a piece of a report as a segment of its own.
func (c *conn) storePart(r *report, qn string, text []byte, dues []*due) {
	m := c.message()
	for _, d := range dues {
		d.left.Add(1)
		m.dues = append(m.dues, d)
	}
	b := append(m.body, "QN="...)
	b = append(append(b, qn...), ";CN="...)
	b = strconv.AppendInt(b, int64(r.cn), 10)
	b = append(append(b, ";MN="...), r.mn...)
	b = append(b, ";CP=&&"...)
	if _, ok := dataTimeOf(text); !ok {
		b = append(b, r.dataTime...)
	}
	m.body = append(append(b, text...), "&&"...)
	m.submit(r.sender, r.station)
}

func dataTimeOf(text []byte) (string, bool) {
	if !bytes.HasPrefix(text, []byte(dataTimeKey)) {
		return "", false
	}
	item, _ := nextField(text)
	return string(item) + ";", true
}
