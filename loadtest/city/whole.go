package city

import (
	"fmt"
	"math"
	"time"
)

// Intervals of what only a whole city has.
const (
	often  = 10 * time.Second // what moves
	seldom = time.Minute
)

// state is what a device says of itself.
func (b *builder) state(a *Asset, seed uint64) {
	battery := Field{Name: "battery_volts", Decimals: 3}
	if !b.opt.Mix.whole {
		b.stream(a, "device", &gauges{seed: seed, all: []gauge{batteryGauge()}}, battery)
		return
	}
	s := b.stream(a, "device", &gauges{seed: seed, all: []gauge{batteryGauge(), signalGauge(), clockGauge()}},
		battery, Field{Name: "rssi_dbm"}, Field{Name: "clock_offset_seconds", Decimals: 1})
	s.Interval = max(s.Interval, often)
}

// lot counts its bays.
func (b *builder) lot(a *Asset, bays []*bay) {
	b.device(a, seldom)
	b.stream(a, "parking_lot", &count{bays: bays}, Field{Name: "occupied"}, Field{Name: "capacity"})
}

// count is how many of a car park's bays are taken, and how many there are.
type count struct{ bays []*bay }

func (c *count) read(at int64, dst []float64) []float64 {
	taken := 0.0
	for _, b := range c.bays {
		if b.taken(at) {
			taken++
		}
	}
	return append(dst, taken, float64(len(c.bays)))
}

// monitored are the kinds of sensors of a bridge that is one asset, in the order in
// which points have them.
func monitored() []Kind {
	return []Kind{
		KindStrain, KindDisplacement, KindTilt, KindCableForce, KindAcceleration, KindStrain, KindCrack, KindStrain, KindDisplacement, KindCableForce,
	}
}

func (b *builder) bridges(points int) {
	byKind := map[Kind]sensor{}
	for _, s := range sensors() {
		byKind[s.kind] = s
	}
	kinds := monitored()
	for i, site := range bridges() {
		a := b.at(fmt.Sprintf("BR%02d", i+1), KindBridge, "bridge", site)
		b.device(a, often)
		for n := range max(points, len(kinds)) {
			s := byKind[kinds[n%len(kinds)]]
			if s.kind == KindCableForce {
				s.gauge.spread = 0 // all cables share the asset's threshold
			}
			b.stream(a, s.measurement, &gauges{seed: b.rng.Uint64(), all: []gauge{s.gauge}}, s.field).label("point", fmt.Sprintf("%02d", n+1))
		}
		for _, kind := range []Kind{KindDisplacement, KindStrain, KindCableForce} {
			a.Thresholds = append(a.Thresholds, thresholds(kind, byKind[kind].gauge.base)...)
		}
	}
}

// at places an asset that stands where its site is.
func (b *builder) at(id string, kind Kind, domain string, site structure) *Asset {
	a := b.place(id, kind, domain, "municipal", b.street(site.street), site.lat, site.lon, 0)
	a.Site, a.Name, a.NameZH = site.en, site.en, site.zh
	return a
}

func (b *builder) tunnels() {
	const fans = 4
	byKind := map[Kind]sensor{}
	for _, s := range sensors() {
		byKind[s.kind] = s
	}
	air := []sensor{byKind[KindTunnelCO], byKind[KindTunnelNO2], byKind[KindVisibility]}
	water := byKind[KindRoadDepth]
	for i, site := range tunnels() {
		a := b.at(fmt.Sprintf("TN%02d", i+1), KindTunnel, "tunnel", site)
		b.device(a, often)
		seed := b.rng.Uint64()
		var all []gauge
		var fields []Field
		for _, s := range air {
			all, fields = append(all, s.gauge), append(fields, s.field)
		}
		b.stream(a, "tunnel", &gauges{seed: seed, all: all}, fields...)
		b.stream(a, water.measurement, &gauges{seed: ^seed, all: []gauge{water.gauge}}, water.field)
		for n := range fans {
			b.stream(a, "tunnel_fan", fan(n), Field{Name: "running"}).label("fan", fmt.Sprint(n+1))
		}
	}
}

// fan is one by its number: the first always runs, the others while there is
// traffic.
type fan int

func (f fan) read(at int64, dst []float64) []float64 {
	_, inDay := divide(at+zoneMS, dayMS)
	h := int(inDay / hourMS)
	if f == 0 || between(h, 7-int(f)/3, 10) || between(h, 16, 20+int(f)/3) || f == 1 && between(h, 6, 23) {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// spot places the nth asset of a kind somewhere in a street, with a name in both
// languages and a device of its own.
func (b *builder) spot(n int, prefix string, kind Kind, domain, team, en, zh string, every time.Duration) *Asset {
	st := &b.streets[n%len(b.streets)]
	a := b.place(fmt.Sprintf("%s%05d", prefix, n+1), kind, domain, team, st, st.lat, st.lon, 0.01)
	a.Name, a.NameZH = fmt.Sprintf("%s %s %d", st.en, en, n+1), fmt.Sprintf("%s%s%d号", st.zh, zh, n+1)
	b.device(a, every)
	return a
}

func (b *builder) manholes(n int) {
	for i := range n {
		a := b.spot(i, "MH", KindManhole, "drainage", "municipal", "manhole", "检查井", seldom)
		seed := b.rng.Uint64()
		b.stream(a, "manhole", &gauges{seed: seed, all: []gauge{{}, coverGauge()}}, Field{Name: "open"}, Field{Name: "tilt_degrees", Decimals: 1})
		b.stream(a, "well", &gauges{seed: ^seed, all: []gauge{sewerGauge()}}, Field{Name: "level_m", Decimals: 3})
		a.Thresholds = thresholds(a.Kind, 0)
		b.state(a, seed+100)
	}
}

func (b *builder) drains(n int) {
	for i := range n {
		a := b.spot(i, "DR", KindDrain, "drainage", "municipal", "storm drain", "雨水井", seldom)
		b.stream(a, "well", &gauges{seed: b.rng.Uint64(), all: []gauge{sewerGauge()}}, Field{Name: "level_m", Decimals: 3})
		a.Thresholds = thresholds(a.Kind, 0)
	}
}

func (b *builder) pumps(n int) {
	fields := []Field{
		{Name: "vibration_mm_per_s", Decimals: 2}, {Name: "current_amperes", Decimals: 1}, {Name: "speed_rpm"}, {Name: "running"},
	}
	for i := range n {
		a := b.spot(i, "PU", KindPump, "water", "municipal", "booster pump", "加压泵", often)
		b.stream(a, "pump", &gauges{seed: b.rng.Uint64(), all: pumpGauges()}, fields...)
	}
}

func (b *builder) meters(n int) {
	area := ""
	for i := range n {
		if i%b.opt.Mix.metersAnArea == 0 {
			dma := b.spot(i/b.opt.Mix.metersAnArea, "DMA", KindDMA, "water", "municipal", "metering area", "计量分区", 0)
			dma.Interval, dma.External = 0, nil
			area = dma.ID
		}
		a := b.spot(i/b.opt.Mix.metersAnArea, "MT", KindMeter, "water", "municipal", "inlet meter", "进水流量计", seldom)
		a.ID = fmt.Sprintf("MT%05d", i+1)
		a.Name, a.NameZH = fmt.Sprintf("%s-%d", a.Name, i%b.opt.Mix.metersAnArea+1), fmt.Sprintf("%s-%d", a.NameZH, i%b.opt.Mix.metersAnArea+1)
		a.Parent = area
		b.stream(a, "water", &gauges{seed: b.rng.Uint64(), all: []gauge{flowGauge(), mainsGauge()}},
			Field{Name: "flow_m3_per_hour", Decimals: 2}, Field{Name: "pressure_mpa", Decimals: 4}).label("dma", area)
	}
}

func (b *builder) lamps(n int) {
	section := ""
	for i := range n {
		if i%b.opt.Mix.lampsASection == 0 {
			s := b.spot(i/b.opt.Mix.lampsASection, "LS", KindLampSection, "lighting", "municipal", "lighting section", "照明回路", 0)
			s.Interval, s.External = 0, nil
			section = s.ID
		}
		a := b.spot(i/b.opt.Mix.lampsASection, "LM", KindLamp, "lighting", "municipal", "lamp", "路灯", seldom)
		a.ID, a.Parent = fmt.Sprintf("LM%05d", i+1), section
		a.Name, a.NameZH = fmt.Sprintf("%s-%d", a.Name, i%b.opt.Mix.lampsASection+1), fmt.Sprintf("%s-%d", a.NameZH, i%b.opt.Mix.lampsASection+1)
		b.stream(a, "lamp", &lamp{seed: b.rng.Uint64()},
			Field{Name: "on"}, Field{Name: "power_watts", Decimals: 1}, Field{Name: "leakage_current_ma", Decimals: 2}).label("section", section)
	}
}

// soil has every fourth sensor in a garden that volunteers look after.
func (b *builder) soil(n int) {
	for i := range n {
		team, en, zh := "landscape", "green space", "绿地"
		if i%4 == 3 {
			team, en, zh = "volunteers", "community garden", "社区花园"
		}
		a := b.spot(i, "SO", KindSoil, "landscape", team, en, zh, seldom)
		seed := b.rng.Uint64()
		b.stream(a, "soil", &gauges{seed: seed, all: []gauge{soilGauge()}}, Field{Name: "moisture_percent", Decimals: 1})
		b.state(a, seed+100)
	}
}

func (b *builder) trees(n int) {
	for i := range n {
		a := b.spot(i, "TR", KindTree, "landscape", "landscape", "banyan", "黄葛树", seldom)
		b.stream(a, "tree", &gauges{seed: b.rng.Uint64(), all: []gauge{treeGauge()}}, Field{Name: "tilt_degrees", Decimals: 2})
	}
}

// lamp burns while it is dark.
type lamp struct{ seed uint64 }

func (l *lamp) read(at int64, dst []float64) []float64 {
	const standby, watts, leaks = 0.6, 96, 0.4
	leak := leaks + 0.3*unit(l.seed, 1) + 0.05*rough(l.seed, at) + 0.8*rain(at)
	if dark(at) {
		return append(dst, 1, watts+8*unit(l.seed, 2)+0.8*rough(^l.seed, at), leak+0.3)
	}
	return append(dst, 0, standby+0.1*unit(l.seed, 2), leak)
}

// dark says whether lamps burn: longer in winter.
func dark(at int64) bool {
	const yearMS = 365.2425 * dayMS
	winter := math.Cos(2 * math.Pi * (float64(at)/yearMS + 10/365.2425)) // most at the solstice
	_, inDay := divide(at+zoneMS, dayMS)
	h := float64(inDay) / hourMS
	return h < 6.6+0.7*winter || h >= 19-0.8*winter
}
