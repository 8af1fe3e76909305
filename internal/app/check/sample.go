package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/app"
	"github.com/belfry-city/belfry/internal/config"
)

// Sample is a message, and what to look at it with.
type Sample struct {
	// File holds the message; "-" is Stdin.
	File  string
	Stdin io.Reader
	// Decoder is the name of one, such as json/pump or chirpstack; "" means that of
	// the topic, or all mappings of the configuration.
	Decoder string
	// Topic and Labels surround the message, as MQTT's topic, and the URL's
	// parameters, do. The topic's pattern in the configuration adds its labels.
	Topic  string
	Labels []input.Label
	Now    time.Time
}

// Look says what the decoders of the configuration at path make of a sample, for
// people. ok is false where one that was asked for by name refuses something, or
// where all do and none finds anything. The error is about the configuration or
// the sample itself.
func Look(path string, s Sample) (screen string, ok bool, err error) {
	c := config.Default()
	if path != "" {
		if c, err = config.Load(path); err != nil {
			return "", false, err
		}
	}
	body, err := s.read(c.Limits.Body)
	if err != nil {
		return "", false, err
	}
	assets, err := catalog.Load(c.Catalog)
	if err != nil {
		return "", false, err
	}
	decoders, err := app.Inspect(c, assets, metrics.NewSet())
	route, found, patterns := app.RouteOf(c, s.Topic)
	if found {
		s.route(route)
	}
	names, pickErr := s.pick(decoders, c, err)
	if pickErr != nil {
		return "", false, pickErr
	}
	out := &sampleScreen{words: wordsOf(c.Language), zone: c.Timezone, now: s.Now.UnixMilli(), limits: c.Limits}
	out.head(filepath.Base(s.File), len(body))
	switch {
	case found:
		out.line(out.words.matched, s.Topic, route.Match)
	case s.Topic != "" && patterns:
		out.line(out.words.unmatched, s.Topic)
	}
	for _, name := range names {
		m := &input.Message{Body: slices.Clone(body), Topic: s.Topic, Labels: s.Labels, Sender: "sample", Received: out.now}
		f := decode(decoders[name], m)
		out.show(name, f)
		ok = ok || len(f.refused) == 0 || s.Decoder == "" && len(f.readings)+len(f.events) > 0
	}
	return out.text.String(), ok, nil
}

// route adds what the topic's pattern says; what was asked for on the command
// line wins.
func (s *Sample) route(r app.Route) {
	if s.Decoder == "" {
		s.Decoder = r.Decoder
	}
	for _, l := range r.Labels {
		if !slices.ContainsFunc(s.Labels, func(given input.Label) bool { return given.Name == l.Name }) {
			s.Labels = append(s.Labels, l)
		}
	}
}

func (s Sample) read(most int64) ([]byte, error) {
	src := s.Stdin
	if s.File != "-" {
		f, err := os.Open(s.File)
		if err != nil {
			return nil, fmt.Errorf("read the sample: %w", err)
		}
		defer func() { _ = f.Close() }()
		src = f
	}
	body, err := io.ReadAll(io.LimitReader(src, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the sample: %w", err)
	case int64(len(body)) > most:
		return nil, fmt.Errorf("%s is larger than limits.body (%d bytes)", s.File, most)
	}
	return body, nil
}

// pick chooses the decoders. Mistakes elsewhere in the configuration do not
// matter to one that is asked for by name.
func (s Sample) pick(known map[string]input.Decoder, c *config.Config, wrong error) (names []string, err error) {
	if s.Decoder != "" {
		if known[s.Decoder] != nil {
			return []string{s.Decoder}, nil
		}
		if wrong != nil {
			return nil, wrong
		}
		return nil, fmt.Errorf("there is no %q; there are %s", s.Decoder, strings.Join(namesOf(known), ", "))
	}
	if wrong != nil {
		return nil, wrong
	}
	for _, m := range c.Inputs.JSON {
		names = append(names, "json/"+m.Name)
	}
	if len(names) == 0 {
		return nil, errors.New("the configuration has no mapping (inputs.json); with --decoder another input is asked: " + strings.Join(namesOf(known), ", "))
	}
	return names, nil
}

func namesOf(known map[string]input.Decoder) (names []string) {
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// findings are what one decoder made of a message.
type findings struct {
	readings []foundReading
	events   []reading.Event
	refused  []reading.Refusal
	notes    []input.Note
	strings  int // texts without a note
}

type foundReading struct {
	part   uint32
	time   int64
	series string
	value  float64
}

func decode(d input.Decoder, m *input.Message) (f findings) {
	if traced, ok := d.(input.Traced); ok {
		d = traced.Trace(func(n input.Note) { f.notes = append(f.notes, n) })
	}
	var b reading.Batch
	var w reading.Builder
	w.Reset(&b)
	w.Message(m.Body)
	for _, l := range m.Labels {
		w.Common(l.Name, l.Value)
	}
	func() {
		defer func() { // as the intake does
			if p := recover(); p != nil {
				w.Refuse(reading.ReasonSyntax, fmt.Sprintf("the decoder cannot cope with this message: %v", p))
			}
		}()
		d.Decode(m, &w)
	}()
	w.Done()
	f.refused, f.events, f.strings = b.Refusals, b.Events, b.Strings
	f.read(&b)
	for _, n := range f.notes {
		if n.Why == input.OmittedText || n.Why == input.OmittedUnnamed {
			f.strings--
		}
	}
	return f
}

// read spells the series as the store will have them, and refuses what it will
// refuse.
func (f *findings) read(b *reading.Batch) {
	type at struct {
		series string
		time   int64
	}
	seen := map[at]float64{}
	for _, p := range b.Points {
		for _, field := range b.Fields[p.First : p.First+p.Count] {
			metric, labels, err := reading.LabelSpeller{}.Spell(b.Bytes(p.Key), b.Bytes(field.Name), nil)
			if err != nil {
				f.refused = append(f.refused, reading.Refusal{Line: p.Line, Reason: reading.ReasonBadSeries, Detail: err.Error()})
				continue
			}
			r := foundReading{part: p.Line, time: p.Time, series: spell(metric, labels), value: field.Value}
			if before, twice := seen[at{r.series, r.time}]; twice && before != r.value {
				f.refused = append(f.refused, reading.Refusal{Line: p.Line, Reason: reading.ReasonConflict, Detail: fmt.Sprintf(
					"%s has two values at one time: %s and %s", r.series, number(before), number(r.value))})
				continue
			}
			seen[at{r.series, r.time}] = r.value
			f.readings = append(f.readings, r)
		}
	}
}

// spell is a series as PromQL writes it.
func spell(metric []byte, labels []reading.Label) string {
	slices.SortFunc(labels, func(a, b reading.Label) int { return bytes.Compare(a.Name, b.Name) })
	var out strings.Builder
	out.Write(metric)
	for i, l := range labels {
		sep := ", "
		if i == 0 {
			sep = "{"
		}
		_, _ = fmt.Fprintf(&out, "%s%s=%q", sep, l.Name, l.Value)
	}
	if len(labels) > 0 {
		out.WriteByte('}')
	}
	return out.String()
}

func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.6g", v)
}
