package ruleset_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/alerting/ruleset"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const wells = `groups:
  - name: wells
    interval: 10s
    rules:
      - alert: MethaneHigh
        expr: gas_ch4_lel_percent > 10
        for: 1m
        labels: {severity: warning}
        annotations: {summary: "methane in {{ $labels.asset }}"}
      - record: street:gas_ch4_lel_percent:max
        expr: max by (street) (gas_ch4_lel_percent)
`

func write(t *testing.T, content string) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, "a.yml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return dir, path
}

func TestLoadReadsTheFilesOfAGlob(t *testing.T) {
	dir, path := write(t, wells)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tests.yml"), 0o700))

	set, err := ruleset.Load([]string{filepath.Join(dir, "*.yml"), path}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{path}, set.Sources())
	require.Equal(t, ruleset.Counts{Files: 1, Groups: 1, Alerts: 1, Recordings: 1}, set.Counts())
	require.Empty(t, set.Warnings())

	group := set.Groups()[0]
	require.Equal(t, "wells", group.Name)
	require.Equal(t, 10*time.Second, group.Interval)
	require.Equal(t, "MethaneHigh", group.Rules[0].Name)
	require.Equal(t, "gas_ch4_lel_percent > 10", group.Rules[0].Expr.String())
	require.Equal(t, time.Minute, group.Rules[0].For)
	require.Equal(t, 5, group.Rules[0].Line)
	require.False(t, group.Rules[1].Alert)
}

func TestLoadTakesTheEmbeddedFilesWhereNoneIsGiven(t *testing.T) {
	fallback := fstest.MapFS{
		"gas.yml":       {Data: []byte(wells)},
		"rules.go":      {Data: []byte("package rules")},
		"tests/gas.yml": {Data: []byte("not a rule file")},
	}
	set, err := ruleset.Load(nil, fallback)
	require.NoError(t, err)
	require.Equal(t, []string{"embedded:gas.yml"}, set.Sources())

	set, err = ruleset.Load(nil, nil)
	require.NoError(t, err)
	require.Equal(t, ruleset.Counts{}, set.Counts())

	_, path := write(t, wells)
	set, err = ruleset.Load([]string{path}, fallback)
	require.NoError(t, err)
	require.Equal(t, []string{path}, set.Sources())
}

func TestLoadNamesTheGlobThatMatchesNothing(t *testing.T) {
	dir := t.TempDir()
	glob := filepath.Join(dir, "*.yml")
	_, err := ruleset.Load([]string{glob}, nil)
	require.EqualError(t, err, `rules: no file matches "`+glob+`"; name a rule file, or leave rules out for the default rules`)

	_, err = ruleset.Load([]string{"rules/[.yml"}, nil)
	require.ErrorContains(t, err, `"rules/[.yml" is no glob`)
}

func TestAMistakeIsReportedWithItsPlaceAndARemedy(t *testing.T) {
	requireMistakes(t, []mistakes{
		{"broken PromQL on one line", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: gas_co_ppm > > 5\n", []string{
			`:5: group "g", rule "A": expr, at 1:14, near "> 5": unexpected <op:>>; correct the PromQL there`,
		}},
		{"broken PromQL in a literal block", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      gas_co_ppm\n        > on(asset)\n      group_left() * up\n", []string{
			`:8: group "g", rule "A": expr, at 3:14, near "* up": unexpected <op:*>; correct the PromQL there`,
		}},
		{"broken PromQL in a folded block", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: >-\n\n      gas_co_ppm\n      > 5\n      and * up\n", []string{
			`:9: group "g", rule "A": expr, at 2:20, near "* up": unexpected <op:*>; correct the PromQL there`,
		}},
		{"PromQL that ends too early", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: \"sum(gas_co_ppm\"\n", []string{
			`:5: group "g", rule "A": expr, at its end: unclosed left parenthesis; correct the PromQL`,
		}},
		{"PromQL of the wrong type", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: rate(gas_co_ppm)\n", []string{
			`:5: group "g", rule "A": expr, at 1:6, near "gas_co_ppm)": expected type range vector in call to function "rate", got instant vector; correct the PromQL there`,
		}},
		{"an unknown key and a wrong type", "groups:\n- name: g\n  rules:\n  - alert: A\n    exprs: up\n    labels: [a]\n", []string{
			`:5: group "g", rule "A": unknown key "exprs"; a rule has alert, record, expr, for, keep_firing_for, labels, annotations`,
			`:6: group "g", rule "A": found a list; write a mapping of names to texts`,
		}},
		{"durations", "groups:\n- name: g\n  interval: soon\n  rules:\n  - alert: A\n    expr: up\n    for: 5 minutes\n", []string{
			`:3: group "g": interval: "soon" is no duration; write a number with its unit, such as 30s, 5m or 1h30m`,
			`:7: group "g", rule "A": for: "5 minutes" is no duration; write a number with its unit, such as 30s, 5m or 1h30m`,
		}},
		{"neither alert nor record, and no expr", "groups:\n- name: g\n  rules:\n  - for: 5m\n", []string{
			`:4: group "g": one of 'record' or 'alert' must be set; name the rule by alert: NAME or record: NAME`,
			`:4: group "g": field 'expr' must be set in rule; add expr: with a PromQL expression`,
		}},
		{"for in a recording rule", "groups:\n- name: g\n  rules:\n  - record: r\n    expr: up\n    for: 5m\n", []string{
			`:6: group "g", rule "r": invalid field 'for' in recording rule; remove it, or make the rule an alert`,
		}},
		{"a template that does not parse", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations:\n      summary: ok\n      description: \"{{ nope }}\"\n", []string{
			`:8: group "g", rule "A": annotation "description": template: __alert_A:1: function "nope" not defined; correct the template; labels are {{ $labels.asset }}, the value is {{ $value }}`,
		}},
		{"a label that cannot be", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels:\n      __name__: x\n", []string{
			`:7: group "g", rule "A": invalid label name: __name__; write letters, digits and _, not beginning with a digit, and not __name__`,
		}},
		{"a group's label that cannot be", "groups:\n- name: g\n  labels:\n    __name__: x\n  rules: []\n", []string{
			`:4: group "g": invalid label name: __name__; write letters, digits and _, not beginning with a digit, and not __name__`,
		}},
		{"a group without a name", "groups:\n- name: g\n- rules: []\n", []string{
			`:3: Groupname must not be empty; add name: to the group`,
		}},
		{"a group twice", "groups:\n- name: g\n  rules: []\n- name: g\n  rules: []\n", []string{
			`:4: group "g": groupname: "g" is repeated in the same file; give each group of a file its own name`,
		}},
	})
}

func TestAMistakeHidesNoOther(t *testing.T) {
	requireMistakes(t, []mistakes{
		{"durations and keys, with a wrong type, behind which upstream does not look", "groups:\n- name: g\n  interval: 'soon'\n  rules:\n" +
			"  - {alert: A, for: 5 minutes, keep_firing_for: \"五\", expr: up >}\n" +
			"  - alert: B\n    expr: sum(\n    anotations: {}\n    for: {}\n" +
			"  - alert: C\n    expr: up\n    for:\n      1 h\n    annotations: {a: \"{{ nope }}\"}\n  - alert: D\n    expresion: up\n", []string{
			`:3: group "g": interval: "soon" is no duration; write a number with its unit, such as 30s, 5m or 1h30m`,
			`:5: group "g", rule "A": for: "5 minutes" is no duration; write a number with its unit, such as 30s, 5m or 1h30m`,
			`:5: group "g", rule "A": keep_firing_for: "五" is no duration; write a number with its unit, such as 30s, 5m or 1h30m`,
			`:8: group "g", rule "B": unknown key "anotations"; a rule has alert, record, expr, for, keep_firing_for, labels, annotations`,
			`:9: group "g", rule "B": found a mapping; write a text`,
			`:13: group "g", rule "C": for: "1 h" is no duration; write a number with its unit, such as 30s, 5m or 1h30m`,
			`:16: group "g", rule "D": unknown key "expresion"; a rule has alert, record, expr, for, keep_firing_for, labels, annotations`,
		}},
		{"PromQL behind durations and unknown keys", "groups:\n- name: g\n  rules:\n" +
			"  - {alert: A, for: 5 minutes, keep_firing_for: \"五\", expr: up >}\n" +
			"  - alert: B\n    expr: sum(\n    anotations: {}\n  - alert: D\n    expresion: up\n", []string{
			`:4: group "g", rule "A": for: "5 minutes" is no duration; write a number with its unit, such as 30s, 5m or 1h30m`,
			`:4: group "g", rule "A": keep_firing_for: "五" is no duration; write a number with its unit, such as 30s, 5m or 1h30m`,
			`:4: group "g", rule "A": expr, at its end: unexpected end of input; correct the PromQL`,
			`:6: group "g", rule "B": expr, at its end: unclosed left parenthesis; correct the PromQL`,
			`:7: group "g", rule "B": unknown key "anotations"; a rule has alert, record, expr, for, keep_firing_for, labels, annotations`,
			`:9: group "g", rule "D": unknown key "expresion"; a rule has alert, record, expr, for, keep_firing_for, labels, annotations`,
		}},
		{"a tab", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n\tlabels: {}\n", []string{
			`:6: YAML syntax: found a tab character that violates indentation; indent by spaces, not by tabs`,
		}},
		{"a line that is indented wrongly", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels:\n      a: b\n     c: d\n", []string{
			`:8: YAML syntax: did not find expected key; check indentation, quotes and the - before list items`,
		}},
	})
}

// mistakes are what Load is to say about a file, each without its path.
type mistakes struct {
	story, content string
	want           []string
}

func requireMistakes(t *testing.T, tests []mistakes) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.story, func(t *testing.T) {
			_, path := write(t, test.content)
			set, err := ruleset.Load([]string{path}, nil)
			require.Error(t, err)
			require.Nil(t, set)
			got := strings.Split(err.Error(), "\n")
			want := make([]string, len(test.want))
			for i, w := range test.want {
				want[i] = path + w
			}
			require.Equal(t, want, got)
			var problem ruleset.Problem
			require.ErrorAs(t, err, &problem)
			require.Equal(t, path, problem.File)
		})
	}
}

func TestAllMistakesOfAllFilesAreReported(t *testing.T) {
	dir, a := write(t, "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: (\n")
	b := filepath.Join(dir, "b.yml")
	require.NoError(t, os.WriteFile(b, []byte("group: []\n"), 0o600))
	_, err := ruleset.Load([]string{filepath.Join(dir, "*.yaml"), a, b}, nil)
	require.ErrorContains(t, err, "no file matches")
	require.ErrorContains(t, err, a+":5: ")
	require.ErrorContains(t, err, b+`:1: unknown key "group"; a rule file has groups`)
}

func TestDoubtsAreWarnings(t *testing.T) {
	_, path := write(t, `groups:
- name: g
  rules:
  - alert: NoSeverity
    expr: up == 0
    annotations: {summary: s}
  - alert: Odd
    expr: up == 0
    labels: {severity: urgent}
  - alert: Odd
    expr: up == 1
    labels: {severity: urgent}
    annotations: {summary: s}
  - alert: Templated
    expr: up == 1
    labels: {severity: "{{ $labels.level }}"}
    annotations: {summary: s}
---
groups: []
`)
	set, err := ruleset.Load([]string{path}, nil)
	require.NoError(t, err)
	var got []string
	for _, w := range set.Warnings() {
		got = append(got, strings.TrimPrefix(w.Error(), path))
	}
	require.Equal(t, []string{
		`:4: group "g", rule "NoSeverity": the alert has no severity, so that it is routed like none; add labels: {severity: critical}, warning or info`,
		`:7: group "g", rule "Odd": severity "urgent" is not one of critical, warning, info and none, which the default routes know`,
		`:7: group "g", rule "Odd": the alert has no summary, so that its page says little; add annotations: {summary: …}`,
		`:10: group "g", rule "Odd": severity "urgent" is not one of critical, warning, info and none, which the default routes know`,
		`:18: what follows the first YAML document is ignored; put all groups into one document`,
		`:10: group "g", rule "Odd": the rule at ` + path + `:7 has the same name and labels; tell them apart by a label`,
	}, got)

	_, path = write(t, "")
	set, err = ruleset.Load([]string{path}, nil)
	require.NoError(t, err)
	require.Len(t, set.Warnings(), 1)
}

// Upstream's manager takes its groups from the set, without reading a file again.
func TestASetLoadsUpstreamsManager(t *testing.T) {
	_, path := write(t, wells)
	set, err := ruleset.Load([]string{path}, nil)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))

	manager := rules.NewManager(&rules.ManagerOptions{GroupLoader: set})
	groups, errs := manager.LoadGroups(5*time.Second, labels.EmptyLabels(), "", nil, false, set.Sources()...)
	require.Empty(t, errs)
	group := groups[rules.GroupKey(path, "wells")]
	require.Equal(t, 10*time.Second, group.Interval())
	require.Len(t, group.Rules(), 2)
	require.Same(t, set.Groups()[0].Rules[0].Expr, group.Rules()[0].Query())

	_, errs = set.Load("other.yml", false, model.UTF8Validation)
	require.Len(t, errs, 1)
	_, err = set.Parse("up == 0")
	require.NoError(t, err)
}

func FuzzLoad(f *testing.F) {
	f.Add(wells)
	f.Add("groups:\n- &a\n  name: g\n  rules:\n  - alert: A\n    expr: |\n      (\n- <<: *a\n")
	f.Add("groups:\n- &a\n  <<: *a\n")
	f.Fuzz(func(t *testing.T, content string) {
		set, err := ruleset.Load(nil, fstest.MapFS{"a.yml": {Data: []byte(content)}})
		if err == nil {
			require.NotNil(t, set)
			return
		}
		for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
			for _, e := range one.(interface{ Unwrap() []error }).Unwrap() {
				var problem ruleset.Problem
				require.ErrorAs(t, e, &problem)
				require.Positive(t, problem.Line)
				require.LessOrEqual(t, problem.Line, len(content)+1)
			}
		}
	})
}
