package hj212

import (
	_ "embed" // codes.csv
	"encoding/csv"
	"fmt"
	"strings"
)

// codesCSV says its sources in its head.
//
//go:embed codes.csv
var codesCSV string

// Pollutant is a row of the table.
type Pollutant struct {
	Code string // as devices send it
	// Metric is the name of its real-time series, such as water_cod_mg_per_l.
	Metric string
	// Discharged is the name of the series of its amount in a period, such as
	// water_cod_discharged_kg.
	Discharged string
	// Sampled is the name of the series of the time at which it was sampled.
	Sampled string
	Name    string
	NameZH  string
	Source  string

	series [kinds]seriesNames
}

// seriesNames are the names for one kind of value; empty where it has none of
// its own.
type seriesNames struct {
	plain, converted variants
}

// variants are the names of values that are fit for use, and of those that the
// device has flagged.
type variants struct {
	valid, flagged string
}

// Table knows pollutants by their codes. It is immutable.
type Table struct {
	byCode map[string]*Pollutant // by the code in lower case
	all    []*Pollutant
}

// NewTable returns the pollutants of the standards, with other names for the codes that
// own has; own may hold codes that are in no standard.
func NewTable(own map[string]string) (*Table, error) {
	r := csv.NewReader(strings.NewReader(codesCSV))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read the table of pollutants: %w", err)
	}
	t := &Table{byCode: make(map[string]*Pollutant, len(rows)+len(own))}
	for _, row := range rows[1:] {
		base, unit, discharged := row[1], row[2], row[3]
		p := &Pollutant{
			Code: row[0], Metric: join(base, unit), Discharged: join(base, "cou"), Sampled: join(base, sampledSuffix),
			Name: row[4], NameZH: row[5], Source: row[6],
		}
		if discharged != "" {
			p.Discharged = join(base, "discharged", discharged)
		}
		t.add(p)
	}
	for code, metric := range own {
		p := &Pollutant{Code: code, Metric: metric, Discharged: join(metric, "cou"), Sampled: join(metric, sampledSuffix), Source: "configuration"}
		if known := t.byCode[strings.ToLower(code)]; known != nil {
			p.Name, p.NameZH = known.Name, known.NameZH
		}
		t.add(p)
	}
	return t, nil
}

const (
	sampledSuffix = "sample_timestamp_seconds"
	flaggedSuffix = "flagged"
)

func join(parts ...string) string {
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "_")
}

func (t *Table) add(p *Pollutant) {
	for k, suffix := range suffixes() {
		name := func(converted string) variants {
			metric := join(p.Metric, converted, suffix)
			if k == cumulated && converted == "" {
				metric = p.Discharged
			}
			return variants{valid: metric, flagged: join(metric, flaggedSuffix)}
		}
		p.series[k] = seriesNames{plain: name(""), converted: name("converted")}
	}
	t.byCode[strings.ToLower(p.Code)] = p
	t.all = append(t.all, p)
}

// suffixes are what follows a metric for each kind of value.
func suffixes() map[kind]string {
	return map[kind]string{
		realTime: "", average: "avg", least: "min", greatest: "max", cumulated: "cou",
		levelData: "data", levelDay: "data", levelNight: "data", information: "info",
	}
}

// Find returns the pollutant of a code, whatever its case.
func (t *Table) Find(code []byte) (*Pollutant, bool) {
	var lower [16]byte
	if len(code) > len(lower) {
		return t.findLong(code)
	}
	for i, c := range code {
		lower[i] = lowered(c)
	}
	p, ok := t.byCode[string(lower[:len(code)])]
	return p, ok
}

// findLong is for codes of the configuration.
func (t *Table) findLong(code []byte) (*Pollutant, bool) {
	p, ok := t.byCode[strings.ToLower(string(code))]
	return p, ok
}

// name returns the name of a value's series.
func (p *Pollutant) name(k kind, converted, flagged bool) (name string, ok bool) {
	v := &p.series[k].plain
	if converted {
		v = &p.series[k].converted
	}
	name = v.valid
	if flagged {
		name = v.flagged
	}
	return name, name != ""
}

// All are the pollutants of the table; those that the configuration names come
// last. The slice belongs to the table.
func (t *Table) All() []*Pollutant { return t.all }
