package otlp

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/belfry-city/belfry/collector/reading"
)

const (
	// maxNesting bounds what the decoder has to recurse into, so that no request
	// can exhaust the stack. Attributes are refused long before, one by one.
	maxNesting = 10_000
	// perMessage and perNumber are about what an embedded message, and an element
	// of a list of numbers, take in memory.
	perMessage = 128
	perNumber  = 24
	// blowUp is how many times the largest body a request may take in memory.
	blowUp = 16
)

// refusal is why a whole request is not taken.
type refusal struct {
	reason reading.Reason
	text   string
}

func (r *refusal) Error() string { return r.text }

func refusef(reason reading.Reason, format string, args ...any) *refusal {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

var errMemory = &refusal{reading.ReasonTooLarge, "the request has so many parts that it would not fit into memory; send smaller batches"}

// message is a message of the protocol, as far as its parts have to be told
// apart. https://github.com/open-telemetry/opentelemetry-proto
type message int

const (
	leaf message = iota
	ofRequest
	ofResourceMetrics
	ofWithAttributes // Resource, whose attributes are field 1
	ofScopeMetrics
	ofScope
	ofMetric
	ofGauge
	ofSum
	ofHistogram
	ofExponential
	ofSummary
	ofNumberPoint
	ofHistogramPoint
	ofExponentialPoint
	ofSummaryPoint
	ofExemplar
	ofBuckets
	ofKeyValue
	ofAnyValue
	ofArrayValue
	ofKeyValueList
)

// part is the message in a field of m, or leaf.
func (m message) part(field protowire.Number) message {
	switch m {
	case ofRequest:
		return at(field, 1, ofResourceMetrics)
	case ofResourceMetrics:
		return max(at(field, 1, ofWithAttributes), at(field, 2, ofScopeMetrics))
	case ofWithAttributes, ofKeyValueList:
		return at(field, 1, ofKeyValue)
	case ofScopeMetrics:
		return max(at(field, 1, ofScope), at(field, 2, ofMetric))
	case ofScope:
		return at(field, 3, ofKeyValue)
	case ofMetric:
		return metricPart(field)
	case ofGauge:
		return at(field, 1, ofNumberPoint)
	case ofSum:
		return at(field, 1, ofNumberPoint)
	case ofHistogram:
		return at(field, 1, ofHistogramPoint)
	case ofExponential:
		return at(field, 1, ofExponentialPoint)
	case ofSummary:
		return at(field, 1, ofSummaryPoint)
	case ofNumberPoint:
		return max(at(field, 7, ofKeyValue), at(field, 5, ofExemplar))
	case ofHistogramPoint:
		return max(at(field, 9, ofKeyValue), at(field, 8, ofExemplar))
	case ofExponentialPoint:
		return max(at(field, 1, ofKeyValue), at(field, 11, ofExemplar), at(field, 8, ofBuckets), at(field, 9, ofBuckets))
	case ofSummaryPoint:
		return at(field, 7, ofKeyValue)
	case ofExemplar:
		return at(field, 7, ofKeyValue)
	case ofKeyValue:
		return at(field, 2, ofAnyValue)
	case ofAnyValue:
		return max(at(field, 5, ofArrayValue), at(field, 6, ofKeyValueList))
	case ofArrayValue:
		return at(field, 1, ofAnyValue)
	}
	return leaf
}

func metricPart(field protowire.Number) message {
	switch field {
	case 5:
		return ofGauge
	case 7:
		return ofSum
	case 9:
		return ofHistogram
	case 10:
		return ofExponential
	case 11:
		return ofSummary
	case 12:
		return ofKeyValue // metadata
	}
	return leaf
}

func at(field, want protowire.Number, m message) message {
	if field == want {
		return m
	}
	return leaf
}

// scan walks through a request in protobuf, and says how much memory it will
// take. It finds what is truncated or malformed, at no cost but time.
func scan(body []byte, limit int64) *refusal {
	s := scanner{whole: body, left: limit}
	return s.walk(body, ofRequest, 0)
}

type scanner struct {
	whole []byte
	left  int64
}

func (s *scanner) walk(b []byte, m message, depth int) *refusal {
	if depth > maxNesting {
		return refusef(reading.ReasonTooDeep, "the request is nested more than %d deep", maxNesting)
	}
	if s.left -= perMessage; s.left < 0 {
		return errMemory
	}
	for len(b) > 0 {
		field, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return s.broken(b, protowire.ParseError(n))
		}
		b = b[n:]
		if typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(field, typ, b); n < 0 {
				return s.broken(b, protowire.ParseError(n))
			}
			b = b[n:]
			continue
		}
		inner, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return s.broken(b, protowire.ParseError(n))
		}
		switch part := m.part(field); part {
		case leaf:
			if s.left -= int64(len(inner)); s.left < 0 {
				return errMemory
			}
		case ofBuckets: // each byte may be a count
			if s.left -= perMessage + perNumber*int64(len(inner)); s.left < 0 {
				return errMemory
			}
		default:
			if r := s.walk(inner, part, depth+1); r != nil {
				return r
			}
		}
		b = b[n:]
	}
	return nil
}

func (s *scanner) broken(rest []byte, err error) *refusal {
	return refusef(reading.ReasonSyntax, "byte %d of the body: want a message of OTLP in protobuf; %v", cap(s.whole)-cap(rest), err) // of one array
}

// scanJSON does the same for JSON, of which the decoder finds the mistakes.
func scanJSON(body []byte, limit int64) *refusal {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			limit -= perMessage
			if depth++; depth > maxNesting {
				return refusef(reading.ReasonTooDeep, "the request is nested more than %d deep", maxNesting)
			}
		case '}', ']':
			depth--
		case ',':
			limit -= perNumber
		}
		if limit < 0 {
			return errMemory
		}
	}
	return nil
}
