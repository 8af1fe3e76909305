package city

import "math"

// signalGauge is how strong a gateway hears a device, in dBm.
func signalGauge() gauge {
	return gauge{base: -88, spread: 14, slow: 3, fine: 2, floor: math.Inf(-1)}
}

// clockGauge is how far a device's clock is off, in seconds.
func clockGauge() gauge {
	return gauge{base: 0, spread: 2, slow: 0.5, fine: 0.1, floor: math.Inf(-1)}
}

func coverGauge() gauge { return gauge{base: 0.8, spread: 0.5, fine: 0.1} }

func sewerGauge() gauge {
	return gauge{base: 0.45, spread: 0.15, wave: 0.08, hour: 9, slow: 0.04, fine: 0.008, wet: 0.5}
}

func pumpGauges() []gauge {
	return []gauge{
		{base: 2.2, spread: 0.3, wave: 0.12, hour: 9, slow: 0.15, fine: 0.12},
		{base: 42, spread: 3, wave: 3, hour: 9, slow: 1, fine: 0.4},
		{base: 1478, spread: 4, wave: -3, hour: 9, slow: 1, fine: 1},
		{base: 1},
	}
}

// flowGauge flows by night with a third of the day's mean.
func flowGauge() gauge {
	return gauge{base: 60, spread: 6, wave: 40, hour: 14.5, slow: 3, fine: 1.2}
}

func mainsGauge() gauge {
	return gauge{base: 0.36, spread: 0.02, wave: -0.03, hour: 8, slow: 0.01, fine: 0.003}
}

func soilGauge() gauge {
	return gauge{base: 26, spread: 5, wave: -1.5, hour: 15, slow: 0.3, fine: 0.15, wet: 7}
}

func treeGauge() gauge {
	return gauge{base: 0.6, spread: 0.4, wave: 0.12, hour: 15, slow: 0.2, fine: 0.05}
}
