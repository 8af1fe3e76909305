package board

import (
	"maps"
	"slices"

	"github.com/belfry-city/belfry/dashboards/grafana"
)

// Kinds of panels, by Grafana's names. A row is a heading across the sheet.
const (
	RowKind   = "row"
	StatKind  = "stat"
	LinesKind = "timeseries"
	TableKind = "table"
	MapKind   = "geomap"
	LogsKind  = "logs"
	BarsKind  = "barchart"
	GaugeKind = "bargauge"
	HeatKind  = "heatmap"
	StateKind = "state-timeline"
)

// Panel describes one panel, or with RowKind the heading of those that follow.
type Panel struct {
	Kind        string
	Title, Help Text
	Empty       Text // what stands where there is nothing to show
	W, H        int
	Unit        string
	Decimals    int // -1 leaves those of an axis to Grafana
	Min, Max    *float64
	Steps       []grafana.Step // none: no limit, drawn in Colour
	Colour      string         // of what is not judged; "" is Blue
	Words       []Word
	Name        Text // instead of the name of the only value
	Fields      []Field
	Queries     []Query
	Links       []Link // of values
	HeadLinks   []Link // of the panel's title
	Options     map[string]any
	Custom      map[string]any
	Transform   []grafana.Transformation
	LegendRight bool // a table of names and newest values, the highest first
	LowestFirst bool
	NoLegend    bool
	Text        int    // height of letters in pixels, where a value is written large
	Points      int    // at most so many in time; 0: as many as there are pixels
	Repeat      string // for each value of this variable, two in a line
}

// Query is one question of a panel, with the words of its legend.
type Query struct {
	grafana.Target
	Legend Text
}

// Word is what stands instead of a value, and its colour. From and To make it a
// range, both inclusive.
type Word struct {
	Value    string
	From, To *float64
	Text     Text
	Colour   string
}

func (p Panel) render(l Language, id int, at grafana.GridPos) grafana.Panel {
	out := grafana.Panel{ID: id, Type: p.Kind, Title: p.Title.In(l), GridPos: at}
	if p.Kind == RowKind {
		no := false
		out.Collapsed, out.Panels = &no, []grafana.Panel{}
		return out
	}
	out.Description, out.Datasource = p.Help.In(l), source()
	out.Transformations, out.MaxDataPoints = p.Transform, p.Points
	if p.Repeat != "" {
		out.Repeat, out.RepeatDirection, out.MaxPerRow = p.Repeat, "h", 2
	}
	for _, k := range p.HeadLinks {
		out.Links = append(out.Links, k.render(l))
	}
	for i, q := range p.Queries {
		t := q.Target
		t.RefID, t.Datasource, t.LegendFormat = string(rune('A'+i)), source(), q.Legend.In(l)
		t.Lang = string(l)
		if t.Kind == grafana.KindMetrics {
			t.EditorMode = "code"
			if t.Format == "" {
				t.Format = "time_series"
			}
		}
		t.Distinct = p.Kind == LinesKind && (t.Kind == grafana.KindMetrics || t.Kind == grafana.KindAnomalies)
		out.Targets = append(out.Targets, t)
	}
	out.FieldConfig = p.config(l)
	out.Options = p.options()
	maps.Copy(out.Options, p.Options)
	return out
}

func (p Panel) config(l Language) *grafana.FieldConfig {
	empty := p.Empty
	if empty == (Text{}) {
		empty = noData()
	}
	f := grafana.Field{
		DisplayName: p.Name.In(l), Unit: p.Unit, Decimals: &p.Decimals, Min: p.Min, Max: p.Max, NoValue: empty.In(l),
		Color: grafana.Color{Mode: "thresholds"}, Thresholds: grafana.Thresholds{Mode: "absolute", Steps: p.Steps},
		Mappings: mappings(p.Words, l), Custom: p.custom(),
	}
	if len(p.Steps) == 0 {
		f.Thresholds.Steps = Plain(p.colour())
	}
	if p.Kind == LinesKind {
		f.Thresholds.Steps = transparent(f.Thresholds.Steps)
		if p.Decimals < 0 {
			f.Decimals = nil
		}
	}
	if p.Kind == LinesKind || p.Kind == BarsKind {
		f.Color = grafana.Color{Mode: "shades", FixedColor: p.colour()}
	}
	if p.Kind == StateKind {
		f.Color = grafana.Color{Mode: "fixed", FixedColor: p.colour()} // words have their own
	}
	for _, k := range p.Links {
		f.Links = append(f.Links, k.render(l))
	}
	c := &grafana.FieldConfig{Defaults: f, Overrides: []grafana.Override{}}
	for _, o := range p.Fields {
		c.Overrides = append(c.Overrides, o.render(l))
	}
	return c
}

// transparent leaves areas empty in which all is well.
func transparent(steps []grafana.Step) []grafana.Step {
	out := slices.Clone(steps)
	for i := range out {
		if out[i].Color == Fine {
			out[i].Color = Clear
		}
	}
	return out
}

func (p Panel) colour() string {
	if p.Colour == "" {
		return Blue
	}
	return p.Colour
}

// custom is what the kind of panel makes of a field, and what the panel adds.
func (p Panel) custom() map[string]any {
	var c map[string]any
	switch p.Kind {
	case LinesKind:
		style := "off"
		if len(p.Steps) > 1 {
			style = "dashed+area"
		}
		c = map[string]any{
			"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "pointSize": 5, "spanNulls": false,
			"lineInterpolation": "linear", "thresholdsStyle": map[string]any{"mode": style},
		}
	case BarsKind:
		c = map[string]any{"fillOpacity": 90, "lineWidth": 0}
	case TableKind:
		c = map[string]any{"align": "auto", "cellOptions": map[string]any{"type": "auto"}, "filterable": true}
	case StateKind:
		c = map[string]any{"fillOpacity": 90, "lineWidth": 0}
	default:
		c = map[string]any{}
	}
	maps.Copy(c, p.Custom)
	return c
}

func mappings(words []Word, l Language) []grafana.Mapping {
	out := []grafana.Mapping{}
	exact := map[string]grafana.Result{}
	for i, w := range words {
		r := grafana.Result{Text: w.Text.In(l), Color: w.Colour, Index: i}
		if w.From == nil && w.To == nil {
			exact[w.Value] = r
			continue
		}
		out = append(out, grafana.Mapping{Type: "range", Options: grafana.Range{From: w.From, To: w.To, Result: r}})
	}
	if len(exact) > 0 {
		out = append(out, grafana.Mapping{Type: "value", Options: exact})
	}
	return out
}
