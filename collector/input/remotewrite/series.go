package remotewrite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/belfry-city/belfry/collector/reading"
)

// series is the one that is being read.
type series struct {
	open     bool
	from, to int // its message, in body
	pos      int // the next field behind the labels
	key      reading.Span
	any      bool // it had a value
	goesOn   bool // from an earlier part of the request
}

// Numbers of the fields of a series: what is 3 in one version is 4 in the other.
const (
	fieldLabels  = 1
	fieldSamples = 2
	fieldThird   = 3 // exemplars in version 1, histograms in version 2
	fieldFourth  = 4 // the other way round
	fieldMeta    = 5 // of version 2
)

// Tags of fields that are bytes.
const (
	tagLabels       = fieldLabels<<3 | wireBytes // in version 2: packed references
	tagLabelRef     = fieldLabels<<3 | wireVarint
	tagSamples      = fieldSamples<<3 | wireBytes
	tagHistogramsV1 = fieldFourth<<3 | wireBytes
)

var (
	errOddRefs = errors.New("a label without a value")
	errLabels  = fmt.Errorf("more than %d labels", maxLabels)
	errTooLong = errors.New("the labels are longer than limits.line")
	errNoValue = errors.New("neither a sample nor a histogram")
)

// openSeries reads the labels of the series at body[from:to].
func (p *Parser) openSeries(b *reading.Batch, from, to int) {
	p.series = series{open: true, from: from, to: to}
	p.refs = p.refs[:0]
	if to-from > longSeries {
		// What is in an earlier part cannot be taken back.
		late, err := p.hasLateLabels()
		if late && err == nil {
			err = p.reorder()
		}
		if err != nil {
			p.refuse(b, err)
			return
		}
	}
	if err := p.readLabels(); err != nil {
		p.refuse(b, err)
	}
}

// readLabels makes the key out of the labels at the beginning of the series.
func (p *Parser) readLabels() error {
	s := &p.series
	m := p.body[:s.to]
	pos := s.from
	if p.version == V2 {
		p.refs = p.refs[:0]
	}
	for pos < len(m) {
		var err error
		switch {
		case m[pos] == tagLabels:
			pos, err = p.readLabelField(m, pos+1)
		case m[pos] == tagLabelRef && p.version == V2:
			var ref uint64
			if ref, pos = varint(m, pos+1); pos < 0 {
				return varintError(pos)
			}
			p.refs = append(p.refs, uint32(ref))
		default:
			return p.closeLabels(pos)
		}
		if err != nil {
			return err
		}
		if len(p.refs) > 2*maxLabels {
			return errLabels
		}
	}
	return p.closeLabels(pos)
}

// readLabelField reads a label or some references, whose length is at pos.
func (p *Parser) readLabelField(m []byte, pos int) (next int, err error) {
	n, from := varint(m, pos)
	if from < 0 {
		return 0, varintError(from)
	}
	if n > uint64(len(m)-from) {
		return 0, errTruncated
	}
	to := from + int(n)
	if p.version == V1 {
		return to, nil
	}
	if n > 10*2*maxLabels {
		return 0, errLabels
	}
	packed := m[:to]
	for from < to {
		var ref uint64
		if ref, from = varint(packed, from); from < 0 {
			return 0, varintError(from)
		}
		p.refs = append(p.refs, uint32(ref))
	}
	return to, nil
}

// closeLabels completes the key; pos is behind the labels.
func (p *Parser) closeLabels(pos int) error {
	s := &p.series
	s.pos = pos
	if p.version == V2 {
		return p.spellKey()
	}
	if pos-s.from > p.opt.MaxSeries {
		return errTooLong
	}
	s.key = reading.Span{Off: uint32(s.from), Len: uint32(pos - s.from)}
	return nil
}

// spellKey writes the labels that refs stand for into the arena, as version 1
// has them, so that the versions have one speller, and what was refused can be
// read without the table of symbols.
func (p *Parser) spellKey() error {
	if len(p.refs)%2 != 0 {
		return errOddRefs
	}
	began := len(p.arena)
	a := p.arena // in a register
	for i := 0; i < len(p.refs); i += 2 {
		name, err := p.symbol(p.refs[i])
		if err != nil {
			return err
		}
		value, err := p.symbol(p.refs[i+1])
		if err != nil {
			return err
		}
		n := len(name) + len(value) + 2
		if len(a)-began+n+4 > p.opt.MaxSeries {
			return errTooLong
		}
		if n < 0x80 {
			a = append(a, tagLabels, byte(n), tagName)
		} else {
			a = append(binary.AppendUvarint(append(a, tagLabels), uint64(n)), tagName)
		}
		a = append(append(append(a, name...), tagValue), value...)
	}
	p.arena = a
	p.series.key = reading.Span{Off: uint32(began), Len: uint32(len(a) - began)}
	return nil
}

// symbol returns a symbol together with the length in front of it.
func (p *Parser) symbol(ref uint32) ([]byte, error) {
	if int(ref) >= len(p.symbols) {
		return nil, fmt.Errorf("a label refers to symbol %d of %d", ref, len(p.symbols))
	}
	at := int(p.symbols[ref])
	n, from := varint(p.body, at)
	return p.body[at : from+int(n)], nil
}

// readSeries adds what the open series holds, and closes it if that is all.
func (p *Parser) readSeries(b *reading.Batch, values int) {
	s := &p.series
	if s.goesOn && p.version == V2 {
		if err := p.spellKey(); err != nil {
			p.refuse(b, err)
			return
		}
	}
	began := markOf(b)
	m := p.body[:s.to]
	for s.pos < len(m) {
		if s.to-s.from > longSeries && (b.Samples()+len(b.Exemplars) >= values || p.heavy >= heavyPart) {
			s.goesOn = true
			p.setWhole(b, began)
			return
		}
		err := p.readOne(b, m)
		if errors.Is(err, errLateLabels) {
			began.restore(b)
			if err = p.reorder(); err == nil {
				err = p.readLabels()
			}
			m = p.body[:s.to]
		}
		if err != nil {
			began.restore(b)
			p.refuse(b, err)
			return
		}
	}
	p.setWhole(b, began)
	if p.version == V2 && !s.any {
		p.refuse(b, errNoValue)
	}
	s.open = false
}

// mark is how much a batch held.
type mark struct {
	points, fields, histograms, exemplars int
}

func markOf(b *reading.Batch) mark {
	return mark{len(b.Points), len(b.Fields), len(b.Histograms), len(b.Exemplars)}
}

func (m mark) restore(b *reading.Batch) {
	clear(b.Histograms[m.histograms:])
	clear(b.Exemplars[m.exemplars:])
	b.Points, b.Fields = b.Points[:m.points], b.Fields[:m.fields]
	b.Histograms, b.Exemplars = b.Histograms[:m.histograms], b.Exemplars[:m.exemplars]
}

var errLateLabels = errors.New("a label stands behind something else")

// readOne reads the field at series.pos.
func (p *Parser) readOne(b *reading.Batch, m []byte) error {
	s := &p.series
	if number, from, to := bytesField(m, s.pos); to >= 0 && number == fieldSamples {
		s.pos = to
		return p.addSample(b, m[from:to])
	}
	f, err := readField(m, s.pos)
	if err != nil {
		return err
	}
	switch f.number {
	case fieldLabels:
		if f.wire == wireBytes || f.wire == wireVarint && p.version == V2 {
			return errLateLabels
		}
		return f.wrongType()
	case fieldSamples, fieldThird, fieldFourth:
		if f.wire != wireBytes {
			return f.wrongType()
		}
	case fieldMeta:
		if f.wire != wireBytes && p.version == V2 {
			return f.wrongType()
		}
		s.pos = f.next
		return nil
	default:
		s.pos = f.next
		return nil
	}
	s.pos = f.next
	message := m[f.from:f.to]
	switch {
	case f.number == fieldSamples:
		return p.addSample(b, message)
	case (f.number == fieldThird) == (p.version == V2):
		return p.addHistogram(b, message)
	default:
		s.any = true
		return p.addExemplar(b, message)
	}
}

func (p *Parser) addSample(b *reading.Batch, message []byte) error {
	v, t, err := p.readSample(message)
	if err != nil {
		return fmt.Errorf("a sample: %w", err)
	}
	p.series.any = true
	b.Points = append(b.Points, reading.Point{Key: p.series.key, Time: t, Line: p.line, First: uint32(len(b.Fields)), Count: 1})
	b.Fields = append(b.Fields, reading.Field{Value: v})
	p.keep(tagSamples, message)
	return nil
}

// keep adds a message of version 2 to the series in the words of version 1.
func (p *Parser) keep(tag byte, message []byte) {
	if p.version == V2 {
		p.arena = append(binary.AppendUvarint(append(p.arena, tag), uint64(len(message))), message...)
	}
}

// Numbers of the fields of a sample; the tags are those of the usual encoding.
const (
	fieldValue   = 1
	fieldTime    = 2
	fieldStart   = 3 // of version 2; the store keeps none, as upstream's does not unless told
	tagValueBits = fieldValue<<3 | wireFixed64
	tagTime      = fieldTime<<3 | wireVarint
	tagStart     = fieldStart<<3 | wireVarint
)

func (p *Parser) readSample(m []byte) (v float64, t int64, err error) {
	at := 0
	if len(m) > 9 && m[0] == tagValueBits {
		v = math.Float64frombits(binary.LittleEndian.Uint64(m[1:]))
		at = 9
	}
	if at < len(m) && m[at] == tagTime { // a value of 0 is left out
		n, next := varint(m, at+1)
		if next > 0 && next < len(m) && m[next] == tagStart && p.version == V2 {
			_, next = varint(m, next+1)
		}
		if next == len(m) {
			return v, int64(n), nil
		}
	}
	return p.readAnySample(m)
}

func (p *Parser) readAnySample(m []byte) (v float64, t int64, err error) {
	for pos := 0; pos < len(m); {
		f, err := readField(m, pos)
		if err != nil {
			return 0, 0, err
		}
		want := f.wire
		switch {
		case f.number == fieldValue:
			v, want = f.float(), wireFixed64
		case f.number == fieldTime:
			t, want = int64(f.value), wireVarint
		case f.number == fieldStart && p.version == V2:
			want = wireVarint
		}
		if f.wire != want {
			return 0, 0, f.wrongType()
		}
		pos = f.next
	}
	return v, t, nil
}

// setWhole says what the values since m came out of.
func (p *Parser) setWhole(b *reading.Batch, m mark) {
	s := &p.series
	whole := reading.Span{Off: uint32(s.from), Len: uint32(s.to - s.from)}
	if p.version == V2 {
		whole = reading.Span{Off: s.key.Off, Len: uint32(len(p.arena)) - s.key.Off}
	}
	for i := m.points; i < len(b.Points); i++ {
		b.Points[i].Whole = whole
	}
	for i := m.histograms; i < len(b.Histograms); i++ {
		b.Histograms[i].Whole = whole
	}
}

// refuse refuses the open series.
func (p *Parser) refuse(b *reading.Batch, err error) {
	reason := reading.ReasonSyntax
	switch {
	case errors.Is(err, errTooLong), errors.Is(err, errBuckets):
		reason = reading.ReasonTooLong
	case errors.Is(err, errLabels):
		reason = reading.ReasonBadSeries
	case errors.Is(err, errNoValue):
		reason = reading.ReasonMissing
	}
	p.series.open = false
	b.Refuse(p.line, reason, err.Error(), p.body[p.series.from:p.series.to])
}
