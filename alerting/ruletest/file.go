package ruletest

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// file is what a test file says.
type file struct {
	ruleFiles []located
	interval  time.Duration
	order     []located
	tests     []test
	fuzzy     bool
}

// located is a text with the line on which it stands.
type located struct {
	text string
	line int
}

// test is an element of tests: what goes in, and what is to come out.
type test struct {
	line           int
	name           string
	interval       time.Duration
	start          time.Time
	series         []inputSeries
	alerts         []alertCase
	exprs          []exprCase
	externalLabels map[string]string
	externalURL    string
}

type inputSeries struct {
	line           int
	series, values string
}

type alertCase struct {
	line     int
	at       time.Duration
	name     string
	expected []expectedAlert
}

type expectedAlert struct {
	labels, annotations map[string]string
}

type exprCase struct {
	line     int
	at       time.Duration
	expr     string
	expected []expectedSample
}

type expectedSample struct {
	line              int
	labels, histogram string
	value             float64
}

const defaultInterval = time.Minute

// read returns strict.Problems where the file is no test file.
func read(path string) (*file, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: want a file that can be read: %w", path, reason(err))
	}
	at := strict.NewFile(path)
	root, ok := at.YAML(data)
	if !ok {
		return nil, at.Err()
	}
	f := &file{interval: defaultInterval}
	strict.Mapping(root, f, strict.Keys[file]{
		"rule_files":          func(v strict.Value, f *file) { f.ruleFiles = texts(v, "a list of rule files, such as [../gas.yml]") },
		"evaluation_interval": func(v strict.Value, f *file) { strict.Set(v, &f.interval, duration) },
		"group_eval_order":    func(v strict.Value, f *file) { f.order = groups(v) },
		"tests":               func(v strict.Value, f *file) { f.tests = tests(v) },
		"fuzzy_compare":       func(v strict.Value, f *file) { strict.Set(v, &f.fuzzy, strict.Bool) },
	})
	if f.interval == 0 {
		f.interval = defaultInterval
	}
	for i := range f.tests {
		t := &f.tests[i]
		if t.name == "" {
			t.name = fmt.Sprintf("unnamed#%d", i)
		}
		if t.interval == 0 {
			t.interval = f.interval
		}
	}
	return f, at.Err()
}

func groups(v strict.Value) []located {
	names := texts(v, "a list of names of groups")
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name.text] {
			v.Refuse("want each group once; got %s again", strict.Quote(name.text))
		}
		seen[name.text] = true
	}
	return names
}

func tests(v strict.Value) (all []test) {
	strict.List(v, "a list of tests", func(v strict.Value) {
		t := test{line: v.Line()}
		strict.Mapping(v, &t, strict.Keys[test]{
			"name":             func(v strict.Value, t *test) { strict.Set(v, &t.name, strict.Free) },
			"interval":         func(v strict.Value, t *test) { strict.Set(v, &t.interval, duration) },
			"start_timestamp":  func(v strict.Value, t *test) { strict.Set(v, &t.start, timestamp) },
			"input_series":     func(v strict.Value, t *test) { t.series = input(v) },
			"alert_rule_test":  func(v strict.Value, t *test) { t.alerts = alertCases(v) },
			"promql_expr_test": func(v strict.Value, t *test) { t.exprs = exprCases(v) },
			"external_labels":  func(v strict.Value, t *test) { t.externalLabels = pairs(v) },
			"external_url":     func(v strict.Value, t *test) { strict.Set(v, &t.externalURL, strict.Free) },
		})
		all = append(all, t)
	})
	return all
}

func input(v strict.Value) (all []inputSeries) {
	strict.List(v, `a list of series, each such as {series: 'up{asset="W17"}', values: "0 1x5"}`, func(v strict.Value) {
		s := inputSeries{line: v.Line()}
		strict.Mapping(v, &s, strict.Keys[inputSeries]{
			"series": func(v strict.Value, s *inputSeries) { strict.Set(v, &s.series, strict.Free) },
			"values": func(v strict.Value, s *inputSeries) { strict.Set(v, &s.values, strict.Free) },
		})
		if _, ok := v.Text(); !ok && strings.TrimSpace(s.series) == "" {
			v.Refuse("want series and values")
		}
		all = append(all, s)
	})
	return all
}

func alertCases(v strict.Value) (all []alertCase) {
	strict.List(v, "a list of alerts, each with eval_time, alertname and exp_alerts", func(v strict.Value) {
		a := alertCase{line: v.Line()}
		strict.Mapping(v, &a, strict.Keys[alertCase]{
			"eval_time": func(v strict.Value, a *alertCase) { strict.Set(v, &a.at, duration) },
			"alertname": func(v strict.Value, a *alertCase) { strict.Set(v, &a.name, strict.Free) },
			"exp_alerts": func(v strict.Value, a *alertCase) {
				strict.List(v, "a list of alerts, each with exp_labels and exp_annotations", func(v strict.Value) {
					var e expectedAlert
					strict.Mapping(v, &e, strict.Keys[expectedAlert]{
						"exp_labels":      func(v strict.Value, e *expectedAlert) { e.labels = pairs(v) },
						"exp_annotations": func(v strict.Value, e *expectedAlert) { e.annotations = pairs(v) },
					})
					a.expected = append(a.expected, e)
				})
			},
		})
		all = append(all, a)
	})
	return all
}

func exprCases(v strict.Value) (all []exprCase) {
	strict.List(v, "a list of expressions, each with expr, eval_time and exp_samples", func(v strict.Value) {
		e := exprCase{line: v.Line()}
		strict.Mapping(v, &e, strict.Keys[exprCase]{
			"expr":      func(v strict.Value, e *exprCase) { strict.Set(v, &e.expr, strict.Free) },
			"eval_time": func(v strict.Value, e *exprCase) { strict.Set(v, &e.at, duration) },
			"exp_samples": func(v strict.Value, e *exprCase) {
				strict.List(v, "a list of samples, each with labels and value or histogram", func(v strict.Value) {
					s := expectedSample{line: v.Line()}
					strict.Mapping(v, &s, strict.Keys[expectedSample]{
						"labels":    func(v strict.Value, s *expectedSample) { strict.Set(v, &s.labels, strict.Free) },
						"value":     func(v strict.Value, s *expectedSample) { strict.Set(v, &s.value, number) },
						"histogram": func(v strict.Value, s *expectedSample) { strict.Set(v, &s.histogram, strict.Free) },
					})
					e.expected = append(e.expected, s)
				})
			},
		})
		all = append(all, e)
	})
	return all
}

func texts(v strict.Value, want string) (all []located) {
	strict.List(v, want, func(v strict.Value) {
		l := located{line: v.Line()}
		if !v.IsNull() {
			strict.Set(v, &l.text, strict.Free)
		}
		all = append(all, l)
	})
	return all
}

func pairs(v strict.Value) map[string]string {
	all := map[string]string{}
	strict.Pairs(v, "names and texts", func(key string, v strict.Value) {
		text := ""
		if !v.IsNull() {
			strict.Set(v, &text, strict.Free)
		}
		all[key] = text
	})
	return all
}

func duration(text string) (time.Duration, string) {
	return strict.Duration(0, "30s, 5m or 1h30m")(text)
}

// number reads numbers as YAML spells them, with .inf and .nan.
func number(text string) (f float64, want string) {
	if yaml.Unmarshal([]byte(text), &f) != nil {
		return 0, "a number, such as 17, 0.5, 1e3, .inf or .nan"
	}
	return f, ""
}

// timestamp reads what promtool reads.
func timestamp(text string) (time.Time, string) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < math.MaxInt32*1000 {
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(part*float64(time.Second))).UTC(), ""
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, ""
	}
	return time.Time{}, "a time such as 2026-01-05T08:00:00Z, or seconds since 1970"
}

// until is when the last case of the test is looked at.
func (t *test) until() (last time.Duration) {
	for _, a := range t.alerts {
		last = max(last, a.at)
	}
	for _, e := range t.exprs {
		last = max(last, e.at)
	}
	return last
}

// load spells the input as a command of upstream's test language, in which a
// series has one line.
func (t *test) load() string {
	var b strings.Builder
	fmt.Fprintf(&b, "load %s\n", model.Duration(t.interval))
	for _, s := range t.series {
		fmt.Fprintf(&b, "  %s\n", s.notation())
	}
	return b.String()
}

func (s inputSeries) notation() string {
	return strings.Join(strings.FieldsFunc(s.series+" "+s.values, func(r rune) bool { return r == '\n' }), " ")
}
