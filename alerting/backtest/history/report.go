package history

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/internal/config"
)

// words are what a report says, in a language.
type words struct {
	head, fired, firing, earlier, none string
}

func wordsOf(l config.Language) words {
	if l == config.LanguageChinese {
		return words{
			head: "触发\t持续\t告警\t数值\t标签", fired: "告警\t次数\t合计\t最长\t平均每天", firing: "（仍在告警）", earlier: "更早",
			none: "没有告警会触发",
		}
	}
	return words{
		head: "FIRED\tFOR\tALERT\tVALUE\tLABELS", fired: "ALERT\tTIMES\tTOTAL\tLONGEST\tA DAY", firing: " (fires still)", earlier: "earlier",
		none: "no alert would have fired",
	}
}

// lasted is for how long an alert fired, in the time that was asked for.
func (r *Result) lasted(f Fired) time.Duration {
	end := f.Resolved
	if end.IsZero() || end.After(r.To) {
		end = r.To
	}
	begin := f.Fired
	if begin.IsZero() {
		begin = r.From
	}
	return end.Sub(begin)
}

// WriteTable shows for people what fired, and then each alert in sum.
func (r *Result) WriteTable(w io.Writer, zone *time.Location, language config.Language) error {
	say := wordsOf(language)
	if len(r.Fired) == 0 {
		_, err := fmt.Fprintln(w, say.none)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, say.head) // Flush returns what goes wrong
	for _, f := range r.Fired {
		lasted := model.Duration(r.lasted(f)).String()
		if f.Resolved.IsZero() {
			lasted += say.firing
		}
		fired := say.earlier
		if !f.Fired.IsZero() {
			fired = f.Fired.In(zone).Format("2006-01-02 15:04:05")
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", fired, lasted, f.Alert,
			strconv.FormatFloat(f.Value, 'g', 6, 64), labels.FromMap(f.Labels))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return r.WriteSummary(w, language)
}

// WriteSummary shows each alert in sum, the most frequent first.
func (r *Result) WriteSummary(w io.Writer, language config.Language) error {
	type sum struct {
		name           string
		times          int
		total, longest time.Duration
	}
	sums := map[string]*sum{}
	for _, f := range r.Fired {
		s := sums[f.Alert]
		if s == nil {
			s = &sum{name: f.Alert}
			sums[f.Alert] = s
		}
		lasted := r.lasted(f)
		s.times++
		s.total += lasted
		s.longest = max(s.longest, lasted)
	}
	all := slices.SortedFunc(maps.Values(sums), func(a, b *sum) int {
		return cmp.Or(b.times-a.times, strings.Compare(a.name, b.name))
	})
	say := wordsOf(language)
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, say.none)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, say.fired) // Flush returns what goes wrong
	days := r.To.Sub(r.From).Hours() / 24
	for _, s := range all {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", s.name, s.times, model.Duration(s.total.Round(time.Second)), model.Duration(s.longest.Round(time.Second)),
			strconv.FormatFloat(float64(s.times)/days, 'f', 1, 64))
	}
	return t.Flush()
}

// WriteCSV writes what fired for programs. Times are RFC 3339, and nothing where they lie outside of the time that was asked
// for; labels are JSON.
func (r *Result) WriteCSV(w io.Writer, zone *time.Location) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"alert", "fired", "resolved", "seconds", "active_since", "value", "labels", "summary"}); err != nil {
		return err
	}
	for _, f := range r.Fired {
		all, err := json.Marshal(f.Labels)
		if err != nil {
			return err
		}
		if err := out.Write([]string{
			f.Alert, instant(f.Fired, zone), instant(f.Resolved, zone), strconv.FormatFloat(r.lasted(f).Seconds(), 'f', -1, 64), instant(f.Active, zone),
			strconv.FormatFloat(f.Value, 'g', -1, 64), string(all), f.Annotations["summary"],
		}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// WriteJSON writes what fired for programs, an object a line. Times are null where they lie outside of the time that was
// asked for; the value is a string where it is NaN or infinite.
func (r *Result) WriteJSON(w io.Writer, zone *time.Location) error {
	out := json.NewEncoder(w)
	for _, f := range r.Fired {
		when := func(t time.Time) *string {
			if text := instant(t, zone); text != "" {
				return &text
			}
			return nil
		}
		text := strconv.FormatFloat(f.Value, 'g', -1, 64)
		var value any = f.Value
		if strings.ContainsAny(text, "NI") {
			value = text
		}
		if err := out.Encode(struct {
			Alert       string            `json:"alert"`
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
			Active      *string           `json:"active_since"`
			Fired       *string           `json:"fired"`
			Resolved    *string           `json:"resolved"`
			Seconds     float64           `json:"seconds"`
			Value       any               `json:"value"`
			File        string            `json:"file"`
			Line        int               `json:"line"`
		}{f.Alert, f.Labels, f.Annotations, when(f.Active), when(f.Fired), when(f.Resolved), r.lasted(f).Seconds(), value, f.File, f.Line}); err != nil {
			return err
		}
	}
	return nil
}

func instant(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.RFC3339Nano)
}

// Failed says which rules could not be evaluated, nil where all could.
func (r *Result) Failed(zone *time.Location) error {
	if len(r.Failures) == 0 {
		return nil
	}
	var lines []string
	for _, f := range r.Failures {
		lines = append(lines, fmt.Sprintf("%s:%d: rule %q could not be evaluated %d times, first at %s: %v", f.File, f.Line, f.Rule, f.Times, instant(f.First, zone), f.Err))
	}
	return fmt.Errorf("%s", strings.Join(lines, "\n"))
}
