package city

import (
	"fmt"
	"math"

	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
	"github.com/belfry-city/belfry/dashboards/limit"
)

// worstOf draws the worst series of a metric over the limits of its rules.
func (d *desk) worstOf(domain, metric string, expr func(string) string, title board.Text, unit string, decimals int, help board.Text) board.Panel {
	b := d.bounds(domain, metric)
	return board.Panel{
		Kind: board.LinesKind, W: 12, H: 9, Title: title, Help: help, Unit: unit, Decimals: decimals, Empty: noReadings(), LegendRight: true,
		Custom: inSight(b), LowestFirst: math.IsNaN(b.Above.Critical) && !math.IsNaN(b.Below.Warning), Steps: board.Steps(b), Queries: []board.Query{lines(expr(metric), named(""))}, Links: []board.Link{seriesLink()},
	}
}

// inSight stretches the axis to the first limit on each side, so that it is seen how
// far values are from it.
func inSight(b limit.Bounds) map[string]any {
	axis := map[string]any{}
	upper := math.Min(orInf(b.Above.Warning), orInf(b.Above.Critical))
	lower := math.Min(orInf(-b.Below.Warning), orInf(-b.Below.Critical))
	if !math.IsInf(upper, 1) {
		axis["axisSoftMax"] = upper
	}
	if !math.IsInf(lower, 1) {
		axis["axisSoftMin"] = -lower
	}
	return axis
}

func orInf(v float64) float64 {
	if math.IsNaN(v) {
		return math.Inf(1)
	}
	return v
}

// worstWithOwn is worstOf for a metric whose limits are each asset's own: they are
// drawn where one asset is chosen, and can be told from the values by their dashes.
func worstWithOwn(metric string, expr func(string) string, title board.Text, unit string, decimals int, help board.Text) board.Panel {
	one := fmt.Sprintf(`count(group by (asset) (%s{asset=~"$asset"} @ end() and on (asset) %s)) == 1`, metric, infoNow)
	own := func(level string) string { return fmt.Sprintf(`%s and on () (%s)`, limits(metric, level), one) }
	dashes := map[string]any{"lineStyle": map[string]any{"fill": "dash", "dash": []int{10, 10}}, "lineWidth": 2, "showPoints": "never"}
	return board.Panel{
		Kind: board.LinesKind, W: 12, H: 9, Title: title, Unit: unit, Decimals: decimals, Empty: noReadings(), Help: help, Links: []board.Link{seriesLink()}, LegendRight: true,
		Queries: []board.Query{
			lines(expr(metric), named("")),
			lines(own("warning"), t("Warning {{side}}", "警告限值 {{side}}")),
			lines(own("critical"), t("Critical {{side}}", "紧急限值 {{side}}")),
		},
		Fields: []board.Field{{Ref: "B", Colour: board.Warning, Custom: dashes}, {Ref: "C", Colour: board.Critical, Custom: dashes}},
	}
}

// limits are those of the chosen assets of their own, with a sign that both
// languages read.
func limits(metric, level string) string {
	own := fmt.Sprintf(`asset_threshold{metric=~"%s",level=%q,asset=~"$asset"} and on (asset) %s`, metric, level, info)
	return fmt.Sprintf(`label_replace(label_replace(%s, "side", ">", "direction", "above"), "side", "<", "direction", "below")`, own)
}

func noReadings() board.Text { return t("No such readings in this time", "该时段无此类读数") }

// ofLimit is how near values are to their assets' own critical limits, in percent:
// 100 is the limit, whichever side it is on.
func ofLimit(metric string) string {
	const own = `on (asset) group_left () (asset_threshold{metric=%q,direction=%q,level="critical"} and on (asset) %s)`
	above := fmt.Sprintf(`100 * %s / `+own, metric, metric, "above", info)
	below := fmt.Sprintf(own, metric, "below", info)
	// A limit below zero is neared from above by values below zero; one over zero
	// by falling towards it.
	return fmt.Sprintf(`%s or 100 * (%s < 0) / %s or (100 / (%s > 0)) * %s`, above, metric, below, metric, below)
}

// score draws how unusual the readings of a domain are to its models.
func (d *desk) score(domain, detectors string) board.Panel {
	select1 := fmt.Sprintf(`anomaly_score{detector=~%q,asset=~"$asset"}`, detectors)
	expr := fmt.Sprintf(`%s and topk(%d, max_over_time(%s[$__range] @ end()) and on (asset) %s)`, select1, shown, select1, infoNow)
	return board.Panel{
		Kind: board.LinesKind, W: 12, H: 9, Title: t("Most unusual readings", "最异常的读数"), Unit: "short", Decimals: 2,
		Empty:       t("Models have not learned enough yet", "模型尚未学习充分"),
		Help:        t("The anomaly score of the ten most unusual readings. Over 1 is unusual.", "最异常十项读数的异常分数，大于 1 为异常。"),
		LegendRight: true, Steps: board.Steps(d.bounds(domain, "anomaly_score")), Links: []board.Link{seriesLink()},
		Queries: []board.Query{lines(withNames(expr), named(" {{metric}}"))},
	}
}

// onOff shows states over time, a line for each asset.
func onOff(title, help board.Text, expr string, words []board.Word) board.Panel {
	return board.Panel{
		Kind: board.StateKind, W: 12, H: 9, Title: title, Help: help, Unit: "none", Words: words, Empty: noReadings(),
		Queries: []board.Query{lines(expr, named(""))}, NoLegend: true, Links: []board.Link{seriesLink()},
	}
}

// seen are the events of cameras about the domains of the sheet.
func seen(w int) board.Panel {
	return board.Panel{
		Kind: board.LogsKind, W: w, H: 10, Title: t("Seen by cameras and people", "摄像机与人员上报"), Unit: "none",
		Empty:   t("Nothing was reported in this time", "该时段无上报"),
		Help:    t("What cameras and people reported about this domain.", "摄像机和人员上报的本领域事件。"),
		Queries: []board.Query{events(grafana.Events{Domain: []string{"$domain"}, Limit: 200})},
	}
}

// values are the newest readings of the chosen assets, a row each.
func values(title board.Text, metrics []string, columns []board.Field) board.Panel {
	fields := append([]board.Field{
		{Name: "asset", Label: t("Asset", "资产"), Links: []board.Link{assetLink("asset")}, Width: 120},
		{Name: "name", Label: t("Name", "英文名称"), Only: board.English},
		{Name: "name_zh", Label: t("Chinese name", "名称"), Only: board.Chinese},
		{Name: "domain", Hide: true},
		{Name: "state", Label: t("State", "状态"), Words: stateWords(), Fill: true, Width: 90},
		{Name: "street", Label: t("Street", "街道"), Width: 120},
		{Name: "team", Label: t("Team", "责任单位"), Words: teamWords(), Width: 130},
	}, columns...)
	for _, name := range []string{"state_text", "lat", "lon", "district", "critical", "warning", "info"} {
		fields = append(fields, board.Field{Name: name, Hide: true})
	}
	return board.Panel{
		Kind: board.TableKind, W: 24, H: 9, Title: title, Unit: "none", Decimals: 2, Fields: fields, Empty: t("No assets", "无资产"),
		Help:    t("The newest value of each reading, the worst assets first.", "各读数的最新值，最差的资产在前。"),
		Queries: []board.Query{assets(chosenAssets(grafana.Assets{Show: "table", Metrics: metrics, Limit: 500}))},
		Steps:   board.From(board.Fine, board.Rise{At: 1, Colour: board.Info}, board.Rise{At: 2, Colour: board.Warning}, board.Rise{At: 3, Colour: board.Critical}),
	}
}

// column is one of the table of newest values, in the colours of its limits.
func (d *desk) column(domain, metric string, label board.Text, unit string, decimals int) board.Field {
	return board.Field{Name: metric, Empty: dash(), Label: label, Unit: unit, Decimals: decimals, Steps: board.Steps(d.bounds(domain, metric)), Text: true, Width: 120}
}
