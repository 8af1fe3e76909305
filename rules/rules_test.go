package rules_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/alerting/ruletest"
	"github.com/belfry-city/belfry/rules"
)

// promtool finds the real promtool, in .tools/bin first.
func promtool(t *testing.T) string {
	t.Helper()
	local, err := filepath.Abs("../.tools/bin/promtool")
	require.NoError(t, err)
	if info, err := os.Stat(local); err == nil && !info.IsDir() {
		return local
	}
	if found, err := exec.LookPath("promtool"); err == nil {
		return found
	}
	t.Fatal("promtool is neither in .tools/bin nor in PATH: run make tools")
	return ""
}

func TestTheUnitTestsPass(t *testing.T) {
	files, err := filepath.Glob("tests/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, report := range ruletest.Files(t.Context(), files, ruletest.Options{}) {
		require.True(t, report.OK(), "%s: %v %v", report.File, report.Mistakes, report.Tests)
		require.Empty(t, report.Warnings)
	}
}

func TestTheUnitTestsPassInPromtoolToo(t *testing.T) {
	files, err := filepath.Glob("tests/*.yml")
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), promtool(t), append([]string{"test", "rules"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestPromtoolHasNothingToSayAboutTheRules(t *testing.T) {
	tool := promtool(t)
	files, err := filepath.Glob("*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	args := append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, files...)
	out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// unitTests are the parts of promtool's format that the coverage needs.
type unitTests struct {
	Tests []struct {
		Input []struct {
			Series string `yaml:"series"`
		} `yaml:"input_series"`
		Alerts []struct {
			Name     string `yaml:"alertname"`
			Expected []any  `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	} `yaml:"tests"`
}

// covered says of an alert what its unit tests show.
type covered struct{ fires, waits, ownThreshold bool }

// coverage reads the unit tests of a rule file: those of the same name and, for
// stories that take days and are told in longer steps, those in NAME_days.yml.
func coverage(t *testing.T, file string) map[string]covered {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("tests", strings.TrimSuffix(file, ".yml")+"*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "%s: each rule file has its unit tests", file)
	shown := map[string]covered{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var tests unitTests
		require.NoError(t, yaml.NewDecoder(bytes.NewReader(content)).Decode(&tests))
		for _, test := range tests.Tests {
			for _, a := range test.Alerts {
				c := shown[a.Name]
				c.fires = c.fires || len(a.Expected) > 0
				c.waits = c.waits || len(a.Expected) == 0
				for _, in := range test.Input {
					c.ownThreshold = c.ownThreshold || strings.HasPrefix(in.Series, "asset_threshold{")
				}
				shown[a.Name] = c
			}
		}
	}
	return shown
}

// states are alerts about what is so or not so: there is no number for which an
// asset could have a threshold of its own.
func states() []string {
	return []string{
		"CameraDown", "DeviceSilent", "LampOut", "ManholeOpen", "ParkingBayDisagreement",
		// They follow from alerts that have one.
		"BridgeAnomalySeveral", "BridgeAnomalyCritical", "TunnelAnomalySeveral", "TunnelAnomalyCritical", "PumpVibrationAnomaly",
		"GasAnomalySeveral", "GasAnomalyCritical", "GasSensorStuckSeveral",
	}
}

// onScores says whether a rule judges what models say of a metric.
func onScores(rule ruleset.Rule) bool {
	return strings.Contains(rule.Expr.String(), "anomaly_score") || strings.Contains(rule.Expr.String(), `Anomaly"`)
}

// always are alerts about no asset that always fire.
func always() []string { return []string{"Watchdog"} }

func TestEachDefaultRuleIsTestedAndSpeaksBothLanguages(t *testing.T) {
	set, err := ruleset.Load(nil, rules.FS)
	require.NoError(t, err)
	require.Empty(t, set.Warnings())
	domains := []string{"gas", "bridge", "tunnel", "road", "drainage", "water", "lighting", "landscape", "parking", "camera", "device"}
	han := regexp.MustCompile(`\p{Han}`)
	names := map[string]bool{}
	for _, group := range set.Groups() {
		file := strings.TrimPrefix(group.File, "embedded:")
		shown := coverage(t, file)
		source, err := fs.ReadFile(rules.FS, file)
		require.NoError(t, err)
		lines := strings.Split(string(source), "\n")
		for _, rule := range group.Rules {
			where := fmt.Sprintf("%s:%d: %s", file, rule.Line, rule.Name)
			require.True(t, strings.HasPrefix(strings.TrimSpace(lines[rule.Line-2]), "# "), "%s: a comment says where it comes from", where)
			if !rule.Alert {
				continue
			}
			require.False(t, names[rule.Name], "%s: the name is taken", where)
			names[rule.Name] = true
			waits := !slices.Contains(always(), rule.Name)
			number := waits && !slices.Contains(states(), rule.Name)
			require.Equal(t, covered{true, waits, number}, shown[rule.Name],
				"%s: a unit test shows that it fires, that it waits, and what an asset_threshold does", where)
			require.True(t, slices.Contains(domains, rule.Labels["domain"]), "%s: domain %q", where, rule.Labels["domain"])
			require.Equal(t, number, strings.Contains(rule.Expr.String(), "asset_threshold"), where)
			for _, key := range []string{"summary", "summary_zh"} {
				if !waits {
					break
				}
				require.Contains(t, rule.Annotations[key], "{{ $labels.asset }}", "%s: %s", where, key)
			}
			for _, key := range []string{"summary", "description"} {
				require.False(t, han.MatchString(rule.Annotations[key]), "%s: %s", where, key)
				require.True(t, han.MatchString(rule.Annotations[key+"_zh"]), "%s: %s_zh", where, key)
			}
			if strings.Contains(rule.Annotations["summary"], "$value") {
				// Scores have no unit, and what they are of has many.
				require.True(t, onScores(rule) || rule.Annotations["unit"] != "", "%s: unit", where)
				require.Contains(t, rule.Annotations["summary_zh"], "$value", where)
			}
		}
	}
	require.NotEmpty(t, names)
}

func TestQuantityLetsACriticalLevelInhibitItsWarningLevelOnly(t *testing.T) {
	set, err := ruleset.Load(nil, rules.FS)
	require.NoError(t, err)
	judged := regexp.MustCompile(`asset_threshold\{[^}]*\}`)
	directions := map[string]map[string]bool{} // of each quantity: where its rules look for trouble
	withoutQuantity := []string{
		"GasOxygenHigh", "WaterPressureHigh", // the opposite hazard
		"TunnelFansStopped", "TunnelSectionFansStopped", // several metrics
	}
	for _, group := range set.Groups() {
		for _, rule := range group.Rules {
			quantity := rule.Labels["quantity"]
			if !rule.Alert || slices.Contains([]string{"info", "none"}, rule.Labels["severity"]) || slices.Contains(states(), rule.Name) {
				continue
			}
			where := fmt.Sprintf("%s:%d: %s", group.File, rule.Line, rule.Name)
			var above, below bool
			for _, selector := range judged.FindAllString(rule.Expr.String(), -1) {
				if onScores(rule) {
					require.Contains(t, selector, `metric="anomaly_score"`, where)
				} else if quantity != "" {
					require.Contains(t, selector, fmt.Sprintf(`metric=%q`, quantity), where)
				}
				above = above || strings.Contains(selector, `direction="above"`)
				below = below || strings.Contains(selector, `direction="below"`)
			}
			require.True(t, above || below, where)
			if len(kindsOf(t, rule)) > 0 {
				require.Empty(t, quantity, "%s: a dangerous kind would hide others that the same camera sees", where)
				continue
			}
			if onScores(rule) {
				require.Contains(t, []string{"", "{{ $labels.metric }}"}, quantity, "%s: of one metric, or of several", where)
				continue
			}
			if quantity == "" {
				require.Contains(t, withoutQuantity, rule.Name, "%s: quantity names the metric", where)
				continue
			}
			if directions[quantity] == nil {
				directions[quantity] = map[string]bool{}
			}
			directions[quantity][fmt.Sprintf("above %t below %t", above, below)] = true
		}
	}
	require.NotEmpty(t, directions)
	for quantity, ways := range directions {
		require.Len(t, ways, 1, "%s: a critical level would hide the warning of the opposite hazard", quantity)
	}
}
