package pages

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ruleFile is a file of rules as Prometheus and vmalert read it.
type ruleFile struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"`
	// EvalAlignment is vmalert's: false lets it ask for the newest values, and not
	// for those of the last full interval.
	EvalAlignment *bool       `yaml:"eval_alignment,omitempty"`
	Rules         []yaml.Node `yaml:"rules"`
}

type alertRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// RuleSet are rules for a whole district: those that Belfry brings along, and
// more of a district's own.
type RuleSet struct {
	names []string
	files []ruleFile
	// Count is how many rules there are.
	Count int
}

// NewRuleSet reads the rule files in dir and adds rules for streets and car
// parks until there are count.
func NewRuleSet(dir string, count int, streets, lots []string) (*RuleSet, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("looking for rules in %s: found %d files: %w", dir, len(paths), err)
	}
	s := &RuleSet{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading rules: %w", err)
		}
		var f ruleFile
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(&f); err != nil {
			return nil, fmt.Errorf("reading rules of %s: %w", path, err)
		}
		s.add(filepath.Base(path), f)
	}
	// With fewer, the last streets would have no rules, and their pages would seem lost.
	if least := s.Count + len(wholeCity()) + len(streets)*len(everyStreet()); count < least {
		return nil, fmt.Errorf("making %d rules: want at least %d, with which each street has its own", count, least)
	}
	own, err := ownRules(streets, lots, count-s.Count)
	if err != nil {
		return nil, err
	}
	s.add("district.yml", own)
	if s.Count != count {
		return nil, fmt.Errorf("making %d rules: there are only %d", count, s.Count)
	}
	return s, nil
}

func (s *RuleSet) add(name string, f ruleFile) {
	s.names, s.files = append(s.names, name), append(s.files, f)
	for _, g := range f.Groups {
		s.Count += len(g.Rules)
	}
}

// Variant is how the groups of a set are written.
type Variant struct {
	// Unaligned is for vmalert only: Prometheus does not know the key.
	Unaligned bool
	// Interval is that of all groups; "" leaves what they have.
	Interval string
}

// Write writes the files into dir and returns their paths.
func (s *RuleSet) Write(dir string, v Variant) (paths []string, err error) {
	dir = filepath.Join(dir, "rules") // a server's configuration may be called as one of them
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("writing rules: %w", err)
	}
	for i, f := range s.files {
		f.Groups = slices.Clone(f.Groups)
		for n := range f.Groups {
			if v.Unaligned {
				f.Groups[n].EvalAlignment = new(bool)
			}
			if v.Interval != "" {
				f.Groups[n].Interval = v.Interval
			}
		}
		text, err := yaml.Marshal(f)
		if err != nil {
			return nil, fmt.Errorf("writing rules: %w", err)
		}
		path := filepath.Join(dir, s.names[i])
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return nil, fmt.Errorf("writing rules: %w", err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// Limits are the rules that compare newest readings with limits, and do nothing
// else: what is left out aggregates, looks back, or at the clock.
func (s *RuleSet) Limits() (*RuleSet, error) {
	limits := &RuleSet{}
	for i, f := range s.files {
		var kept ruleFile
		for _, g := range f.Groups {
			var rules []yaml.Node
			for _, node := range g.Rules {
				var r struct{ Alert, Expr string }
				if err := node.Decode(&r); err != nil {
					return nil, fmt.Errorf("reading rules of %s: %w", s.names[i], err)
				}
				if r.Alert != "" && !strings.ContainsAny(r.Expr, "[+-*/") && !strings.Contains(r.Expr, " by ") &&
					!strings.Contains(r.Expr, "offset") && !strings.Contains(r.Expr, "hour()") && !strings.Contains(r.Expr, "absent") {
					rules = append(rules, node)
				}
			}
			if len(rules) > 0 {
				g.Rules = rules
				kept.Groups = append(kept.Groups, g)
			}
		}
		if len(kept.Groups) > 0 {
			limits.add(s.names[i], kept)
		}
	}
	return limits, nil
}

// kind is a rule that each street has; %s stands for the matcher of the street.
type kind struct{ alert, expr, pending, severity string }

// The alerts that readings of the benchmark cause, besides those of the rules
// that Belfry brings along.
const (
	methaneOfStreet  = "WellMethaneOverStreetLimit"
	sulfideOfStreet  = "WellHydrogenSulfideOverStreetLimit"
	monoxideOfStreet = "WellCarbonMonoxideOverStreetLimit"
	baysOfStreet     = "StreetParkingFull"
	tiltOfStreet     = "StreetStructuresTilting"
	camerasOfStreet  = "StreetCamerasDown"
	oxygenOfStreet   = "StreetOxygenUneven"
)

func wholeCity() []kind {
	return []kind{
		{baysOfStreet, "avg by (street) (parking_bay_occupied) > 0.99", "", "warning"},
		{tiltOfStreet, "count by (street) (structure_tilt_degrees > 0.3) > 1", "", "critical"},
		{camerasOfStreet, "avg by (street) (camera_up) < 0.5", "", "warning"},
		{oxygenOfStreet, "stddev by (street) (gas_o2_percent) > 0.6", "", "critical"},
	}
}

func everyStreet() []kind {
	kinds := []kind{
		{methaneOfStreet, "gas_ch4_lel_percent{%s} > 35", "", "critical"},
		{sulfideOfStreet, "gas_h2s_ppm{%s} > 12", "", "critical"},
		{monoxideOfStreet, "gas_co_ppm{%s} > 100", "", "critical"},
		{"DeviceBatteryFlat", "device_battery_volts{%s} < 2.7", "5m", "info"},
		{"StreetCameraDown", "camera_up{%s} < 1", "1m", "info"},
		{"WellMethaneWithSulfide", "gas_ch4_lel_percent{%[1]s} > 8 and on (asset) gas_h2s_ppm{%[1]s} > 4", "1m", "warning"},
		{"WellHighWithMethane", "well_level_m{%[1]s} > 2 and on (asset) gas_ch4_lel_percent{%[1]s} > 8", "1m", "warning"},
		{"WellMonoxideOverMinute", "avg_over_time(gas_co_ppm{%s}[1m]) > 130", "", "warning"},
		{"WellRisesFast", "max_over_time(well_level_m{%[1]s}[1m]) - min_over_time(well_level_m{%[1]s}[1m]) > 0.5", "", "warning"},
		{"RoadWaterOverMinutes", "max_over_time(road_water_depth_mm{%s}[2m]) > 200", "", "warning"},
		{"StreetBaysTaken", "avg by (street) (parking_bay_occupied{%s}) > 0.99", "1m", "info"},
		{"StreetWellsWithMethane", "count by (street) (gas_ch4_lel_percent{%s} > 45) > 2", "", "critical"},
		{"StreetCamerasMissing", "avg by (street) (camera_up{%s}) < 0.9", "1m", "warning"},
		{"StreetHighestWell", "max by (street) (well_level_m{%s}) > 3", "", "warning"},
		{"StreetUnderWater", "sum by (street) (road_water_depth_mm{%s}) > 5000", "", "critical"},
		{"StreetWithoutGasReadings", "absent(gas_ch4_lel_percent{%s})", "5m", "warning"},
		{"StreetWithoutWaterReadings", "absent(road_water_depth_mm{%s})", "5m", "warning"},
	}
	for _, limit := range []struct{ alert, metric, op, direction, value string }{
		{"StreetMethane", "gas_ch4_lel_percent", ">", "above", "20"},
		{"StreetHydrogenSulfide", "gas_h2s_ppm", ">", "above", "8"},
		{"StreetCarbonMonoxide", "gas_co_ppm", ">", "above", "60"},
		{"StreetOxygen", "gas_o2_percent", "<", "below", "19"},
		{"StreetWellLevel", "well_level_m", ">", "above", "2.4"},
		{"StreetRoadWater", "road_water_depth_mm", ">", "above", "150"},
		{"StreetWaterPressure", "water_pressure_mpa", "<", "below", "0.15"},
		{"StreetStrain", "structure_strain_microstrain", ">", "above", "500"},
		{"StreetDisplacement", "structure_displacement_mm", ">", "above", "60"},
		{"StreetTilt", "structure_tilt_degrees", ">", "above", "0.3"},
		{"StreetTunnelMonoxide", "tunnel_co_ppm", ">", "above", "100"},
		{"StreetTunnelDioxide", "tunnel_no2_ppm", ">", "above", "1"},
		{"StreetTunnelVisibility", "tunnel_visibility_per_m", ">", "above", "0.009"},
	} {
		threshold := fmt.Sprintf("asset_threshold{metric=%q, direction=%q, level=\"warning\"}", limit.metric, limit.direction)
		kinds = append(kinds, kind{
			limit.alert,
			fmt.Sprintf("%[1]s{%%[1]s} %[2]s on (asset) group_left () %[3]s\nor\n%[1]s{%%[1]s} %[2]s %[4]s unless on (asset) %[3]s\n",
				limit.metric, limit.op, threshold, limit.value),
			"1m", "warning",
		})
	}
	return kinds
}

// ownRules are the district's own, at most count: the least needed are those of
// single car parks.
func ownRules(streets, lots []string, count int) (f ruleFile, err error) {
	left := count
	group := func(name string, kinds []kind, label, value string) error {
		g := ruleGroup{Name: name}
		for _, k := range kinds {
			if left--; left < 0 {
				break
			}
			node, err := k.rule(label, value)
			if err != nil {
				return err
			}
			g.Rules = append(g.Rules, node)
		}
		if len(g.Rules) > 0 {
			f.Groups = append(f.Groups, g)
		}
		return nil
	}
	errs := []error{group("district", wholeCity(), "", "")}
	for _, s := range streets {
		errs = append(errs, group("street "+s, everyStreet(), "street", s))
	}
	for _, lot := range lots {
		full := kind{"CarParkFull", "avg by (parent) (parking_bay_occupied{%s}) > 0.99", "2m", "info"}
		errs = append(errs, group("car park "+lot, []kind{full}, "parent", lot))
	}
	return f, errors.Join(errs...)
}

// rule is for what has the label, or for the whole district where there is none.
// It carries the label, so that promtool does not take two streets' for one.
func (k kind) rule(label, value string) (node yaml.Node, err error) {
	r := alertRule{
		Alert: k.alert, Expr: k.expr, For: k.pending, Labels: map[string]string{"severity": k.severity},
		Annotations: map[string]string{"summary": k.alert + ": {{ $value }}"},
	}
	if label != "" {
		r.Expr = fmt.Sprintf(k.expr, fmt.Sprintf("%s=%q", label, value))
		r.Labels[label] = value
	}
	return node, node.Encode(r)
}
