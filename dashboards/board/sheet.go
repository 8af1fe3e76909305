package board

import (
	"fmt"
	"strings"

	"github.com/belfry-city/belfry/dashboards/grafana"
)

// Sheet describes one dashboard. Name is its file's name, and the stem of its uid.
type Sheet struct {
	Name        string
	Title, Help Text
	From        string // such as now-6h
	Refresh     string // such as 30s
	// Domains are those that it is about; none: all, to be chosen from.
	Domains []string
	// Without says which of the variables domain, district, street and asset it has not.
	Without []string
	// OneAsset lets one asset be chosen instead of several, and which of its
	// Readings are shown, a selector of series.
	OneAsset bool
	Readings string
	// Wall hides all controls.
	Wall bool
	// Scale multiplies heights, 2 for a screen with twice the pixels; 0 is 1.
	Scale int
	// Marks shows in all lines when critical hazards were open.
	Marks  bool
	Panels []Panel
}

// Render makes the dashboard in a language.
func Render(s Sheet, l Language) grafana.Dashboard {
	d := grafana.Dashboard{
		UID: uid(s.Name, l), Title: s.Title.In(l), Description: s.Help.In(l),
		Tags: []string{"belfry", "belfry-" + l.suffix()}, Timezone: "browser", Editable: true, GraphTooltip: 1,
		Refresh: s.Refresh, SchemaVersion: grafana.SchemaVersion, Version: 1,
		Time: grafana.TimeRange{From: s.From, To: "now"}, Timepicker: grafana.Timepicker{Hidden: s.Wall},
		Templating: grafana.List{List: s.variables(l)}, Annotations: grafana.List{List: s.annotations(l)},
		Links: s.links(l), Panels: []grafana.Panel{},
	}
	flow := flow{scale: max(1, s.Scale)}
	for i, p := range s.Panels {
		d.Panels = append(d.Panels, p.render(l, i+1, flow.place(p)))
	}
	return d
}

func uid(name string, l Language) string { return "belfry-" + name + "-" + l.suffix() }

// flow puts panels beside each other, and into a new line where there is no room.
type flow struct {
	x, y, line int
	scale      int
}

const columns = 24

func (f *flow) place(p Panel) grafana.GridPos {
	w, h := p.W, p.H*f.scale
	if p.Kind == RowKind {
		w, h = columns, 1
	}
	if f.x+w > columns {
		f.x, f.y, f.line = 0, f.y+f.line, 0
	}
	at := grafana.GridPos{X: f.x, Y: f.y, W: w, H: h}
	f.x += w
	f.line = max(f.line, h)
	return at
}

func (s Sheet) annotations(l Language) []any {
	if !s.Marks {
		return []any{}
	}
	h := grafana.Hazards{Show: "annotations", Severity: []string{"critical"}, Domain: []string{"$domain"}, District: []string{"$district"}, Street: []string{"$street"}, Asset: []string{"$asset"}, Limit: 100}
	if s.OneAsset {
		h.Domain, h.District, h.Street = nil, nil, nil
	}
	return []any{grafana.Annotation{
		Name: Text{"Critical hazards", "紧急隐患"}.In(l), Enable: true, IconColor: Critical, Datasource: source(),
		Target: grafana.Target{RefID: "Anno", Kind: grafana.KindHazards, Hazards: &h, Lang: string(l)},
	}}
}

func (s Sheet) links(l Language) []grafana.Link {
	if s.Wall {
		return []grafana.Link{}
	}
	return []grafana.Link{
		{Title: Text{"City wall", "城市大屏"}.In(l), Type: "link", Icon: "dashboard", URL: "/d/" + uid("wall", l), KeepTime: false},
		{
			Title: Text{"Dashboards", "全部看板"}.In(l), Type: "dashboards", Icon: "external link", Tags: []string{"belfry-" + l.suffix()},
			AsDropdown: true, IncludeVars: false, KeepTime: true,
		},
	}
}

// Link leads from a value, or from a panel's title, to another sheet or an address.
// Query is what the address has behind its question mark, such as var-asset=….
type Link struct {
	Title Text
	Sheet string
	Query string
	URL   string
	New   bool // in a window of its own
}

func (k Link) render(l Language) grafana.Link {
	to := k.URL
	if k.Sheet != "" {
		query := []string{"${ds:queryparam}"}
		if k.Query != "" {
			query = append(query, k.Query)
		}
		to = fmt.Sprintf("/d/%s?%s", uid(k.Sheet, l), strings.Join(query, "&"))
	}
	return grafana.Link{Title: k.Title.In(l), URL: to, TargetBlank: k.New}
}

func source() *grafana.Ref { return &grafana.Ref{Type: grafana.PluginID, UID: "${ds}"} }
