package query

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

const (
	mostColumns = 100
	// past is from when on a panel's end is not now.
	past = time.Minute
)

func (p *AssetsPart) filters() filters {
	return filters{"domain": p.Domain, "team": p.Team, "street": p.Street, "district": p.District, "state": p.State, "asset": p.Asset}
}

// stateNumber grows with what is wrong, so that colours can go by it.
func stateNumber(state string) float64 {
	return map[string]float64{"info": 1, "warning": 2, "critical": 3}[state]
}

// assets lists them, worst first, as a table that maps can show as well.
func (a *asked) assets(ctx context.Context) (data.Frames, error) {
	p := &a.Assets
	show, err := oneOf("assets.show", p.Show, "table", "map")
	if err != nil {
		return nil, err
	}
	v := p.filters().values()
	if p.Q != "" {
		v.Set("q", p.Q)
	}
	if metrics := p.Metrics.Wanted(); len(metrics) > 0 {
		v["metric"] = metrics
	}
	if a.now.Sub(a.to) > past {
		v.Set("at", millis(a.to))
	}
	var want func(*client.Asset) bool
	if show == "map" {
		want = func(x *client.Asset) bool { return x.Lat != nil && x.Lon != nil }
	}
	limit := limited(p.Limit, defaultRows, mostRows)
	if a.alerting {
		limit = mostRows
	}
	list, err := a.Client.Assets(ctx, v, limit, want)
	if err != nil {
		return nil, err
	}
	if show == "map" {
		slices.Reverse(list.Items) // what comes last is drawn on top
	}
	frame := a.assetTable(list.Items)
	switch {
	case show == "map" && len(list.Items) == 0 && list.Total > 0:
		frame.AppendNotices(a.noPlaces(list.Total))
	case list.More:
		a.leaveOut(frame, a.moreAssets(len(list.Items), list.Total))
	}
	if list.ValuesCut {
		a.leaveOut(frame, a.say(wording.Text{
			EN: "Newest values of some assets are left out, because there are too many. Filter, or choose fewer metrics.",
			ZH: "数值过多，部分设施的最新读数未显示。请加筛选条件，或减少指标。",
		}))
	}
	if a.alerting {
		value := "state"
		if metrics := p.Metrics.Wanted(); len(metrics) == 1 && metrics[0] != "*" {
			value = metrics[0]
		} else {
			a.partly = "" // the worst come first, and the others are well
		}
		frame = numeric(frame, value, "asset", "domain", "street", "district", "team")
	}
	return data.Frames{frame}, nil
}

func (a *asked) noPlaces(total int) data.Notice {
	return data.Notice{Severity: data.NoticeSeverityWarning, Text: a.say(wording.Text{
		EN: "The worst of these %d assets have no position. Give lat and lon in Belfry's catalog.",
		ZH: "这 %d 个设施中，排在前面的都没有坐标。请在 Belfry 的设施目录中填写 lat 和 lon。",
	}, total)}
}

func (a *asked) moreAssets(shown, total int) string {
	return a.say(wording.Text{
		EN: "Shown are the %d worst of %d assets. Filter, or raise the limit of the query (at most %d).",
		ZH: "只显示了状态最差的 %d 个设施，共 %d 个。请加筛选条件，或调大查询的条数上限（最多 %d）。",
	}, shown, total, mostRows)
}

func (a *asked) assetTable(rows []client.Asset) *data.Frame {
	type A = client.Asset
	state := func(x *A) string { return cmp.Or(x.State, "ok") }
	frame := tableFrame(
		texts("asset", rows, func(x *A) string { return x.Asset }),
		texts("name", rows, func(x *A) string { return cmp.Or(x.Name, x.NameZH, x.Asset) }),
		texts("name_zh", rows, func(x *A) string { return cmp.Or(x.NameZH, x.Name, x.Asset) }),
		texts("domain", rows, func(x *A) string { return x.Domain }),
		numbers("state", rows, func(x *A) *float64 { n := stateNumber(x.State); return &n }),
		texts("state_text", rows, state),
		numbers("lat", rows, func(x *A) *float64 { return x.Lat }),
		numbers("lon", rows, func(x *A) *float64 { return x.Lon }),
		texts("street", rows, func(x *A) string { return x.Street }),
		texts("district", rows, func(x *A) string { return x.District }),
		texts("team", rows, func(x *A) string { return x.Team }),
		counts("critical", rows, func(x *A) int64 { return x.Hazards["critical"] }),
		counts("warning", rows, func(x *A) int64 { return x.Hazards["warning"] }),
		counts("info", rows, func(x *A) int64 { return x.Hazards["info"] }),
	)
	frame.Meta.UniqueRowIDFields = []int{0}
	names, dropped := a.valueColumns(rows)
	for _, name := range names {
		frame.Fields = append(frame.Fields, valueColumn(name, rows))
	}
	if dropped > 0 {
		frame.AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: a.say(wording.Text{
			EN: "Shown are %d of %d metrics as columns. Choose the metrics of the query.",
			ZH: "只显示了 %d / %d 个指标列。请在查询中选择指标。",
		}, len(names), len(names)+dropped)})
	}
	return frame
}

// valueColumns are the metrics that are asked for, in that order, and then those
// that there are, as with *.
func (a *asked) valueColumns(rows []client.Asset) (names []string, dropped int) {
	for _, name := range a.Assets.Metrics.Wanted() {
		if name != "*" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	asked := len(names)
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	for _, row := range rows {
		for _, v := range row.Values {
			if !seen[v.Metric] {
				seen[v.Metric] = true
				names = append(names, v.Metric)
			}
		}
	}
	slices.Sort(names[asked:])
	if len(names) > mostColumns {
		dropped = len(names) - mostColumns
		names = names[:mostColumns]
	}
	return names, dropped
}

// valueColumn has the largest value that any of an asset's series of a metric
// has now.
func valueColumn(name string, rows []client.Asset) *data.Field {
	unit := ""
	field := numbers(name, rows, func(x *client.Asset) (most *float64) {
		for _, v := range x.Values {
			if v.Metric != name || v.Value == nil {
				continue
			}
			unit = cmp.Or(unit, v.Unit)
			if most == nil || *v.Value > *most {
				most = v.Value
			}
		}
		return most
	})
	return configured(field, data.FieldConfig{Unit: grafanaUnit(unit)})
}

// grafanaUnit is how Grafana shows numbers of a unit.
func grafanaUnit(unit string) string {
	switch unit {
	case "":
		return ""
	case "%":
		return "percent"
	}
	return "suffix: " + unit
}
