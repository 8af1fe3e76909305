package lineproto_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

// verdict is what becomes of one line: an entry, a refusal (no entry, and
// refused), or neither for a line that holds nothing.
type verdict struct {
	line    uint32
	refused bool
	entry   string
	// text is how many fields are text.
	text int
}

// model reads raw with the decoder of influxdata/line-protocol, one line at a
// time, because the decoder itself goes on behind a refused line in another
// place. It has the differences that doc.go lists.
func model(raw []byte, precision time.Duration) (verdicts []verdict) {
	lines := bytes.SplitAfter(raw, []byte("\n"))
	for i := 0; i < len(lines); {
		if strings.HasPrefix(strings.TrimLeft(string(lines[i]), " "), "#") {
			i++ // a comment, whatever it contains
			continue
		}
		v := verdict{line: uint32(i + 1)}
		n := 1
		empty := modelLine(lines[i], precision, &v)
		if bytes.IndexByte(lines[i], '"') >= 0 {
			// Perhaps text goes on in the following lines.
			for k := 2; v.refused && i+k <= len(lines); k++ {
				longer := verdict{line: v.line}
				modelLine(slices.Concat(lines[i:i+k]...), precision, &longer)
				if !longer.refused {
					v, n = longer, k
				}
			}
		}
		if !empty {
			verdicts = append(verdicts, v)
		}
		i += n
	}
	return verdicts
}

// modelLine reads the first entry of b. It returns true if there is none.
func modelLine(b []byte, precision time.Duration, v *verdict) (empty bool) {
	b = bytes.TrimLeft(b, " ") // from where the decoder counts columns
	for {
		d := lineprotocol.NewDecoderWithBytes(b)
		if !d.Next() {
			return true
		}
		entry, text, err := modelEntry(d, precision)
		if err == nil {
			v.refused, v.entry, v.text = false, entry, text
			return false
		}
		v.refused = true
		at, ok := invalidText(b, err)
		if !ok {
			return false
		}
		// Go on without it, since what text says is not looked at.
		b = slices.Clone(b)
		b[at] = 'x'
	}
}

// invalidText finds the first invalid byte of the text that the decoder refuses
// because it is no valid UTF-8.
func invalidText(b []byte, err error) (at int, ok bool) {
	var where *lineprotocol.DecodeError
	if !errors.As(err, &where) || !strings.Contains(err.Error(), "invalid utf-8") {
		return 0, false
	}
	for range where.Line - 1 {
		at += bytes.IndexByte(b[at:], '\n') + 1
	}
	at += where.Column - 1
	if at == 0 || b[at-1] != '"' {
		return 0, false // a name
	}
	for at < len(b) {
		r, n := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && n == 1 {
			return at, true
		}
		at += n
	}
	return 0, false
}

func modelEntry(d *lineprotocol.Decoder, precision time.Duration) (string, int, error) {
	name, err := d.Measurement()
	if err != nil {
		return "", 0, err
	}
	e := entry{measurement: string(name), fields: map[string]float64{}}
	for {
		key, value, err := d.NextTag()
		if err != nil {
			return "", 0, err
		}
		if key == nil {
			break
		}
		e.tags = append(e.tags, fmt.Sprintf("%q=%q", key, value))
	}
	text := 0
	for {
		key, kind, value, err := d.NextFieldBytes()
		if err != nil {
			return "", 0, err
		}
		if key == nil {
			break
		}
		if kind == lineprotocol.String {
			text++
			delete(e.fields, string(key))
			continue
		}
		if e.fields[string(key)], err = modelNumber(kind, value); err != nil {
			return "", 0, err
		}
	}
	stamp, err := d.TimeBytes()
	if err != nil {
		return "", 0, err
	}
	if e.time, err = modelTime(stamp, precision); err != nil {
		return "", 0, err
	}
	return e.String(), text, nil
}

func modelNumber(kind lineprotocol.ValueKind, b []byte) (float64, error) {
	if kind == lineprotocol.Float && strings.Trim(string(b), "0123456789.eE+-") != "" {
		return 0, fmt.Errorf("not decimal: %q", b)
	}
	v, err := lineprotocol.NewValueFromBytes(kind, b)
	if err != nil {
		return 0, err
	}
	switch v.Kind() {
	case lineprotocol.Int:
		return float64(v.IntV()), nil
	case lineprotocol.Uint:
		return float64(v.UintV()), nil
	case lineprotocol.Bool:
		if v.BoolV() {
			return 1, nil
		}
		return 0, nil
	default:
		return v.FloatV(), nil
	}
}

func modelTime(stamp []byte, precision time.Duration) (int64, error) {
	if stamp == nil {
		return now, nil
	}
	t, err := strconv.ParseInt(string(stamp), 10, 64)
	if err != nil {
		return 0, err
	}
	ms := new(big.Int).Mul(big.NewInt(t), big.NewInt(int64(precision)))
	ms.Div(ms, big.NewInt(1e6)) // rounds down, since the divisor is positive
	if !ms.IsInt64() {
		return 0, fmt.Errorf("%s ms is out of range", ms)
	}
	return ms.Int64(), nil
}

// entry is what a line says, whoever read it.
type entry struct {
	measurement string
	tags        []string
	fields      map[string]float64
	time        int64
}

// String writes e down, and is empty if no number is left.
func (e entry) String() string {
	if len(e.fields) == 0 {
		return ""
	}
	var fields []string
	for name, v := range e.fields {
		fields = append(fields, fmt.Sprintf("%q=%x", name, math.Float64bits(v)))
	}
	sort.Strings(fields)
	return fmt.Sprintf("%q %v %v @%d", e.measurement, e.tags, fields, e.time)
}

// entries writes the points of b down in the same way.
func entries(b *reading.Batch) map[uint32]string {
	all := map[uint32]string{}
	for _, p := range b.Points {
		e := entry{fields: map[string]float64{}, time: p.Time}
		e.measurement, e.tags = splitKey(b.Bytes(p.Key))
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			e.fields[unescaped(b.Bytes(f.Name), ",= ")] = f.Value
		}
		if len(e.fields) != int(p.Count) {
			all[p.Line] = "a field occurs twice"
			continue
		}
		all[p.Line] = e.String()
	}
	return all
}

// splitKey is the slow and obvious way to read a series key.
func splitKey(key []byte) (measurement string, tags []string) {
	parts := splitUnescaped(string(key), ',', ", ")
	for _, tag := range parts[1:] {
		name, value := tag, ""
		if both := splitUnescaped(tag, '=', ",= "); len(both) == 2 {
			name, value = both[0], both[1]
		}
		tags = append(tags, fmt.Sprintf("%q=%q", unescaped([]byte(name), ",= "), unescaped([]byte(value), ",= ")))
	}
	return unescaped([]byte(parts[0]), ", "), tags
}

func splitUnescaped(s string, at byte, escapable string) (parts []string) {
	begin := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte(escapable, s[i+1]) >= 0:
			i++
		case s[i] == at:
			parts = append(parts, s[begin:i])
			begin = i + 1
		}
	}
	return append(parts, s[begin:])
}

func unescaped(b []byte, escapable string) string {
	var s strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) && strings.IndexByte(escapable, b[i+1]) >= 0 {
			i++
		}
		s.WriteByte(b[i])
	}
	return s.String()
}

// disagreement compares what a Parser made of raw with the model. It returns ""
// where they agree.
func disagreement(raw []byte, precision time.Duration) string {
	b := parse(string(raw), lineproto.Options{Precision: precision})
	got, refused := entries(b), map[uint32]reading.Refusal{}
	for _, r := range b.Refusals {
		refused[r.Line] = r
	}
	text := 0
	for _, want := range model(raw, precision) {
		r, no := refused[want.line]
		delete(refused, want.line)
		switch {
		case no != want.refused:
			return fmt.Sprintf("line %d: refused: %v (%s), the model: %v", want.line, no, r.Detail, want.refused)
		case got[want.line] != want.entry:
			return fmt.Sprintf("line %d: %s, the model: %s", want.line, got[want.line], want.entry)
		default:
			text += want.text
		}
		delete(got, want.line)
	}
	switch {
	case len(got) > 0:
		return fmt.Sprintf("more than the model has: %v", got)
	case len(refused) > 0:
		return fmt.Sprintf("refused more than the model: %v", refused)
	case text != b.Strings:
		return fmt.Sprintf("%d strings, the model: %d", b.Strings, text)
	}
	return ""
}
