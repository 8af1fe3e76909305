package config

import (
	"regexp"
	"time"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// JSONMapping says what becomes of the JSON of one kind of sender. The
// expressions are in the language of github.com/expr-lang/expr; whoever uses
// the mapping compiles them.
type JSONMapping struct {
	Name string
	// Each leads from the message to the readings in it, a list at a time; empty:
	// the message is one reading.
	Each []Expression
	When Expression // not used where it is not true
	// Asset and Time may be empty: what surrounds the message, and its arrival.
	Asset, Time Expression
	// Layout is how times are written that are none of the usual ways.
	Layout   string
	layoutAt strict.Raw
	Timezone *time.Location // nil: Config.Timezone
	Labels   []NamedExpression
	Metrics  []NamedExpression
}

// Expression is the text of one, and where it stands.
type Expression struct {
	Text string
	at   strict.Raw
}

// NamedExpression is an expression under a key.
type NamedExpression struct {
	Name string
	Expression
}

// Problem is a problem with the expression, with its place in the file.
func (e Expression) Problem(text string) strict.Problem { return e.at.Problem(text) }

// LayoutProblem is a problem with Layout, with its place in the file.
func (m JSONMapping) LayoutProblem(text string) strict.Problem { return m.layoutAt.Problem(text) }

var mappingName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

func (p *parser) json(v strict.Value, in *Inputs) {
	seen := map[string]int{}
	in.JSON = nil
	strict.List(v, "a list of mappings, each with name, asset and metrics", func(v strict.Value) {
		var m JSONMapping
		before := v.Problems()
		strict.Mapping(v, &m, p.jsonKeys())
		if v.Problems() > before {
			return
		}
		switch {
		case m.Name == "":
			v.Refuse("want a name, by which URLs (in/json/NAME) and topics (decoder: json/NAME) call the mapping")
		case seen[m.Name] > 0:
			v.Refuse("want a name of its own; %q is already on line %d", m.Name, seen[m.Name])
		case len(m.Metrics) == 0:
			v.Refuse("want metrics, at least one, such as {well_level_m: level / 100}")
		}
		seen[m.Name] = v.Line()
		in.JSON = append(in.JSON, m)
	})
}

func (p *parser) jsonKeys() strict.Keys[JSONMapping] {
	named := func(into func(*JSONMapping) *[]NamedExpression, name strict.Scalar[string], pairs string) func(strict.Value, *JSONMapping) {
		return func(v strict.Value, m *JSONMapping) {
			strict.Pairs(v, pairs, func(key string, v strict.Value) {
				if _, want := name(key); want != "" {
					v.Refuse("want as key %s", want)
					return
				}
				list := into(m)
				*list = append(*list, NamedExpression{Name: key, Expression: expression(v)})
			})
		}
	}
	return strict.Keys[JSONMapping]{
		"name": func(v strict.Value, m *JSONMapping) { strict.Set(v, &m.Name, jsonName) },
		"each": func(v strict.Value, m *JSONMapping) {
			if _, single := v.Text(); single {
				m.Each = []Expression{expression(v)}
				return
			}
			strict.List(v, "an expression that gives a list, or a list of such", func(v strict.Value) {
				m.Each = append(m.Each, expression(v))
			})
		},
		"when":  func(v strict.Value, m *JSONMapping) { m.When = expression(v) },
		"asset": func(v strict.Value, m *JSONMapping) { m.Asset = expression(v) },
		"time":  func(v strict.Value, m *JSONMapping) { m.Time = expression(v) },
		"layout": func(v strict.Value, m *JSONMapping) {
			m.layoutAt = v.Raw()
			strict.Set(v, &m.Layout, strict.Text("a layout such as YYYY-MM-DD HH:mm:ss"))
		},
		"timezone": func(v strict.Value, m *JSONMapping) {
			strict.Set(v, &m.Timezone, timezone)
		},
		"labels": named(func(m *JSONMapping) *[]NamedExpression { return &m.Labels }, jsonLabel,
			"labels and expressions for their values, such as {station: siteId}"),
		"metrics": named(func(m *JSONMapping) *[]NamedExpression { return &m.Metrics }, metricName,
			"metrics and expressions for their values, such as {well_level_m: level / 100}"),
	}
}

func jsonName(text string) (string, string) {
	if !mappingName.MatchString(text) {
		return "", "a name of letters, digits, - and _, such as pump"
	}
	return text, ""
}

func jsonLabel(text string) (string, string) {
	if text == "asset" {
		return "", "a label other than asset, which has a key of its own"
	}
	return labelName(text)
}

func expression(v strict.Value) Expression {
	e := Expression{at: v.Raw()}
	strict.Set(v, &e.Text, strict.Text("an expression, such as level / 100"))
	return e
}
