package city

import (
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

// readings are the series of an asset that are neither Belfry's own about it nor times.
const readings = `{asset="$asset",__name__!~"ALERTS.*|anomaly_.*|asset_.*|device_(silent|last_seen.*)|.*_timestamp_seconds|belfry_.*"}`

// asset shows any asset, also one that the catalog does not have.
func (d *desk) asset() board.Sheet {
	s := board.Sheet{
		Name: "asset", Title: t("Asset", "资产详情"), From: "now-6h", Refresh: "10s", OneAsset: true, Marks: true, Readings: readings,
		Help: t("One asset: its newest values, their history with limits and what was expected, its hazards and events.", "单个资产：最新读数、历史曲线与限值、预期值、隐患与事件。"),
	}
	s.Panels = []board.Panel{
		assetState(), lastHeard(), assetCard(),
		row(t("Readings", "读数")),
		reading(),
		row(t("How unusual, and what came of it", "异常程度与隐患事件")),
		assetScore(d), assetEvents(), assetHazards(),
	}
	return s
}

func assetState() board.Panel {
	return board.Panel{
		Kind: board.StatKind, W: 4, H: 6, Title: t("State", "状态"), Unit: "none", Words: stateWords(), Empty: t("Not in the catalog", "不在台账中"),
		Help:    t("Its worst open hazard.", "最严重的未处置隐患。"),
		Queries: []board.Query{assets(grafana.Assets{Show: "table", Asset: []string{"$asset"}, Limit: 1})},
		Steps:   judged(board.Rise{At: 1, Colour: board.Info}, board.Rise{At: 2, Colour: board.Warning}, board.Rise{At: 3, Colour: board.Critical}),
		Options: map[string]any{"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "/^state$/", "values": false}, "textMode": "value"},
	}
}

func lastHeard() board.Panel {
	return board.Panel{
		Kind: board.StatKind, W: 4, H: 6, Title: t("Last heard", "最近上报"), Unit: "s", Decimals: 0, Empty: t("Unknown", "未知"),
		Help:    t("How long ago its newest reading arrived; renewed once a minute.", "距最近一次读数的时间，每分钟更新。"),
		Queries: []board.Query{newest(`time() - max(last_over_time(device_last_seen_timestamp_seconds{asset="$asset"}[1d]))`, t("ago", "前"))},
		Steps:   board.Plain(board.Unknown), Options: map[string]any{"colorMode": "none", "textMode": "value"},
	}
}

func assetCard() board.Panel {
	p := values(t("What it is, and its newest values", "资产信息与最新读数"), []string{"*"}, nil)
	p.W, p.H = 16, 6
	p.Help = t("What the catalog knows, and the newest value of each reading.", "台账信息与各读数最新值。")
	p.Queries = []board.Query{assets(grafana.Assets{Show: "table", Asset: []string{"$asset"}, Metrics: []string{"*"}, Limit: 1})}
	p.Fields = append(p.Fields, byUnit()...)
	p.Fields = append(p.Fields, board.Field{Regex: "/^(anomaly_|device_silent|device_last_seen|.*_timestamp_seconds).*/", Hide: true})
	return p
}

// reading is repeated for each metric of the asset: the value, what its models
// expected and how unusual it was, and the asset's own limits.
func reading() board.Panel {
	dashes := map[string]any{"lineStyle": map[string]any{"fill": "dash", "dash": []int{10, 10}}, "lineWidth": 2, "showPoints": "never"}
	unlisted := map[string]bool{"legend": true, "viz": false, "tooltip": false}
	level := func(level string) board.Query {
		own := `label_replace(label_replace(asset_threshold{metric=~"$metric",level="` + level + `",asset="$asset"}, "side", ">", "direction", "above"), "side", "<", "direction", "below")`
		q := lines(own, map[string]board.Text{"warning": t("Warning {{side}}", "警告限值 {{side}}"), "critical": t("Critical {{side}}", "紧急限值 {{side}}")}[level])
		q.Units = true
		return q
	}
	return board.Panel{
		Kind: board.LinesKind, W: 12, H: 9, Title: board.Text{EN: "Reading: $metric", ZH: "读数：$metric"}, Unit: "none", Decimals: -1, Repeat: "metric", Empty: noReadings(),
		Help:    t("The readings, what models expected and the band of usual values, and the asset's own limits. Where the score is over 1, it is marked.", "读数、模型预期值与正常区间、资产自身限值；异常分数大于 1 处有标记。"),
		Queries: []board.Query{anomalies(grafana.Anomalies{Select: `{__name__=~"$metric",asset="$asset"}`, Limit: 6}), level("warning"), level("critical")},
		Fields: []board.Field{
			{Name: "value", Label: t("Value ${__field.labels.point}${__field.labels.source}", "实测 ${__field.labels.point}${__field.labels.source}")},
			{Name: "expected", Label: t("Expected ${__field.labels.point}${__field.labels.source}", "预期 ${__field.labels.point}${__field.labels.source}"), Custom: map[string]any{"lineWidth": 1, "lineStyle": map[string]any{"fill": "dash", "dash": []int{3, 6}}}},
			{Name: "lower", Label: t("Usual from", "正常下限"), Colour: board.Info, Custom: map[string]any{"lineWidth": 0, "hideFrom": unlisted}},
			{Name: "upper", Label: t("Usual to", "正常上限"), Colour: board.Info, Custom: map[string]any{"lineWidth": 0, "fillBelowTo": "lower", "fillOpacity": 20, "hideFrom": unlisted}},
			{Name: "score", Label: t("Score ${__field.labels.point}${__field.labels.source}", "异常分数 ${__field.labels.point}${__field.labels.source}"), Unit: "short", Decimals: 1, Colour: board.Purple, Custom: map[string]any{"axisPlacement": "right", "lineWidth": 1, "axisSoftMin": 0, "axisSoftMax": 2}},
			{Ref: "B", Colour: board.Warning, Custom: dashes},
			{Ref: "C", Colour: board.Critical, Custom: dashes},
		},
	}
}

// byUnit gives metrics the unit that their names end with.
func byUnit() []board.Field {
	units := []struct {
		ending, unit string
		decimals     int
	}{
		{"_lel_percent", "suffix: %LEL", 1}, {"_percent", "percent", 1}, {"_ratio", "percentunit", 2}, {"_confidence", "percentunit", 2}, {"_ppm", "ppm", 2}, {"_mm", "suffix: mm", 2},
		{"_microstrain", "suffix: µε", 1}, {"_kn", "suffix: kN", 1}, {"_degrees", "suffix: °", 3}, {"_mps2", "suffix: m/s²", 3}, {"_per_m", "suffix: m⁻¹", 5},
		{"_mpa", "suffix: MPa", 4}, {"_m", "suffix: m", 3}, {"_m3_per_hour", "suffix: m³/h", 1}, {"_ma", "suffix: mA", 1}, {"_watts", "suffix: W", 1},
		{"_volts", "suffix: V", 2}, {"_amperes", "suffix: A", 2}, {"_mm_per_s", "suffix: mm/s", 2}, {"_dbm", "dBm", 0}, {"_seconds", "s", 0}, {"_celsius", "celsius", 1}, {"_rpm", "rotrpm", 0},
	}
	var out []board.Field
	for _, u := range units {
		out = append(out, board.Field{Regex: `/^[a-z0-9_]+` + u.ending + `($| )/`, Unit: u.unit, Decimals: u.decimals})
	}
	return out
}

func assetScore(d *desk) board.Panel {
	p := d.score("bridge", ".*")
	p.H, p.Title = 12, t("Anomaly scores", "异常分数")
	p.Help = t("How unusual its readings are to the models that watch them. Over 1 is unusual.", "监测该资产的模型给出的异常分数，大于 1 为异常。")
	p.Queries = []board.Query{lines(`anomaly_score{asset="$asset"}`, board.Same("{{metric}} {{detector}}"))}
	p.Links = nil
	return p
}

func assetHazards() board.Panel {
	p := hazardTable()
	p.W, p.Title, p.Empty = 24, t("Hazards of this time", "该时段隐患"), t("It had no hazards in this time", "该时段无隐患")
	p.Queries = []board.Query{hazards(grafana.Hazards{Show: "table", Asset: []string{"$asset"}, Limit: 200})}
	p.Fields = hazardFields()
	return p
}

func assetEvents() board.Panel {
	p := seen(12)
	p.H = 12
	p.Help = t("What this camera, or people about this asset, reported.", "该摄像机或人员对该资产的上报。")
	p.Queries = []board.Query{events(grafana.Events{Asset: []string{"$asset"}, Limit: 200})}
	return p
}
