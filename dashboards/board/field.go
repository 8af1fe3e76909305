package board

import (
	"maps"
	"slices"

	"github.com/belfry-city/belfry/dashboards/grafana"
)

// Field overrides how the field of a name, or all fields of a query, are shown.
type Field struct {
	Name  string // of the field
	Ref   string // or all of the query with this letter
	Regex string // or those whose names match
	Label Text
	Unit  string
	// Decimals of -1 leave it to Grafana; 0 is none.
	Decimals int
	Colour   string
	Steps    []grafana.Step
	Words    []Word
	Links    []Link
	Width    int
	Hide     bool
	Only     Language // hidden in the other one
	Empty    Text     // instead of the panel's, where the field has no value
	Fill     bool     // the cell's background in the colour of its value
	Text     bool     // the cell's text in the colour of its value
	Custom   map[string]any
}

func (f Field) render(l Language) grafana.Override {
	o := grafana.Override{Matcher: grafana.Matcher{ID: "byName", Options: f.Name}}
	switch {
	case f.Ref != "":
		o.Matcher = grafana.Matcher{ID: "byFrameRefID", Options: f.Ref}
	case f.Regex != "":
		o.Matcher = grafana.Matcher{ID: "byRegexp", Options: f.Regex}
	}
	set := func(id string, value any) {
		o.Properties = append(o.Properties, grafana.Property{ID: id, Value: value})
	}
	if f.Label != (Text{}) {
		set("displayName", f.Label.In(l))
	}
	if f.Unit != "" {
		set("unit", f.Unit)
		if f.Decimals >= 0 {
			set("decimals", f.Decimals)
		}
	}
	if f.Colour != "" {
		set("color", grafana.Color{Mode: "fixed", FixedColor: f.Colour})
	}
	if f.Steps != nil {
		set("color", grafana.Color{Mode: "thresholds"})
		set("thresholds", grafana.Thresholds{Mode: "absolute", Steps: f.Steps})
	}
	if f.Words != nil {
		set("mappings", mappings(f.Words, l))
	}
	if f.Links != nil {
		var links []grafana.Link
		for _, k := range f.Links {
			links = append(links, k.render(l))
		}
		set("links", links)
	}
	if f.Empty != (Text{}) {
		set("noValue", f.Empty.In(l))
	}
	if f.Width > 0 {
		set("custom.width", f.Width)
	}
	if f.Hide || f.Only != "" && f.Only != l {
		set("custom.hideFrom", map[string]bool{"viz": true, "legend": true, "tooltip": true})
		set("custom.hideFrom.viz", true) // a table's name for it
	}
	if f.Fill {
		set("custom.cellOptions", map[string]any{"type": "color-background", "mode": "basic"})
	}
	if f.Text {
		set("custom.cellOptions", map[string]any{"type": "color-text"})
	}
	for _, id := range slices.Sorted(maps.Keys(f.Custom)) {
		set("custom."+id, f.Custom[id])
	}
	return o
}
