package city

import "math"

// gauge is a physical quantity: a base, its rhythms and its noise.
type gauge struct {
	base, spread float64 // the middle, and how far devices differ from it
	perDegree    float64 // for every °C above 18
	wave, hour   float64 // amplitude of the daily wave and when it peaks
	slow, fine   float64 // amplitude of drifting and of reading noise
	wet          float64 // what a downpour adds
	floor        float64
}

func (g *gauge) at(seed uint64, at int64) float64 {
	const driftMS = 10 * minuteMS
	v := g.base + g.spread*(2*unit(seed, 11)-1) + g.fine*rough(seed, at)
	if g.perDegree != 0 {
		v += g.perDegree * (temperature(at) - 18)
	}
	if g.wave != 0 {
		v += g.wave * daily(at, g.hour)
	}
	if g.slow != 0 {
		v += g.slow * smooth(seed, at, driftMS)
	}
	if g.wet != 0 {
		v += g.wet * rain(at)
	}
	return math.Max(g.floor, v)
}

type gauges struct {
	seed uint64
	all  []gauge
}

func (g *gauges) read(at int64, dst []float64) []float64 {
	for i := range g.all {
		dst = append(dst, g.all[i].at(g.seed+uint64(i), at))
	}
	return dst
}

// steady is a state that only a fault changes.
type steady float64

func (s steady) read(_ int64, dst []float64) []float64 { return append(dst, float64(s)) }

func batteryGauge() gauge {
	return gauge{base: 3.5, spread: 0.1, perDegree: 0.002, fine: 0.004}
}

func gasGauges(kind Kind) []gauge {
	if kind == KindSepticTank {
		return []gauge{
			{base: 2, spread: 1, slow: 0.8, fine: 0.2},
			{base: 1.2, spread: 0.6, slow: 0.4, fine: 0.1},
			{base: 1, spread: 0.5, slow: 0.3, fine: 0.1},
			{base: 20.4, spread: 0.1, slow: 0.1, fine: 0.05},
		}
	}
	return []gauge{
		{base: 0.5, spread: 0.3, slow: 0.3, fine: 0.1},
		{base: 0.3, spread: 0.2, slow: 0.2, fine: 0.1},
		{base: 0.8, spread: 0.5, slow: 0.4, fine: 0.1},
		{base: 20.7, spread: 0.1, slow: 0.1, fine: 0.05},
	}
}

func levelGauge(kind Kind) gauge {
	if kind == KindSepticTank {
		return gauge{base: 1.1, spread: 0.2, wave: 0.05, hour: 20, slow: 0.03, fine: 0.005, wet: 0.2}
	}
	return gauge{base: 0.15, spread: 0.1, slow: 0.02, fine: 0.005, wet: 0.3}
}

// sensor says how a kind of sensor reports.
type sensor struct {
	kind        Kind
	domain      string
	measurement string
	field       Field
	gauge       gauge
	en, zh      string
}

// sensors is the mix of sensors in a district, repeated until there are as many
// as wanted. The kinds that hazards need come first, so that a small city has
// them too.
func sensors() []sensor {
	displacement := sensor{KindDisplacement, "bridge", "structure", Field{Name: "displacement_mm", Decimals: 2},
		gauge{base: 0, spread: 2, perDegree: 0.15, wave: 1.2, hour: 16, slow: 0.5, fine: 0.2, floor: math.Inf(-1)}, "displacement sensor", "位移计"}
	strain := sensor{KindStrain, "bridge", "structure", Field{Name: "strain_microstrain", Decimals: 1},
		gauge{base: 80, spread: 40, perDegree: 4, wave: 6, hour: 16, slow: 5, fine: 3, floor: math.Inf(-1)}, "strain gauge", "应变计"}
	tilt := sensor{KindTilt, "bridge", "structure", Field{Name: "tilt_degrees", Decimals: 3},
		gauge{base: 0.05, spread: 0.03, perDegree: 0.001, slow: 0.004, fine: 0.003, floor: math.Inf(-1)}, "tilt sensor", "倾角仪"}
	acceleration := sensor{KindAcceleration, "bridge", "structure", Field{Name: "acceleration_mps2", Decimals: 3},
		gauge{base: 0.09, spread: 0.03, wave: 0.03, hour: 18, slow: 0.02, fine: 0.02}, "accelerometer", "加速度计"}
	cable := sensor{KindCableForce, "bridge", "structure", Field{Name: "cable_force_kn", Decimals: 1},
		gauge{base: 3500, spread: 900, perDegree: -6, slow: 15, fine: 5}, "cable force sensor", "索力计"}
	crack := sensor{KindCrack, "bridge", "structure", Field{Name: "crack_width_mm", Decimals: 3},
		gauge{base: 0.1, spread: 0.03, perDegree: -0.0008, fine: 0.002}, "crack gauge", "裂缝计"}
	co := sensor{KindTunnelCO, "tunnel", "tunnel", Field{Name: "co_ppm", Decimals: 1},
		gauge{base: 18, spread: 4, wave: 9, hour: 18, slow: 5, fine: 1.5}, "CO sensor", "一氧化碳传感器"}
	no2 := sensor{KindTunnelNO2, "tunnel", "tunnel", Field{Name: "no2_ppm", Decimals: 3},
		gauge{base: 0.3, spread: 0.06, wave: 0.14, hour: 18, slow: 0.06, fine: 0.02}, "NO2 sensor", "二氧化氮传感器"}
	visibility := sensor{KindVisibility, "tunnel", "tunnel", Field{Name: "visibility_per_m", Decimals: 5},
		gauge{base: 0.0025, spread: 0.0005, wave: 0.0008, hour: 18, slow: 0.0004, fine: 0.0001}, "visibility sensor", "能见度仪"}
	depth := sensor{KindRoadDepth, "road", "road", Field{Name: "water_depth_mm", Decimals: 1},
		gauge{base: 0, fine: 0.4, wet: 14}, "water depth sensor", "路面积水传感器"}
	pressure := sensor{KindPressure, "water", "water", Field{Name: "pressure_mpa", Decimals: 4},
		mainsGauge(), "mains pressure sensor", "管网压力传感器"}
	return []sensor{
		displacement, co, depth, strain, pressure,
		visibility, strain, cable, tilt, depth,
		displacement, co, strain, acceleration, pressure,
		no2, strain, cable, crack, tilt,
	}
}
