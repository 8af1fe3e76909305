package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// WriteTable writes the result for people.
func (r *Result) WriteTable(w io.Writer) error {
	t := &table{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)}
	t.row("%d series, %d connections, %d lines a request, %d CPUs, load before %s",
		r.Series, r.Connections, r.Lines, r.CPUs, r.LoadBefore)
	r.ingestTable(t)
	if len(r.Questions) > 0 {
		r.readTable(t)
	}
	for _, target := range r.Targets {
		verb := "reached"
		if !target.Reached {
			verb = "NOT reached"
		}
		bound := fmt.Sprintf("at least %.2f", target.AtLeast)
		if target.AtMost > 0 {
			bound = fmt.Sprintf("at most %.2f", target.AtMost)
		}
		t.row("target %s: %s, %.2f of %s", verb, target.Name, target.Ratio, bound)
	}
	for _, q := range r.Questions {
		if q.Difference != "" {
			t.row("DIFFERENT ANSWERS to %s: %s", q.Name, q.Difference)
		}
	}
	return t.end()
}

type table struct {
	w   *tabwriter.Writer
	err error
}

func (t *table) row(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format+"\n", args...)
	}
}

func (t *table) end() error {
	if t.err != nil {
		return t.err
	}
	return t.w.Flush()
}

// compared writes one figure of all servers, and the first's ratio to the
// second's.
func (t *table) compared(name, format string, values []float64) {
	cells := []string{name}
	for _, v := range values {
		cells = append(cells, fmt.Sprintf(format, v))
	}
	if len(values) == 2 && values[1] > 0 {
		cells = append(cells, fmt.Sprintf("%.2f", values[0]/values[1]))
	}
	t.row("%s\t", strings.Join(cells, "\t"))
}

func (t *table) heading(title string, servers []string) {
	t.row("")
	cells := append([]string{title}, servers...)
	if len(servers) == 2 {
		cells = append(cells, "ratio")
	}
	t.row("%s\t", strings.Join(cells, "\t"))
}

func (r *Result) ingestTable(t *table) {
	runs := 0
	if len(r.Servers) > 0 {
		runs = len(r.Ingest[r.Servers[0]])
	}
	t.heading(fmt.Sprintf("ingest (median of %d)", runs), r.Servers)
	for _, row := range []struct {
		name, format string
		of           func(Ingest) float64
	}{
		{"samples/s", "%.0f", func(i Ingest) float64 { return i.PerSecond }},
		{"server CPU ns/sample", "%.0f", func(i Ingest) float64 { return i.CPU }},
		{"peak RSS MB", "%.0f", func(i Ingest) float64 { return i.PeakRSS }},
		{"ack p50 ms", "%.1f", func(i Ingest) float64 { return i.P50 }},
		{"ack p99 ms", "%.1f", func(i Ingest) float64 { return i.P99 }},
		{"disk B/sample, compacted", "%.2f", func(i Ingest) float64 { return i.Disk }},
		{"disk B/sample, at the end", "%.2f", func(i Ingest) float64 { return i.LiveDisk }},
		{"compaction CPU ns/sample", "%.0f", func(i Ingest) float64 { return i.Compaction }},
		{"generator CPU ns/sample", "%.0f", func(i Ingest) float64 { return i.Generator }},
	} {
		var values []float64
		for _, s := range r.Servers {
			values = append(values, row.of(r.Median[s]))
		}
		t.compared(row.name, row.format, values)
	}
}

func (r *Result) readTable(t *table) {
	t.heading(fmt.Sprintf("asked while %.0f samples/s come in", r.Rate), r.Servers)
	for i, q := range r.Questions {
		var p50, p99 []float64
		for _, s := range r.Servers {
			p50 = append(p50, r.Reads[s][i].P50)
			p99 = append(p99, r.Reads[s][i].P99)
		}
		t.compared(q.Name+", p50 ms", "%.1f", p50)
		t.compared("p99 ms", "%.1f", p99)
	}
	for _, row := range []struct {
		name, format string
		of           func(Meanwhile) float64
	}{
		{"samples/s meanwhile", "%.0f", func(m Meanwhile) float64 { return m.PerSecond }},
		{"ack p50 ms meanwhile", "%.1f", func(m Meanwhile) float64 { return m.P50 }},
		{"ack p99 ms meanwhile", "%.1f", func(m Meanwhile) float64 { return m.P99 }},
		{"peak RSS MB meanwhile", "%.0f", func(m Meanwhile) float64 { return m.PeakRSS }},
	} {
		var values []float64
		for _, s := range r.Servers {
			var runs []float64
			for _, m := range r.Meanwhile[s] {
				runs = append(runs, row.of(m))
			}
			values = append(values, middle(runs))
		}
		t.compared(row.name, row.format, values)
	}
	t.row("")
}

// WriteBenchmarks writes the result in the format that benchstat reads.
func (r *Result) WriteBenchmarks(w io.Writer) error {
	t := &table{w: tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)}
	for _, s := range r.Servers {
		for _, i := range r.Ingest[s] {
			t.row("BenchmarkIngest/server=%s %d %.1f ns/op %.0f samples/s %.1f cpu-ns/op %.1f peak-RSS-MB %.3f p50-ms %.3f p99-ms %.3f disk-B/op",
				s, i.Samples, 1e9/i.PerSecond, i.PerSecond, i.CPU, i.PeakRSS, i.P50, i.P99, i.Disk)
		}
	}
	for _, s := range r.Servers {
		for i, q := range r.Questions {
			read := r.Reads[s][i]
			t.row("BenchmarkQuery/query=%s/server=%s %d %.0f ns/op %.0f p99-ns", strings.ReplaceAll(q.Name, " ", "_"), s, read.Asked, read.P50*1e6, read.P99*1e6)
		}
	}
	return t.end()
}

// Save writes result.json and bench.txt into dir, named after the time of the
// run.
func (r *Result) Save(dir string) (saved string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("saving the result: %w", err)
	}
	base := filepath.Join(dir, r.Time.Format("20060102-150405"))
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("saving the result: %w", err)
	}
	if err := os.WriteFile(base+".json", append(text, '\n'), 0o644); err != nil {
		return "", fmt.Errorf("saving the result: %w", err)
	}
	var b strings.Builder
	if err := r.WriteBenchmarks(&b); err != nil {
		return "", err
	}
	if err := os.WriteFile(base+".txt", []byte(b.String()), 0o644); err != nil {
		return "", fmt.Errorf("saving the result: %w", err)
	}
	return base + ".json", nil
}
