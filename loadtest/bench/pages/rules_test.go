package pages

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/alerting/trigger"
)

const defaultRules = "../../../rules"

func district(t *testing.T, scale float64) *District {
	d, err := NewDistrict(1, scale)
	require.NoError(t, err)
	return d
}

func ruleSet(t *testing.T, d *District, count int) *RuleSet {
	set, err := NewRuleSet(defaultRules, count, d.Streets(), d.Lots())
	require.NoError(t, err)
	require.Equal(t, count, set.Count)
	return set
}

func TestRulesOfADistrictAreValidForAll(t *testing.T) {
	d := district(t, 1)
	set := ruleSet(t, d, 500)
	run := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	files, err := set.Write(t.TempDir(), Variant{})
	require.NoError(t, err)
	found := run("promtool", append([]string{"check", "rules"}, files...)...)
	total := 0
	for _, line := range strings.Split(found, "\n") {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "SUCCESS: "); ok {
			n, _, _ = strings.Cut(n, " ")
			count := 0
			require.NoError(t, yaml.Unmarshal([]byte(n), &count))
			total += count
		}
	}
	require.Equal(t, 500, total, "%s", found)

	files, err = set.Write(t.TempDir(), Variant{Unaligned: true, Interval: "1s"})
	require.NoError(t, err)
	args := []string{"-dryRun"}
	for _, f := range files {
		args = append(args, "-rule="+f)
	}
	run("vmalert", args...)

	_, err = NewRuleSet(defaultRules, 1000, d.Streets(), d.Lots())
	require.ErrorContains(t, err, "making 1000 rules: there are only")
	_, err = NewRuleSet(defaultRules, 400, d.Streets(), d.Lots())
	require.ErrorContains(t, err, "making 400 rules: want at least")
	_, err = NewRuleSet(t.TempDir(), 500, nil, nil)
	require.ErrorContains(t, err, "found 0 files")
}

// expressions are those of all alerts, by name.
func expressions(t *testing.T, set *RuleSet) map[string][]string {
	all := map[string][]string{}
	for _, f := range set.files {
		for _, g := range f.Groups {
			for _, node := range g.Rules {
				var r alertRule
				require.NoError(t, node.Decode(&r))
				all[r.Alert] = append(all[r.Alert], r.Expr)
			}
		}
	}
	return all
}

func TestADistrictHasRulesOfEverySort(t *testing.T) {
	set := ruleSet(t, district(t, 1), 500)
	p := parser.NewParser(parser.Options{})
	sorts := map[string]int{}
	for _, all := range expressions(t, set) {
		for _, expr := range all {
			plan, err := trigger.NewPlan(expr, p.ParseExpr)
			require.NoError(t, err)
			every, differs := false, false
			for _, s := range plan.Sources {
				every = every || s.Any
				differs = differs || s.Differing
			}
			sorts["each sample may matter"] += count(every)
			sorts["another value may matter"] += count(!every && differs)
			sorts["only a change of truth matters"] += count(!every && !differs)
			sorts["evaluated in parts"] += count(plan.By != nil)
			sorts["joined with thresholds"] += count(strings.Contains(expr, "asset_threshold"))
			sorts["aggregates"] += count(strings.Contains(expr, " by ("))
		}
	}
	t.Log(sorts)
	for sort, least := range map[string]int{
		"each sample may matter": 30, "another value may matter": 50, "only a change of truth matters": 250, "joined with thresholds": 150, "aggregates": 100, "evaluated in parts": 250,
	} {
		require.Greater(t, sorts[sort], least, sort)
	}
}

func TestLimitsAreRulesOfWhichOnlyACrossedLimitWakes(t *testing.T) {
	limits, err := ruleSet(t, district(t, 1), 500).Limits()
	require.NoError(t, err)
	require.Greater(t, limits.Count, 250)
	p := parser.NewParser(parser.Options{})
	for alert, all := range expressions(t, limits) {
		for _, expr := range all {
			plan, err := trigger.NewPlan(expr, p.ParseExpr)
			require.NoError(t, err)
			for _, s := range plan.Sources {
				require.False(t, s.Any || s.Differing || s.Missed, "%s: %s", alert, expr)
			}
		}
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
