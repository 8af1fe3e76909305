package city

import (
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

// tile is one of the wall's, about one or several domains.
type tile struct {
	name    board.Text
	domains []string
	sheet   string
}

func tiles() []tile {
	return []tile{
		{t("Gas", "燃气"), []string{"gas"}, "gas"},
		{t("Bridges", "桥梁"), []string{"bridge"}, "bridges"},
		{t("Tunnels", "隧道"), []string{"tunnel"}, "tunnels"},
		{t("Water", "水务"), []string{"drainage", "water", "road"}, "water"},
		{t("Lights, trees", "照明绿化"), []string{"lighting", "landscape"}, "lighting"},
		{t("Parking", "停车"), []string{"parking"}, "parking"},
		{t("Cameras", "摄像机"), []string{"camera"}, "cameras"},
		{t("Devices", "设备"), []string{"device"}, "belfry"},
	}
}

// Sizes of letters in pixels on a screen of 1920 by 1080. Capitals are 0.7 of that
// high: those of a row 25 pixels, which are 29 millimetres on a wall 2.2 metres wide, a
// 275th of eight metres.
const (
	hugeText  = 140
	largeText = 54
	rowText   = 36
)

// wall is for people eight metres away: few things, and large. scale is 2 on a
// screen with twice the pixels.
func (d *desk) wall(name string, scale int) board.Sheet {
	title := t("City wall", "城市大屏")
	if scale > 1 {
		title = t("City wall, 4K", "城市大屏（4K）")
	}
	s := board.Sheet{
		Name: name, Title: title, From: "now-1h", Refresh: "10s", Wall: true, Scale: scale, Without: []string{"domain", "district", "street", "asset"},
		Help: t("What is open in the city now. Open it with ?kiosk.", "全市当前隐患。以 ?kiosk 打开。"),
	}
	for i, k := range tiles() {
		switch i {
		case 0:
			s.Panels = append(s.Panels, wallCount("critical", t("Critical", "紧急"), board.Critical, scale))
		case 4:
			s.Panels = append(s.Panels, wallCount("warning", t("Warnings", "警告"), board.Warning, scale))
		}
		s.Panels = append(s.Panels, d.tile(k, scale))
	}
	s.Panels = append(s.Panels, d.wallMap(scale), d.wallNewest(scale))
	return s
}

func (d *desk) tile(k tile, scale int) board.Panel {
	return board.Panel{
		Kind: board.StatKind, W: 4, H: 6, Title: k.name, Text: largeText * scale, Unit: "short", Fields: []board.Field{{Name: "state", Label: k.name}},
		Options: map[string]any{"wideLayout": false, "textMode": "value_and_name", "text": map[string]any{"valueSize": largeText * scale, "titleSize": rowText * scale}},
		Help:    t("The worst open hazard. Click for the details.", "当前最严重的未处置隐患。点击查看详情。"),
		Empty:   t("Unknown", "未知"), // there is no answer
		Steps:   judged(board.Rise{At: 1, Colour: board.Warning}, board.Rise{At: thousand, Colour: board.Critical}),
		Words: []board.Word{
			{From: at(0), To: at(0), Text: t("OK", "正常"), Colour: board.Fine},
			{From: at(1), To: at(thousand - 1), Text: t("Warning", "警告"), Colour: board.Warning},
			{From: at(thousand), Text: t("CRITICAL", "紧急"), Colour: board.Critical},
		},
		Queries:   []board.Query{hazards(grafana.Hazards{Show: "open", By: "severity", Severity: []string{"critical", "warning"}, Domain: k.domains})},
		Links:     []board.Link{{Title: t("Details", "详情"), Sheet: k.sheet}},
		HeadLinks: []board.Link{{Title: t("Details", "详情"), Sheet: k.sheet}},
		Transform: worst(),
	}
}

const thousand = 100000

// worst makes one number of those of critical hazards and of warnings: as many
// hundred thousands as there are critical ones, and the warnings.
func worst() []grafana.Transformation {
	calculate := func(alias, left, op, right string, only bool) grafana.Transformation {
		return grafana.Transformation{ID: "calculateField", Options: map[string]any{
			"alias": alias, "mode": "binary", "reduce": map[string]any{"reducer": "sum"}, "replaceFields": only,
			"binary": map[string]any{"left": operand(left), "operator": op, "right": operand(right)},
		}}
	}
	return []grafana.Transformation{
		{ID: "concatenate", Options: map[string]any{"frameNameMode": "drop"}},
		calculate("weight", "critical", "*", "100000", false),
		calculate("state", "weight", "+", "warning", true),
	}
}

func operand(name string) map[string]any {
	if name == "100000" {
		return map[string]any{"fixed": name}
	}
	return map[string]any{"matcher": map[string]any{"id": "byName", "options": name}}
}

// wallCount is one of the two numbers that the shift is asked for.
func wallCount(severity string, name board.Text, colour string, scale int) board.Panel {
	return board.Panel{
		Kind: board.StatKind, W: 8, H: 6, Title: name, Unit: "short", Text: hugeText * scale,
		Help: t("How many are open in the whole city.", "全市未处置数量。"), Empty: t("Unknown", "未知"),
		Queries:   []board.Query{hazards(grafana.Hazards{Show: "open", By: "severity", Severity: []string{severity}})},
		Steps:     judged(board.Rise{At: 1, Colour: colour}),
		Fields:    []board.Field{{Name: severity, Label: name}},
		Options:   map[string]any{"wideLayout": true, "textMode": "value_and_name", "text": map[string]any{"valueSize": hugeText * scale, "titleSize": hugeText * scale / 2}},
		Links:     []board.Link{{Title: t("All hazards", "全部隐患"), Sheet: "hazards"}},
		HeadLinks: []board.Link{{Title: t("All hazards", "全部隐患"), Sheet: "hazards"}},
	}
}

func (d *desk) wallMap(scale int) board.Panel {
	p := stateMap()
	p.Title, p.W, p.H, p.Text = t("Where", "位置"), 8, 16, 14*scale
	p.Help = t("Assets with an open critical hazard or warning.", "有紧急或警告隐患的资产。")
	p.Queries = []board.Query{assets(grafana.Assets{Show: "map", State: []string{"critical", "warning"}, Limit: 1000})}
	p.Options = map[string]any{"controls": map[string]any{"showZoom": false, "mouseWheelZoom": false, "showAttribution": true}}
	return p
}

// wallNewest has a line for each of the newest critical hazards and warnings.
func (d *desk) wallNewest(scale int) board.Panel {
	const lines, mark = 4, "● "
	return board.Panel{
		Kind: board.StatKind, W: 16, H: 16, Title: t("Newest", "最新隐患"), Unit: "none", Text: rowText * scale,
		Help:    t("The newest open hazards, critical and warnings.", "最新的未处置紧急和警告隐患。"),
		Empty:   t("None to show", "无可显示"),
		Queries: []board.Query{hazards(grafana.Hazards{Show: "table", Status: []string{"open"}, Severity: []string{"critical", "warning"}, Limit: lines})},
		// The mark tells the one field that is shown from the others by its name.
		Fields: []board.Field{
			{Name: "severity", Words: severityWords(), Label: t(mark+"${__data.fields.name} · ${__data.fields.summary}", mark+"${__data.fields.name_zh} · ${__data.fields.summary_zh}")},
			{Name: "name", Empty: t(" ", " ")}, {Name: "name_zh", Empty: t(" ", " ")}, {Name: "summary", Empty: t(" ", " ")}, {Name: "summary_zh", Empty: t(" ", " ")},
		},
		Steps: board.Plain(board.Unknown),
		Options: map[string]any{
			"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "/^" + mark + "/", "values": true, "limit": lines},
			"orientation":   "horizontal", "text": map[string]any{"valueSize": rowText * scale * 3 / 4, "titleSize": rowText * scale},
			"wideLayout": true, "justifyMode": "auto",
		},
		Links: []board.Link{{Title: t("Open the hazard", "打开隐患"), URL: "${__data.fields.url}", New: true}, assetLink("asset")},
	}
}
