package lorawan

import "github.com/belfry-city/belfry/internal/config"

// builtin are the rules for devices that cities have, by the names that their
// makers' payload codecs use: Milesight (github.com/Milesight-IoT/SensorDecoders),
// Dragino (github.com/dragino/dragino-end-node-decoder), Decentlab
// (github.com/decentlab/decentlab-decoders), Browan, Bosch, PNI and others
// (github.com/TheThingsNetwork/lorawan-devices). Names that do not say what they
// measure, or in which unit, are not in it unless the maker is known.
func builtin() []rule {
	var all []rule
	add := func(like rule, names ...string) {
		for _, name := range names {
			r := like
			r.Field = name
			if r.Scale == 0 {
				r.Scale = 1
			}
			all = append(all, r)
		}
	}
	parking(add)
	wells(add)
	manholes(add)
	batteries(add)
	gases(add)
	add(rule{LoRaWANField: config.LoRaWANField{Metric: "soil_moisture_percent"}}, "soil_moisture", "soil_moisture_percent", "土壤湿度")
	add(rule{LoRaWANField: config.LoRaWANField{Metric: prefix + "temperature"}}, "温度")
	add(rule{LoRaWANField: config.LoRaWANField{Metric: prefix + "humidity"}}, "湿度")
	return all
}

// ofMilesight limits a rule to that maker: to the names of its profiles and to
// 24-E1-24, under which IEEE has registered it.
func ofMilesight(r rule) []rule {
	byName, byEUI := r, r
	byName.Profile, byEUI.Device = "*milesight*", "24e124*"
	return []rule{byName, byEUI}
}

type adder func(like rule, names ...string)

func parking(add adder) {
	add(rule{LoRaWANField: config.LoRaWANField{
		Metric: "parking_bay_occupied",
		Labels: map[string]string{"source": "geomagnetic"},
		Values: map[string]float64{
			"occupied": 1, "busy": 1, "parked": 1, "taken": 1, "car": 1, "有车": 1, "占用": 1,
			"vacant": 0, "free": 0, "empty": 0, "available": 0, "unoccupied": 0, "no_car": 0, "无车": 0, "空闲": 0,
		},
	}},
		"occupied", "is_occupied", "parking_occupied", "parking_occupancy", "parking_status", "parking_state", "park_status",
		"park_state", "park_flag", "parking_flag", "parking_space_status", "slot_status", "spot_status", "bay_status", "bay_occupied",
		"car_status", "car_present", "car_presence", "vehicle_present", "vehicle_detected", "车位状态")
}

// wells are levels of liquids. Bare level and depth are taken only from makers
// whose unit is known, and where the unit is said.
func wells(add adder) {
	level := func(from string) rule {
		return rule{LoRaWANField: config.LoRaWANField{Metric: "well_level_m"}, unit: "m", from: from}
	}
	// EM500-SWL: depth in cm, in older codecs level.
	for _, r := range ofMilesight(level("cm")) {
		add(r, "depth", "level", "water_level")
	}
	keller := level("m")
	keller.Profile = "*keller*"
	add(keller, "level", "depth")
	names := []string{"water_level", "waterlevel", "liquid_level", "water_depth", "water_deep", "well_level", "sewage_level", "sewer_level"}
	add(level("m"), append(names, "液位", "水位")...)
	for _, unit := range []string{"mm", "cm", "m"} {
		for _, name := range append(names, "level", "depth") {
			add(level(unit), name+"_"+unit)
		}
	}
	said := level("") // fits only where the value has a unit with it
	add(said, "level", "depth")
}

func manholes(add adder) {
	add(rule{LoRaWANField: config.LoRaWANField{
		Metric: "manhole_open",
		Values: map[string]float64{
			"open": 1, "opened": 1, "tilt": 1, "tilted": 1, "moved": 1, "alarm": 1, "开": 1, "打开": 1,
			"closed": 0, "close": 0, "normal": 0, "ok": 0, "关": 0, "关闭": 0, "正常": 0,
		},
	}},
		"manhole_open", "manhole_opened", "manhole_status", "manhole_state", "manhole_cover", "manhole_cover_status", "cover_open",
		"cover_opened", "cover_status", "cover_state", "lid_open", "lid_opened", "lid_status", "hatch_open", "hatch_status", "井盖状态")
	// EM400-MUD, below a cover.
	for _, domain := range []string{"drainage", "gas", "water"} {
		add(rule{LoRaWANField: config.LoRaWANField{
			Metric: "manhole_open", Domain: domain, Values: map[string]float64{"tilt": 1, "normal": 0},
		}}, "position")
	}
	add(rule{LoRaWANField: config.LoRaWANField{Metric: "manhole_tilt_degrees"}},
		"manhole_tilt", "manhole_angle", "cover_angle", "cover_tilt", "cover_tilt_angle", "lid_angle", "lid_tilt")
	for domain, metric := range map[string]string{
		"drainage": "manhole_tilt_degrees", "gas": "manhole_tilt_degrees", "water": "manhole_tilt_degrees",
		"bridge": "structure_tilt_degrees", "tunnel": "structure_tilt_degrees", "landscape": "tree_tilt_degrees",
	} {
		add(rule{LoRaWANField: config.LoRaWANField{Metric: metric, Domain: domain}}, "tilt", "tilt_angle", "tilt_degrees", "inclination")
	}
}

func batteries(add adder) {
	volts := rule{LoRaWANField: config.LoRaWANField{Metric: "device_battery_volts"}, unit: "V", from: "V", read: asVolts}
	percent := rule{LoRaWANField: config.LoRaWANField{Metric: "device_battery_percent"}, unit: "%", from: "%"}
	add(volts, "battery_voltage", "battery_volts", "battery_v", "batt_v", "bat_v", "v_bat", "vbat", "vbatt", "batv", "bat_voltage",
		"batt_volt", "bat_volt", "battery_mv", "bat_mv", "vbat_mv", "电池电压")
	add(percent, "battery_percent", "battery_percentage", "bat_percent", "battery_pct", "battery_level", "battery_capacity", "bat_level",
		"battery_soc", "电量", "电池电量")
	for _, r := range ofMilesight(percent) { // also below 5
		add(r, "battery")
	}
	add(rule{read: asBattery}, "battery", "batt", "bat")
}

// asVolts also takes millivolts, since no battery of a sensor has 100 V.
func asVolts(v float64) (string, float64, bool) {
	if v >= 100 {
		v /= 1000
	}
	return "device_battery_volts", v, true
}

// asBattery tells by the size what a field of the name battery says: up to 5
// are volts (Browan, Dragino), up to 100 percent (Milesight), and millivolts
// from 1000 on.
func asBattery(v float64) (string, float64, bool) {
	switch {
	case v >= 0 && v <= 5:
		return "device_battery_volts", v, true
	case v > 5 && v <= 100:
		return "device_battery_percent", v, true
	case v >= 1000 && v <= 50_000:
		return "device_battery_volts", v / 1000, true
	}
	return "", 0, false
}

// gases are those whose unit is the same with all makers, or in the name.
func gases(add adder) {
	metric := func(name, domain string) rule {
		return rule{LoRaWANField: config.LoRaWANField{Metric: name, Domain: domain}}
	}
	add(metric("tunnel_co_ppm", "tunnel"), "co", "co_ppm")
	add(metric("tunnel_no2_ppm", "tunnel"), "no2", "no2_ppm")
	add(metric("gas_co_ppm", ""), "co", "co_ppm")
	add(metric("gas_h2s_ppm", ""), "h2_s", "h2s", "h2s_ppm", "h2_s_ppm")
	add(metric("gas_o2_percent", ""), "o2", "o2_percent", "oxygen_percent")
	add(metric("gas_ch4_lel_percent", ""), "ch4_lel", "ch4_lel_percent", "ch4_percent_lel", "methane_lel", "lel", "lel_percent")
	pressure := rule{LoRaWANField: config.LoRaWANField{Metric: "water_pressure_mpa"}, unit: "MPa"}
	pressure.from = "MPa"
	add(pressure, "water_pressure_mpa", "water_pressure_m_pa", "水压")
	pressure.from = "kPa"
	add(pressure, "water_pressure_kpa", "water_pressure_k_pa")
	pressure.from = "bar"
	add(pressure, "water_pressure_bar")
}
