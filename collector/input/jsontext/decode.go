package jsontext

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/belfry-city/belfry/collector/reading"
)

const (
	// maxDepth is how deep objects and lists may be nested. Messages of devices
	// have less than ten levels.
	maxDepth = 64
	// maxValues bounds the memory of one message, which takes up to some hundred
	// bytes for each value.
	maxValues = 200_000
	// longestInteger is the most digits of an integer that is kept as it was
	// written, since it is an id.
	longestInteger = 40
)

// Decode reads a text that holds one JSON value. Objects are map[string]any,
// lists []any, text string, and null nil. Numbers are int where they are
// integers that fit, json.Number where they are longer integers (card numbers,
// say, that must not lose a digit), and float64 otherwise; what is too large
// for a float64 is an infinity. Number takes any of them. NaN, Infinity and
// -Infinity, which are not JSON but what Python writes, are text.
//
// An object with one name twice is refused unless the values are the same.
// Errors are *Error. Nothing of the result shares memory with body.
func Decode(body []byte) (any, error) {
	text, err := UTF8(body)
	if err != nil {
		return nil, err
	}
	text = quoteNonFinite(text)
	r := newReader(text, 0)
	v, err := r.value()
	if err != nil {
		return nil, r.fail(err)
	}
	if rest := bytes.TrimLeft(text[r.offset():], space); len(rest) > 0 {
		return nil, newError(text, len(text)-len(rest), reading.ReasonSyntax, "", "more follows the end of the JSON")
	}
	return v, nil
}

const space = " \t\r\n"

// reader reads values from where base is in whole.
type reader struct {
	whole  []byte
	base   int
	dec    *jsontext.Decoder
	values int // left
}

func newReader(whole []byte, base int) *reader {
	return &reader{whole: whole, base: base, dec: jsontext.NewDecoder(
		bytes.NewBuffer(whole[base:len(whole):len(whole)]),
		// Raw bytes have been looked at before; half of an escaped pair (\ud83d),
		// from a device that cuts its texts, becomes U+FFFD.
		jsontext.AllowInvalidUTF8(true),
		jsontext.AllowDuplicateNames(true), // looked at here
	), values: maxValues}
}

// offset is how much of whole has been read.
func (r *reader) offset() int { return r.base + int(r.dec.InputOffset()) }

func (r *reader) fail(err error) *Error { return asError(r.whole, r.base, err) }

func (r *reader) refuse(reason reading.Reason, format string, args ...any) error {
	return newError(r.whole, r.offset(), reason, string(r.dec.StackPointer()), fmt.Sprintf(format, args...))
}

func (r *reader) value() (any, error) {
	if r.values--; r.values < 0 {
		return nil, r.refuse(reading.ReasonTooLarge, "more than %d values in one message", maxValues)
	}
	switch r.dec.PeekKind() {
	case '{':
		return r.object()
	case '[':
		return r.list()
	case '0':
		raw, err := r.dec.ReadValue()
		if err != nil {
			return nil, err
		}
		return number(raw), nil
	}
	t, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case '"':
		return t.String(), nil
	case 't', 'f':
		return t.Bool(), nil
	case ']', '}':
		return nil, r.refuse(reading.ReasonSyntax, "no JSON: %s without a beginning", t)
	}
	return nil, nil
}

// open reads the beginning of an object or list.
func (r *reader) open() error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	if r.dec.StackDepth() > maxDepth {
		return r.refuse(reading.ReasonTooDeep, "nested more than %d levels deep", maxDepth)
	}
	return nil
}

func (r *reader) object() (any, error) {
	if err := r.open(); err != nil {
		return nil, err
	}
	m := map[string]any{}
	for r.dec.PeekKind() != '}' {
		t, err := r.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := t.String()
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		if old, twice := m[name]; twice && !reflect.DeepEqual(old, v) {
			return nil, r.refuse(reading.ReasonSyntax, "the name %s is there twice, with two values", Show(name))
		}
		m[name] = v
	}
	_, err := r.dec.ReadToken()
	return m, err
}

func (r *reader) list() (any, error) {
	if err := r.open(); err != nil {
		return nil, err
	}
	list := []any{}
	for r.dec.PeekKind() != ']' {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.dec.ReadToken()
	return list, err
}

func number(raw []byte) any {
	if n, err := strconv.Atoi(string(raw)); err == nil && (n != 0 || raw[0] != '-') {
		return n
	}
	if !bytes.ContainsAny(raw, ".eE-") && len(raw) <= longestInteger {
		return json.Number(raw)
	}
	n, _ := strconv.ParseFloat(string(raw), 64) // an infinity where it is too large
	if n == 0 {
		return math.Abs(n)
	}
	return n
}

// quoteNonFinite makes text of NaN, Infinity and -Infinity where they stand for
// values. A text without them, and outside of text, is returned as it is.
func quoteNonFinite(text []byte) []byte {
	if !bytes.Contains(text, []byte("NaN")) && !bytes.Contains(text, []byte("Infinity")) {
		return text
	}
	out := make([]byte, 0, len(text)+16)
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\' && i+1 < len(text):
			out = append(out, c)
			i++
			c = text[i]
		case c == '"':
			quoted = !quoted
		case !quoted:
			if word := nonFinite(text[i:]); word != "" {
				out = append(append(append(out, '"'), word...), '"')
				i += len(word) - 1
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

func nonFinite(text []byte) string {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(text, []byte(word)) {
			return word
		}
	}
	return ""
}
