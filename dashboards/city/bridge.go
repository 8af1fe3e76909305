package city

import (
	"strings"

	"github.com/belfry-city/belfry/dashboards/board"
)

func (d *desk) bridges() board.Sheet {
	s := board.Sheet{
		Name: "bridges", Title: t("Bridges", "桥梁"), From: "now-6h", Refresh: "30s", Marks: true, Domains: []string{"bridge"},
		Help: t("How near the bridges are to their limits, and what is unusual about them.", "桥梁距离限值的程度及异常情况。"),
	}
	s.Panels = append(head(),
		row(t("Near their limits", "接近限值")),
		nearest(), d.score("bridge", "bridge|bridge-together"),
		row(t("Readings", "读数")),
		worstWithOwn("structure_displacement_mm", farthest, t("Displacement, the farthest ten", "位移（最大十处）"), "suffix: mm", 1,
			t("Only the design of a bridge says how far it may move; limits are drawn when one asset is chosen.", "限值由桥梁设计确定，选择单个资产时显示。")),
		worstWithOwn("structure_strain_microstrain", farthest, t("Strain, the highest ten", "应变（最大十处）"), "suffix: µε", 0,
			t("Rises with load and temperature; limits are drawn when one asset is chosen.", "随荷载和温度变化，选择单个资产时显示限值。")),
		worstWithOwn("structure_cable_force_kn", lowest, t("Cable force, the lowest ten", "索力（最小十处）"), "suffix: kN", 0,
			t("A cable that loses force is looked at; limits are drawn when one asset is chosen.", "索力下降需检查，选择单个资产时显示限值。")),
		d.worstOf("bridge", "structure_tilt_degrees", farthest, t("Tilt, the farthest ten", "倾角（最大十处）"), "suffix: °", 3,
			t("Of piers and towers, either way.", "桥墩、桥塔倾角（双向）。")),
		d.worstOf("bridge", "structure_crack_width_mm", highest, t("Crack width, the widest ten", "裂缝宽度（最宽十处）"), "suffix: mm", 3,
			t("Grows slowly; what matters is that it grows.", "变化缓慢，重点关注增长趋势。")),
		d.worstOf("bridge", "structure_acceleration_rms_mps2", highest, t("Vibration, the strongest ten", "振动（最强十处）"), "suffix: m/s²", 3,
			t("Root mean square of the acceleration.", "加速度均方根值。")),
		seen(24),
	)
	return s
}

// nearest is for those limits that each bridge has of its own.
func nearest() board.Panel {
	var all []string
	for _, m := range []string{"structure_displacement_mm", "structure_strain_microstrain"} {
		all = append(all, ofLimit(m))
	}
	return board.Panel{
		Kind: board.GaugeKind, W: 12, H: 9, Title: t("Nearest to a critical limit", "最接近紧急限值"), Unit: "percent", Decimals: 0, Min: at(0), Max: at(120),
		Help:    t("100 % is the asset's own critical limit, of displacement or strain.", "100 % 为该资产自身的位移或应变紧急限值。"),
		Empty:   t("No asset has a limit of its own", "没有设置自身限值的资产"),
		Steps:   board.From(board.Fine, board.Rise{At: 80, Colour: board.Warning}, board.Rise{At: 100, Colour: board.Critical}),
		Queries: []board.Query{newest("sort_desc(topk(8, "+withNames(strings.Join(all, " or "))+"))", named(""))},
		Links:   []board.Link{seriesLink()},
	}
}
