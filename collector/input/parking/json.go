package parking

import (
	"fmt"
	"slices"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// deepest is how many lists may be around a record.
const deepest = 4

// jsonBody is the state of decoding one JSON body.
type jsonBody struct {
	*Decoder
	m    *input.Message
	out  *reading.Builder
	part int    // records so far
	raw  []byte // the part of the body under way

	silent bool // there was a place that is not about cars
}

func (d *Decoder) decodeJSON(m *input.Message, text []byte, out *reading.Builder) {
	b := &jsonBody{Decoder: d, m: m, out: out}
	jsontext.Each(text, func(p jsontext.Part) bool {
		b.raw = p.Raw
		if p.Err != nil {
			b.next()
			jsontext.Refuse(out, p.Err, p.Raw)
			return true
		}
		b.value(p.Value, nil, 0)
		return true
	})
	if b.silent && b.part == 0 {
		out.Refuse(reading.ReasonMissing, "there is neither supply nor demand in these places")
	}
}

func (b *jsonBody) next() {
	b.part++
	b.out.Part(b.part)
}

// value decodes a record, or what holds records.
func (b *jsonBody) value(v any, around *record, depth int) {
	object, ok := v.(map[string]any)
	switch {
	case !ok:
		b.next()
		b.out.RefuseRaw(reading.ReasonBadType, fmt.Sprintf("want an object for each bay or car park; got %s", jsontext.Show(v)), b.raw)
		return
	case isPlace(object):
		b.place(object, around)
		return
	}
	r := b.record(object)
	r.inherit(around)
	inner := false
	if depth < deepest {
		for _, name := range holders(object) {
			inner = b.hold(object[name], r, depth) || inner
		}
	}
	if inner && !r.says() {
		return
	}
	b.next()
	b.emit(b.m, r, refuser{out: b.out, raw: b.raw})
}

// holders are the keys that may hold records, in the order of the alphabet.
func holders(object map[string]any) (names []string) {
	for name, v := range object {
		switch v.(type) {
		case []any, map[string]any:
			if isHolder(normal(name)) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// hold decodes what a holder holds. It returns false where that is no list of
// records.
func (b *jsonBody) hold(v any, r *record, depth int) bool {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			b.value(x, r, depth+1)
		}
		return true
	case map[string]any:
		if depth+1 < deepest && looksLikeRecord(v) {
			b.value(v, r, depth+1)
			return true
		}
	}
	return false
}

func looksLikeRecord(object map[string]any) bool {
	for name := range object {
		if f := known(normal(name)); f != fieldUnused || isHolder(normal(name)) {
			return true
		}
	}
	return false
}

// isHolder says whether a key may hold a list of records, or one in an
// envelope.
func isHolder(name string) bool {
	switch name {
	case "bays", "lots", "data", "readings", "records", "items", "spaces", "spots", "slots", "berths", "stalls", "parkingspaces", "parkingspots",
		"parkinglots", "carparks", "parkings", "garages", "places", "results", "values", "list", "payload", "rows", "states", "occupancies",
		"泊位", "车位", "停车场", "数据":
		return true
	}
	return false
}

// record takes the fields out of an object. Where two keys mean the same, the
// first by the alphabet counts.
func (b *jsonBody) record(object map[string]any) *record {
	r := &record{}
	var from [fields]string
	for name, v := range object {
		n := normal(name)
		f, ok := b.columns[n]
		if !ok {
			f = known(n)
		}
		if f == fieldUnused {
			continue
		}
		if list, ok := v.([]any); ok && len(list) == 1 {
			v = list[0]
		}
		text, ok := jsontext.Text(v)
		if !ok || text == "" || r.is[f] && from[f] <= name {
			continue
		}
		r.is[f], r.text[f], from[f] = true, []byte(text), name
	}
	return r
}
