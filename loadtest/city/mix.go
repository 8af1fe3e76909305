package city

// Mix says how many of each there are at scale 1.
type Mix struct {
	Lots, Bays int
	// Sensors stand on bridges, in tunnels, on roads and water mains, each an
	// asset of its own.
	Sensors, Wells, Cameras int

	whole bool
	// Points are the sensors of each bridge that is one asset.
	Points                      int
	Manholes, Drains            int
	Pumps, Meters               int
	Lamps, SoilSensors, Trees   int
	lampsASection, metersAnArea int
}

// District is the mix of the benchmark, which the zero Mix stands for: what makes
// most of a city's readings.
func District() Mix {
	return Mix{Lots: 62, Bays: 24_000, Sensors: 3_000, Wells: 1_500, Cameras: 2_000}
}

// Whole is a mix with something of every domain: bridges and tunnels with several
// sensors each, manholes, drains, pumps, meters, lamps, soil and trees besides
// what a District has, and how the devices themselves are. Bays say only whether
// they are taken, and car parks how many cars are in them; the rest follows from
// that. Belfry makes about 100,000 series of it at scale 1, its own included.
func Whole() Mix {
	return Mix{
		Lots: 62, Bays: 6_600, Sensors: 900, Wells: 600, Cameras: 500,
		whole: true, Points: 30, Manholes: 700, Drains: 250, Pumps: 60, Meters: 250, Lamps: 2_000, SoilSensors: 250, Trees: 300,
		lampsASection: 20, metersAnArea: 4,
	}
}

func (b *builder) build() {
	m := b.opt.Mix
	b.parking(b.count(m.Lots), b.count(m.Bays))
	b.sensors(b.count(m.Sensors))
	b.wells(b.count(m.Wells))
	b.cameras(b.count(m.Cameras))
	if !m.whole {
		return
	}
	b.bridges(b.count(m.Points))
	b.tunnels()
	b.manholes(b.count(m.Manholes))
	b.drains(b.count(m.Drains))
	b.pumps(b.count(m.Pumps))
	b.meters(b.count(m.Meters))
	b.lamps(b.count(m.Lamps))
	b.soil(b.count(m.SoilSensors))
	b.trees(b.count(m.Trees))
}
