package lineproto

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/reading"
)

// metricName is the label that holds the metric's name. No tag may be called so.
const metricName = "__name__"

// space is the space of keys to which no labels are added.
const space = "influx"

// Speller spells the keys that a Parser found. A field f of the measurement m
// becomes the metric m_f, except that a field called `value` becomes m; tags
// become labels, in the order of the line. Names may be any UTF-8. Its zero value
// is ready and adds no labels. It implements reading.Speller.
type Speller struct {
	extra []reading.Label
	space string
}

var _ reading.Speller = Speller{}

// NewSpeller returns a Speller that adds the labels in extra to every series,
// for example one that holds the bucket that was written to. A tag of the same
// name in the line wins, so that nothing the sender said is lost. An empty value
// adds nothing.
func NewSpeller(extra map[string]string) (Speller, error) {
	s := Speller{space: space}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		value := extra[name]
		switch {
		case name == "" || name == metricName:
			return Speller{}, fmt.Errorf("extra label: %q cannot be a label's name", name)
		case !utf8.ValidString(name), !utf8.ValidString(value):
			return Speller{}, fmt.Errorf("extra label: %q=%q is no valid UTF-8", name, value)
		case value != "":
			s.extra = append(s.extra, reading.Label{Name: []byte(name), Value: []byte(value)})
			s.space += fmt.Sprintf(",%q=%q", name, value)
		}
	}
	return s, nil
}

// Space implements reading.Speller. Spellers of the same extra labels have the
// same space.
func (s Speller) Space() string {
	if s.space == "" {
		return space
	}
	return s.space
}

// Spell implements reading.Speller. It refuses keys in which a tag occurs twice
// or is called __name__.
func (s Speller) Spell(key, field []byte, labels []reading.Label) ([]byte, []reading.Label, error) {
	own := len(labels)
	end := tokenEnd(key, 0, measurement)
	metric := unescape(key[:end], measurement)
	if name := unescape(field, fieldKey); string(name) != "value" {
		metric = slices.Concat(metric, []byte{'_'}, name)
	}
	for end < len(key) {
		if key[end] != ',' {
			return nil, nil, fmt.Errorf("series key %q: unexpected %q", key, key[end])
		}
		equals := tokenEnd(key, end+1, tagKey)
		if equals == len(key) || key[equals] != '=' {
			return nil, nil, fmt.Errorf("series key %q: a tag without =", key)
		}
		label := reading.Label{Name: unescape(key[end+1:equals], tagKey)}
		end = tokenEnd(key, equals+1, tagValue)
		label.Value = unescape(key[equals+1:end], tagValue)
		switch {
		case len(label.Name) == 0 || len(label.Value) == 0:
			return nil, nil, fmt.Errorf("series key %q: a tag without a name or a value", key)
		case string(label.Name) == metricName:
			return nil, nil, fmt.Errorf("a tag cannot be called %s", metricName)
		case has(labels[own:], label.Name):
			return nil, nil, fmt.Errorf("the tag %q occurs twice", label.Name)
		}
		labels = append(labels, label)
	}
	tags := labels[own:]
	for _, label := range s.extra {
		if !has(tags, label.Name) {
			labels = append(labels, label)
		}
	}
	return metric, labels, nil
}

func has(labels []reading.Label, name []byte) bool {
	return slices.ContainsFunc(labels, func(l reading.Label) bool { return bytes.Equal(l.Name, name) })
}

// tokenEnd finds the delimiter that ends the token at pos.
func tokenEnd(key []byte, pos int, in part) int {
	for ; pos < len(key); pos++ {
		switch key[pos] {
		case '\\':
			if escapes(key, pos, in) {
				pos++
			}
		case ',':
			return pos
		case '=':
			if in != measurement {
				return pos
			}
		}
	}
	return pos
}

// unescape takes the backslashes that escape out of a token. It copies only
// if there are any.
func unescape(token []byte, in part) []byte {
	if bytes.IndexByte(token, '\\') < 0 {
		return token
	}
	plain := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		if token[i] == '\\' && escapes(token, i, in) {
			i++
		}
		plain = append(plain, token[i])
	}
	return plain
}
