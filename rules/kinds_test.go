package rules_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/rules"
)

// kindsOf are the kinds of camera_event_confidence that a rule selects.
func kindsOf(t *testing.T, rule ruleset.Rule) (kinds []string) {
	t.Helper()
	parser.Inspect(rule.Expr, func(n parser.Node, _ []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if !ok || s.Name != "camera_event_confidence" {
			return nil
		}
		for _, m := range s.LabelMatchers {
			switch {
			case m.Name == model.MetricNameLabel:
			case m.Name == "kind" && m.Type == labels.MatchEqual:
				kinds = append(kinds, m.Value)
			case m.Name == "kind" && m.Type == labels.MatchRegexp:
				kinds = append(kinds, m.SetMatches()...)
			default:
				require.Fail(t, "a rule about events selects kinds", "%s: %s", rule.Name, s)
			}
		}
		return nil
	})
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// page expands an annotation as it is when a camera reports a kind.
func page(t *testing.T, text, kind string) string {
	t.Helper()
	data := template.AlertTemplateData(map[string]string{"asset": "CAM-9", "kind": kind}, nil, "", promql.Sample{F: 1})
	text = "{{$labels := .Labels}}{{$value := .Value}}" + text
	expanded, err := template.NewTemplateExpander(t.Context(), text, "page", data, model.Now(), nil, &url.URL{}, nil).Expand()
	require.NoError(t, err)
	return expanded
}

// TestEachKindOfTheCamerasHasOneRule keeps the rules in step with kinds.yaml.
func TestEachKindOfTheCamerasHasOneRule(t *testing.T) {
	set, err := ruleset.Load(nil, rules.FS)
	require.NoError(t, err)
	kinds, err := camera.NewKinds(nil, nil)
	require.NoError(t, err)
	ruled := map[string]string{} // the rule of each kind
	for _, group := range set.Groups() {
		for _, rule := range group.Rules {
			for _, id := range kindsOf(t, rule) {
				require.Empty(t, ruled[id], "%s is a matter of %s already: %s", id, ruled[id], rule.Name)
				ruled[id] = rule.Name
				if id == camera.KindUnknown {
					require.Equal(t, "info", rule.Labels["severity"])
					continue
				}
				kind, known := kinds.Get(id)
				require.True(t, known, "%s: kinds.yaml has no %s", rule.Name, id)
				require.Equal(t, kind.Severity, rule.Labels["severity"], "%s: severity of %s", rule.Name, id)
				require.Equal(t, kind.Team, rule.Labels["team"], "%s: team of %s", rule.Name, id)
				if rule.Name != "CameraSighting" { // cars, boats and people as such are all one
					require.Equal(t, kind.Domain, rule.Labels["domain"], "%s: domain of %s", rule.Name, id)
				}
				require.Equal(t, kind.Name+", seen by CAM-9", page(t, rule.Annotations["summary"], id), rule.Name)
				require.Equal(t, "CAM-9 发现："+kind.NameZH, page(t, rule.Annotations["summary_zh"], id), rule.Name)
			}
		}
	}
	for _, kind := range kinds.All() {
		require.NotEmpty(t, ruled[kind.ID], "no rule looks for %s", kind.ID)
	}
	require.NotEmpty(t, ruled[camera.KindUnknown])
}
