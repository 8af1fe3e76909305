package camera

import (
	"strings"

	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

func kindNames() []string {
	return []string{
		"kind", "event_kind", "event_type", "eventType", "event_name", "eventName", "alarm_type", "alarmType", "alert_type", "alertType",
		"label", "label_name", "labelName", "class", "class_name", "className",
		"category", "algorithm", "algorithm_name", "algorithmName", "behavior", "type", "event", "alarm", "code",
	}
}

// kindWords are what o may call the thing that was seen.
func kindWords(o object) (words []string) {
	for _, name := range kindNames() {
		t := text(o, name)
		if _, isNumber := jsontext.Number(t); isNumber && name == "code" {
			continue // one of an error, or of none
		}
		if t != "" && len(t) <= 200 {
			words = append(words, t)
		}
	}
	return words
}

// kindList is the list of kinds that o has instead of one.
func kindList(o object) (name string, kinds []any) {
	for _, name := range kindNames() {
		switch v := field(o, name).(type) {
		case nil:
		case []any:
			if len(v) > 0 && first(v) == nil {
				return name, v
			}
		default:
			return "", nil
		}
	}
	return "", nil
}

// several decodes o, which has a list of kinds, as one event for each.
func (d *generic) several(out *sink, o object, field string, kinds []any, raw []byte, pictures []picture, name func(string) string) {
	if len(kinds) > maxThings {
		refuse(out, bad(reading.ReasonTooLarge, "more than %d kinds of one thing", maxThings), raw)
		return
	}
	for _, k := range kinds {
		kind, ok := jsontext.Text(k)
		if !ok || strings.TrimSpace(kind) == "" {
			refuse(out, bad(reading.ReasonBadType, "want texts in the list %s; got %s", field, jsontext.Show(k)), raw)
			continue
		}
		one := merged(o, object{field: kind}, field)
		d.one(out, one, raw, pictures, func(id string) string {
			if len(kinds) == 1 {
				return name(id)
			}
			return name(id) + "/" + kind
		})
		pictures = nil
	}
}

// telling is the first word that means a kind, or else the first.
func (d *generic) telling(words []string) string {
	for _, w := range words {
		if _, ok := d.Kinds.Find(Generic, w); ok {
			return w
		}
	}
	return words[0]
}
