package jsontext

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// At is the value that the keys lead to from v, or nil.
func At(v any, keys ...string) any {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// Number is v as a number: numbers themselves, true and false as 1 and 0, and
// text that is a number, such as "12.5", "NaN" or "1e3".
func Number(v any) (n float64, ok bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case string:
		return numeric(v)
	case json.Number:
		return numeric(string(v))
	}
	return 0, false
}

func numeric(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, "xXpP_") { // hexadecimal digits are an id
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(n, 0) {
		return 0, false
	}
	return n, true
}

// Text is a single value as text, as it would be written: text itself, numbers,
// true and false. ok is false for null, lists and objects.
func Text(v any) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int:
		return strconv.Itoa(v), true
	case float64:
		if math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', -1, 64), true
		}
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return string(v), true
	}
	return "", false
}

// Kind names what v is, for messages to people.
func Kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case int, float64, json.Number:
		return "a number"
	case string:
		return "text"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "something else"
}

// Show is v for a message to people: quoted text, numbers as they are, what
// kind of thing anything else is. It is short.
func Show(v any) string {
	const most = 60
	switch v := v.(type) {
	case string:
		if len(v) > most {
			cut := most
			for cut > 0 && !utf8.RuneStart(v[cut]) {
				cut--
			}
			v = v[:cut] + "..."
		}
		return strconv.Quote(v)
	case bool, int, float64, json.Number:
		text, _ := Text(v)
		return text
	}
	return Kind(v)
}
