package city

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

// WriteCatalogYAML writes all assets as a catalog file.
func (c *City) WriteCatalogYAML(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString("assets:\n") //nolint:errcheck // Flush returns the first error
	for _, a := range c.assets {
		b.WriteString(a.yaml()) //nolint:errcheck // as above
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("writing the catalog: %w", err)
	}
	return nil
}

func (a *Asset) yaml() string {
	var out []byte
	for i, field := range a.cells() {
		if field.value == "" {
			continue
		}
		indent := "    "
		if i == 0 {
			indent = "  - "
		}
		out = fmt.Appendf(out, "%s%s: %q\n", indent, field.name, field.value)
	}
	if len(a.External) > 0 {
		out = append(out, "    external:\n"...)
		for _, kind := range slices.Sorted(maps.Keys(a.External)) {
			out = fmt.Appendf(out, "      %s: %q\n", kind, a.External[kind])
		}
	}
	if len(a.Thresholds) > 0 {
		out = append(out, "    thresholds:\n"...)
	}
	for _, t := range a.Thresholds {
		out = fmt.Appendf(out, "      - {metric: %s, direction: %s, level: %s, value: %s}\n", t.Metric, t.Direction, t.Level, number(t.Value))
	}
	return string(out)
}

type cell struct{ name, value string }

// cells are the catalog's single values, the id first.
func (a *Asset) cells() []cell {
	return []cell{
		{"id", a.ID}, {"domain", a.Domain}, {"kind", string(a.Kind)},
		{"name", a.Name}, {"name_zh", a.NameZH},
		{"district", a.District}, {"street", a.Street}, {"community", a.Community}, {"team", a.Team},
		{"lat", degrees(a.Lat)}, {"lon", degrees(a.Lon)}, {"expected_interval", seconds(a.Interval)},
	}
}

// degrees keeps six digits, which is ten centimetres.
func degrees(v float64) string { return strconv.FormatFloat(v, 'f', 6, 64) }

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func seconds(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return number(d.Seconds())
}

// WriteCatalogCSV writes all assets as a catalog table.
func (c *City) WriteCatalogCSV(w io.Writer) error {
	external, limits := c.columns()
	var header []string
	for _, cell := range new(Asset).cells() {
		header = append(header, cell.name)
	}
	for _, kind := range external {
		header = append(header, "external."+kind)
	}
	header = append(header, limits...)
	out := csv.NewWriter(w)
	rows := [][]string{header}
	for _, a := range c.assets {
		rows = append(rows, a.row(external, limits))
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("writing the catalog: %w", err)
	}
	return nil
}

// columns are the kinds of external ids and of thresholds in the city.
func (c *City) columns() (external, limits []string) {
	kinds, columns := map[string]bool{}, map[string]bool{}
	for _, a := range c.assets {
		for kind := range a.External {
			kinds[kind] = true
		}
		for _, t := range a.Thresholds {
			columns[t.column()] = true
		}
	}
	return slices.Sorted(maps.Keys(kinds)), slices.Sorted(maps.Keys(columns))
}

func (t *Threshold) column() string {
	return "threshold." + t.Metric + "." + t.Direction + "." + t.Level
}

func (a *Asset) row(external, limits []string) []string {
	var row []string
	for _, cell := range a.cells() {
		row = append(row, cell.value)
	}
	for _, kind := range external {
		row = append(row, a.External[kind])
	}
	for _, column := range limits {
		value := ""
		for _, t := range a.Thresholds {
			if t.column() == column {
				value = number(t.Value)
			}
		}
		row = append(row, value)
	}
	return row
}
