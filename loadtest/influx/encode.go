package influx

import (
	"fmt"
	"strconv"
	"time"

	"github.com/belfry-city/belfry/loadtest/city"
)

// timestampWidth is the width of nanoseconds since the epoch from 2001 to 2286.
const timestampWidth = 19

// Encoder writes readings as line protocol. It is safe for concurrent use.
type Encoder struct {
	attributes []string
}

// NewEncoder makes an encoder that tags each line with the asset's id and with
// the attributes named, such as street; city.Asset.Attribute says which there
// are. A server with a catalog needs none.
func NewEncoder(attributes ...string) (*Encoder, error) {
	for _, name := range attributes {
		if _, ok := new(city.Asset).Attribute(name); !ok || name == "asset" {
			return nil, fmt.Errorf("tagging lines: assets have no attribute %q to add", name)
		}
	}
	return &Encoder{attributes: attributes}, nil
}

// AppendLine appends the line, with its newline and its time in nanoseconds,
// that the stream sends at the instant. Nothing is appended while the device is
// silent.
func (e *Encoder) AppendLine(dst []byte, s *city.Stream, at time.Time) []byte {
	return e.appendLine(dst, s, at, nil)
}

// span is where a field's value is in the encoded bytes.
type span struct{ from, to int }

// appendLine also notes where the values are, unless spans is nil.
func (e *Encoder) appendLine(dst []byte, s *city.Stream, at time.Time, spans *[]span) []byte {
	var room [8]float64
	values, ok := s.Read(at, room[:0])
	if !ok {
		return dst
	}
	dst = e.appendKey(dst, s)
	for i, v := range values {
		dst = append(dst, separator(i))
		dst = appendEscaped(dst, s.Fields[i].Name)
		dst = append(dst, '=')
		from := len(dst)
		dst = appendValue(dst, v, s.Fields[i].Decimals)
		if spans != nil {
			*spans = append(*spans, span{from, len(dst)})
		}
	}
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, at.UnixMilli()*int64(time.Millisecond), 10)
	return append(dst, '\n')
}

func separator(field int) byte {
	if field == 0 {
		return ' '
	}
	return ','
}

func (e *Encoder) appendKey(dst []byte, s *city.Stream) []byte {
	dst = appendEscaped(dst, s.Measurement)
	dst = append(dst, ",asset="...)
	dst = appendEscaped(dst, s.Asset.ID)
	for _, name := range e.attributes {
		if value, _ := s.Asset.Attribute(name); value != "" {
			dst = append(dst, ',')
			dst = append(dst, name...)
			dst = append(dst, '=')
			dst = appendEscaped(dst, value)
		}
	}
	for _, l := range s.Labels {
		dst = append(dst, ',')
		dst = appendEscaped(dst, l.Name)
		dst = append(dst, '=')
		dst = appendEscaped(dst, l.Value)
	}
	return dst
}

func appendValue(dst []byte, v float64, decimals int) []byte {
	if decimals == 0 {
		return append(strconv.AppendInt(dst, int64(v), 10), 'i')
	}
	return strconv.AppendFloat(dst, v, 'f', decimals, 64)
}

func appendEscaped(dst []byte, s string) []byte {
	for i := range len(s) {
		switch s[i] {
		case ' ', ',', '=', '\\':
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return dst
}
