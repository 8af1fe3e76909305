package lorawan

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

const (
	// maxFields is how many fields of one uplink are looked at. A payload of
	// LoRaWAN has at most 242 bytes.
	maxFields = 500
	// maxList is how long a list may be whose elements become series of their
	// own; longer ones are the raw payload, or a waveform.
	maxList = 32
	// prefix begins the metrics of fields that no rule knows.
	prefix = "lorawan_"
)

// sample is what becomes of one field.
type sample struct {
	metric string
	labels []label
	value  float64
}

// fields turns a decoded object into samples.
type fields struct {
	rules  *rules
	others bool
	event  *event
	domain string

	samples []sample
	names   []string // of the steps to the field at hand
	seen    int
	skipped int // texts, and what has no name in ASCII
	history []any
	refused *refusal
	note    func(input.Note) // may be nil
}

// leaveOut counts what is no reading.
func (f *fields) leaveOut(why input.Omission, name, detail string) {
	f.skipped++
	if f.note != nil {
		f.note(input.Note{Why: why, Field: name, Detail: detail})
	}
}

func (f *fields) reset() {
	clear(f.samples)
	f.samples, f.names, f.seen, f.skipped, f.history, f.refused = f.samples[:0], f.names[:0], 0, 0, nil, nil
	f.event = nil
}

// walk adds the fields of v, objects in the order of their names so that the
// same uplink always gives the same.
func (f *fields) walk(v any) {
	switch v := v.(type) {
	case map[string]any:
		if value, unit, is := measurement(v); is && len(f.names) > 0 {
			f.leaf(value, unit)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if list, is := v[key].([]any); is && key == "history" && len(f.names) == 0 {
				f.history = list
				continue
			}
			f.step(fieldName(strings.ReplaceAll(key, "*", "_")), v[key])
		}
	case []any:
		if len(v) > maxList || (len(f.names) > 0 && isRaw(f.names[len(f.names)-1])) {
			f.leaveOut(input.OmittedText, strings.Join(f.names, "_"), strconv.Itoa(len(v))+" elements")
			return
		}
		for i, element := range v {
			f.step(strconv.Itoa(i), element)
		}
	default:
		f.leaf(v, "")
	}
}

func (f *fields) step(name string, v any) {
	if f.seen >= maxFields {
		f.refused = refuse(reading.ReasonTooLarge, "more than "+strconv.Itoa(maxFields)+" decoded fields; the rest is not taken")
		return
	}
	f.names = append(f.names, name)
	f.walk(v)
	f.names = f.names[:len(f.names)-1]
}

// measurement tells an object that is one value with its unit, as Decentlab's
// codecs make them, from one that holds fields.
func measurement(v map[string]any) (value any, unit string, is bool) {
	value, is = v["value"]
	unit, hasUnit := v["unit"].(string)
	_, hasName := v["displayName"]
	return value, unit, is && (hasUnit || hasName)
}

// isRaw holds for lists of bytes.
func isRaw(name string) bool {
	switch name {
	case "bytes", "raw", "payload", "data", "raw_payload", "raw_bytes":
		return true
	}
	return false
}

func (f *fields) leaf(v any, unit string) {
	f.seen++
	if v == nil {
		return
	}
	name := strings.Join(f.names, "_")
	r := f.rules.find(f.names, f.event, f.domain)
	if r != nil && r.Drop {
		return
	}
	n, written, ok := quantity(v, r, name)
	if !ok {
		f.leaveOut(input.OmittedText, name, jsontext.Show(v))
		return
	}
	if unit == "" {
		unit = written
	}
	if r == nil || !f.apply(r, n, unit) {
		f.other(name, n)
	}
}

// apply returns false where the rule does not fit the value after all.
func (f *fields) apply(r *rule, n float64, unit string) bool {
	if r.unit != "" {
		if unit == "" {
			unit = r.from
		}
		by, ok := factor(unit, r.unit)
		if !ok {
			return false
		}
		n *= by
	}
	metric := r.Metric
	if r.read != nil {
		var ok bool
		if metric, n, ok = r.read(n); !ok {
			return false
		}
	} else {
		n = n*r.Scale + r.Offset
	}
	return f.add(sample{metric, r.labels, n})
}

func (f *fields) other(name string, n float64) {
	if !f.others {
		return
	}
	metric := reading.Name(name)
	if metric == "" || len(metric) > longestName {
		f.leaveOut(input.OmittedUnnamed, name, "")
		return
	}
	f.add(sample{prefix + strings.TrimPrefix(metric, "_"), nil, n})
}

// add returns false where there is a sample of the series already: one device
// may say the same in two units.
func (f *fields) add(s sample) bool {
	for i := range f.samples {
		if f.samples[i].metric == s.metric && slices.Equal(f.samples[i].labels, s.labels) {
			return false
		}
	}
	f.samples = append(f.samples, s)
	return true
}

// moments of history: the keys under which codecs put the time of a past
// reading.
func pastTime(v map[string]any) (ms int64, ok bool) {
	for _, key := range []string{"timestamp", "time"} {
		if seconds, is := jsontext.Number(v[key]); is && seconds > 0 && seconds < 1e11 {
			return int64(seconds * 1000), true
		} else if is && seconds >= 1e11 && seconds < 1e14 {
			return int64(seconds), true
		}
		if ms, err := moment(v, key); err == nil && ms != 0 {
			return ms, true
		}
	}
	return 0, false
}
