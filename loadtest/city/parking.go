package city

// occupancy is how full a kind of car park is over a week, and its integral.
type occupancy struct {
	// until[h] is the integral of the share of taken bays over the hours from
	// Monday 00:00 local time to hour h, in hours.
	until [169]float64
}

func newOccupancy(share func(weekend bool, hour int) float64) *occupancy {
	var o occupancy
	for h := range 168 {
		o.until[h+1] = o.until[h] + share(h/24 >= 5, h%24)
	}
	return &o
}

// integral is the integral of the share from a fixed Monday to at, in hours.
func (o *occupancy) integral(at int64) float64 {
	const mondayMS = 4 * dayMS // 1970-01-05
	week, inWeek := divide(at+zoneMS-mondayMS, 7*dayMS)
	h, inHour := divide(inWeek, hourMS)
	base := float64(week)*o.until[168] + o.until[h]
	return base + (o.until[h+1]-o.until[h])*float64(inHour)/hourMS
}

// bay divides time into stretches of one length and gives each to a car or to
// nobody such that arrivals, which only ever grow, follow the integral of the
// car park's occupancy. That makes them a pure function of time.
type bay struct {
	seed    uint64
	fill    *occupancy
	stretch int64 // ms
	offset  float64
	base    float64
}

func newBay(seed uint64, fill *occupancy, stayMS int64) *bay {
	return &bay{
		seed:    seed,
		fill:    fill,
		stretch: int64(float64(stayMS) * (0.6 + 0.8*unit(seed, 1))),
		offset:  unit(seed, 2),
		base:    float64(int64(20_000 + 60_000*unit(seed, 3))),
	}
}

func (b *bay) cars(k int64) int64 {
	at := k * b.stretch
	return int64(b.fill.integral(at)*hourMS/float64(b.stretch) + b.offset)
}

// taken says whether a car stands there.
func (b *bay) taken(at int64) bool {
	var room [3]float64
	return b.read(at, room[:0])[0] > 0
}

// read appends occupied, occupied_since_timestamp_seconds and arrivals_total.
func (b *bay) read(at int64, dst []float64) []float64 {
	shifted := at + int64(b.offset*float64(b.stretch))
	k, in := divide(shifted, b.stretch)
	before, after := b.cars(k), b.cars(k+1)
	// A car takes up to a tenth of the stretch to come.
	gap := int64(0.1 * unit(b.seed, k) * float64(b.stretch))
	if before == after || in < gap {
		return append(dst, 0, 0, b.arrivals(before))
	}
	return append(dst, 1, float64((at-in+gap)/1000), b.arrivals(after))
}

// arrivals counts since 2024, so that a counter has a plausible size.
func (b *bay) arrivals(cars int64) float64 {
	const epochMS = 1_704_067_200_000
	return b.base + float64(cars-b.cars(epochMS/b.stretch))
}

func occupancies() map[string]*occupancy {
	return map[string]*occupancy{
		"shop":     newOccupancy(shopping),
		"office":   newOccupancy(working),
		"home":     newOccupancy(living),
		"street":   newOccupancy(kerb),
		"hospital": newOccupancy(caring),
		"transit":  newOccupancy(travelling),
	}
}

func between(h, from, to int) bool { return h >= from && h < to }

func shopping(weekend bool, h int) float64 {
	v := 0.12
	switch {
	case between(h, 11, 14):
		v = 0.66
	case between(h, 14, 18):
		v = 0.72
	case between(h, 18, 22):
		v = 0.86
	case between(h, 9, 11):
		v = 0.35
	}
	if weekend && v > 0.3 {
		v += 0.1
	}
	return v
}

func working(weekend bool, h int) float64 {
	v := 0.15
	switch {
	case between(h, 9, 18):
		v = 0.92
	case between(h, 8, 9), between(h, 18, 20):
		v = 0.6
	}
	if weekend {
		v *= 0.4
	}
	return v
}

func living(weekend bool, h int) float64 {
	switch {
	case between(h, 0, 7), between(h, 21, 24):
		return 0.95
	case weekend:
		return 0.8
	case between(h, 9, 17):
		return 0.5
	}
	return 0.75
}

func kerb(weekend bool, h int) float64 {
	if between(h, 8, 22) {
		return 0.85
	}
	if weekend {
		return 0.6
	}
	return 0.5
}

func caring(weekend bool, h int) float64 {
	switch {
	case between(h, 8, 12) && !weekend:
		return 0.97
	case between(h, 8, 18):
		return 0.8
	}
	return 0.35
}

func travelling(_ bool, h int) float64 {
	switch {
	case between(h, 7, 20):
		return 0.78
	case between(h, 20, 24):
		return 0.45
	}
	return 0.3
}
