package remotewrite

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/reading"
)

// metricName is the label that holds the name of the metric.
const metricName = "__name__"

// Numbers of the fields of a label of version 1, and their tags.
const (
	fieldName       = 1
	fieldLabelValue = 2
	tagName         = fieldName<<3 | wireBytes
	tagValue        = fieldLabelValue<<3 | wireBytes
)

// Speller spells the keys of both versions. Names may be any UTF-8, as in
// Prometheus 3; labels without a value are left out. Its zero value is ready.
type Speller struct{}

var _ reading.Speller = Speller{}

// Space implements reading.Speller.
func (Speller) Space() string { return "prometheus" }

var (
	errNoMetric     = errors.New("no label __name__")
	errNoName       = errors.New("a label without a name")
	errInvalidLabel = errors.New("not valid UTF-8")
)

// Spell implements reading.Speller. The field has no name.
func (Speller) Spell(key, _ []byte, labels []reading.Label) (metric []byte, _ []reading.Label, err error) {
	own := len(labels)
	for pos := 0; pos < len(key); {
		f, err := readField(key, pos)
		if err != nil {
			return nil, labels[:own], err
		}
		l, err := readLabel(key[f.from:f.to])
		switch {
		case err != nil:
			return nil, labels[:own], err
		case len(l.Name) == 0:
			return nil, labels[:own], errNoName
		case !utf8.Valid(l.Name) || !utf8.Valid(l.Value):
			return nil, labels[:own], fmt.Errorf("label %q=%q: %w", l.Name, l.Value, errInvalidLabel)
		case has(labels[own:], l.Name):
			return nil, labels[:own], fmt.Errorf("label %q is given twice", l.Name)
		case len(labels)-own == maxLabels:
			return nil, labels[:own], errLabels
		}
		labels = append(labels, l)
		pos = f.next
	}
	kept := labels[:own]
	for _, l := range labels[own:] {
		switch {
		case string(l.Name) == metricName:
			metric = l.Value
		case len(l.Value) > 0:
			kept = append(kept, l)
		}
	}
	if len(metric) == 0 {
		return nil, labels[:own], errNoMetric
	}
	return metric, kept, nil
}

func has(labels []reading.Label, name []byte) bool {
	return slices.ContainsFunc(labels, func(l reading.Label) bool { return bytes.Equal(l.Name, name) })
}

// readLabel reads a label of version 1.
func readLabel(m []byte) (l reading.Label, err error) {
	for pos := 0; pos < len(m); {
		f, err := readField(m, pos)
		if err != nil {
			return l, fmt.Errorf("a label: %w", err)
		}
		if f.number <= fieldLabelValue && f.wire != wireBytes {
			return l, fmt.Errorf("a label: %w", f.wrongType())
		}
		switch f.number {
		case fieldName:
			l.Name = m[f.from:f.to]
		case fieldLabelValue:
			l.Value = m[f.from:f.to]
		}
		pos = f.next
	}
	return l, nil
}
