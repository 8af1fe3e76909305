package detector

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	anomaly "github.com/belfry-city/belfry/alerting/anomaly/model"
)

// Output is a series that a detector stores, and its name.
type Output string

// The outputs, in the order in which they are stored.
const (
	Score    Output = "anomaly_score"
	Expected Output = "anomaly_expected"
	Lower    Output = "anomaly_lower"
	Upper    Output = "anomaly_upper"
)

func outputs() []Output { return []Output{Score, Expected, Lower, Upper} }

// short is what files call it.
func (o Output) short() string { return strings.TrimPrefix(string(o), prefix) }

const prefix = "anomaly_"

// Own says whether a metric is one that detectors store, and so never watch.
func Own(metric string) bool { return strings.HasPrefix(metric, prefix) }

// The labels of outputs.
const (
	NameLabel   = "detector"
	MetricLabel = "metric" // the watched metric's name
)

// Detector is one entry of a detector file. It never changes after Load.
type Detector struct {
	Name string
	// File and Line are where it stands.
	File string
	Line int
	// Select are selectors as in PromQL; a series is watched that one of them
	// matches.
	Select   Selectors
	Kind     anomaly.Kind
	Settings anomaly.Settings
	// Zone is that by whose clocks days and weeks are learned; nil: UTC.
	Zone *time.Location
	// By are the labels that tell the groups of a joint kind apart.
	By []string
	// Channels are the series of a group in their order; none: all that are
	// selected, in the order of their labels.
	Channels Selectors
	// Align is what times of a group's samples are rounded down to, to be of one
	// instant; 0: they are of one instant when they are equal.
	Align time.Duration
	// Warmup is for how long, by the times of samples, no score over 1 is stored.
	Warmup time.Duration
	// Outputs are in the order of the constants.
	Outputs []Output
	// Limit is how many series, or groups, are watched at most.
	Limit int
	// Forget is after how long without a sample a series is no longer watched.
	Forget time.Duration
}

// New makes a model for so many series.
func (d *Detector) New(series int) anomaly.Model { return d.Kind.New(series, d.Settings, d.Zone) }

// Selects says whether a series is watched.
func (d *Detector) Selects(series labels.Labels) bool {
	return !Own(series.Get(model.MetricNameLabel)) && d.Select.Match(series)
}

// Channel is the place of a selected series in its group; ok is false where
// channels are named and it is none of them.
func (d *Detector) Channel(series labels.Labels) (place int, ok bool) {
	for i, c := range d.Channels {
		if c.Matches(series) {
			return i, true
		}
	}
	return 0, false
}

// State tells what a model's state depends on: with another text, it begins
// anew.
func (d *Detector) State() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", d.Kind.Name, d.Kind.Version)
	for _, o := range d.Kind.Options {
		fmt.Fprintf(&b, " %s=%g", o.Name, d.Settings[o.Name])
	}
	fmt.Fprintf(&b, " clock %s", anomaly.Clock(d.Zone))
	if d.Kind.Joint {
		fmt.Fprintf(&b, " by %q channels %q align %s", d.By, d.Channels, d.Align)
	}
	return b.String()
}

// Labels are those of what is stored about a series, or about the group of one,
// without the name.
func (d *Detector) Labels(series labels.Labels) labels.Labels {
	b := labels.NewBuilder(labels.EmptyLabels())
	if d.Kind.Joint {
		for _, name := range d.By {
			b.Set(name, series.Get(name))
		}
	} else {
		b.Reset(series)
		b.Del(model.MetricNameLabel)
		export(b, series)
		b.Set(MetricLabel, series.Get(model.MetricNameLabel))
	}
	return b.Set(NameLabel, d.Name).Labels()
}

// export moves labels of the series out of the way of ours, as scraping does, and
// those out of their way that have been moved before: series that differ must not
// have scores of the same labels.
func export(b *labels.Builder, series labels.Labels) {
	var own []labels.Label
	series.Range(func(l labels.Label) {
		name := l.Name
		for strings.HasPrefix(name, model.ExportedLabelPrefix) {
			name = strings.TrimPrefix(name, model.ExportedLabelPrefix)
		}
		if name == MetricLabel || name == NameLabel {
			b.Del(l.Name)
			own = append(own, l)
		}
	})
	for _, l := range own {
		b.Set(model.ExportedLabelPrefix+l.Name, l.Value)
	}
}

// Selector is a selector as in PromQL.
type Selector struct {
	text     string
	matchers []*labels.Matcher
}

// String is the selector as it was written.
func (s Selector) String() string { return s.text }

// Matches says whether all its matchers match.
func (s Selector) Matches(series labels.Labels) bool {
	return !slices.ContainsFunc(s.matchers, func(m *labels.Matcher) bool { return !m.Matches(series.Get(m.Name)) })
}

// Selectors select what one of them does.
type Selectors []Selector

// Match says whether one of them matches.
func (s Selectors) Match(series labels.Labels) bool {
	return slices.ContainsFunc(s, func(one Selector) bool { return one.Matches(series) })
}

// mayHave says whether a series that c selects may be selected by one of them, as far as labels tell of which c wants one value.
func (s Selectors) mayHave(c Selector) bool {
	return slices.ContainsFunc(s, func(one Selector) bool {
		return !slices.ContainsFunc(c.matchers, func(m *labels.Matcher) bool {
			return m.Type == labels.MatchEqual && slices.ContainsFunc(one.matchers, func(o *labels.Matcher) bool {
				return o.Name == m.Name && !o.Matches(m.Value)
			})
		})
	})
}

// Texts are the selectors as they were written.
func (s Selectors) Texts() []string {
	texts := make([]string, len(s))
	for i, one := range s {
		texts[i] = one.text
	}
	return texts
}
