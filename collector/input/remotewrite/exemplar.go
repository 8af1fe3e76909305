package remotewrite

import (
	"fmt"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/collector/reading"
)

// Numbers of the fields of an exemplar: 1 are its labels.
const (
	fieldExemplarValue = 2
	fieldExemplarTime  = 3
)

// maxExemplar bounds the bytes of an exemplar. Its labels may have 128
// characters together, of at most four bytes each.
const maxExemplar = 2048

// exemplarBuilder puts the labels of exemplars together.
type exemplarBuilder struct {
	labels  labels.ScratchBuilder
	refs    []uint32
	strange bool // something cannot be stored
}

// addExemplar adds an exemplar to the open series. One that cannot be stored,
// such as one with too many labels, is left out, as upstream does.
func (p *Parser) addExemplar(b *reading.Batch, message []byte) error {
	if len(message) > maxExemplar {
		return nil
	}
	e := exemplar.Exemplar{}
	x := &p.build
	x.labels.Reset()
	x.refs, x.strange = x.refs[:0], false
	for pos := 0; pos < len(message); {
		f, err := readField(message, pos)
		if err != nil {
			return fmt.Errorf("an exemplar: %w", err)
		}
		want := f.wire
		switch {
		case f.number == fieldLabels && p.version == V2:
			err = p.addExemplarRefs(message, f)
		case f.number == fieldLabels:
			if want = wireBytes; f.wire == wireBytes {
				err = x.add(message[f.from:f.to])
			}
		case f.number == fieldExemplarValue:
			e.Value, want = f.float(), wireFixed64
		case f.number == fieldExemplarTime:
			e.Ts, want = int64(f.value), wireVarint
		}
		if err == nil && f.wire != want {
			err = f.wrongType()
		}
		if err != nil {
			return fmt.Errorf("an exemplar: %w", err)
		}
		pos = f.next
	}
	if err := p.addExemplarSymbols(); err != nil {
		return fmt.Errorf("an exemplar: %w", err)
	}
	if x.strange {
		return nil
	}
	x.labels.Sort()
	e.Labels, e.HasTs = x.labels.Labels(), e.Ts != 0
	b.Exemplars = append(b.Exemplars, reading.Exemplar{Key: p.series.key, Line: p.line, Exemplar: e})
	return nil
}

// add adds a label of version 1.
func (x *exemplarBuilder) add(message []byte) error {
	l, err := readLabel(message)
	if err == nil {
		x.addPair(l.Name, l.Value)
	}
	return err
}

func (x *exemplarBuilder) addPair(name, value []byte) {
	if len(name) == 0 || !utf8.Valid(name) || !utf8.Valid(value) {
		x.strange = true
		return
	}
	x.labels.Add(string(name), string(value))
}

func (p *Parser) addExemplarRefs(message []byte, f field) error {
	x := &p.build
	switch f.wire {
	case wireVarint:
		x.refs = append(x.refs, uint32(f.value))
	case wireBytes:
		packed := message[f.from:f.to]
		for pos := 0; pos < len(packed); {
			ref, next := varint(packed, pos)
			if next < 0 {
				return errHalfNumber
			}
			x.refs, pos = append(x.refs, uint32(ref)), next
		}
	default:
		return f.wrongType()
	}
	return nil
}

func (p *Parser) addExemplarSymbols() error {
	x := &p.build
	if len(x.refs)%2 != 0 {
		return errOddRefs
	}
	for i := 0; i < len(x.refs); i += 2 {
		name, err := p.symbol(x.refs[i])
		if err != nil {
			return err
		}
		value, err := p.symbol(x.refs[i+1])
		if err != nil {
			return err
		}
		name, value = withoutLength(name), withoutLength(value)
		if len(name)+len(value) > maxExemplar {
			x.strange = true
			continue
		}
		x.addPair(name, value)
	}
	return nil
}

func withoutLength(symbol []byte) []byte {
	_, at := varint(symbol, 0)
	return symbol[at:]
}
