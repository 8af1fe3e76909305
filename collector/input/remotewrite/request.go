package remotewrite

import (
	"errors"
	"fmt"

	"github.com/belfry-city/belfry/collector/reading"
)

// Version is that of the message.
type Version int

// The versions of the message.
const (
	V1 Version = 1 // prometheus.WriteRequest
	V2 Version = 2 // io.prometheus.write.v2.Request
)

// Options bound what a request may hold.
type Options struct {
	// MaxSeries is the most bytes that the labels of one series may take.
	MaxSeries int
}

const (
	// maxSymbols bounds the memory of the table of symbols to 4 MiB. A request
	// of 32 MiB has no more if they are 30 bytes long on average.
	maxSymbols = 1 << 20
	// maxLabels is how many labels a series may have.
	maxLabels = 256
	// arenaPart ends a part of a request of version 2: series are spelled out
	// in memory of the Parser's own.
	arenaPart = 1 << 20
	// heavyPart ends a part with histograms, by the bytes that they take.
	heavyPart = 4 << 20
	// longSeries is from how many bytes on a series may be read in several parts.
	longSeries = 64 << 10
)

// Numbers of the fields of a request.
const (
	fieldSeriesV1   = 1
	fieldMetadataV1 = 3
	fieldSymbolsV2  = 4
	fieldSeriesV2   = 5
)

// Parser reads requests, one after the other, and keeps its memory. It is not
// safe for concurrent use.
type Parser struct {
	body    []byte
	version Version
	opt     Options
	// symbols are the offsets of the lengths of the symbols, in body.
	symbols []uint32
	pos     int    // behind the last series that was begun
	line    uint32 // its number

	series series
	arena  []byte // version 2: series in the words of version 1
	heavy  int    // bytes of the histograms of the part

	refs    []uint32
	scratch []byte
	build   exemplarBuilder
}

// Begin takes a request. The Parser may reorder the fields of a series in body.
// An error means that the frame of the message is broken; nothing can be read
// then.
func (p *Parser) Begin(body []byte, v Version, opt Options) error {
	p.body, p.version, p.opt = body, v, opt
	p.symbols, p.pos, p.line, p.series = p.symbols[:0], 0, 0, series{}
	known, foreign := false, false
	series := p.seriesField()
	for pos := 0; pos < len(body); {
		if number, _, to := bytesField(body, pos); to >= 0 && number == series {
			pos, known = to, true
			continue
		}
		f, err := readField(body, pos)
		if err != nil {
			return fmt.Errorf("broken protobuf message, at byte %d: %w", pos, err)
		}
		switch {
		case f.number == series, v == V1 && f.number == fieldMetadataV1:
			known = true
		case v == V2 && f.number == fieldSymbolsV2:
			known = true
			if err := p.addSymbol(f); err != nil {
				return err
			}
		default:
			foreign = foreign || v == V1 && f.number == fieldSeriesV2 || v == V2 && f.number == fieldSeriesV1
			pos = f.next
			continue
		}
		if f.wire != wireBytes {
			return fmt.Errorf("broken protobuf message, at byte %d: %w", pos, f.wrongType())
		}
		pos = f.next
	}
	if foreign && !known {
		return errors.New("the message is not of the version that the Content-Type says")
	}
	return nil
}

func (p *Parser) seriesField() int32 {
	if p.version == V1 {
		return fieldSeriesV1
	}
	return fieldSeriesV2
}

func (p *Parser) addSymbol(f field) error {
	if len(p.symbols) == maxSymbols {
		return fmt.Errorf("more than %d symbols", maxSymbols)
	}
	// The length is the varint that ends where the bytes begin.
	at := f.from - 1
	for at > 0 && p.body[at-1] >= 0x80 {
		at--
	}
	p.symbols = append(p.symbols, uint32(at))
	return nil
}

// Some adds series of the request to b, an empty batch, until it has the given
// number of values or uses much memory, and says whether there is more. What
// cannot be taken becomes a refusal whose Line is the number of the series.
func (p *Parser) Some(b *reading.Batch, values int) (more bool) {
	p.arena, p.heavy = p.arena[:0], 0
	more = true
	for more && b.Samples()+len(b.Exemplars)+len(b.Refusals) < values && len(p.arena) < arenaPart && p.heavy < heavyPart {
		if more = p.series.open || p.nextSeries(b); more && p.series.open {
			p.readSeries(b, values)
		}
	}
	b.Raw = p.body
	if p.version == V2 {
		b.Raw = p.arena
	}
	return more
}

// nextSeries opens the next series and says whether there was one. One that is
// refused is not open.
func (p *Parser) nextSeries(b *reading.Batch) bool {
	series := p.seriesField()
	for p.pos < len(p.body) {
		if number, from, to := bytesField(p.body, p.pos); to >= 0 && number == series {
			p.pos = to
			p.line++
			p.openSeries(b, from, to)
			return true
		}
		f, err := readField(p.body, p.pos)
		if err != nil {
			return false // Begin would have said so
		}
		p.pos = f.next
		if f.number == series {
			p.line++
			p.openSeries(b, f.from, f.to)
			return true
		}
	}
	return false
}
