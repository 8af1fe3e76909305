package city

import "github.com/belfry-city/belfry/dashboards/board"

func (d *desk) tunnels() board.Sheet {
	s := board.Sheet{
		Name: "tunnels", Title: t("Tunnels", "隧道"), From: "now-6h", Refresh: "30s", Marks: true, Domains: []string{"tunnel"},
		Help: t("Air, visibility, fans and water in tunnels.", "隧道内空气、能见度、风机与积水。"),
	}
	s.Panels = append(head(),
		row(t("Readings", "读数")),
		d.worstOf("tunnel", "tunnel_co_ppm", highest, t("Carbon monoxide, the highest ten", "一氧化碳（最高十处）"), "ppm", 0,
			t("From engines, and from fires.", "来自发动机或火灾。")),
		d.worstOf("tunnel", "tunnel_no2_ppm", highest, t("Nitrogen dioxide, the highest ten", "二氧化氮（最高十处）"), "ppm", 2,
			t("From diesel engines.", "来自柴油发动机。")),
		d.worstOf("tunnel", "tunnel_visibility_per_m", highest, t("Turbidity, the highest ten", "烟尘浊度（最高十处）"), "suffix: m⁻¹", 4,
			t("The extinction coefficient: the higher, the less drivers see.", "消光系数：越高，能见度越低。")),
		d.worstOf("tunnel", "road_water_depth_mm", highest, t("Water on the road, the deepest ten", "路面积水（最深十处）"), "suffix: mm", 0,
			t("In tunnels and underpasses.", "隧道及下穿通道内。")),
		fans(),
		d.score("tunnel", "tunnel|tunnel-water"),
		values(t("Newest readings", "最新读数"), []string{"tunnel_co_ppm", "tunnel_no2_ppm", "tunnel_visibility_per_m", "road_water_depth_mm"}, []board.Field{
			d.column("tunnel", "tunnel_co_ppm", t("CO", "一氧化碳"), "ppm", 0),
			d.column("tunnel", "tunnel_no2_ppm", t("NO₂", "二氧化氮"), "ppm", 2),
			d.column("tunnel", "tunnel_visibility_per_m", t("Turbidity", "浊度"), "suffix: m⁻¹", 4),
			d.column("tunnel", "road_water_depth_mm", t("Water", "积水"), "suffix: mm", 0),
		}),
		seen(24),
	)
	return s
}

// fans counts those that run in each tunnel.
func fans() board.Panel {
	return board.Panel{
		Kind: board.StateKind, W: 12, H: 9, Title: t("Fans that run", "运行中的风机"), Unit: "none", Empty: noReadings(), NoLegend: true, Links: []board.Link{seriesLink()},
		Help:    t("How many in each tunnel. That none runs while the air is bad is critical.", "各隧道运行的风机数量。空气超限时无风机运行为紧急。"),
		Queries: []board.Query{lines(`sum by (asset, name, name_zh) (`+withNames(`tunnel_fan_running{asset=~"$asset"}`)+`)`, named(""))},
		Words:   []board.Word{{Value: "0", Text: t("none", "无"), Colour: board.Warning}, {From: at(1), To: at(1000), Colour: board.Fine}},
	}
}
