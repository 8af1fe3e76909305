package detector

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	promql "github.com/prometheus/prometheus/promql/parser"

	anomaly "github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/internal/config/strict"
)

const (
	// DefaultLimit is how many series a detector watches at most that says nothing
	// of it.
	DefaultLimit = 200_000
	// DefaultForget is after how long series are forgotten.
	DefaultForget = 30 * 24 * time.Hour
	// DefaultModel is the model of a detector that names none.
	DefaultModel = "auto"
)

type parser struct {
	file   *strict.File
	kinds  []anomaly.Kind
	zone   *time.Location
	places map[string]string // of names in this file and those before
}

// entry is a Detector while it is read.
type entry struct {
	Detector
	model                          string
	options, by, channels, aligned *strict.Value
}

func (p *parser) parse(content []byte) (all []*Detector) {
	root, ok := p.file.YAML(content)
	if !ok {
		return nil
	}
	var file struct{}
	strict.Mapping(root, &file, strict.Keys[struct{}]{
		"detectors": func(v strict.Value, _ *struct{}) {
			strict.List(v, "a list of detectors, each with name and select", func(v strict.Value) {
				if d := p.detector(v); d != nil {
					all = append(all, d)
				}
			})
		},
	})
	return all
}

// detector returns nil where something is wrong.
func (p *parser) detector(v strict.Value) *Detector {
	before := v.Problems()
	e := &entry{Detector: Detector{
		File: p.file.Name(), Line: v.Line(), Zone: p.zone, Outputs: []Output{Score}, Limit: DefaultLimit, Forget: DefaultForget,
	}}
	if v.IsNull() {
		v.Want("a detector with name and select")
		return nil
	}
	strict.Mapping(v, e, p.keys())
	if v.Problems() > before {
		return nil
	}
	if e.Name == "" {
		v.Refuse("want a name, which becomes the label %s of the scores; got none", NameLabel)
	} else if at, twice := p.places[e.Name]; twice {
		v.Refuse("want a name of its own; %q is also the name of the one at %s", e.Name, at)
	} else {
		p.places[e.Name] = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if len(e.Select) == 0 {
		v.Refuse(`want select, which says what is watched, such as '{__name__=~"pump_.*",domain="water"}'; got none`)
	}
	if p.kind(v, e) {
		p.joint(v, e)
		p.settings(e)
	}
	if v.Problems() > before {
		return nil
	}
	return &e.Detector
}

func (p *parser) keys() strict.Keys[entry] {
	later := func(into func(*entry) **strict.Value) func(strict.Value, *entry) {
		return func(v strict.Value, e *entry) { *into(e) = &v }
	}
	return strict.Keys[entry]{
		"name":   func(v strict.Value, e *entry) { strict.Set(v, &e.Name, nameOf) },
		"select": func(v strict.Value, e *entry) { e.Select = selectors(v, unloop) },
		"model":  func(v strict.Value, e *entry) { strict.Set(v, &e.model, strict.OneOf(p.names()...)) },
		// What these may be depends on the model.
		"options":  later(func(e *entry) **strict.Value { return &e.options }),
		"by":       later(func(e *entry) **strict.Value { return &e.by }),
		"channels": later(func(e *entry) **strict.Value { return &e.channels }),
		"align":    later(func(e *entry) **strict.Value { return &e.aligned }),
		"warmup":   func(v strict.Value, e *entry) { strict.Set(v, &e.Warmup, strict.Duration(0, "2d")) },
		"outputs":  outputsOf,
		"limit": func(v strict.Value, e *entry) {
			var n int64
			strict.Set(v, &n, strict.Whole("a whole number of series", 1, DefaultLimit))
			e.Limit = int(min(n, 1<<31-1))
		},
		"forget": func(v strict.Value, e *entry) { strict.Set(v, &e.Forget, strict.Duration(time.Minute, "30d")) },
	}
}

func (p *parser) names() []string {
	names := make([]string, len(p.kinds))
	for i, k := range p.kinds {
		names[i] = k.Name
	}
	return names
}

// kind finds the model.
func (p *parser) kind(v strict.Value, e *entry) bool {
	if e.model == "" {
		e.model = DefaultModel
	}
	i := slices.Index(p.names(), e.model)
	if i < 0 {
		v.Refuse("want model to be one of %s, since there is no %q", strings.Join(p.names(), ", "), e.model)
		return false
	}
	e.Kind = p.kinds[i]
	return true
}

// joint reads what only models of several series have.
func (p *parser) joint(v strict.Value, e *entry) {
	if !e.Kind.Joint {
		for _, given := range []*strict.Value{e.by, e.channels, e.aligned} {
			if given != nil {
				given.Refuse("only models that watch several series as one have this, which are %s; %s does not",
					strings.Join(p.jointNames(), ", "), e.Kind.Name)
			}
		}
		return
	}
	e.By = []string{"asset"}
	if e.by != nil {
		e.By = labelNames(*e.by)
	}
	if e.channels != nil {
		var before []string
		e.Channels = selectors(*e.channels, func(v strict.Value, c Selector) {
			switch {
			case slices.Contains(before, c.text):
				v.Refuse("want each channel once; got %s again", strict.Quote(c.text))
			case len(e.Select) > 0 && !e.Select.mayHave(c):
				v.Refuse("want a channel that select has as well, as only what it selects is watched; got %s", strict.Quote(c.text))
			}
			before = append(before, c.text)
		})
		if len(e.Channels) == 1 {
			e.channels.Refuse("want at least two channels, of which one can be told from the others; got one")
		}
	}
	if e.aligned != nil {
		strict.Set(*e.aligned, &e.Align, strict.Duration(0, "10s"))
	}
}

func (p *parser) jointNames() (names []string) {
	for _, k := range p.kinds {
		if k.Joint {
			names = append(names, k.Name)
		}
	}
	return names
}

func labelNames(v strict.Value) []string {
	names := []string{}
	strict.List(v, "a list of labels, such as [asset]", func(v strict.Value) {
		text, _ := v.Text()
		switch {
		case !model.LegacyValidation.IsValidLabelName(text) || strings.HasPrefix(text, model.ReservedLabelPrefix) || text == NameLabel:
			v.Want("a label of the series, such as asset")
		case slices.Contains(names, text):
			v.Refuse("want each label once; got %s again", strict.Quote(text))
		default:
			names = append(names, text)
		}
	})
	return names
}

// settings reads the options of the model.
func (p *parser) settings(e *entry) {
	e.Settings = e.Kind.Defaults()
	if e.options == nil {
		return
	}
	strict.Pairs(*e.options, "options and their values; model "+e.Kind.Name+" has "+e.Kind.Choice(), func(name string, v strict.Value) {
		o, err := e.Kind.Option(name)
		if err != nil {
			v.Refuse("%v", err)
			return
		}
		if v.IsNull() {
			return // as keys without a value
		}
		var n float64
		strict.Set(v, &n, o.Parse)
		e.Settings[name] = n
	})
}

func outputsOf(v strict.Value, e *entry) {
	given := map[string]bool{}
	words := make([]string, 0, len(outputs()))
	for _, o := range outputs() {
		words = append(words, o.short())
	}
	strict.List(v, "a list of outputs, such as [score, expected, lower, upper]", func(v strict.Value) {
		var word string
		strict.Set(v, &word, strict.OneOf(words...))
		given[word] = true
	})
	e.Outputs = nil
	for _, o := range outputs() {
		if given[o.short()] {
			e.Outputs = append(e.Outputs, o)
		}
	}
	if len(given) == 0 {
		v.Refuse("want at least one of %s; got none", strings.Join(words, ", "))
	}
}

// selectors reads one text or a list of them.
func selectors(v strict.Value, check func(strict.Value, Selector)) (all Selectors) {
	one := func(v strict.Value) {
		text, _ := v.Text()
		matchers, err := promql.NewParser(promql.Options{}).ParseMetricSelector(text)
		if err != nil {
			v.Refuse(`want a selector of series as in PromQL, such as '{__name__=~"pump_.*",domain="water"}': %v`, err)
			return
		}
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches("") }) {
			v.Refuse("want a selector with at least one condition that a missing label does not meet, as in PromQL; got %s", strict.Quote(text))
			return
		}
		s := Selector{text, matchers}
		if check != nil {
			check(v, s)
		}
		all = append(all, s)
	}
	if _, single := v.Text(); single {
		one(v)
		return all
	}
	strict.List(v, `a selector of series as in PromQL, or a list of them, such as ['{__name__=~"pump_.*"}']`, one)
	return all
}

// unloop refuses a selector that says by name that scores are watched. Where
// nothing is said of the name, scores are left out.
func unloop(v strict.Value, s Selector) {
	named := slices.ContainsFunc(s.matchers, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel })
	if !named {
		return
	}
	for _, o := range outputs() {
		if !slices.ContainsFunc(s.matchers, func(m *labels.Matcher) bool {
			return m.Name == model.MetricNameLabel && !m.Matches(string(o))
		}) {
			v.Refuse(`want no series that detectors store, such as %s; add __name__!~"%s.*" to leave them out`, o, prefix)
			return
		}
	}
}

var namePattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$`)

func nameOf(text string) (string, string) {
	if !namePattern.MatchString(text) {
		return "", "a name of letters, digits, _, . and -, which begins with a letter or digit and has at most 64 of them"
	}
	return text, ""
}
