package city

import "github.com/belfry-city/belfry/dashboards/board"

func (d *desk) parking() board.Sheet {
	s := board.Sheet{
		Name: "parking", Title: t("Parking", "停车"), From: "now-12h", Refresh: "30s", Marks: true, Domains: []string{"parking"},
		Help: t("How full car parks and streets are, who stands too long, and which sensors are wrong.", "停车场与道路泊位占用、超时停放及故障传感器。"),
	}
	s.Panels = append(head(), row(t("Occupancy", "占用")), d.fullest(), byStreet(), d.fill(),
		row(t("Stays and turnover", "停放与周转")), d.longest(), turnover(), stays(), d.wrong(), seen(24))
	return s
}

func (d *desk) fullest() board.Panel {
	return board.Panel{
		Kind: board.GaugeKind, W: 12, H: 10, Title: t("Fullest car parks now", "当前最满停车场"), Unit: "percent", Min: at(0), Max: at(110),
		Help: t("Taken of all bays. More than 100 %: they park in the aisles.", "已占泊位比例。超过 100 % 表示占用通道。"), Empty: noReadings(),
		Steps:   board.Steps(d.bounds("parking", "parking_lot_fill_percent")),
		Queries: []board.Query{newest("sort_desc(topk(10, "+withNames(`parking_lot_fill_percent{asset=~"$asset"}`)+"))", named(""))},
		Links:   []board.Link{seriesLink()},
	}
}

func byStreet() board.Panel {
	return board.Panel{
		Kind: board.LinesKind, W: 12, H: 10, Title: t("Bays that are taken", "泊位占用率"), Unit: "percent", Min: at(0), Max: at(100),
		Help: t("By street.", "按街道统计。"), Empty: noReadings(),
		Queries: []board.Query{slowly("5m", `100 * avg by (street) (parking_bay_occupied{asset=~"$asset"} * on (asset) group_left (street) `+info+`)`, board.Same("{{street}}"))},
	}
}

func (d *desk) fill() board.Panel {
	p := d.worstOf("parking", "parking_lot_fill_percent", highest, t("Car parks, the fullest ten", "停车场占用率（最满十处）"), "percent", 0,
		t("Over time.", "随时间变化。"))
	p.W, p.LegendRight = 24, true
	return p
}

func (d *desk) longest() board.Panel {
	return board.Panel{
		Kind: board.GaugeKind, W: 8, H: 10, Title: t("Longest stays now", "当前停放最久"), Unit: "s", Decimals: 1, Min: at(0),
		Help: t("Since when bays are taken without a break. The rule tells of 72 hours.", "泊位连续占用时长。规则阈值为 72 小时。"), Empty: t("No bay is taken", "无占用泊位"),
		Steps:   board.Steps(d.bounds("parking", "parking_stay_seconds")),
		Queries: []board.Query{newest("sort_desc(topk(10, "+withNames(`time() - parking_bay_occupied_since_timestamp_seconds{asset=~"$asset"}`)+"))", named(""))},
		Links:   []board.Link{seriesLink()},
	}
}

func turnover() board.Panel {
	return board.Panel{
		Kind: board.LinesKind, W: 8, H: 10, Title: t("Stays an hour", "每小时停放次数"), Unit: "short", Decimals: 0, Min: at(0),
		Help: t("That ended, by street.", "按街道统计的已结束停放次数。"), Empty: noReadings(),
		Queries: []board.Query{slowly("15m", `sum by (street) (3600 * rate(parking_bay_stays_total{asset=~"$asset"}[15m]) * on (asset) group_left (street) `+info+`)`, board.Same("{{street}}"))},
	}
}

func stays() board.Panel {
	q := func(p, en, zh string) board.Query {
		return slowly("5m", `quantile(`+p+`, last_over_time(parking_stay_seconds{asset=~"$asset"}[1h]) and on (asset) `+info+`)`, t(en, zh))
	}
	return board.Panel{
		Kind: board.LinesKind, W: 8, H: 10, Title: t("How long they stay", "停放时长"), Unit: "s", Decimals: 0, Min: at(0),
		Help: t("Stays that ended within the last hour.", "近一小时内结束的停放。"), Empty: t("No stay ended in this time", "该时段无结束的停放"),
		Queries: []board.Query{q("0.5", "Half stay less than", "中位数"), q("0.9", "Nine of ten stay less than", "九成低于")},
		Fields:  []board.Field{{Ref: "A", Colour: board.Blue}, {Ref: "B", Colour: board.Orange}},
	}
}

func (d *desk) wrong() board.Panel {
	return onOff(t("Sensors that disagree", "数据不一致的泊位"), t("Bays of which two sources say different things.", "两个来源结果不一致的泊位。"),
		withNames(`parking_bay_disagreement{asset=~"$asset"} and topk(10, max_over_time(parking_bay_disagreement{asset=~"$asset"}[$__range] @ end()) and on (asset) `+infoNow+`)`),
		yesNo(t("agree", "一致"), t("disagree", "不一致"), board.Fine, board.Info))
}
