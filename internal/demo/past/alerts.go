package past

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/rules"
)

// Mark is the label, and Simulated the words, by which people see that a hazard or
// an event of the past is made up.
const (
	Mark        = "simulated"
	Simulated   = "Simulated by belfry demo."
	SimulatedZH = "由 belfry demo 模拟。"
)

// alerter words alerts as the default rules do.
type alerter struct {
	catalog *catalog.Catalog
	rules   map[string]ruleset.Rule
}

func newAlerter(assets *catalog.Catalog) (*alerter, error) {
	set, err := ruleset.Load(nil, rules.FS)
	if err != nil {
		return nil, fmt.Errorf("read the default rules: %w", err)
	}
	a := &alerter{catalog: assets, rules: map[string]ruleset.Rule{}}
	for _, g := range set.Groups() {
		for _, r := range g.Rules {
			if r.Alert {
				a.rules[r.Name] = r
			}
		}
	}
	return a, nil
}

const critical = "critical"

// ruleOf finds the rule that reads a kind of problem.
func (a *alerter) ruleOf(kind string) (found ruleset.Rule, ok bool) {
	for _, r := range a.rules {
		parser.Inspect(r.Expr, func(n parser.Node, _ []parser.Node) error {
			s, is := n.(*parser.VectorSelector)
			if !is || s.Name != "camera_event_confidence" {
				return nil
			}
			for _, m := range s.LabelMatchers {
				if m.Name == "kind" && m.Matches(kind) {
					found, ok = r, true
				}
			}
			return nil
		})
	}
	return found, ok
}

// alert is that of an incident. One that still fires has the labels that it will
// have when the rule finds it, so that it is the same hazard.
func (a *alerter) alert(ctx context.Context, i *incident) (*notifier.Alert, error) {
	r, ok := a.rules[i.rule]
	if !ok {
		return nil, fmt.Errorf("the demo's past: there is no rule %s", i.rule)
	}
	expand := func(text string) (string, error) {
		const definitions = "{{$labels := .Labels}}{{$value := .Value}}"
		data := template.AlertTemplateData(i.series.Map(), nil, "", promql.Sample{F: i.value})
		nothing := func(context.Context, string, time.Time) (promql.Vector, error) { return nil, nil }
		out, err := template.NewTemplateExpander(ctx, definitions+text, i.rule, data, model.TimeFromUnixNano(i.from.UnixNano()), nothing, &url.URL{}, nil).Expand()
		if err != nil {
			return "", fmt.Errorf("word the alert %s of the demo's past: %w", i.rule, err)
		}
		return out, nil
	}
	ls := labels.NewBuilder(i.series)
	ls.Set(model.AlertNameLabel, i.rule)
	for name, text := range r.Labels {
		value, err := expand(text)
		if err != nil {
			return nil, err
		}
		ls.Set(name, value)
	}
	if !i.to.IsZero() {
		ls.Set(Mark, "true")
	}
	notes := labels.NewBuilder(labels.EmptyLabels())
	for name, text := range r.Annotations {
		value, err := expand(text)
		if err != nil {
			return nil, err
		}
		notes.Set(name, value)
	}
	marked(notes)
	a.locate(i, ls, notes)
	notes.Set("value", strconv.FormatFloat(i.value, 'f', -1, 64))
	notes.Set("limit", strconv.FormatFloat(i.limit, 'f', -1, 64))
	notes.Set("reading_time", i.from.Format(time.RFC3339Nano))
	return &notifier.Alert{Labels: ls.Labels(), Annotations: notes.Labels(), StartsAt: i.from}, nil
}

func marked(notes *labels.Builder) {
	notes.Set("description", Simulated+" "+notes.Get("description"))
	notes.Set("description_zh", SimulatedZH+notes.Get("description_zh"))
}

// locate adds what the catalog knows, where the rule has not said otherwise.
func (a *alerter) locate(i *incident, ls, notes *labels.Builder) {
	asset, ok := a.catalog.Asset(i.asset())
	if !ok {
		return
	}
	for name, value := range map[string]string{
		"team": asset.Team, "street": asset.Street, "district": asset.District, "community": asset.Community, "domain": asset.Domain,
	} {
		if ls.Get(name) == "" {
			ls.Set(name, value)
		}
	}
	notes.Set("name", asset.Name)
	notes.Set("name_zh", asset.NameZH)
}
