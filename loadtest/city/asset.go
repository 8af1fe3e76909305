package city

import "time"

// Kind says what an asset is.
type Kind string

// Kinds of assets.
const (
	KindLot          Kind = "car_park"
	KindBay          Kind = "parking_bay"
	KindDisplacement Kind = "displacement_sensor"
	KindStrain       Kind = "strain_gauge"
	KindTilt         Kind = "tilt_sensor"
	KindAcceleration Kind = "accelerometer"
	KindCableForce   Kind = "cable_force_sensor"
	KindCrack        Kind = "crack_gauge"
	KindTunnelCO     Kind = "tunnel_co_sensor"
	KindTunnelNO2    Kind = "tunnel_no2_sensor"
	KindVisibility   Kind = "tunnel_visibility_sensor"
	KindRoadDepth    Kind = "road_depth_sensor"
	KindPressure     Kind = "pressure_sensor"
	KindGasWell      Kind = "gas_well"
	KindSepticTank   Kind = "septic_tank"
	KindCamera       Kind = "camera"
	KindBridge       Kind = "bridge"
	KindTunnel       Kind = "tunnel"
	KindManhole      Kind = "manhole"
	KindDrain        Kind = "storm_drain"
	KindPump         Kind = "pump"
	KindDMA          Kind = "metering_area"
	KindMeter        Kind = "flow_meter"
	KindLampSection  Kind = "lamp_section"
	KindLamp         Kind = "street_lamp"
	KindSoil         Kind = "soil_sensor"
	KindTree         Kind = "tree"
)

// Asset is one thing that stands in the city and that someone answers for.
type Asset struct {
	ID string
	// Domain is one of gas, bridge, tunnel, road, drainage, water, lighting,
	// landscape, parking and camera.
	Domain string
	Kind   Kind
	// Parent is the asset this one belongs to: the car park of a bay, the section
	// of a lamp, the metering area of a meter. Empty for everything else.
	Parent string
	// Site is the bridge, tunnel or car park, in English.
	Site         string
	Name, NameZH string
	District     string
	Street       string
	Community    string
	Team         string
	// Lat and Lon are degrees, WGS 84.
	Lat, Lon float64
	// External holds what other systems call the asset, such as devEui.
	External map[string]string
	// Interval is how often the asset reports; 0 for one that does not.
	Interval   time.Duration
	Thresholds []Threshold
}

// Threshold is a limit of this asset's own.
type Threshold struct {
	Metric    string
	Direction string // above or below
	Level     string // warning or critical
	Value     float64
}

// Attribute returns the value of one of asset, domain, kind, parent, site,
// name, name_zh, district, street, community and team, and whether there is
// such an attribute.
func (a *Asset) Attribute(name string) (string, bool) {
	switch name {
	case "asset":
		return a.ID, true
	case "domain":
		return a.Domain, true
	case "kind":
		return string(a.Kind), true
	case "parent":
		return a.Parent, true
	case "site":
		return a.Site, true
	case "name":
		return a.Name, true
	case "name_zh":
		return a.NameZH, true
	case "district":
		return a.District, true
	case "street":
		return a.Street, true
	case "community":
		return a.Community, true
	case "team":
		return a.Team, true
	}
	return "", false
}
