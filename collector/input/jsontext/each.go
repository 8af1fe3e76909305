package jsontext

import (
	"bytes"

	"github.com/belfry-city/belfry/collector/reading"
)

// Part is one message of a body.
type Part struct {
	// N counts from 1.
	N int
	// Raw is the part as it was written, in UTF-8; of a broken part, what there
	// is of it. It may share memory with the body.
	Raw   []byte
	Value any
	Err   error // an *Error; Value is nil then
}

// maxParts bounds how many messages one body may hold, because what is made of
// them is stored as one batch.
const maxParts = 100_000

// Each calls yield for each message in body, until it returns false. A list at
// the top is a list of messages; values that follow one another, as in lines of
// JSON (NDJSON), are messages too. Values are those of Decode. What is broken
// is a Part with an error; where each message has a line of its own, those
// after it are still read.
func Each(body []byte, yield func(Part) bool) {
	text, err := UTF8(body)
	if err != nil {
		yield(Part{N: 1, Raw: body, Err: err})
		return
	}
	p := &parts{text: quoteNonFinite(text), yield: yield}
	if len(bytes.TrimLeft(p.text, space)) == 0 {
		p.give(0, 0, nil, &Error{Reason: reading.ReasonMissing, Text: "the message is empty"})
		return
	}
	for at := 0; p.more(at); {
		at = p.next(at)
	}
}

// parts is a body while it is read.
type parts struct {
	text  []byte
	yield func(Part) bool
	n     int
	from  int // where the part under way begins
	over  bool
	lines *bool // whether it seems to be one message a line; nil: not known yet
}

func (p *parts) more(at int) bool {
	return !p.over && len(bytes.TrimLeft(p.text[at:], space)) > 0
}

func (p *parts) give(from, to int, v any, err error) {
	p.n++
	if p.n > maxParts {
		v, err = nil, newError(p.text, from, reading.ReasonTooLarge, "", "more than 100000 messages in one body; the rest is not taken")
		p.over = true
	}
	raw := bytes.Trim(p.text[from:to], space+",")
	if !p.yield(Part{N: p.n, Raw: raw, Value: v, Err: err}) {
		p.over = true
	}
}

// next reads what begins at an offset, one value or a list of messages, and
// returns where to go on.
func (p *parts) next(at int) int {
	r := newReader(p.text, at)
	p.from = at
	var err error
	if r.dec.PeekKind() == '[' {
		err = p.list(r)
	} else {
		var v any
		if v, err = r.value(); err == nil {
			p.give(at, r.offset(), v, nil)
		}
	}
	switch {
	case p.over:
		return len(p.text)
	case err == nil:
		return r.offset()
	case p.isLines():
		return p.brokenLine(r.fail(err))
	}
	p.give(p.from, len(p.text), nil, r.fail(err))
	return len(p.text)
}

// brokenLine gives the line on which the part under way begins, and returns
// its end. What is wrong with it is found in the line itself, because in the
// text it may seem to go on in the next one.
func (p *parts) brokenLine(err *Error) int {
	start := len(p.text) - len(bytes.TrimLeft(p.text[p.from:], space+","))
	end := len(p.text)
	if n := bytes.IndexByte(p.text[start:], '\n'); n >= 0 {
		end = start + n
	}
	r := newReader(p.text[:end], start)
	if _, alone := r.value(); alone != nil {
		err = r.fail(alone)
	}
	p.give(start, end, nil, err)
	return end
}

// list reads the elements of a list at the top one by one, so that a long one
// takes no more memory than its longest element.
func (p *parts) list(r *reader) error {
	if err := r.open(); err != nil {
		return err
	}
	for r.dec.PeekKind() != ']' {
		p.from = r.offset()
		r.values = maxValues
		v, err := r.value()
		if err != nil {
			return err
		}
		if p.give(p.from, r.offset(), v, nil); p.over {
			return nil
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// isLines says whether the text looks like one object a line: at least half of
// its lines are whole ones.
func (p *parts) isLines() bool {
	if p.lines == nil {
		whole, all := 0, 0
		for line := range bytes.Lines(p.text) {
			line = bytes.Trim(line, space)
			if len(line) == 0 {
				continue
			}
			all++
			if line[0] == '{' && line[len(line)-1] == '}' {
				whole++
			}
		}
		is := all > 1 && 2*whole >= all
		p.lines = &is
	}
	return *p.lines
}
