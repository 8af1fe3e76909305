package remotewrite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/prometheus/prometheus/model/histogram"

	"github.com/belfry-city/belfry/collector/reading"
)

// maxBuckets is how many buckets or spans one side of a histogram may have. At
// the finest resolution they span a factor of 2 to the power of 256.
const maxBuckets = 1 << 16

var errBuckets = fmt.Errorf("a histogram with more than %d buckets", maxBuckets)

// Numbers of the fields of a histogram, in both versions.
const (
	fieldCountInt       = 1
	fieldCountFloat     = 2
	fieldSum            = 3
	fieldSchema         = 4
	fieldZeroThreshold  = 5
	fieldZeroCountInt   = 6
	fieldZeroCountFloat = 7
	fieldNegativeSpans  = 8
	fieldNegativeDeltas = 9
	fieldNegativeCounts = 10
	fieldPositiveSpans  = 11
	fieldPositiveDeltas = 12
	fieldPositiveCounts = 13
	fieldResetHint      = 14
	fieldHistogramTime  = 15
	fieldCustomValues   = 16
	fieldHistogramStart = 17 // of version 2
)

// wireHistogram is a histogram as the message has it: integer or float is told
// by the count that comes last.
type wireHistogram struct {
	isFloat       bool
	countInt      uint64
	countFloat    float64
	zeroInt       uint64
	zeroFloat     float64
	sum           float64
	schema        int32
	zeroThreshold float64
	hint          histogram.CounterResetHint
	time          int64
	negative      side
	positive      side
	customValues  []float64
}

// side are the buckets on one side of zero.
type side struct {
	spans  []histogram.Span
	deltas []int64
	counts []float64
}

func (p *Parser) addHistogram(b *reading.Batch, message []byte) error {
	var w wireHistogram
	for pos := 0; pos < len(message); {
		f, err := readField(message, pos)
		if err == nil {
			err = w.set(f, message, p.version)
		}
		if err != nil {
			return fmt.Errorf("a histogram: %w", err)
		}
		pos = f.next
	}
	p.series.any = true
	h := reading.Histogram{Key: p.series.key, Time: w.time, Line: p.line}
	h.Integer, h.Float = w.histogram()
	b.Histograms = append(b.Histograms, h)
	p.heavy += 256 + 8*(len(w.positive.spans)+len(w.positive.deltas)+len(w.positive.counts)+
		len(w.negative.spans)+len(w.negative.deltas)+len(w.negative.counts)+len(w.customValues))
	p.keep(tagHistogramsV1, message)
	return nil
}

func (w *wireHistogram) histogram() (*histogram.Histogram, *histogram.FloatHistogram) {
	if w.isFloat {
		return nil, &histogram.FloatHistogram{
			CounterResetHint: w.hint, Schema: w.schema, ZeroThreshold: w.zeroThreshold,
			ZeroCount: w.zeroFloat, Count: w.countFloat, Sum: w.sum,
			PositiveSpans: w.positive.spans, PositiveBuckets: w.positive.counts,
			NegativeSpans: w.negative.spans, NegativeBuckets: w.negative.counts,
			CustomValues: w.customValues,
		}
	}
	return &histogram.Histogram{
		CounterResetHint: w.hint, Schema: w.schema, ZeroThreshold: w.zeroThreshold,
		ZeroCount: w.zeroInt, Count: w.countInt, Sum: w.sum,
		PositiveSpans: w.positive.spans, PositiveBuckets: w.positive.deltas,
		NegativeSpans: w.negative.spans, NegativeBuckets: w.negative.deltas,
		CustomValues: w.customValues,
	}, nil
}

// set takes one field of the message m.
func (w *wireHistogram) set(f field, m []byte, v Version) (err error) {
	switch f.number {
	case fieldNegativeSpans:
		return w.negative.addSpan(f, m)
	case fieldPositiveSpans:
		return w.positive.addSpan(f, m)
	case fieldNegativeDeltas:
		w.negative.deltas, err = appendDeltas(w.negative.deltas, f, m)
		return err
	case fieldPositiveDeltas:
		w.positive.deltas, err = appendDeltas(w.positive.deltas, f, m)
		return err
	case fieldNegativeCounts:
		w.negative.counts, err = appendFloats(w.negative.counts, f, m)
		return err
	case fieldPositiveCounts:
		w.positive.counts, err = appendFloats(w.positive.counts, f, m)
		return err
	case fieldCustomValues:
		w.customValues, err = appendFloats(w.customValues, f, m)
		return err
	}
	return w.setNumber(f, v)
}

func (w *wireHistogram) setNumber(f field, v Version) error {
	want := wireVarint
	switch f.number {
	case fieldCountInt:
		w.countInt, w.countFloat, w.isFloat = f.value, 0, false
	case fieldCountFloat:
		w.countInt, w.countFloat, w.isFloat, want = 0, f.float(), true, wireFixed64
	case fieldZeroCountInt:
		w.zeroInt, w.zeroFloat = f.value, 0
	case fieldZeroCountFloat:
		w.zeroInt, w.zeroFloat, want = 0, f.float(), wireFixed64
	case fieldSum:
		w.sum, want = f.float(), wireFixed64
	case fieldSchema:
		w.schema = zigzag32(f.value)
	case fieldZeroThreshold:
		w.zeroThreshold, want = f.float(), wireFixed64
	case fieldResetHint:
		w.hint = histogram.CounterResetHint(f.value)
	case fieldHistogramTime:
		w.time = int64(f.value)
	case fieldHistogramStart:
		if v == V1 {
			return nil
		}
	default:
		return nil
	}
	if f.wire != want {
		return f.wrongType()
	}
	return nil
}

func (s *side) addSpan(f field, m []byte) error {
	if f.wire != wireBytes {
		return f.wrongType()
	}
	if len(s.spans) == maxBuckets {
		return errBuckets
	}
	var span histogram.Span
	message := m[f.from:f.to]
	for pos := 0; pos < len(message); {
		f, err := readField(message, pos)
		if err != nil {
			return err
		}
		switch f.number {
		case 1:
			span.Offset = zigzag32(f.value)
		case 2:
			span.Length = uint32(f.value)
		}
		if f.number <= 2 && f.wire != wireVarint {
			return f.wrongType()
		}
		pos = f.next
	}
	s.spans = append(s.spans, span)
	return nil
}

var errHalfNumber = errors.New("a list of numbers ends in the middle of one")

// appendDeltas takes numbers packed or one by one, as protobuf demands.
func appendDeltas(to []int64, f field, m []byte) ([]int64, error) {
	switch f.wire {
	case wireVarint:
		to = append(to, zigzag(f.value))
	case wireBytes:
		packed := m[f.from:f.to]
		n := 0
		for _, c := range packed {
			if c < 0x80 {
				n++
			}
		}
		if len(to)+n > maxBuckets {
			return to, errBuckets
		}
		if to == nil && n > 0 {
			to = make([]int64, 0, n)
		}
		for pos := 0; pos < len(packed); {
			v, next := varint(packed, pos)
			if next < 0 {
				return to, errHalfNumber
			}
			to, pos = append(to, zigzag(v)), next
		}
	default:
		return to, f.wrongType()
	}
	if len(to) > maxBuckets {
		return to, errBuckets
	}
	return to, nil
}

func appendFloats(to []float64, f field, m []byte) ([]float64, error) {
	switch f.wire {
	case wireFixed64:
		to = append(to, f.float())
	case wireBytes:
		packed := m[f.from:f.to]
		if len(packed)%8 != 0 {
			return to, errHalfNumber
		}
		if len(to)+len(packed)/8 > maxBuckets {
			return to, errBuckets
		}
		if to == nil && len(packed) > 0 {
			to = make([]float64, 0, len(packed)/8)
		}
		for ; len(packed) > 0; packed = packed[8:] {
			to = append(to, math.Float64frombits(binary.LittleEndian.Uint64(packed)))
		}
	default:
		return to, f.wrongType()
	}
	if len(to) > maxBuckets {
		return to, errBuckets
	}
	return to, nil
}
