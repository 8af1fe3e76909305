package config

import (
	"slices"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// OTLP says how OpenTelemetry's metrics become series. The keys and their
// meaning are those of Prometheus' section otlp, but for Delta.
type OTLP struct {
	Translation OTLPTranslation
	// Promote are resource attributes that become labels; PromoteAll makes it
	// all of them but Ignore.
	Promote    []string
	PromoteAll bool
	Ignore     []string
	// KeepIdentifying has service.name and the like also in target_info.
	KeepIdentifying bool
	PromoteScope    bool
	// CustomBuckets stores explicit histograms as native ones.
	CustomBuckets bool
	Delta         OTLPDelta
}

// OTLPTranslation is what becomes of names.
type OTLPTranslation string

// The values of OTLPTranslation.
const (
	OTLPEscapingWithSuffixes    OTLPTranslation = "UnderscoreEscapingWithSuffixes"
	OTLPEscapingWithoutSuffixes OTLPTranslation = "UnderscoreEscapingWithoutSuffixes"
	OTLPUTF8WithSuffixes        OTLPTranslation = "NoUTF8EscapingWithSuffixes"
	OTLPNoTranslation           OTLPTranslation = "NoTranslation"
)

// OTLPDelta is what becomes of values that count from the one before.
type OTLPDelta string

// The values of OTLPDelta.
const (
	OTLPDeltaRefuse     OTLPDelta = "refuse"
	OTLPDeltaCumulative OTLPDelta = "cumulative" // they are summed up
)

func defaultOTLP() OTLP {
	return OTLP{Translation: OTLPEscapingWithSuffixes, Delta: OTLPDeltaRefuse}
}

func (p *parser) otlp(v strict.Value, in *Inputs) {
	flag := func(of func(*OTLP) *bool) func(strict.Value, *OTLP) {
		return func(v strict.Value, o *OTLP) { strict.Set(v, of(o), strict.Bool) }
	}
	strict.Mapping(v, &in.OTLP, strict.Keys[OTLP]{
		"translation_strategy": func(v strict.Value, o *OTLP) {
			strict.Set(v, &o.Translation, strict.OneOf(OTLPEscapingWithSuffixes, OTLPEscapingWithoutSuffixes, OTLPUTF8WithSuffixes, OTLPNoTranslation))
		},
		"promote_resource_attributes":          func(v strict.Value, o *OTLP) { o.Promote = attributeNames(v) },
		"promote_all_resource_attributes":      flag(func(o *OTLP) *bool { return &o.PromoteAll }),
		"ignore_resource_attributes":           func(v strict.Value, o *OTLP) { o.Ignore = attributeNames(v) },
		"keep_identifying_resource_attributes": flag(func(o *OTLP) *bool { return &o.KeepIdentifying }),
		"promote_scope_metadata":               flag(func(o *OTLP) *bool { return &o.PromoteScope }),
		"convert_histograms_to_nhcb":           flag(func(o *OTLP) *bool { return &o.CustomBuckets }),
		"delta": func(v strict.Value, o *OTLP) {
			strict.Set(v, &o.Delta, strict.OneOf(OTLPDeltaRefuse, OTLPDeltaCumulative))
		},
	})
	switch o := &in.OTLP; {
	case o.PromoteAll && len(o.Promote) > 0:
		v.Refuse("want promote_all_resource_attributes or promote_resource_attributes; got both")
	case !o.PromoteAll && len(o.Ignore) > 0:
		v.Refuse("want ignore_resource_attributes only with promote_all_resource_attributes; got it alone")
	}
}

func attributeNames(v strict.Value) (names []string) {
	strict.List(v, "a list of attributes, such as [service.version]", func(v strict.Value) {
		var name string
		strict.Set(v, &name, strict.Text("the name of an attribute, such as service.version"))
		if slices.Contains(names, name) {
			v.Refuse("want each attribute once; got it again")
			return
		}
		names = append(names, name)
	})
	return names
}
