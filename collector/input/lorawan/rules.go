package lorawan

import (
	"slices"
	"strings"

	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

// rule says what becomes of fields of a name.
type rule struct {
	config.LoRaWANField
	labels []label
	values map[string]float64 // by text in lower case

	// Of built-in rules: the metric's unit, and that of a field which does not
	// say its own.
	unit, from string
	// read, if not nil, chooses the metric by the value; ok is false where the
	// rule does not fit.
	read func(v float64) (metric string, value float64, ok bool)
}

type label struct{ name, value string }

// rules finds the rule of a field.
type rules struct {
	exact map[string][]*rule // by name as in fieldName
	globs []*rule
}

func newRules(c config.LoRaWAN) *rules {
	rs := &rules{exact: map[string][]*rule{}}
	for _, f := range c.Fields {
		rs.add(rule{LoRaWANField: f})
	}
	if c.Defaults {
		for _, r := range builtin() {
			rs.add(r)
		}
	}
	return rs
}

func (rs *rules) add(r rule) {
	for name, value := range r.Labels {
		r.labels = append(r.labels, label{name, value})
	}
	slices.SortFunc(r.labels, func(a, b label) int { return strings.Compare(a.name, b.name) })
	r.values = make(map[string]float64, len(r.Values))
	for text, n := range r.Values {
		r.values[strings.ToLower(text)] = n
	}
	r.Profile, r.Device = strings.ToLower(r.Profile), strings.ToLower(r.Device)
	if eui, ok := readEUI(r.Device); ok {
		r.Device = eui
	}
	r.Field = fieldName(r.Field)
	if strings.Contains(r.Field, "*") {
		rs.globs = append(rs.globs, &r)
		return
	}
	rs.exact[r.Field] = append(rs.exact[r.Field], &r)
}

// fieldName is the name under which rules are found: that of reading.Name for
// each step of a path, * kept, and what has no letters as it is.
func fieldName(text string) string {
	var parts []string
	for _, step := range strings.Split(text, ".") {
		pieces := strings.Split(step, "*")
		for i, piece := range pieces {
			if name := reading.Name(piece); name != "" {
				pieces[i] = name
			}
		}
		parts = append(parts, strings.Join(pieces, "*"))
	}
	return strings.Join(parts, ".")
}

// find returns the rule for a field, nil where there is none. names are those
// of the steps that lead to the field; a rule fits the last of them.
func (rs *rules) find(names []string, e *event, domain string) *rule {
	for from := range names {
		key := names[from]
		if from < len(names)-1 {
			key = strings.Join(names[from:], ".")
		}
		for _, r := range rs.exact[key] {
			if r.fits(e, domain) {
				return r
			}
		}
		for _, r := range rs.globs {
			if glob(r.Field, key) && r.fits(e, domain) {
				return r
			}
		}
	}
	return nil
}

func (r *rule) fits(e *event, domain string) bool {
	return (r.Domain == "" || r.Domain == domain) &&
		(r.Profile == "" || glob(r.Profile, strings.ToLower(e.profile))) &&
		(r.Device == "" || glob(r.Device, e.eui))
}

// glob has only * as a pattern; others stand for themselves.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = rest
	}
	return strings.HasSuffix(text, last)
}
