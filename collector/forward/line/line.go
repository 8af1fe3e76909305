package line

import (
	"math"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Names says how a metric's name becomes a measurement and a field.
type Names string

// The values of Names.
const (
	// NamesSplit divides at the last underscore: gas_ch4_lel_percent becomes the
	// measurement gas_ch4_lel with the field percent, which VictoriaMetrics,
	// Telegraf and Belfry put together again. See Encoder for the other names.
	NamesSplit Names = "split"
	// NamesValue makes the whole name the measurement, and the field `value`.
	NamesValue Names = "value"
	// NamesBare makes the whole name the field, of no measurement, which only
	// VictoriaMetrics takes.
	NamesBare Names = "bare"
)

// Dialect is whose line protocol is written. They differ in what a backslash
// means, in whether a line may go without a measurement, and in infinity.
type Dialect string

// The values of Dialect.
const (
	// InfluxDB is that of InfluxDB, Telegraf and Belfry.
	InfluxDB Dialect = "influxdb"
	// VictoriaMetrics is that of VictoriaMetrics and vmagent, as in v1.148
	// (lib/protoparser/influx): `\\` is one backslash, the measurement may be
	// missing, +Inf and -Inf are numbers.
	VictoriaMetrics Dialect = "victoriametrics"
)

// Encoder spells series. With NamesSplit, a name that has no underscore between
// two parts, or only one in front of `value`, is written without a measurement
// for VictoriaMetrics, and as a measurement with the field `value` for others.
type Encoder struct {
	Names   Names
	Dialect Dialect
}

// AppendKey appends what stands in front of the value in each line of a series:
// measurement, tags, field and `=`. ok is false where line protocol cannot carry
// the series: it has no name, a line break in a name or value, and, for InfluxDB,
// a backslash at the end of one or a measurement that begins with #; for
// VictoriaMetrics, which has no escape for it there, a double quote in the field.
func (e Encoder) AppendKey(dst []byte, lset labels.Labels) (key []byte, ok bool) {
	name := lset.Get(model.MetricNameLabel)
	if name == "" {
		return dst, false
	}
	measurement, field := e.divide(name)
	if e.Dialect != VictoriaMetrics && measurement[0] == '#' {
		return dst, false
	}
	start := len(dst)
	dst, ok = e.appendToken(dst, measurement, ", ")
	if !ok {
		return dst[:start], false
	}
	fits := true
	lset.Range(func(l labels.Label) {
		if l.Name == model.MetricNameLabel || !fits {
			return
		}
		var nameFits, valueFits bool
		dst = append(dst, ',')
		dst, nameFits = e.appendToken(dst, l.Name, ",= ")
		dst = append(dst, '=')
		dst, valueFits = e.appendToken(dst, l.Value, ",= ")
		fits = nameFits && valueFits && l.Value != ""
	})
	dst = append(dst, ' ')
	dst, ok = e.appendToken(dst, field, ",= ")
	if !ok || !fits || e.Dialect == VictoriaMetrics && strings.Contains(field, `"`) {
		return dst[:start], false
	}
	return append(dst, '='), true
}

// divide finds measurement and field. Neither of Telegraf's and Belfry's, which
// take a field called value for no part of the name, nor VictoriaMetrics', which
// puts it behind the measurement, is then misled.
func (e Encoder) divide(name string) (measurement, field string) {
	if e.Names == NamesValue {
		return name, "value"
	}
	bare := e.Dialect == VictoriaMetrics && (e.Names == NamesBare || name[0] == '#')
	for end := len(name); !bare; {
		end = strings.LastIndexByte(name[:end], '_')
		if end <= 0 {
			break
		}
		field := name[end+1:]
		if field != "" && field != "value" && !strings.Contains(field, `"`) {
			return name[:end], field
		}
	}
	if e.Dialect == VictoriaMetrics {
		return "", name
	}
	return name, "value"
}

// appendToken appends text with a backslash in front of special characters.
func (e Encoder) appendToken(dst []byte, text, special string) ([]byte, bool) {
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '\n':
			return dst, false
		case c == '\\' && e.Dialect == VictoriaMetrics:
			dst = append(dst, '\\')
		case c == '\\' && i == len(text)-1:
			return dst, false
		case strings.IndexByte(special, c) >= 0:
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return dst, true
}

// Carries says whether a line can hold v. None can hold NaN, and so no marker of
// staleness either.
func (e Encoder) Carries(v float64) bool {
	return !math.IsNaN(v) && (e.Dialect == VictoriaMetrics || !math.IsInf(v, 0))
}

// exact is below what every float64 that is a whole number is exact.
const exact = 1 << 53

// AppendSample appends the line of one sample, t in milliseconds since the
// epoch. The value is the shortest text that reads back as v.
func AppendSample(dst []byte, key string, v float64, t int64) []byte {
	dst = append(dst, key...)
	if n := int64(v); float64(n) == v && n != 0 && -exact < n && n < exact {
		dst = strconv.AppendInt(dst, n, 10)
	} else {
		dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
	}
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, t, 10)
	return append(dst, '\n')
}
