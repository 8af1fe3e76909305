package city

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// FaultKind says what goes wrong.
type FaultKind string

// Kinds of faults.
const (
	GasLeak          FaultKind = "gas_leak"          // methane in a well or tank
	HydrogenSulphide FaultKind = "hydrogen_sulphide" // H2S in a well or tank
	OxygenLoss       FaultKind = "oxygen_loss"       // air too thin to breathe in a well or tank
	TankOverflow     FaultKind = "tank_overflow"     // level in a well or tank
	TunnelFumes      FaultKind = "tunnel_fumes"      // carbon monoxide in a tunnel
	TunnelSmoke      FaultKind = "tunnel_smoke"      // extinction in a tunnel
	BridgeShift      FaultKind = "bridge_shift"      // displacement of a bridge
	BridgeStrain     FaultKind = "bridge_strain"     // strain in a bridge
	CrackWidening    FaultKind = "crack_widening"    // a crack of a bridge
	CableSlack       FaultKind = "cable_slack"       // a stay cable loses force
	RoadFlood        FaultKind = "road_flood"        // water stands on a road
	MainBurst        FaultKind = "main_burst"        // pressure of a water main falls
	BatteryLow       FaultKind = "battery_low"
	CameraDown       FaultKind = "camera_down"
	Silence          FaultKind = "silence" // the device sends nothing at all

	// Only what a Whole city has is hit by these.
	ManholeOpened FaultKind = "manhole_opened"
	ManholeMoved  FaultKind = "manhole_moved" // its cover leans
	FansStopped   FaultKind = "fans_stopped"  // all fans of a tunnel
	LampLeakage   FaultKind = "lamp_leakage"  // current to earth
	TreeLeaning   FaultKind = "tree_leaning"
	DrySoil       FaultKind = "dry_soil"
	WaterLeak     FaultKind = "water_leak"   // flow that does not stop by night
	PumpShaking   FaultKind = "pump_shaking" // vibration
	ClockOff      FaultKind = "clock_off"    // of a device
	LotFull       FaultKind = "lot_full"     // all bays of a car park are taken
	LotOverfull   FaultKind = "lot_overfull" // they park in its aisles
)

// Fault is something that goes wrong with one asset, and what is expected to
// be noticed: the ground truth.
type Fault struct {
	Kind  FaultKind
	Asset string
	// Onset is when the value begins to leave its normal course, End when it
	// begins to return. A zero End means never.
	Onset, End time.Time
	// Rise is how long the value takes to Peak, and back after End.
	Rise time.Duration
	// Peak is what the value reaches; 0 stands for the kind's own default, well
	// beyond the limits.
	Peak float64
	// Rule and Severity name the alert that has to fire; where empty, Schedule
	// fills in that of the default rules, if they notice the kind at all.
	Rule, Severity string
	// Metric is filled in by Schedule; it is empty for Silence.
	Metric string
}

type faultSpec struct {
	kind     FaultKind
	metric   string // empty: all streams of the asset fall silent
	peak     float64
	rule     string
	severity string
}

func faultSpecs() []faultSpec {
	return []faultSpec{
		{GasLeak, "gas_ch4_lel_percent", 64, "GasCombustibleCritical", "critical"},
		{HydrogenSulphide, "gas_h2s_ppm", 28, "GasHydrogenSulfideCritical", "critical"},
		{OxygenLoss, "gas_o2_percent", 17.2, "GasOxygenCritical", "critical"},
		{TankOverflow, "well_level_m", 2.6, "DrainageLevelCritical", "critical"},
		{TunnelFumes, "tunnel_co_ppm", 190, "TunnelCarbonMonoxideCritical", "critical"},
		{TunnelSmoke, "tunnel_visibility_per_m", 0.014, "TunnelVisibilityCritical", "critical"},
		{BridgeShift, "structure_displacement_mm", 64, "BridgeDisplacementCritical", "critical"},
		{BridgeStrain, "structure_strain_microstrain", 620, "BridgeStrainCritical", "critical"},
		{CrackWidening, "structure_crack_width_mm", 0.34, "BridgeCrackWide", "warning"},
		{CableSlack, "structure_cable_force_kn", 1200, "BridgeCableForceCritical", "critical"},
		{RoadFlood, "road_water_depth_mm", 320, "RoadWaterDepthCritical", "critical"},
		{MainBurst, "water_pressure_mpa", 0.07, "WaterPressureCritical", "critical"},
		{BatteryLow, "device_battery_volts", 2.6, "DeviceBatteryLow", "warning"},
		{CameraDown, "camera_up", 0, "CameraDown", "warning"},
		{Silence, "", 0, "DeviceSilent", "warning"},
		{ManholeOpened, "manhole_open", 1, "ManholeOpen", "critical"},
		{ManholeMoved, "manhole_tilt_degrees", 18, "ManholeTilted", "warning"},
		{FansStopped, "tunnel_fan_running", 0, "TunnelFansStopped", "critical"},
		{LampLeakage, "lamp_leakage_current_ma", 42, "LampLeakageCurrentCritical", "critical"},
		{TreeLeaning, "tree_tilt_degrees", 19, "TreeTiltCritical", "critical"},
		{DrySoil, "soil_moisture_percent", 6, "SoilDry", "warning"},
		{WaterLeak, "water_flow_m3_per_hour", 75, "WaterLeakSuspected", "warning"},
		{PumpShaking, "pump_vibration_mm_per_s", 9.4, "PumpAnomaly", "info"},
		{ClockOff, "device_clock_offset_seconds", 95, "DeviceClockOffset", "warning"},
		{LotFull, "parking_lot_occupied", 0, "ParkingLotFull", "info"},
		{LotOverfull, "parking_lot_occupied", 0, "ParkingLotOverfull", "warning"},
	}
}

// FaultKinds lists every kind of fault.
func FaultKinds() []FaultKind {
	specs := faultSpecs()
	kinds := make([]FaultKind, len(specs))
	for i, s := range specs {
		kinds[i] = s.kind
	}
	return kinds
}

// appliedFault is a fault as one stream feels it. Times are milliseconds.
type appliedFault struct {
	onset, end, rise int64
	field            int
	peak             float64
	silence          bool
}

func (f *appliedFault) active(at int64) bool {
	return at >= f.onset && (f.end == 0 || at < f.end)
}

// share is how far the fault has the value in its hand, 0 to 1.
func (f *appliedFault) share(at int64) float64 {
	if at < f.onset {
		return 0
	}
	up := ramp(at-f.onset, f.rise)
	if f.end != 0 && at >= f.end {
		return min(up, 1-ramp(at-f.end, f.rise))
	}
	return up
}

func ramp(since, length int64) float64 {
	if since >= length {
		return 1
	}
	return float64(since) / float64(length)
}

// Schedule makes the fault happen and returns it with everything filled in. It
// must not run while streams are being read.
func (c *City) Schedule(f Fault) (Fault, error) {
	specs := faultSpecs()
	i := slices.IndexFunc(specs, func(s faultSpec) bool { return s.kind == f.Kind })
	if i < 0 {
		return f, fmt.Errorf("scheduling a fault: no kind %q; there are %q", f.Kind, FaultKinds())
	}
	spec := specs[i]
	if err := f.check(); err != nil {
		return f, fmt.Errorf("scheduling %s on %s: %w", f.Kind, f.Asset, err)
	}
	if f.Peak == 0 {
		f.Peak = c.peak(spec, f.Asset)
	}
	if f.Rule == "" {
		f.Rule = spec.rule
	}
	if f.Severity == "" {
		f.Severity = spec.severity
	}
	f.Metric = spec.metric
	if c.apply(f) == 0 {
		return f, fmt.Errorf("scheduling %s: asset %q reports %s", f.Kind, f.Asset, noSuch(spec.metric))
	}
	c.faults = append(c.faults, f)
	return f, nil
}

// peak is the default of a kind. That of a car park is as many cars as it has bays,
// or a tenth more.
func (c *City) peak(spec faultSpec, asset string) float64 {
	const crowded = 1.1
	switch spec.kind {
	case LotFull:
		return float64(c.baysOf(asset))
	case LotOverfull:
		return math.Ceil(crowded * float64(c.baysOf(asset)))
	}
	return spec.peak
}

// DefaultPeak is what the value of an asset reaches in a fault of the kind that
// does not say.
func (c *City) DefaultPeak(kind FaultKind, asset string) float64 {
	for _, s := range faultSpecs() {
		if s.kind == kind {
			return c.peak(s, asset)
		}
	}
	return 0
}

func (c *City) baysOf(lot string) (n int) {
	for _, a := range c.assets {
		if a.Kind == KindBay && a.Parent == lot {
			n++
		}
	}
	return n
}

func (f *Fault) check() error {
	switch {
	case f.Onset.IsZero():
		return errors.New("it has no onset")
	case !f.End.IsZero() && !f.End.After(f.Onset):
		return errors.New("it ends before its onset")
	case f.Rise < 0:
		return errors.New("its rise is negative")
	}
	return nil
}

func (c *City) apply(f Fault) (streams int) {
	applied := appliedFault{
		onset: f.Onset.UnixMilli(), rise: f.Rise.Milliseconds(), peak: f.Peak, silence: f.Metric == "",
	}
	if !f.End.IsZero() {
		applied.end = f.End.UnixMilli()
	}
	// Of several sensors of a bridge it befalls one, of fans, and devices, all.
	all := applied.silence || f.Kind == FansStopped
	for _, s := range c.byAsset[f.Asset] {
		if applied.field = s.fieldOf(f.Metric); (applied.field >= 0 || applied.silence) && (all || streams == 0) {
			s.faults = append(s.faults, applied)
			streams++
		}
	}
	return streams
}

func (s *Stream) fieldOf(metric string) int {
	for i := range s.Fields {
		if s.Metric(i) == metric {
			return i
		}
	}
	return -1
}

func noSuch(metric string) string {
	if metric == "" {
		return "nothing"
	}
	return "no " + metric
}

// Suited lists the ids of the assets to which a fault of the kind can happen,
// in order.
func (c *City) Suited(kind FaultKind) []string {
	specs := faultSpecs()
	i := slices.IndexFunc(specs, func(s faultSpec) bool { return s.kind == kind })
	if i < 0 {
		return nil
	}
	var ids []string
	for _, a := range c.assets {
		for _, s := range c.byAsset[a.ID] {
			if specs[i].metric == "" || s.fieldOf(specs[i].metric) >= 0 {
				ids = append(ids, a.ID)
				break
			}
		}
	}
	return ids
}
