package board

import (
	"slices"
	"strings"

	"github.com/belfry-city/belfry/dashboards/grafana"
)

const (
	hideNothing  = 0
	hideVariable = 2

	refreshOnTime = 2 // when the time range changes, which a load is too
	sortNatural   = 7 // letters ascending, without regard to case, numbers in them by value
)

// all is what "All" stands for in PromQL. In filters it filters nothing.
const all = ".*"

// variables are the data source, and domain, district, street and asset, each
// narrowing those that follow.
func (s Sheet) variables(l Language) []any {
	hide := hideNothing
	if s.Wall {
		hide = hideVariable
	}
	vs := []any{grafana.Variable{
		Name: "ds", Type: "datasource", Label: Text{"Belfry", "钟楼"}.In(l), Query: grafana.PluginID, Refresh: 1, Hide: hide,
		Options: []grafana.Option{},
	}}
	if !slices.Contains(s.Without, "domain") {
		vs = append(vs, s.domains(l))
	}
	filters := map[string][]string{"domain": {"$domain"}}
	for _, c := range []struct {
		name  string
		label Text
	}{
		{"district", Text{"District", "区县"}},
		{"street", Text{"Street", "街道"}},
		{"asset", Text{"Asset", "资产"}},
	} {
		if slices.Contains(s.Without, c.name) {
			continue
		}
		v := s.query(l, c.name, c.label, map[string]any{"of": c.name + "s"})
		for name, value := range filters {
			v.Query.(map[string]any)[name] = value
		}
		if c.name == "asset" && s.OneAsset {
			v.Multi, v.IncludeAll, v.AllValue, v.Current = false, false, "", grafana.Option{}
		}
		filters[c.name] = []string{"$" + c.name}
		vs = append(vs, v)
	}
	if s.OneAsset {
		v := s.query(l, "metric", Text{"Reading", "读数"}, map[string]any{"of": "label_values", "label": "__name__", "select": s.Readings})
		v.AllValue = ""
		vs = append(vs, v)
	}
	return vs
}

// query is a variable whose choices the data source knows.
func (s Sheet) query(l Language, name string, label Text, question map[string]any) grafana.Variable {
	question["refId"], question["lang"] = "Variable-"+name, string(l)
	v := grafana.Variable{
		Name: name, Type: "query", Label: label.In(l), Datasource: source(), Query: question, Refresh: refreshOnTime,
		Sort: sortNatural, Multi: true, IncludeAll: true, AllValue: all, Options: []grafana.Option{}, Current: every(),
	}
	if s.Wall {
		v.Hide = hideVariable
	}
	return v
}

func every() grafana.Option {
	return grafana.Option{Selected: true, Text: []string{"All"}, Value: []string{"$__all"}}
}

func (s Sheet) domains(l Language) grafana.Variable {
	v := grafana.Variable{
		Name: "domain", Type: "custom", Label: Text{"Domain", "领域"}.In(l), Multi: true, IncludeAll: true,
		Options: []grafana.Option{}, Current: every(),
	}
	choices := s.Domains
	if len(choices) == 0 {
		choices, v.AllValue = Domains(), all
	}
	if len(s.Domains) > 1 {
		// All would filter nothing, and so be more than these.
		v.IncludeAll = false
		var names []string
		for _, d := range choices {
			names = append(names, DomainName(d).In(l))
		}
		v.Current = grafana.Option{Selected: true, Text: names, Value: choices}
	}
	if len(choices) == 1 {
		v.Hide, v.Multi, v.IncludeAll = hideVariable, false, false
		v.Current = grafana.Option{Selected: true, Text: DomainName(choices[0]).In(l), Value: choices[0]}
	}
	if s.Wall {
		v.Hide = hideVariable
	}
	var query []string
	for _, d := range choices {
		query = append(query, DomainName(d).In(l)+" : "+d)
	}
	v.Query = strings.Join(query, ", ")
	return v
}
