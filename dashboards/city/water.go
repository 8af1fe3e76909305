package city

import (
	"fmt"

	"github.com/belfry-city/belfry/dashboards/board"
)

func (d *desk) water() board.Sheet {
	s := board.Sheet{
		Name: "water", Title: t("Drainage, water supply, roads under water", "排水、供水与道路积水"), From: "now-6h", Refresh: "30s", Marks: true,
		Domains: []string{"drainage", "water", "road"},
		Help:    t("Levels, manholes, pumps, water on roads, pressure and leaks.", "液位、井盖、水泵、道路积水、水压与漏损。"),
	}
	s.Panels = append(head(), row(t("Drainage and roads", "排水与道路")))
	s.Panels = append(s.Panels, d.drainage()...)
	s.Panels = append(s.Panels, row(t("Water supply", "供水")))
	s.Panels = append(s.Panels, d.supply()...)
	s.Panels = append(s.Panels, row(t("Pumps", "水泵")))
	s.Panels = append(s.Panels, d.pumps()...)
	s.Panels = append(s.Panels, seen(24))
	return s
}

func (d *desk) drainage() []board.Panel {
	return []board.Panel{
		worstWithOwn("well_level_m", highest, t("Level in drains, the highest ten", "排水液位（最高十处）"), "suffix: m", 2,
			t("Each drain has its own limits; they are drawn when one asset is chosen.", "各处限值不同，选择单个资产时显示。")),
		d.worstOf("road", "road_water_depth_mm", highest, t("Water on roads, the deepest ten", "道路积水（最深十处）"), "suffix: mm", 0,
			t("150 mm stops a car's engine.", "积水超过 150 mm 车辆可能熄火。")),
		onOff(t("Manhole covers", "井盖"), t("Covers that were open in this time.", "该时段曾打开的井盖。"),
			withNames(fmt.Sprintf(`manhole_open{asset=~"$asset"} and topk(%d, max_over_time(manhole_open{asset=~"$asset"}[$__range] @ end()) and on (asset) %s)`, shown, infoNow)),
			yesNo(t("closed", "关闭"), t("OPEN", "打开"), board.Fine, board.Critical)),
		d.worstOf("drainage", "manhole_tilt_degrees", farthest, t("Tilt of covers, the farthest ten", "井盖倾角（最大十处）"), "suffix: °", 1,
			t("A tilted cover is one that somebody falls into.", "倾斜的井盖有坠落风险。")),
	}
}

func (d *desk) supply() []board.Panel {
	flow := worstWithOwn("water_flow_m3_per_hour", highest, t("Flow, the largest ten", "流量（最大十处）"), "suffix: m³/h", 1,
		t("At the inlets of districts.", "分区入口流量。"))
	flow.Queries = flow.Queries[:1]
	flow.Fields = nil
	return []board.Panel{
		d.worstOf("water", "water_pressure_mpa", lowest, t("Pressure in mains, the lowest ten", "管网压力（最低十处）"), "suffix: MPa", 3,
			t("A burst main shows as falling pressure.", "压力下降可能为爆管。")),
		flow,
		d.worstOf("water", "water_night_flow_percent", ofLastNight, t("Night flow, the largest ten", "夜间流量（最大十处）"), "percent", 0,
			t("Of the day's mean, between two and four of the last night: what flows then leaks.", "最近一夜凌晨二至四点流量占日均百分比，反映漏损。")),
		d.score("water", "water-night-flow|pump|pump-together"),
	}
}

// ofLastNight stays until the next night has been measured.
func ofLastNight(metric string) string {
	last := fmt.Sprintf(`last_over_time(%s{asset=~"$asset"}[1d]`, metric)
	return withNames(fmt.Sprintf("%s) and topk(%d, %s @ end()) and on (asset) %s)", last, shown, last, infoNow))
}

// pumps have no limits that all have in common; models watch them.
func (d *desk) pumps() []board.Panel {
	plain := func(metric string, title, help board.Text, unit string, decimals int) board.Panel {
		return board.Panel{
			Kind: board.LinesKind, W: 8, H: 8, Title: title, Help: help, Unit: unit, Decimals: decimals, Empty: noReadings(),
			Queries: []board.Query{lines(highest(metric), named(""))}, Links: []board.Link{seriesLink()},
		}
	}
	return []board.Panel{
		plain("pump_vibration_mm_per_s", t("Vibration, the strongest ten", "振动（最强十台）"), t("Velocity; rises when a bearing wears.", "振动速度，轴承磨损时升高。"), "suffix: mm/s", 1),
		plain("pump_current_amperes", t("Current, the largest ten", "电流（最大十台）"), t("Rises when a pump is blocked.", "水泵堵塞时升高。"), "suffix: A", 1),
		plain("pump_speed_rpm", t("Speed, the highest ten", "转速（最高十台）"), t("A pump that is off stands at 0.", "停机时为 0。"), "rotrpm", 0),
	}
}
