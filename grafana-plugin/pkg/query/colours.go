package query

import "github.com/grafana/grafana-plugin-sdk-go/data"

// palette has colours that also the colour-blind can tell apart, on dark and on
// light ground: Paul Tol's "bright" scheme, and then some of his "light" and
// "muted" (SRON/EPS/TN/09-002, issue 3.2).
func palette() []string {
	return []string{
		"#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#BBBBBB",
		"#EE8866", "#44AA99", "#999933",
	}
}

// colour gives each series over time a colour of its own, by turns where there
// are more series than colours.
func colour(frames data.Frames) {
	n := 0
	for _, frame := range frames {
		if frame.TimeSeriesSchema().Type == data.TimeSeriesTypeNot {
			continue
		}
		for _, field := range frame.Fields {
			if field.Type().Numeric() {
				give(field, n)
				n++
			}
		}
	}
}

// give gives a field the nth colour.
func give(field *data.Field, n int) {
	if field.Config == nil {
		field.Config = &data.FieldConfig{}
	}
	colours := palette()
	field.Config.Color = map[string]any{"mode": "fixed", "fixedColor": colours[n%len(colours)]}
}
