package city

import (
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

// hazards is the sheet of the monthly review: how many, how fast, where they come back.
func (d *desk) hazards() board.Sheet {
	s := board.Sheet{
		Name: "hazards", Title: t("Hazards and response times", "隐患与响应时间"), From: "now-30d", Refresh: "1m",
		Help: t("The monthly review by street and team: how many hazards, how fast they ended, where they return.", "按街道和责任单位的月度考核：隐患数量、处置时长与复发。"),
	}
	s.Panels = []board.Panel{
		openCounts(), openOverTime(), opened("severity", t("Opened, by severity", "新增（按级别）"), 8, 5, severityLines()),
		row(t("By team", "按责任单位")),
		summary("team", t("Teams", "责任单位"), teamWords()), bars("time_to_resolve", "team", t("Time to resolve", "处置时长"), "s", t("How long hazards were open, the median of each team.", "各单位隐患持续时长中位数。")),
		row(t("By street", "按街道")),
		summary("street", t("Streets", "街道"), nil), bars("time_to_resolve", "street", t("Time to resolve", "处置时长"), "s", t("How long hazards were open, the median of each street.", "各街道隐患持续时长中位数。")),
		row(t("What stays, and what returns", "积压与复发")),
		wide(12, bars("open_by_age", "team", t("Open, by age", "未处置时长分布"), "short", t("How long what is open has been open.", "未处置隐患的已持续时长。"))),
		wide(12, bars("repeats", "street", t("Repeats", "重复发生"), "short", t("Hazards of an asset and rule that had one within 30 days before.", "同一资产同一规则三十天内重复发生。"))),
		opened("team", t("Opened, by team", "新增（按责任单位）"), 12, 9, teamLines()), openedByDomain(),
		row(t("Pages", "告警发送")),
		latencyOf(), sentOf(),
		row(t("All hazards of this time", "该时段全部隐患")),
		allHazards(),
	}
	return s
}

// opened are how many were opened in each step, of each group.
func opened(by string, title board.Text, w, h int, fields []board.Field) board.Panel {
	return board.Panel{
		Kind: board.LinesKind, W: w, H: h, Points: 45, Title: title, Unit: "short", Min: at(0), Empty: t("Nothing to show of this time", "该时段无可显示"), Custom: stacked(true),
		Help: t("Hazards that were opened.", "新增隐患数量。"), Fields: fields, Queries: []board.Query{reviewed("opened", by)},
	}
}

func teamLines() []board.Field {
	var out []board.Field
	colours := []string{board.Blue, board.Orange, board.Fine, board.Purple, board.Info}
	for i, team := range board.Teams() {
		out = append(out, board.Field{Name: team, Label: board.TeamName(team), Colour: colours[i]})
	}
	return out
}

func openedByDomain() board.Panel {
	return board.Panel{
		Kind: board.BarsKind, W: 12, H: 9, Title: t("Opened and repeated, by domain", "新增与重复（按领域）"), Unit: "short", Empty: t("Nothing to show of this time", "该时段无可显示"),
		Help: t("Hazards that were opened in this time, and how many of them repeat one of the 30 days before.", "该时段新增隐患，及其中三十天内重复发生的数量。"), Queries: []board.Query{reviewed("repeats", "domain")},
		Fields: []board.Field{
			{Name: "domain", Words: domainWords()}, {Name: "opened", Label: t("Opened", "新增"), Colour: board.Blue},
			{Name: "repeats", Label: t("Repeats", "重复"), Colour: board.Orange}, {Name: "share", Hide: true},
		},
	}
}

func reviewed(show, by string) board.Query {
	return response(grafana.Response{Show: show, By: by, Domain: []string{"$domain"}, Street: []string{"$street"}})
}

func summary(by string, title board.Text, words []board.Word) board.Panel {
	return board.Panel{
		Kind: board.TableKind, W: 16, H: 9, Title: title, Unit: "short", Empty: t("Nothing to show of this time", "该时段无可显示"),
		Help:    t("Opened, resolved, still open, reopened, repeated; from opening to the end, and to the first page.", "新增、解除、未处置、复发、重复；发生到解除及首次告警的时长。"),
		Queries: []board.Query{reviewed("summary", by)},
		Custom:  map[string]any{"wrapHeaderText": true},
		Fields: []board.Field{
			{Name: by, Label: title, Words: words},
			{Name: "opened", Label: t("Opened", "新增"), Width: 85}, {Name: "resolved", Label: t("Resolved", "解除"), Width: 95},
			{Name: "open", Label: t("Open", "未处置"), Width: 80, Text: true, Steps: board.From(board.Fine, board.Rise{At: 1, Colour: board.Warning})},
			{Name: "reopened", Label: t("Reopened", "复发"), Width: 95}, {Name: "repeats", Label: t("Repeats", "重复"), Width: 85},
			{Name: "resolve_p50", Label: t("Resolved, p50", "解除 p50"), Unit: "s", Decimals: 0, Empty: dash(), Width: 100}, {Name: "resolve_p90", Label: t("Resolved, p90", "解除 p90"), Unit: "s", Decimals: 0, Empty: dash(), Width: 100},
			{Name: "resolve_mean", Label: t("Resolved, mean", "解除均值"), Unit: "s", Decimals: 0, Empty: dash(), Width: 100}, {Name: "resolve_max", Label: t("Resolved, longest", "解除最长"), Unit: "s", Decimals: 0, Empty: dash(), Width: 100},
			{Name: "page_p50", Label: t("Paged, p50", "告警 p50"), Unit: "s", Decimals: 2, Empty: dash(), Width: 100}, {Name: "page_p90", Label: t("Paged, p90", "告警 p90"), Unit: "s", Decimals: 2, Empty: dash(), Width: 100}, {Name: "page_max", Hide: true},
		},
	}
}

// bars compare groups.
func bars(show, by string, title board.Text, unit string, help board.Text) board.Panel {
	fields := []board.Field{{Name: "team", Words: teamWords()}, {Name: "p50", Label: t("Half within", "中位数")}, {Name: "p90", Label: t("Nine of ten within", "九成低于"), Colour: board.Orange}, {Name: "repeats", Label: title}}
	for _, name := range []string{"mean", "max", "resolved", "opened", "share"} {
		fields = append(fields, board.Field{Name: name, Hide: true})
	}
	return board.Panel{
		Kind: board.BarsKind, W: 8, H: 9, Title: title, Unit: unit, Decimals: 0, Help: help, Empty: t("Nothing to show of this time", "该时段无可显示"),
		Queries: []board.Query{reviewed(show, by)}, Fields: fields,
	}
}

func wide(w int, p board.Panel) board.Panel {
	p.W = w
	return p
}

func pagesSent() board.Panel {
	return board.Panel{
		Kind: board.LinesKind, W: 8, H: 8, Title: t("Pages sent", "已发送告警"), Unit: "short", Decimals: 0, Min: at(0),
		Help: t("By severity.", "按级别统计。"), Empty: t("No page was sent in this time", "该时段未发送告警"),
		Queries: []board.Query{lines(`sum by (severity) (increase(belfry_pages_total[$__rate_interval]))`, board.Same("{{severity}}"))},
		Fields:  severityLines(), Custom: stacked(true),
	}
}

// latencyOf and sentOf are of the whole time shown.
func latencyOf() board.Panel {
	q := func(p string, en, zh string) board.Query {
		return newest(`histogram_quantile(`+p+`, sum by (le) (increase(belfry_page_latency_seconds_bucket{severity="critical"}[$__range])))`, t(en, zh))
	}
	return board.Panel{
		Kind: board.StatKind, W: 12, H: 5, Title: t("From the reading to a critical page", "从读数到紧急告警"), Unit: "s", Decimals: 2, Empty: t("No page was sent in this time", "该时段未发送告警"),
		Help:    t("From when a critical page was due to when it went out, of all of this time.", "该时段全部紧急告警从应发到发出的时间。"),
		Queries: []board.Query{q("0.5", "Half within", "中位数"), q("0.99", "99 of 100 within", "99% 低于")},
		Steps:   judged(board.Rise{At: 1, Colour: board.Warning}, board.Rise{At: 10, Colour: board.Critical}),
	}
}

func sentOf() board.Panel {
	return board.Panel{
		Kind: board.StatKind, W: 12, H: 5, Title: t("Pages sent", "已发送告警"), Unit: "short", Empty: t("No page was sent in this time", "该时段未发送告警"),
		Help:    t("Of this time, by severity.", "该时段按级别统计。"),
		Queries: []board.Query{newest(`sum by (severity) (increase(belfry_pages_total{status="firing"}[$__range]))`, board.Same("{{severity}}"))},
		Fields:  severityLines(), Steps: board.Plain(board.Unknown), Options: map[string]any{"colorMode": "none"},
	}
}

func allHazards() board.Panel {
	p := hazardTable()
	p.W, p.H, p.Title, p.Empty = 24, 14, t("Hazards", "隐患"), t("Nothing to show of this time", "该时段无可显示")
	p.Help = t("Those that were opened in this time, the newest first. Click an id for the history.", "该时段发生的隐患，最新在前。点击编号查看处置记录。")
	p.Queries = []board.Query{hazards(chosen(grafana.Hazards{Show: "table", Limit: 1000}))}
	p.Fields = hazardFields()
	return p
}
