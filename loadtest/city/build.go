package city

import (
	"fmt"
	"math/rand/v2"
	"time"
)

type builder struct {
	opt     Options
	rng     *rand.Rand
	streets []street
	assets  []*Asset
	streams []*Stream
}

func newBuilder(opt Options) *builder {
	return &builder{opt: opt, rng: rand.New(rand.NewPCG(opt.Seed, 0xbe1f)), streets: streets()}
}

func (b *builder) street(slug string) *street {
	for i := range b.streets {
		if b.streets[i].slug == slug {
			return &b.streets[i]
		}
	}
	panic("city: no street " + slug)
}

// place puts a new asset into a street. spread is in degrees; a hundredth of a
// degree is about a kilometre.
func (b *builder) place(id string, kind Kind, domain, team string, st *street, lat, lon, spread float64) *Asset {
	a := &Asset{
		ID: id, Kind: kind, Domain: domain, Team: team,
		District: districtName, Street: st.slug, Community: st.communities[b.rng.IntN(len(st.communities))].slug,
		Lat: lat + spread*(b.rng.Float64()-0.5), Lon: lon + spread*(b.rng.Float64()-0.5),
	}
	b.assets = append(b.assets, a)
	return a
}

// device gives an asset the identity of a LoRaWAN device.
func (b *builder) device(a *Asset, every time.Duration) {
	if b.opt.Interval > 0 {
		every = b.opt.Interval
	}
	a.Interval = every
	a.External = map[string]string{"devEui": fmt.Sprintf("70b3d5%010x", b.rng.Uint64()&0xff_ffff_ffff)}
}

func (b *builder) stream(a *Asset, measurement string, m model, fields ...Field) *Stream {
	s := &Stream{
		Asset: a, Measurement: measurement, Fields: fields, Interval: a.Interval,
		Phase: time.Duration(b.rng.Int64N(max(1, a.Interval.Milliseconds()))) * time.Millisecond,
		model: m, seed: b.rng.Uint64(),
	}
	b.streams = append(b.streams, s)
	return s
}

func (b *builder) parking(lots, bays int) {
	fills := occupancies()
	sites := lotSites()
	for i := range lots {
		st := &b.streets[i%len(b.streets)]
		site := sites[i%len(sites)]
		en := fmt.Sprintf("%s %s %d", st.en, site.en, i+1)
		zh := fmt.Sprintf("%s%s%d号停车场", st.communities[0].zh, site.zh, i+1)
		lot := b.place(fmt.Sprintf("P%03d", i+1), KindLot, "parking", "urban_management", st, st.lat, st.lon, 0.008)
		lot.Site, lot.Name, lot.NameZH = en, en, zh
		var all []*bay
		for n := range bays/lots + one(i < bays%lots) {
			a := b.place(fmt.Sprintf("%s-B%04d", lot.ID, n+1), KindBay, "parking", "urban_management", st, lot.Lat, lot.Lon, 0.001)
			a.Parent, a.Site, a.Community = lot.ID, en, lot.Community
			a.Name, a.NameZH = fmt.Sprintf("%s, bay %d", en, n+1), fmt.Sprintf("%s%d号泊位", zh, n+1)
			b.device(a, time.Minute)
			m := newBay(b.rng.Uint64(), fills[site.slug], stay(site.slug))
			all = append(all, m)
			b.bay(a, m)
		}
		if b.opt.Mix.whole {
			b.lot(lot, all)
		}
	}
}

func (b *builder) bay(a *Asset, m *bay) {
	fields := []Field{{Name: "occupied"}, {Name: "occupied_since_timestamp_seconds"}, {Name: "arrivals_total", Counter: true}}
	if !b.opt.Mix.whole {
		b.stream(a, "parking_bay", m, fields...)
		return
	}
	b.stream(a, "parking_bay", firstOf{m, 1}, fields[:1]...).label("lot", a.Parent)
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// stay is about how long a car stays, in milliseconds.
func stay(site string) int64 {
	switch site {
	case "street":
		return 40 * minuteMS
	case "shop", "hospital":
		return 100 * minuteMS
	case "transit":
		return 60 * minuteMS
	}
	return 7 * hourMS
}

func (b *builder) sensors(n int) {
	mix := sensors()
	for i := range n {
		s := mix[i%len(mix)]
		site := b.site(s.domain, i/len(mix)+i)
		st := b.street(site.street)
		a := b.place(fmt.Sprintf("S%05d", i+1), s.kind, s.domain, "municipal", st, site.lat, site.lon, 0.001)
		a.Site = site.en
		a.Name, a.NameZH = fmt.Sprintf("%s %s %d", site.en, s.en, i+1), fmt.Sprintf("%s%s%d号", site.zh, s.zh, i+1)
		b.device(a, 10*time.Second)
		seed := b.rng.Uint64()
		b.stream(a, s.measurement, &gauges{seed: seed, all: []gauge{s.gauge}}, s.field)
		b.state(a, ^seed)
		a.Thresholds = thresholds(s.kind, s.gauge.base+s.gauge.spread*(2*unit(seed, 11)-1))
	}
}

func (b *builder) site(domain string, i int) structure {
	var from []structure
	switch domain {
	case "bridge":
		from = bridges()
	case "tunnel":
		from = tunnels()
	default:
		st := b.streets[i%len(b.streets)]
		return structure{st.en, st.zh, st.slug, st.lat, st.lon}
	}
	return from[i%len(from)]
}

// thresholds are the limits that a designer sets for one asset, where no
// standard can set them for all. base is the asset's own middle value.
func thresholds(kind Kind, base float64) []Threshold {
	switch kind {
	case KindDisplacement:
		return []Threshold{
			{"structure_displacement_mm", "above", "warning", 25},
			{"structure_displacement_mm", "above", "critical", 40},
			{"structure_displacement_mm", "below", "warning", -25},
			{"structure_displacement_mm", "below", "critical", -40},
		}
	case KindStrain:
		return []Threshold{
			{"structure_strain_microstrain", "above", "warning", 400},
			{"structure_strain_microstrain", "above", "critical", 550},
		}
	case KindCableForce:
		// A stay that has lost a tenth of its force is looked at, a fifth is alarming.
		return []Threshold{
			{"structure_cable_force_kn", "below", "warning", float64(int64(0.9 * base))},
			{"structure_cable_force_kn", "below", "critical", float64(int64(0.8 * base))},
		}
	case KindSepticTank:
		return []Threshold{{"well_level_m", "above", "warning", 1.8}, {"well_level_m", "above", "critical", 2.2}}
	case KindGasWell:
		return []Threshold{{"well_level_m", "above", "warning", 1}, {"well_level_m", "above", "critical", 1.5}}
	case KindManhole, KindDrain:
		return []Threshold{{"well_level_m", "above", "warning", 1.6}, {"well_level_m", "above", "critical", 2.1}}
	}
	return nil
}

func (b *builder) wells(n int) {
	gas := []Field{
		{Name: "ch4_lel_percent", Decimals: 2}, {Name: "h2s_ppm", Decimals: 2},
		{Name: "co_ppm", Decimals: 2}, {Name: "o2_percent", Decimals: 2},
	}
	for i := range n {
		kind, team, en, zh := KindGasWell, "municipal", "gas well", "燃气井"
		if i%3 == 2 {
			kind, team, en, zh = KindSepticTank, "sanitation", "septic tank", "化粪池"
		}
		st := &b.streets[i%len(b.streets)]
		a := b.place(fmt.Sprintf("W%05d", i+1), kind, "gas", team, st, st.lat, st.lon, 0.01)
		a.Name, a.NameZH = fmt.Sprintf("%s %s %d", st.en, en, i+1), fmt.Sprintf("%s%s%d号", st.zh, zh, i+1)
		b.device(a, 30*time.Second)
		seed := b.rng.Uint64()
		b.stream(a, "gas", &gauges{seed: seed, all: gasGauges(kind)}, gas...)
		b.stream(a, "well", &gauges{seed: ^seed, all: []gauge{levelGauge(kind)}}, Field{Name: "level_m", Decimals: 3})
		a.Thresholds = thresholds(kind, 0)
		if b.opt.Mix.whole {
			b.state(a, seed+100)
		}
	}
}

func (b *builder) cameras(n int) {
	for i := range n {
		st := &b.streets[i%len(b.streets)]
		a := b.place(fmt.Sprintf("C%05d", i+1), KindCamera, "camera", "urban_management", st, st.lat, st.lon, 0.01)
		a.Name, a.NameZH = fmt.Sprintf("%s camera %d", st.en, i+1), fmt.Sprintf("%s%d号摄像机", st.zh, i+1)
		b.device(a, time.Minute)
		a.External = map[string]string{"cameraIndexCode": fmt.Sprintf("%016x", b.rng.Uint64())}
		b.stream(a, "camera", steady(1), Field{Name: "up"})
	}
}
