package pager

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDefaultConfigurationIsGood(t *testing.T) {
	require.NoError(t, Check(""))
}

func TestMistakesAreNamedByFileAndLine(t *testing.T) {
	for _, test := range []struct {
		story, text, want string
	}{
		{"a key that is not there", "route:\n  receivers_of: team\n", `:2: unknown key "receivers_of"`},
		{"no YAML", "route:\n  receiver: [team\n", `:2: YAML syntax: did not find expected ',' or ']'`},
		{"an item that is indented wrongly", "route:\n  receiver: a\n  routes:\n    - receiver: b\n     matchers: []\nreceivers: [{name: a}]\n",
			`:5: YAML syntax: did not find expected '-' indicator`},
		{"a receiver that is not there", "route:\n  receiver: team\n  routes:\n    - receiver: gone\nreceivers:\n  - name: team\n",
			`:4: undefined receiver "gone" used in route`},
		{"a receiver that is there twice", "route: {receiver: a}\nreceivers:\n  - name: a\n  - name: a\n",
			`:4: notification config name "a" is not unique`},
		{"an interval that is not there", "route:\n  receiver: a\n  routes:\n    - mute_time_intervals: [night]\nreceivers:\n  - name: a\n",
			`:4: undefined time interval "night" used in route`},
		{"mail without a server", "route: {receiver: a}\nreceivers:\n  - name: a\n    email_configs:\n      - to: x@example.org\n",
			`:4: no global SMTP smarthost set`},
		{"a wrong duration", "route:\n  receiver: a\n  group_wait: soon\nreceivers:\n  - name: a\n",
			`:3: not a valid duration string: "soon"`},
		{"a matcher that does not parse", "route:\n  receiver: a\n  routes:\n    - matchers: ['severity=~[']\nreceivers:\n  - name: a\n",
			`:4: `},
		{"nothing", "", ":1: no route provided in config"},
		{"two mistakes", "route:\n  receiver: a\n  x: 1\nreceivers:\n  - name: a\n    y: 2\n", ":6: unknown key \"y\""},
	} {
		t.Run(test.story, func(t *testing.T) {
			path := configFile(t, "%s", test.text)
			err := Check(path)
			require.Error(t, err)
			for line := range strings.Lines(err.Error()) {
				require.Regexp(t, `^`+path+`:\d+: `, line)
			}
			require.Contains(t, err.Error(), test.want)
		})
	}
}

func TestMistakesInTemplatesAreNamedByFileAndLine(t *testing.T) {
	path := configFile(t, "templates: ['*.tmpl']\nroute: {receiver: a}\nreceivers: [{name: a}]\n")
	tmpl := filepath.Join(filepath.Dir(path), "b.tmpl")
	require.NoError(t, os.WriteFile(tmpl, []byte("{{ define \"x\" }}\n{{ .A | nofunc }}\n{{ end }}"), 0o600))
	require.ErrorContains(t, Check(path), tmpl+":2: ")
}

func TestAFileThatIsNotThere(t *testing.T) {
	err := Check(filepath.Join(t.TempDir(), "none.yml"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOptionsSayWhatIsMissing(t *testing.T) {
	_, err := New(Options{})
	for _, field := range []string{"Logger", "Registerer", "Metrics", "DataDir"} {
		require.ErrorContains(t, err, "Options."+field+" is required")
	}
}

// randomRoute draws a routing tree whose explicit group waits are 1 to 3 minutes.
func randomRoute(t *rapid.T, depth int) *config.Route {
	r := &config.Route{Receiver: fmt.Sprintf("r%d", rapid.IntRange(0, 99).Draw(t, "receiver"))}
	if rapid.IntRange(0, 3).Draw(t, "explicit") == 0 {
		wait := model.Duration(time.Duration(rapid.IntRange(1, 3).Draw(t, "wait")) * time.Minute)
		r.GroupWait = &wait
	}
	if rapid.Bool().Draw(t, "grouped") {
		r.GroupBy = []model.LabelName{"asset"}
	}
	if depth > 0 {
		for range rapid.IntRange(0, 3).Draw(t, "children") {
			c := randomRoute(t, depth-1)
			name := rapid.SampledFrom([]string{"severity", "domain", "team"}).Draw(t, "label")
			value := rapid.SampledFrom([]string{"critical", "warning", "gas"}).Draw(t, "value")
			kind := rapid.SampledFrom([]labels.MatchType{labels.MatchEqual, labels.MatchNotEqual}).Draw(t, "type")
			m, err := labels.NewMatcher(kind, name, value)
			require.NoError(t, err)
			c.Matchers = append(c.Matchers, m)
			c.Continue = rapid.Bool().Draw(t, "continue")
			r.Routes = append(r.Routes, c)
		}
	}
	return r
}

// waitMeantForCritical finds a matched route in the tree as it was written, and the last group_wait on the way to it
// that stands at or below a choice by severity.
func waitMeantForCritical(root *config.Route, matched *dispatch.Route) (wait time.Duration) {
	var walk func(r *config.Route, d *dispatch.Route, meant bool, wait time.Duration) (time.Duration, bool)
	walk = func(r *config.Route, d *dispatch.Route, meant bool, wait time.Duration) (time.Duration, bool) {
		for _, m := range r.Matchers {
			meant = meant || m.Name == "severity"
		}
		if meant && r.GroupWait != nil {
			wait = time.Duration(*r.GroupWait)
		}
		if d.Idx == matched.Idx {
			return wait, true
		}
		for i := range r.Routes {
			if w, ok := walk(r.Routes[i], d.Routes[i], meant, wait); ok {
				return w, true
			}
		}
		return 0, false
	}
	wait, _ = walk(root, dispatch.NewRoute(root, nil), false, 0)
	return wait
}

// TestCriticalAlertsTakeTheSameRoutesWithoutWait compares the tree that is used with the tree that was written.
func TestCriticalAlertsTakeTheSameRoutesWithoutWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := randomRoute(t, 3)
		tree, err := routing(root, []string{"r1"})
		require.NoError(t, err)
		written, used := dispatch.NewRoute(root, nil), dispatch.NewRoute(tree, nil)
		values := rapid.SampledFrom([]string{"critical", "warning", "gas"})
		alert := model.LabelSet{
			"severity": model.LabelValue(values.Draw(t, "severity")),
			"domain":   model.LabelValue(values.Draw(t, "domain")),
			"team":     model.LabelValue(values.Draw(t, "team")),
		}
		want, got := written.Match(alert), used.Match(alert)
		require.Len(t, got, len(want))
		for i := range want {
			opts := want[i].RouteOpts
			if alert["severity"] == "critical" {
				opts.GroupWait = waitMeantForCritical(root, want[i])
			}
			require.Equal(t, opts, got[i].RouteOpts)
		}
	})
}

func TestStatusShowsWhatWasWrittenWithoutSecrets(t *testing.T) {
	h := start(t, t.TempDir(), withConfig(configFile(t, `
global: {smtp_smarthost: 'mail:25', smtp_from: a@b, smtp_auth_password: hunter2}
route: {receiver: team, <<: {group_interval: 7s}}
receivers:
  - name: team
    webhook_configs: [{url: 'http://user:hunter2@host/', send_resolved: false}]
    pagerduty_configs: [{routing_key: hunter2}]
`)))
	shown := h.amtool(t, "config", "show")
	require.NotContains(t, shown, "hunter2")
	require.NotContains(t, shown, "slack_app_url", "defaults are not shown")
	for _, want := range []string{"smtp_smarthost: mail:25", "group_interval: 7s", "send_resolved: false", "routing_key: <secret>"} {
		require.Contains(t, shown, want)
	}
}
