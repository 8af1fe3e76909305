package city

import "math"

const (
	minuteMS = 60_000
	hourMS   = 60 * minuteMS
	dayMS    = 24 * hourMS
	// zoneMS is China's offset from UTC, which knows no daylight saving.
	zoneMS = 8 * hourMS
)

// mix is the finaliser of splitmix64: a cheap hash whose bits are independent.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// unit is a number in [0,1) for a seed and a step.
func unit(seed uint64, step int64) float64 {
	return float64(mix(seed^mix(uint64(step)))>>11) / (1 << 53)
}

// smooth is noise in [-1,1] that changes over stepMS milliseconds.
func smooth(seed uint64, at, stepMS int64) float64 {
	k, frac := divide(at, stepMS)
	x := float64(frac) / float64(stepMS)
	x = x * x * (3 - 2*x)
	a, b := unit(seed, k), unit(seed, k+1)
	return 2*(a+(b-a)*x) - 1
}

// rough is noise in [-1,1] that is different at every reading.
func rough(seed uint64, at int64) float64 { return 2*unit(seed, at) - 1 }

func divide(a, b int64) (quotient, remainder int64) {
	quotient, remainder = a/b, a%b
	if remainder < 0 {
		quotient--
		remainder += b
	}
	return quotient, remainder
}

// daily is a wave in [-1,1] that peaks at the local hour.
func daily(at int64, hour float64) float64 {
	_, inDay := divide(at+zoneMS, dayMS)
	return math.Cos(2 * math.Pi * (float64(inDay)/hourMS - hour) / 24)
}

// temperature is the air temperature in °C, the same for all of the district.
func temperature(at int64) float64 {
	const yearMS = 365.2425 * dayMS
	// Chongqing is coldest in mid January and about 10 °C either side of 18 °C.
	season := -math.Cos(2 * math.Pi * (float64(at)/yearMS - 15.0/365))
	return 18 + 10*season + 4*daily(at, 15) + 2*smooth(0x7e3f, at, 6*hourMS)
}

// rain is the district's rainfall, 0 for dry to 1 for a downpour.
func rain(at int64) float64 {
	return math.Max(0, smooth(0x4a19, at, 3*hourMS)*1.6-0.9) / 0.7
}
