package pages

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/belfry-city/belfry/loadtest/bench/machine"
)

// Result is everything that was measured.
type Result struct {
	machine.Run
	Rules           int        `json:"rules"`
	Series          int        `json:"series"`
	Rate            float64    `json:"rate_wanted"` // samples a second
	Seconds         float64    `json:"seconds"`
	PatienceSeconds float64    `json:"patience_seconds"`
	Systems         []Measured `json:"systems"`
}

// Measured is how one system did.
type Measured struct {
	System  string  `json:"system"`
	Classes []Times `json:"classes"`
	// Assets and Streets are the classes put together.
	Assets  Times `json:"assets"`
	Streets Times `json:"streets"`

	SamplesPerSecond float64 `json:"samples_per_second"`
	SamplesLost      int64   `json:"samples_lost"`
	// Ack50 and Ack99 are from when a request of the load was due to its
	// acknowledgement, in ms.
	Ack50 float64 `json:"ack_p50_ms"`
	Ack99 float64 `json:"ack_p99_ms"`
	// Retries are requests of the load that were turned away and sent again.
	Retries int64 `json:"retries"`
	// Failed are readings that were to cause pages and were not acknowledged.
	Failed  int    `json:"failed"`
	Failure string `json:"failure,omitempty"`
	// Cores are how many processors the system kept busy while pages were caused.
	Cores   float64 `json:"cores"`
	PeakRSS float64 `json:"peak_rss_mb"`
	// Late is how late sending began, p99. It counts in all times.
	Late float64 `json:"sent_late_p99_ms"`
	// Others are pages that no reading was to cause, by alert.
	Others map[string]int `json:"other_pages,omitempty"`
}

// bar is what is to be reached.
type bar struct {
	name     string
	p50, p99 float64 // ms; 0: none
	of       func(*Measured) Times
}

func bars() []bar {
	return []bar{
		{"rules on single series and assets", 20, 100, func(m *Measured) Times { return m.Assets }},
		{"aggregates over a street", 0, 1000, func(m *Measured) Times { return m.Streets }},
	}
}

// verdict says how the times compare with the bar.
func (b bar) verdict(t Times) string {
	reached := t.P99 <= b.p99 && t.Lost == 0 && t.Caused > 0
	text := fmt.Sprintf("p99 %s of at most %.0f ms", ms(t.P99), b.p99)
	if b.p50 > 0 {
		reached = reached && t.P50 <= b.p50
		text = fmt.Sprintf("p50 %s of at most %.0f ms, %s", ms(t.P50), b.p50, text)
	}
	if t.Lost > 0 {
		text += fmt.Sprintf(", %d pages lost", t.Lost)
	}
	if reached {
		return fmt.Sprintf("target reached: %s, %s", b.name, text)
	}
	return fmt.Sprintf("target NOT reached: %s, %s", b.name, text)
}

// ratio is to the first system.
func ratio(v, first float64) string {
	if first == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", v/first)
}

func ms(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// WriteTable writes the result for people.
func (r *Result) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nfrom a reading's last byte to its page at the webhook: %d rules, %d series, %.0f samples/s, pages caused for %.0f s\n",
		r.Rules, r.Series, r.Rate, r.Seconds)
	fmt.Fprintf(&b, "%d CPUs shared with the load, load before %s; a page that is not there after %.0f s is lost, and counts as that\n\n",
		r.CPUs, r.LoadBefore, r.PatienceSeconds)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprint(t, "what pages\tsystem\tcaused\tlost\ttwice\tp50 ms\tp90 ms\tp99 ms\tmax ms\tp50 ratio\tp99 ratio\t\n")
	line := func(name string, of func(*Measured) Times) {
		for i := range r.Systems {
			m := &r.Systems[i]
			v := of(m)
			first := of(&r.Systems[0])
			_, _ = fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, m.System, v.Caused, v.Lost, v.Twice,
				ms(v.P50), ms(v.P90), ms(v.P99), ms(v.Max), ratio(v.P50, first.P50), ratio(v.P99, first.P99))
			name = ""
		}
	}
	if len(r.Systems) > 0 {
		for n, c := range r.Systems[0].Classes {
			line(string(c.Class), func(m *Measured) Times { return m.Classes[n] })
		}
		line("all of single series and assets", func(m *Measured) Times { return m.Assets })
		line("all aggregates over a street", func(m *Measured) Times { return m.Streets })
	}
	_ = t.Flush() // to memory
	_, _ = fmt.Fprint(t, "\nsystem\tsamples/s\tlost\tack p50 ms\tp99 ms\tCPUs busy\tpeak RSS MB\tsent late, p99 ms\tnot acknowledged\tother pages\t\n")
	for i := range r.Systems {
		m := &r.Systems[i]
		_, _ = fmt.Fprintf(t, "%s\t%.0f\t%d\t%s\t%s\t%.2f\t%.0f\t%.1f\t%d\t%s\t\n", m.System, m.SamplesPerSecond, m.SamplesLost, ms(m.Ack50), ms(m.Ack99), m.Cores, m.PeakRSS, m.Late, m.Failed, others(m.Others))
	}
	_ = t.Flush() // as above
	fmt.Fprintln(&b)
	if len(r.Systems) > 0 {
		for _, bar := range bars() {
			fmt.Fprintf(&b, "%s, %s\n", r.Systems[0].System, bar.verdict(bar.of(&r.Systems[0])))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func others(all map[string]int) string {
	if len(all) == 0 {
		return "0"
	}
	total := 0
	var parts []string
	for _, alert := range slices.Sorted(maps.Keys(all)) {
		total += all[alert]
		parts = append(parts, fmt.Sprintf("%s %d", alert, all[alert]))
	}
	return fmt.Sprintf("%d (%s)", total, strings.Join(parts, ", "))
}

// Save keeps the result as JSON in dir.
func (r *Result) Save(dir string) error {
	return save(dir, "pages-"+r.Time.Format("20060102-150405")+".json", r)
}

func save(dir, name string, result any) error {
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("saving the result: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("saving the result: %w", err)
	}
	return nil
}
