package city

import (
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

// assetLink leads to the asset that a field of the row names.
func assetLink(field string) board.Link {
	return board.Link{Title: t("Asset ${__data.fields."+field+"}", "资产 ${__data.fields."+field+"}"), Sheet: "asset", Query: "var-asset=${__data.fields." + field + ":percentencode}&${__url_time_range}"}
}

// seriesLink leads to the asset whose series it is.
func seriesLink() board.Link {
	return board.Link{Title: t("Asset ${__field.labels.asset}", "资产 ${__field.labels.asset}"), Sheet: "asset", Query: "var-asset=${__field.labels.asset:percentencode}&${__url_time_range}"}
}

func row(title board.Text) board.Panel { return board.Panel{Kind: board.RowKind, Title: title} }

// head is how each domain's sheet begins: how many hazards, where, and which.
func head() []board.Panel {
	return []board.Panel{
		openCounts(), silentDevices(), assetCount(), openOverTime(),
		stateMap(), hazardTable(),
	}
}

func openCounts() board.Panel {
	return board.Panel{
		Kind: board.StatKind, W: 8, H: 5, Title: t("Open hazards", "未处置隐患"), Unit: "locale", Empty: t("Unknown", "未知"),
		Help:    t("Open hazards of the chosen domain, district, street and asset.", "所选领域、区县、街道和资产的未处置隐患。"),
		Queries: []board.Query{hazards(chosen(grafana.Hazards{Show: "open", By: "severity"}))},
		Steps:   judged(),
		Fields: []board.Field{
			{Name: "critical", Label: t("Critical", "紧急"), Steps: judged(board.Rise{At: 1, Colour: board.Critical})},
			{Name: "warning", Label: t("Warnings", "警告"), Steps: judged(board.Rise{At: 1, Colour: board.Warning})},
			{Name: "info", Label: t("Notes", "提示"), Steps: judged(board.Rise{At: 1, Colour: board.Info})},
		},
		Links: []board.Link{{Title: t("Hazards and response times", "隐患与响应时间"), Sheet: "hazards", Query: "${__url_time_range}"}},
	}
}

func silentDevices() board.Panel {
	return board.Panel{
		Kind: board.StatKind, W: 4, H: 5, Title: t("Silent devices", "失联设备"), Unit: "locale", Empty: t("Unknown", "未知"),
		Help:    t("Devices of which nothing is heard for three times their usual interval.", "超过三倍正常上报间隔未收到数据的设备。"),
		Queries: []board.Query{newest("sum(device_silent and on (asset) "+info+")", t("Silent", "失联"))},
		Steps:   judged(board.Rise{At: 1, Colour: board.Warning}),
	}
}

func assetCount() board.Panel {
	return board.Panel{
		Kind: board.StatKind, W: 4, H: 5, Title: t("Assets", "资产"), Unit: "locale", Empty: t("Unknown", "未知"),
		Help:    t("Assets in the catalog.", "台账中的资产数量。"),
		Queries: []board.Query{newest("count("+info+")", t("Assets", "资产"))},
		Steps:   board.Plain(board.Unknown),
		Options: map[string]any{"colorMode": "none"},
	}
}

// openOverTime counts what was open at each moment.
func openOverTime() board.Panel {
	return board.Panel{
		Kind: board.LinesKind, W: 8, H: 5, Title: t("Open over time", "未处置隐患走势"), Unit: "short", Min: at(0), Empty: t("Nothing to show", "无可显示"),
		Help:    t("How many hazards were open, by severity.", "按级别统计的未处置隐患数量。"),
		Queries: []board.Query{hazards(chosen(grafana.Hazards{Show: "counts", By: "severity"}))},
		Custom:  stacked(false),
		Points:  200,
		Fields:  severityLines(),
	}
}

// stacked puts what is of one moment on top of each other, as areas or as bars.
func stacked(asBars bool) map[string]any {
	c := map[string]any{"fillOpacity": 70, "lineWidth": 0, "showPoints": "never", "stacking": map[string]any{"mode": "normal", "group": "A"}}
	if asBars {
		c["drawStyle"] = "bars"
	} else {
		c["lineInterpolation"] = "stepAfter"
	}
	return c
}

func severityLines() []board.Field {
	return []board.Field{
		{Name: "critical", Label: t("Critical", "紧急"), Colour: board.Critical},
		{Name: "warning", Label: t("Warning", "警告"), Colour: board.Warning},
		{Name: "info", Label: t("Info", "提示"), Colour: board.Info},
	}
}

func stateMap() board.Panel {
	return board.Panel{
		Kind: board.MapKind, W: 8, H: 12, Title: t("Map", "地图"), Unit: "none", Empty: t("No asset has a position", "没有带坐标的资产"),
		Help:    t("Each asset in the colour of its worst open hazard. Click one for its details.", "每个资产以其最严重未处置隐患的颜色显示，点击查看详情。"),
		Queries: []board.Query{assets(chosenAssets(grafana.Assets{Show: "map", Limit: 1000}))},
		Steps:   board.From(board.Fine, board.Rise{At: 1, Colour: board.Info}, board.Rise{At: 2, Colour: board.Warning}, board.Rise{At: 3, Colour: board.Critical}),
		Fields: []board.Field{
			{Name: "state", Label: t("State", "状态"), Words: stateWords()},
			{Name: "asset", Label: t("Asset", "资产"), Links: []board.Link{assetLink("asset")}},
			{Name: "name", Label: t("Name", "英文名称"), Only: board.English},
			{Name: "name_zh", Label: t("Chinese name", "名称"), Only: board.Chinese},
			{Name: "street", Label: t("Street", "街道")},
			{Name: "team", Label: t("Team", "责任单位"), Words: teamWords()},
			{Name: "domain", Label: t("Domain", "领域"), Words: domainWords()},
		},
	}
}

func hazardTable() board.Panel {
	return board.Panel{
		Kind: board.TableKind, W: 16, H: 12, Title: t("Open hazards, the newest first", "未处置隐患（最新在前）"), Unit: "none", Empty: t("Nothing to show", "无可显示"),
		Help:    t("Click an id for the hazard's history, an asset for its readings.", "点击编号查看处置记录，点击资产查看读数。"),
		Queries: []board.Query{hazards(chosen(grafana.Hazards{Show: "table", Status: []string{"open"}, Limit: 200}))},
		Fields:  append(hazardFields(), hidden("status", "resolved", "worst", "domain", "reopened", "street", "value", "limit", "unit")...),
	}
}

func hidden(names ...string) []board.Field {
	var out []board.Field
	for _, n := range names {
		out = append(out, board.Field{Name: n, Hide: true})
	}
	return out
}

// wrapped is for cells whose text may take several lines.
func wrapped() map[string]any {
	return map[string]any{"cellOptions": map[string]any{"type": "auto", "wrapText": true}}
}

// hazardFields are the columns of every table of hazards.
func hazardFields() []board.Field {
	open := board.Link{Title: t("Open the hazard", "打开隐患"), URL: "${__data.fields.url}", New: true}
	return append([]board.Field{
		{Name: "opened", Label: t("Opened", "发生时间"), Unit: "dateTimeAsIso", Width: 155},
		{Name: "severity", Label: t("Severity", "级别"), Words: severityWords(), Fill: true, Width: 90},
		{Name: "status", Label: t("Status", "状态"), Words: statusWords(), Width: 80},
		{Name: "domain", Empty: dash(), Label: t("Domain", "领域"), Words: domainWords(), Width: 130},
		{Name: "asset", Empty: dash(), Label: t("Asset", "资产"), Links: []board.Link{assetLink("asset")}, Width: 100},
		{Name: "summary", Label: t("What", "英文内容"), Only: board.English, Custom: wrapped()},
		{Name: "summary_zh", Label: t("What, in Chinese", "内容"), Only: board.Chinese, Custom: wrapped()},
		{Name: "value", Empty: dash(), Label: t("Value", "当前值"), Unit: "none", Decimals: 2, Width: 80},
		{Name: "worst", Empty: dash(), Label: t("Worst", "最差值"), Unit: "none", Decimals: 2, Width: 80},
		{Name: "limit", Empty: dash(), Label: t("Limit", "限值"), Unit: "none", Decimals: 2, Width: 80},
		{Name: "unit", Empty: dash(), Label: t("Unit", "单位"), Width: 60},
		{Name: "duration", Label: t("Open for", "持续"), Unit: "s", Decimals: 0, Width: 100},
		{Name: "resolved", Empty: dash(), Label: t("Resolved", "解除时间"), Unit: "dateTimeAsIso", Width: 160},
		{Name: "reopened", Label: t("Reopened", "复发"), Unit: "short", Width: 90},
		{Name: "street", Empty: dash(), Label: t("Street", "街道"), Width: 105},
		{Name: "team", Empty: dash(), Label: t("Team", "责任单位"), Words: teamWords(), Width: 130},
		{Name: "hazard", Label: t("Hazard", "编号"), Links: []board.Link{open}, Width: 110},
	}, hidden("district", "rule", "lat", "lon", "url", "name", "name_zh")...)
}
