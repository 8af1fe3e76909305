package city

import (
	"github.com/belfry-city/belfry/dashboards/board"
)

func (d *desk) lighting() board.Sheet {
	s := board.Sheet{
		Name: "lighting", Title: t("Street lighting and landscaping", "路灯照明与园林绿化"), From: "now-12h", Refresh: "30s", Marks: true,
		Domains: []string{"lighting", "landscape"},
		Help:    t("Lamps, leakage currents, trees and soil.", "路灯、漏电流、树木与土壤。"),
	}
	s.Panels = append(head(),
		row(t("Street lighting", "路灯照明")),
		d.lampsOn(), d.power(),
		d.worstOf("lighting", "lamp_section_off_percent", highest, t("Lamps that are off, the worst ten sections", "灯具熄灭比例（最差十段）"), "percent", 0,
			t("Of a section of lamps that should be on; many at once are a fault of the circuit.", "应亮路段中熄灭的比例，大面积熄灭为回路故障。")),
		d.worstOf("lighting", "lamp_leakage_current_ma", highest, t("Leakage current, the largest ten", "漏电流（最大十处）"), "suffix: mA", 1,
			t("30 mA through a person can kill.", "30 mA 流经人体可致命。")),
		row(t("Trees and green spaces", "树木与绿地")),
		d.worstOf("landscape", "tree_tilt_degrees", farthest, t("Tilt of trees, the farthest ten", "树木倾斜（最大十棵）"), "suffix: °", 1,
			t("A tree that begins to lean may fall.", "开始倾斜的树木可能倒伏。")),
		d.worstOf("landscape", "soil_moisture_percent", lowest, t("Soil moisture, the driest ten", "土壤湿度（最干十处）"), "percent", 0,
			t("Of volume. Dry soil is watered, wet soil is looked at for a leak.", "体积含水率。过干浇水，过湿查漏。")),
		seen(24),
	)
	return s
}

func (d *desk) lampsOn() board.Panel {
	return board.Panel{
		Kind: board.LinesKind, W: 12, H: 9, Title: t("Lamps that are on", "亮灯率"), Unit: "percent", Decimals: 0, Min: at(0), Max: at(100),
		Help: t("By street.", "按街道统计。"), Empty: noReadings(), Colour: board.Orange,
		Queries: []board.Query{lines(`100 * avg by (street) (lamp_on{asset=~"$asset"} * on (asset) group_left (street) `+info+`)`, board.Same("{{street}}"))},
	}
}

func (d *desk) power() board.Panel {
	return board.Panel{
		Kind: board.LinesKind, W: 12, H: 9, Title: t("Power of lamps", "照明功率"), Unit: "suffix: W", Decimals: 0, Min: at(0),
		Help: t("By street.", "按街道统计。"), Empty: noReadings(), Colour: board.Orange,
		Queries: []board.Query{lines(`sum by (street) (lamp_power_watts{asset=~"$asset"} * on (asset) group_left (street) `+info+`)`, board.Same("{{street}}"))},
	}
}
