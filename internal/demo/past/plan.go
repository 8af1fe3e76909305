package past

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/loadtest/city"
)

// days is how far the hazards reach back: what a monthly review looks at.
const days = 30

// tale is a kind of incident of the past.
type tale struct {
	fault city.FaultKind
	kind  city.Kind // of the asset; "" for any
	peak  float64   // 0: the fault's own
	rule  string
	// limit is that of the rule, where the asset has none of its own by metric,
	// direction and level.
	limit                    float64
	metric, direction, level string
	// least and most are how long it lasts, in minutes.
	least, most int
	weight      int
}

func tales() []tale {
	const above, below, warning, critical = "above", "below", "warning", "critical"
	return []tale{
		{city.GasLeak, "", 66, "GasCombustibleCritical", 50, "gas_ch4_lel_percent", above, critical, 12, 55, 3},
		{city.GasLeak, "", 21, "GasCombustibleHigh", 10, "gas_ch4_lel_percent", above, warning, 30, 240, 5},
		{city.HydrogenSulphide, city.KindSepticTank, 0, "GasHydrogenSulfideCritical", 20, "gas_h2s_ppm", above, critical, 15, 80, 3},
		{city.OxygenLoss, "", 0, "GasOxygenCritical", 18, "gas_o2_percent", below, critical, 15, 60, 1},
		{city.BridgeShift, "", 0, "BridgeDisplacementCritical", 40, "structure_displacement_mm", above, critical, 10, 45, 2},
		{city.BridgeStrain, "", 470, "BridgeStrainUnusual", 400, "structure_strain_microstrain", above, warning, 30, 200, 4},
		{city.CrackWidening, city.KindCrack, 0, "BridgeCrackWide", 0.2, "structure_crack_width_mm", above, warning, 300, 2600, 2},
		{city.TunnelFumes, "", 96, "TunnelCarbonMonoxideHigh", 70, "tunnel_co_ppm", above, warning, 15, 90, 4},
		{city.TunnelSmoke, "", 0, "TunnelVisibilityCritical", 0.012, "tunnel_visibility_per_m", above, critical, 10, 40, 2},
		{city.RoadFlood, "", 0, "RoadWaterDepthCritical", 250, "road_water_depth_mm", above, critical, 25, 150, 2},
		{city.RoadFlood, "", 195, "RoadWaterDepthHigh", 150, "road_water_depth_mm", above, warning, 25, 200, 4},
		{city.TankOverflow, "", 0, "DrainageLevelCritical", 0, "well_level_m", above, critical, 30, 180, 5},
		{city.TankOverflow, city.KindDrain, 1.85, "DrainageLevelHigh", 0, "well_level_m", above, warning, 60, 600, 4},
		{city.ManholeOpened, "", 0, "ManholeOpen", 0, "manhole_open", above, critical, 20, 120, 4},
		{city.ManholeMoved, "", 0, "ManholeTilted", 10, "manhole_tilt_degrees", above, warning, 60, 900, 4},
		{city.MainBurst, "", 0, "WaterPressureCritical", 0.1, "water_pressure_mpa", below, critical, 30, 200, 2},
		{city.MainBurst, "", 0.125, "WaterPressureLow", 0.14, "water_pressure_mpa", below, warning, 30, 300, 4},
		{city.LampLeakage, "", 0, "LampLeakageCurrentCritical", 30, "lamp_leakage_current_ma", above, critical, 20, 140, 2},
		{city.LampLeakage, "", 17, "LampLeakageCurrentHigh", 10, "lamp_leakage_current_ma", above, warning, 120, 1500, 4},
		{city.TreeLeaning, "", 0, "TreeTiltCritical", 15, "tree_tilt_degrees", above, critical, 60, 300, 1},
		{city.TreeLeaning, "", 8, "TreeTilted", 5, "tree_tilt_degrees", above, warning, 240, 2400, 3},
		{city.DrySoil, "", 0, "SoilDry", 10, "soil_moisture_percent", below, warning, 600, 3000, 4},
		{city.LotFull, "", 0, "ParkingLotFull", 99, "parking_lot_fill_percent", above, warning, 20, 180, 6},
		{city.LotOverfull, "", 0, "ParkingLotOverfull", 105, "parking_lot_fill_percent", above, warning, 20, 90, 2},
		{city.CameraDown, "", 0, "CameraDown", 1, "camera_up", below, warning, 30, 1200, 6},
		{city.Silence, city.KindGasWell, 0, "DeviceSilent", 0, "device_silent", above, warning, 20, 600, 5},
		{city.ClockOff, "", 0, "DeviceClockOffset", 60, "device_clock_offset_seconds", above, warning, 120, 1800, 2},
		{city.BatteryLow, "", 0, "DeviceBatteryLow", 3.2, "device_battery_volts", below, warning, 1500, 8000, 3},
	}
}

// stillOpen are hazards that people are slow with: how long they have been there.
// Rules find each within minutes of the start, so that it is the same hazard; and
// not at once, when they would find it by a reading of the past, and count how long
// ago that was.
func stillOpen() []struct {
	tale tale
	ago  time.Duration
} {
	find := func(rule string) tale {
		all := tales()
		return all[slices.IndexFunc(all, func(t tale) bool { return t.rule == rule })]
	}
	wide, leak := find("BridgeCrackWide"), find("GasCombustibleHigh")
	wide.kind, leak.peak = city.KindBridge, 14
	return []struct {
		tale tale
		ago  time.Duration
	}{
		{wide, 12 * 24 * time.Hour},
		{find("CameraDown"), 9 * 24 * time.Hour},
		{find("CameraDown"), 51 * time.Hour},
		{find("LampLeakageCurrentHigh"), 26 * time.Hour},
		{find("DrainageLevelHigh"), 4 * time.Hour},
		{leak, 50 * time.Minute},
	}
}

// incident is something that went wrong, and the alert of it.
type incident struct {
	rule   string
	series labels.Labels // of the alert, without rule and catalog
	// from and to are when it fired; a zero to: it still does.
	from, to     time.Time
	value, limit float64
	fault        *city.Fault // nil: a camera saw it
}

func (i *incident) asset() string { return i.series.Get("asset") }

// planner draws incidents.
type planner struct {
	city  *city.City
	until time.Time
	rng   *rand.Rand
	// busy is until when something is wrong with an asset.
	busy map[string]time.Time
	all  []incident
}

// plan draws the incidents before an instant, in the order in which they began, and
// those that are not over. free says which assets may have some that are not.
func plan(c *city.City, until time.Time, seed uint64, free func(*city.Asset) bool) ([]incident, error) {
	const aDay = 9
	p := &planner{city: c, until: until, rng: rand.New(rand.NewPCG(seed, 2)), busy: map[string]time.Time{}}
	for i, open := range stillOpen() {
		if err := p.begin(open.tale, i, until.Add(-open.ago), free); err != nil {
			return nil, err
		}
	}
	all := tales()
	total := 0
	for _, t := range all {
		total += t.weight
	}
	for day := days; day > 0; day-- {
		for range aDay {
			n, which := p.rng.IntN(total), 0
			for n >= all[which].weight {
				n, which = n-all[which].weight, which+1
			}
			from := until.Add(-time.Duration(day) * 24 * time.Hour).Add(time.Duration(p.rng.IntN(24*60)) * time.Minute)
			if err := p.draw(all[which], from); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(p.all, func(a, b incident) int { return a.from.Compare(b.from) })
	return p.all, nil
}

// draw adds an incident, unless it would not be over, or all that are suited have
// something already. A few assets have most of them, as it is in cities.
func (p *planner) draw(t tale, from time.Time) error {
	const pool, margin = 8, 10 * time.Minute
	to := from.Add(time.Duration(t.least+p.rng.IntN(t.most-t.least)) * time.Minute)
	if to.After(p.until.Add(-margin)) {
		return nil
	}
	suited := p.suited(t, func(*city.Asset) bool { return true })
	if len(suited) == 0 {
		return fmt.Errorf("the demo's past: nothing to which %s can happen", t.fault)
	}
	id := suited[(p.rng.IntN(pool)*5)%len(suited)]
	if p.busy[id].After(from) {
		return nil
	}
	p.add(t, id, from, to)
	return nil
}

// begin adds an incident that is not over.
func (p *planner) begin(t tale, nth int, from time.Time, free func(*city.Asset) bool) error {
	suited := p.suited(t, free)
	if len(suited) == 0 {
		return fmt.Errorf("the demo's past: nothing to which %s can happen", t.fault)
	}
	id := suited[len(suited)-1-nth%len(suited)]
	p.add(t, id, from, time.Time{})
	p.busy[id] = p.until.Add(time.Hour)
	return nil
}

func (p *planner) suited(t tale, free func(*city.Asset) bool) []string {
	return slices.DeleteFunc(p.city.Suited(t.fault), func(id string) bool {
		a, _ := p.city.Asset(id)
		return t.kind != "" && a.Kind != t.kind || !free(a) || p.busy[id].After(p.until)
	})
}

func (p *planner) add(t tale, id string, from, to time.Time) {
	a, _ := p.city.Asset(id)
	peak := t.peak
	if peak == 0 {
		peak = p.city.DefaultPeak(t.fault, id)
	}
	i := incident{
		rule: t.rule, from: from, to: to, value: peak, limit: limitOf(a, t), series: p.labels(t, id),
		fault: &city.Fault{Kind: t.fault, Asset: id, Onset: from, End: to, Peak: peak},
	}
	switch {
	case t.fault == city.Silence:
		i.value = 1
	case strings.HasPrefix(t.rule, "ParkingLot"):
		i.value = 100 * peak / max(1, p.city.DefaultPeak(city.LotFull, id))
	}
	p.busy[id] = to
	p.all = append(p.all, i)
}

func limitOf(a *city.Asset, t tale) float64 {
	for _, own := range a.Thresholds {
		if own.Metric == t.metric && own.Direction == t.direction && own.Level == t.level {
			return own.Value
		}
	}
	return t.limit
}

// labels are those of the series that a fault befalls.
func (p *planner) labels(t tale, id string) labels.Labels {
	for _, s := range p.city.StreamsOf(id) {
		for n := range s.Fields {
			if s.Metric(n) == t.metric {
				return seriesLabels("", s)
			}
		}
	}
	return labels.FromStrings("asset", id)
}

const metricLabel = model.MetricNameLabel

// seriesLabels are those that a stream's lines make.
func seriesLabels(name string, s *city.Stream) labels.Labels {
	b := labels.NewBuilder(labels.FromStrings("asset", s.Asset.ID))
	if name != "" {
		b.Set(metricLabel, name)
	}
	for _, l := range s.Labels {
		b.Set(l.Name, l.Value)
	}
	return b.Labels()
}
