package parking

import (
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// A place is an element of the hierarchy of the Alliance for Parking Data
// Standards (APDS 4, ISO/TS 5206-1), as in its API at
// github.com/parkingdata/spec: a supply of spaces, a demand for them, and perhaps
// the state of single spaces. Older drafts have occupancy.supply and
// occupancy.demand; both are taken.

func isPlace(object map[string]any) bool {
	for _, name := range []string{"hierarchyElementReference", "supply", "demand", "demandTable"} {
		switch object[name].(type) {
		case map[string]any, []any:
			return true
		}
	}
	occupancy, _ := object["occupancy"].(map[string]any)
	return occupancy != nil
}

// place decodes an element that may be the child of another.
func (b *jsonBody) place(object map[string]any, around *record) {
	before := b.part
	r := &record{park: true}
	r.set(fieldLot, idOf(object))
	for _, name := range []string{"hierarchyElementReference", "occupancy"} {
		for _, inner := range list(object[name]) {
			r.set(fieldLot, idOf(jsontext.At(inner, "elementId")))
			b.supplyAndDemand(inner, r)
		}
	}
	for _, occupancy := range list(object["occupancy"]) {
		counts(occupancy, r)
	}
	r.set(fieldLot, idOf(object["place"]))
	b.supplyAndDemand(object, r)
	r.set(fieldCapacity, textOf(jsontext.At(object, "characteristics", "spacesTotal")))
	r.set(fieldTime, textOf(object["computedAt"]))
	r.inherit(around)
	if r.says() {
		b.next()
		b.emit(b.m, r, refuser{out: b.out, raw: b.raw})
	}
	for _, name := range []string{"children", "subplaceElements", "spaces"} {
		for _, child := range list(object[name]) {
			if inner, ok := child.(map[string]any); ok && isPlace(inner) {
				b.place(inner, r)
			}
		}
	}
	switch {
	case b.part > before:
	case !claims(object):
		b.silent = true // as an entrance, which is an element of a car park too
	default:
		b.next()
		refuser{out: b.out, raw: b.raw}.refuse(reading.ReasonMissing, "there is neither supply nor demand in the place %s", r.text[fieldLot])
	}
}

// claims says whether a place has something about a supply or a demand.
func claims(object map[string]any) bool {
	for _, o := range append([]any{object}, list(object["hierarchyElementReference"])...) {
		for _, name := range []string{"supply", "demand", "demandTable", "occupancy", "available"} {
			if jsontext.At(o, name) != nil {
				return true
			}
		}
	}
	return false
}

// counts takes what an occupancy says by itself.
func counts(occupancy any, r *record) {
	r.set(fieldOccupied, textOf(occupancy))
	for f, names := range map[field][]string{
		fieldCapacity: {"spaceCount", "spacesTotal", "totalSpaces", "capacity", "total"},
		fieldOccupied: {"occupied", "occupiedSpaces", "occupiedCount", "vehicleCount"},
		fieldFree:     {"availableSpaces", "availableCount", "vacant", "free"},
	} {
		for _, name := range names {
			r.set(f, textOf(jsontext.At(occupancy, name)))
		}
	}
}

func (b *jsonBody) supplyAndDemand(v any, r *record) {
	for _, supply := range list(jsontext.At(v, "supply")) {
		quantity := jsontext.At(supply, "supplyQuantity")
		r.set(fieldCapacity, textOf(quantity))
		for _, name := range []string{"vehicleSpaces", "spaceCount", "spaces", "count"} {
			r.set(fieldCapacity, textOf(jsontext.At(quantity, name)))
		}
	}
	r.set(fieldFree, textOf(jsontext.At(v, "available")))
	for _, name := range []string{"demandTable", "demand"} {
		for _, table := range list(jsontext.At(v, name)) {
			demands, counted := list(jsontext.At(table, "demandType")), fieldOccupied
			if word := textOf(jsontext.At(table, "demandType")); len(demands) == 0 || word != nil {
				demands, counted = []any{table}, demandOf(word)
			}
			for _, demand := range demands {
				r.set(counted, textOf(jsontext.At(demand, "count")))
				r.set(fieldTime, textOf(jsontext.At(demand, "recordDateTime")))
			}
			r.set(fieldTime, textOf(jsontext.At(table, "timestamp")))
			for _, space := range list(jsontext.At(table, "demandSpaceType")) {
				b.space(space, r)
			}
		}
	}
}

// demandOf is what a demand counts that is called so.
func demandOf(word []byte) field {
	if len(word) == 0 {
		return fieldOccupied
	}
	switch _, state := stateOf(word); state {
	case taken:
		return fieldOccupied
	case free:
		return fieldFree
	}
	return fieldUnused // as what is reserved
}

// space decodes a DemandSpaceType: a space that has no end of its occupancy, but
// a start, is taken.
func (b *jsonBody) space(v any, lot *record) {
	r := &record{}
	r.set(fieldAsset, idOf(jsontext.At(v, "spaceId")))
	r.set(fieldLot, lot.text[fieldLot])
	start, end := textOf(jsontext.At(v, "occupancyStartTime")), textOf(jsontext.At(v, "occupancyEndTime"))
	r.set(fieldTime, end)
	switch {
	case len(end) > 0:
		r.set(fieldState, []byte("free"))
	case len(start) > 0:
		r.set(fieldState, []byte("occupied"))
		r.set(fieldTime, start)
	}
	r.set(fieldTime, textOf(jsontext.At(v, "detectionUpdateTime")))
	b.next()
	b.emit(b.m, r, refuser{out: b.out, raw: b.raw})
}

// idOf is the id of a reference, or of what has one.
func idOf(v any) []byte {
	if text := textOf(v); text != nil {
		return text
	}
	return textOf(jsontext.At(v, "id"))
}

func textOf(v any) []byte {
	text, ok := jsontext.Text(v)
	if !ok {
		return nil
	}
	return []byte(text)
}

// list is v as a list: a single value is one of one.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}
