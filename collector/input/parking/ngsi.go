package parking

import (
	"fmt"
	"strings"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// NGSI reads entities of FIWARE's Smart Data Models (OffStreetParking,
// OnStreetParking, ParkingGroup, ParkingSpot;
// github.com/smart-data-models/dataModel.Parking) in NGSI-v2 and NGSI-LD, as
// key-values, concise or normalized, alone, in lists, in batch updates and in the
// notifications of subscriptions. It is safe for concurrent use.
type NGSI struct{ common }

var _ input.Decoder = (*NGSI)(nil)

// NewNGSI returns an NGSI decoder.
func NewNGSI(o Options) *NGSI { return &NGSI{newCommon(o, "ngsi")} }

// entities is the state of decoding one body.
type entities struct {
	*NGSI
	m    *input.Message
	out  *reading.Builder
	part int
	raw  []byte
}

// Decode implements input.Decoder.
func (n *NGSI) Decode(m *input.Message, out *reading.Builder) {
	b := &entities{NGSI: n, m: m, out: out}
	jsontext.Each(m.Body, func(p jsontext.Part) bool {
		b.raw = p.Raw
		if p.Err != nil {
			b.part++
			out.Part(b.part)
			jsontext.Refuse(out, p.Err, p.Raw)
			return true
		}
		b.value(p.Value, 0)
		return true
	})
}

// value decodes an entity, or what holds entities.
func (b *entities) value(v any, depth int) {
	object, ok := v.(map[string]any)
	if ok && depth < deepest {
		for _, name := range []string{"data", "entities", "features"} {
			if list, is := object[name].([]any); is {
				for _, x := range list {
					b.value(x, depth+1)
				}
				return
			}
		}
		// GeoJSON has the attributes one level down.
		if inner, is := object["properties"].(map[string]any); is && object["type"] == "Feature" {
			object = withID(inner, object["id"])
		}
	}
	b.part++
	b.out.Part(b.part)
	refuse := refuser{out: b.out, raw: b.raw}
	if !ok {
		refuse.refuse(reading.ReasonBadType, "want an entity, which is an object; got "+jsontext.Kind(v), nil)
		return
	}
	b.entity(entity(object), refuse)
}

func withID(object map[string]any, id any) map[string]any {
	if _, has := object["id"]; !has && id != nil {
		object["id"] = id
	}
	return object
}

// entity is an entity with its attributes.
type entity map[string]any

func (b *entities) entity(e entity, refuse refuser) {
	r := &record{}
	var at any
	switch kind := e.kind(); kind {
	case "OffStreetParking", "OnStreetParking", "ParkingGroup":
		at = e.lot(r)
	case "ParkingSpot":
		at = e.spot(r)
	case "":
		if at = e.spot(r); !r.says() {
			at = e.lot(r)
		}
	default:
		refuse.refuse(reading.ReasonUnsupported, "the entity is of type %s; want OffStreetParking, OnStreetParking, ParkingGroup or ParkingSpot", []byte(kind))
		return
	}
	r.set(fieldDevice, textOf(e.first("id", "@id")))
	if at == nil {
		at = e.time()
	}
	r.set(fieldTime, textOf(at))
	if !r.says() {
		refuse.refuse(reading.ReasonMissing, "want totalSpotNumber, occupiedSpotNumber, availableSpotNumber, or the status of a ParkingSpot", nil)
		return
	}
	b.emit(b.m, r, refuse)
}

// kind is the type's last name, of https://uri.fiware.org/ns/data-models#ParkingSpot
// or of the type as it is. Types of several names are of the first that is known.
func (e entity) kind() string {
	last := ""
	for _, t := range list(e.first("type", "@type")) {
		text, _ := t.(string)
		last = lastName(text)
		switch last {
		case "OffStreetParking", "OnStreetParking", "ParkingGroup", "ParkingSpot":
			return last
		}
	}
	return last
}

func lastName(iri string) string { return iri[strings.LastIndexAny(iri, "/#:")+1:] }

func (e entity) first(names ...string) any {
	for _, name := range names {
		if v, ok := e[name]; ok && v != nil {
			return v
		}
	}
	return nil
}

// attribute is the value of an attribute and the time at which it was observed.
func (e entity) attribute(name string) (value, at any) {
	v, ok := e[name]
	if !ok {
		for key, x := range e { // names that are spelled out
			if strings.ContainsAny(key, "/#") && lastName(key) == name {
				v = x
			}
		}
	}
	return unwrap(v)
}

// unwrap takes the value out of what surrounds it in the normalized forms.
func unwrap(v any) (value, at any) {
	if instances, ok := v.([]any); ok { // of NGSI-LD, by datasetId
		for _, x := range instances {
			if _, ok := x.(map[string]any); !ok {
				return v, nil
			}
			if value, at = unwrap(x); value != nil && jsontext.At(x, "datasetId") == nil {
				break
			}
		}
		return value, at
	}
	object, ok := v.(map[string]any)
	if !ok {
		if v == "urn:ngsi-ld:null" {
			return nil, nil
		}
		return v, nil
	}
	for _, name := range []string{"value", "object", "vocab", "@value", "@id"} {
		if x, has := object[name]; has {
			value, _ = unwrap(x)
			break
		}
	}
	for _, name := range []string{"observedAt", "TimeInstant", "timestamp", "dateObserved", "dateModified", "modifiedAt"} {
		for _, place := range []any{object[name], jsontext.At(object, "metadata", name)} {
			if t, _ := unwrap(place); t != nil && at == nil {
				at = t
			}
		}
	}
	return value, at
}

// time is when the entity as a whole was observed or changed.
func (e entity) time() any {
	for _, name := range []string{
		"TimeInstant", "observationDateTime", "observedAt", "dateObserved", "occupancyModified", "timestamp", "dateModified", "modifiedAt",
	} {
		t, _ := e.attribute(name)
		if text, ok := t.(string); ok && text != "" {
			return text[strings.LastIndexByte(text, '/')+1:] // the end of an interval
		}
	}
	return nil
}

func (e entity) lot(r *record) (at any) {
	var built any // when the number of spots was said, which may be long ago
	for _, x := range []struct {
		name  string
		field field
	}{{"totalSpotNumber", fieldCapacity}, {"availableSpotNumber", fieldFree}, {"occupiedSpotNumber", fieldOccupied}} {
		v, t := e.attribute(x.name)
		if v == nil {
			continue
		}
		text := textOf(v)
		if text == nil {
			text = fmt.Appendf(nil, "no number: %s", jsontext.Kind(v))
		}
		r.set(x.field, text)
		if x.field == fieldCapacity {
			built = t
		} else if t != nil {
			at = t
		}
	}
	if !r.is[fieldFree] && !r.is[fieldOccupied] {
		at = built
	}
	r.park = r.says()
	return at
}

func (e entity) spot(r *record) (at any) {
	for _, name := range []string{"status", "occupied", "occupancyStatus"} {
		v, t := e.attribute(name)
		if v == nil {
			continue
		}
		text := textOf(v)
		if text == nil {
			text = fmt.Appendf(nil, "no text: %s", jsontext.Kind(v))
		}
		r.set(fieldState, text)
		at = t
		break
	}
	site, _ := e.attribute("refParkingSite")
	for _, ref := range list(site) {
		r.set(fieldLot, textOf(ref))
	}
	return at
}
