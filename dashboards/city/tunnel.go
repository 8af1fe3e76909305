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
		onOff(t("Fans", "风机"), t("Which fans run. No fan runs while the air is bad: critical.", "风机运行状态。空气超限时无风机运行为紧急。"),
			withNames(`tunnel_fan_running{asset=~"$asset"}`), yesNo(t("off", "停"), t("runs", "运行"), board.Unknown, board.Fine)),
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
