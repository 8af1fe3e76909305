package city

import "github.com/belfry-city/belfry/dashboards/board"

func (d *desk) gas() board.Sheet {
	s := board.Sheet{
		Name: "gas", Title: t("Gas and septic wells", "燃气井与化粪池"), From: "now-3h", Refresh: "30s", Marks: true, Domains: []string{"gas"},
		Help: t("Combustible and poisonous gas, oxygen and level in wells and septic tanks.", "井和化粪池中的可燃、有毒气体、氧气与液位。"),
	}
	s.Panels = append(head(),
		row(t("Readings", "读数")),
		d.worstOf("gas", "gas_ch4_lel_percent", highest, t("Combustible gas, the highest ten", "可燃气体（最高十处）"), "suffix: %LEL", 1,
			t("100 %LEL is the lower explosive limit: above it, a spark is an explosion.", "100 %LEL 为爆炸下限，超过时遇火花即爆炸。")),
		d.worstOf("gas", "gas_h2s_ppm", highest, t("Hydrogen sulfide, the highest ten", "硫化氢（最高十处）"), "ppm", 1,
			t("Poisonous: nobody enters beyond the limit without breathing apparatus.", "有毒：超限时未佩戴呼吸器不得下井。")),
		d.worstOf("gas", "gas_co_ppm", highest, t("Carbon monoxide, the highest ten", "一氧化碳（最高十处）"), "ppm", 1,
			t("Poisonous, and without a smell.", "有毒且无味。")),
		d.worstOf("gas", "gas_o2_percent", lowest, t("Oxygen, the lowest ten", "氧气（最低十处）"), "percent", 1,
			t("Below 18 % people lose consciousness without a warning.", "低于 18 % 时人会毫无预兆地失去意识。")),
		worstWithOwn("well_level_m", highest, t("Level, the highest ten", "液位（最高十处）"), "suffix: m", 2,
			t("Each well has its own limits; they are drawn when one asset is chosen.", "每口井有各自限值，选择单个资产时显示。")),
		d.score("gas", "gas|gas-stuck"),
		values(t("Newest readings", "最新读数"), []string{"gas_ch4_lel_percent", "gas_h2s_ppm", "gas_co_ppm", "gas_o2_percent", "well_level_m"}, []board.Field{
			d.column("gas", "gas_ch4_lel_percent", t("Combustible gas", "可燃气体"), "suffix: %LEL", 1),
			d.column("gas", "gas_h2s_ppm", t("Hydrogen sulfide", "硫化氢"), "ppm", 1),
			d.column("gas", "gas_co_ppm", t("Carbon monoxide", "一氧化碳"), "ppm", 1),
			d.column("gas", "gas_o2_percent", t("Oxygen", "氧气"), "percent", 1),
			{Name: "well_level_m", Empty: dash(), Label: t("Level", "液位"), Unit: "suffix: m", Decimals: 2, Width: 100},
		}),
		seen(24),
	)
	return s
}
