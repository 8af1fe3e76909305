package config

import (
	"math"
	"regexp"
	"strings"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// LoRaWAN says what becomes of the decoded fields of LoRaWAN uplinks.
type LoRaWAN struct {
	// Fields come before the built-in rules; the first that fits a field is used.
	Fields []LoRaWANField
	// Defaults are the built-in rules.
	Defaults bool
	// Others are fields that no rule knows: kept as lorawan_FIELD, or dropped.
	Others bool
}

// LoRaWANField is a rule for fields of a name.
type LoRaWANField struct {
	// Field is the name in the decoded object; of what is in other objects, the
	// last of the names, or several with dots between them. Case and separators
	// do not matter, and * stands for anything.
	Field string
	// Profile, Device and Domain limit the rule; "" means any. Profile is a
	// pattern for the device profile's name (ChirpStack) or brand/model (The
	// Things Stack), Device one for the device's EUI, Domain that of the asset.
	Profile, Device, Domain string

	Metric string
	Labels map[string]string
	// Values are the numbers that texts stand for, also true, false and numbers.
	Values        map[string]float64
	Scale, Offset float64 // value * Scale + Offset
	Drop          bool
}

func defaultLoRaWAN() LoRaWAN { return LoRaWAN{Defaults: true, Others: true} }

func (p *parser) lorawan(v strict.Value, in *Inputs) {
	strict.Mapping(v, &in.LoRaWAN, strict.Keys[LoRaWAN]{
		"defaults": func(v strict.Value, l *LoRaWAN) { strict.Set(v, &l.Defaults, strict.Bool) },
		"others":   func(v strict.Value, l *LoRaWAN) { strict.Set(v, &l.Others, strict.Bool) },
		"fields":   p.lorawanFields,
	})
}

func (p *parser) lorawanFields(v strict.Value, l *LoRaWAN) {
	strict.List(v, "a list of rules, each with field and metric", func(v strict.Value) {
		f := LoRaWANField{Scale: 1}
		before := v.Problems()
		strict.Mapping(v, &f, p.lorawanFieldKeys())
		if v.Problems() > before {
			return
		}
		switch {
		case f.Field == "":
			v.Refuse("want field, the name that the decoder of the payload gives it, such as water_level")
		case f.Drop == (f.Metric != ""):
			v.Refuse("want either metric, such as well_level_m, or drop: true")
		}
		l.Fields = append(l.Fields, f)
	})
}

func (p *parser) lorawanFieldKeys() strict.Keys[LoRaWANField] {
	number := strict.Number("a number", -math.MaxFloat64, math.MaxFloat64)
	return strict.Keys[LoRaWANField]{
		"field": func(v strict.Value, f *LoRaWANField) {
			strict.Set(v, &f.Field, strict.Text("the name of a field, such as water_level"))
		},
		"profile": func(v strict.Value, f *LoRaWANField) { strict.Set(v, &f.Profile, strict.Free) },
		"device":  func(v strict.Value, f *LoRaWANField) { strict.Set(v, &f.Device, strict.Free) },
		"domain":  func(v strict.Value, f *LoRaWANField) { strict.Set(v, &f.Domain, assetDomain) },
		"metric":  func(v strict.Value, f *LoRaWANField) { strict.Set(v, &f.Metric, metricName) },
		"labels": func(v strict.Value, f *LoRaWANField) {
			f.Labels = map[string]string{}
			strict.Pairs(v, "labels and their values", func(name string, v strict.Value) {
				var value string
				if _, want := labelName(name); want != "" || name == "asset" {
					v.Refuse("want the name of a label other than asset")
					return
				}
				strict.Set(v, &value, strict.Text("a value"))
				f.Labels[name] = value
			})
		},
		"values": func(v strict.Value, f *LoRaWANField) {
			f.Values = map[string]float64{}
			strict.Pairs(v, "texts and the numbers that they stand for, such as {OPEN: 1, CLOSED: 0}", func(text string, v strict.Value) {
				var n float64
				strict.Set(v, &n, number)
				f.Values[text] = n
			})
		},
		"scale":  func(v strict.Value, f *LoRaWANField) { strict.Set(v, &f.Scale, number) },
		"offset": func(v strict.Value, f *LoRaWANField) { strict.Set(v, &f.Offset, number) },
		"drop":   func(v strict.Value, f *LoRaWANField) { strict.Set(v, &f.Drop, strict.Bool) },
	}
}

// assetDomain is one of those that the catalog has.
func assetDomain(text string) (string, string) {
	return strict.OneOf("gas", "bridge", "tunnel", "road", "drainage", "water", "lighting", "landscape", "parking", "camera", "device")(text)
}

var metricPattern = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)

func metricName(text string) (string, string) {
	if !metricPattern.MatchString(text) || strings.HasPrefix(text, "__") {
		return "", "the name of a metric, of letters, digits and _, such as well_level_m"
	}
	return text, ""
}
