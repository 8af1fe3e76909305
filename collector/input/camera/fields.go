package camera

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/belfry-city/belfry/collector/input/jsontext"
)

// object is an object of JSON, or an element of XML with elements inside.
type object = map[string]any

// field returns the value of the first name that o has, in any case of letters.
func field(o object, names ...string) any {
	for _, n := range names {
		if v, ok := o[n]; ok && v != nil {
			return v
		}
	}
	if len(o) > maxFields { // no message that people have made up
		return nil
	}
	found := ""
	for _, n := range names {
		for name, v := range o {
			if v != nil && strings.EqualFold(name, n) && (found == "" || name < found) {
				found = name
			}
		}
		if found != "" {
			return o[found]
		}
	}
	return nil
}

// text is field as text without spaces around it; "" where it is no single value.
func text(o object, names ...string) string {
	t, _ := jsontext.Text(field(o, names...))
	return strings.TrimSpace(t)
}

// number is field as a number.
func number(o object, names ...string) (float64, bool) {
	v := field(o, names...)
	if t, is := v.(string); is && strings.TrimSpace(t) == "" {
		return 0, false
	}
	return jsontext.Number(v)
}

// within returns the object that the names lead to from o, or nil. Of a list it
// is the first element.
func within(o object, names ...string) object {
	for _, n := range names {
		if o = first(field(o, n)); o == nil {
			return nil
		}
	}
	return o
}

func first(v any) object {
	switch v := v.(type) {
	case object:
		return v
	case []any:
		if len(v) > 0 {
			return first(v[0])
		}
	}
	return nil
}

// list is v as the objects of a list; a single object is a list of one.
func list(v any) (objects []object) {
	switch v := v.(type) {
	case object:
		return []object{v}
	case []any:
		for _, element := range v {
			if o, ok := element.(object); ok {
				objects = append(objects, o)
			}
		}
	}
	return objects
}

// search calls yield for v and each object inside it, always in the same
// order, until it returns false.
func search(v any, yield func(object) bool) bool {
	switch v := v.(type) {
	case object:
		if !yield(v) {
			return false
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !search(v[name], yield) {
				return false
			}
		}
	case []any:
		for _, element := range v {
			if !search(element, yield) {
				return false
			}
		}
	}
	return true
}

// clockUnset is the time before which a camera's clock has not been set, as
// after a power cut without NTP.
const clockUnset = 946_684_800_000 // 2000-01-01

// parseTime reads the times that cameras write: RFC 3339, also without
// seconds, colon or zone, with a space for the T; and digits, as seconds or
// milliseconds since the epoch. ok is false for anything else.
func parseTime(s string, zone *time.Location) (ms int64, ok bool) {
	s = strings.TrimSpace(s)
	if n, is := jsontext.Number(s); is {
		return epoch(n)
	}
	s = strings.Replace(s, " ", "T", 1)
	s = strings.ReplaceAll(strings.ReplaceAll(s, "/", "-"), " ", "")
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999Z07",
		"20060102T150405.999999999Z07:00", "20060102T150405Z0700",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), true
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "20060102T150405.999999999", "2006-1-2T15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}

// epoch takes seconds, milliseconds, microseconds and nanoseconds apart by
// their size.
func epoch(n float64) (ms int64, ok bool) {
	switch {
	case !(n >= 0):
		return 0, false
	case n < 1e11: // seconds, until the year 5138
		return int64(n * 1000), true
	case n < 1e14:
		return int64(n), true
	case n < 1e17:
		return int64(n / 1e3), true
	case n < 1e19:
		return int64(n / 1e6), true
	}
	return 0, false
}
