package ruletest_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/util/junitxml"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/alerting/ruletest"
)

// moduleOf is the directory of Prometheus' sources, at the version of go.mod.
func moduleOf(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/prometheus").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// upstream builds promtool test rules of go.mod's version out of promtool's own
// unittest.go. The rest of promtool needs modules that Belfry does not; so does
// jsondiff, which colours differences.
func upstream(t *testing.T) string {
	t.Helper()
	module, dir := moduleOf(t), t.TempDir()
	source := func(name string) string {
		text, err := os.ReadFile(filepath.Join(module, "cmd/promtool", name))
		require.NoError(t, err)
		return string(text)
	}
	const jsondiff = "github.com/belfry-city/belfry/alerting/ruletest/promtool/jsondiff"
	overlay := map[string]string{}
	for name, text := range map[string]string{
		"unittest.go": strings.Replace(source("unittest.go"), "github.com/nsf/jsondiff", jsondiff, 1),
		"jsondiff/jsondiff.go": "package jsondiff\n\ntype Options struct{}\n\nconst FullMatch = 0\n\n" +
			"func DefaultConsoleOptions() Options { return Options{} }\n\n" +
			"func Compare(a, b []byte, o *Options) (int, string) { panic(\"not asked for\") }\n",
		"main.go": `package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

const successExitCode, failureExitCode = 0, 1

func main() {
	results, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	opts := promqltest.LazyLoaderOpts{EnableAtModifier: true, EnableNegativeOffset: true}
	RulesUnitTestResult(results, opts, parser.NewParser(parser.Options{}), nil, false, false, os.Args[2] == "true", os.Args[3:]...)
}

` + regexp.MustCompile(`(?s)func parseTime\(.*?\n}\n`).FindString(source("query.go")),
	} {
		at := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o700))
		require.NoError(t, os.WriteFile(at, []byte(text), 0o600))
		there, err := filepath.Abs(filepath.Join("promtool", name))
		require.NoError(t, err)
		overlay[there] = at
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600))
	tool := filepath.Join(dir, "promtool")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-overlay", filepath.Join(dir, "overlay.json"), "-o", tool, "./promtool").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return tool
}

// verdict is whether a file is well, and which of its tests were run and are.
type verdict struct {
	ok    bool
	tests map[string]bool
}

func upstreamsVerdicts(t *testing.T, tool string, loose bool, files []string) map[string]verdict {
	t.Helper()
	results := filepath.Join(t.TempDir(), "results.xml")
	out, err := exec.CommandContext(t.Context(), tool, append([]string{results, fmt.Sprint(loose)}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile(results)
	require.NoError(t, err)
	return junit(t, text)
}

func junit(t *testing.T, text []byte) map[string]verdict {
	t.Helper()
	var results junitxml.JUnitXML
	require.NoError(t, xml.Unmarshal(text, &results))
	verdicts := map[string]verdict{}
	for _, s := range results.Suites {
		v := verdict{ok: s.FailureCount+s.ErrorCount == 0, tests: map[string]bool{}}
		for _, c := range s.Cases {
			if s.ErrorCount == 0 {
				v.tests[c.Name] = len(c.Failures) == 0
			}
		}
		verdicts[s.Name] = v
	}
	return verdicts
}

// requireSameVerdicts returns how many of the files are well.
func requireSameVerdicts(t *testing.T, tool string, loose bool, files []string) (well int) {
	t.Helper()
	require.NotEmpty(t, files)
	want := upstreamsVerdicts(t, tool, loose, files)
	reports := ruletest.Files(t.Context(), files, ruletest.Options{IgnoreUnknown: loose})
	var text bytes.Buffer
	require.NoError(t, ruletest.WriteJUnit(&text, reports, time.Now()))
	got := junit(t, text.Bytes())
	for _, r := range reports {
		content, err := os.ReadFile(r.File)
		require.NoError(t, err)
		require.Equal(t, want[r.File].ok, r.OK(), "%v %v\n%s", r.Mistakes, r.Tests, content)
		if r.Mistakes == nil && len(want[r.File].tests) > 0 {
			require.Equal(t, want[r.File], got[r.File], r.File)
		}
		if r.OK() {
			well++
		}
	}
	return well
}

func TestFilesHaveTheVerdictOfPromtool(t *testing.T) {
	tool := upstream(t)
	t.Run("Prometheus' own", func(t *testing.T) {
		files, err := ruletest.Find([]string{filepath.Join(moduleOf(t), "cmd/promtool/testdata")})
		require.NoError(t, err)
		well := requireSameVerdicts(t, tool, false, files)
		require.Equal(t, [2]int{6, 15}, [2]int{well, len(files)})
		require.Equal(t, well+1, requireSameVerdicts(t, tool, true, files), "rules_run_extrafields.yml passes as well")
	})
	t.Run("changed in one place", func(t *testing.T) {
		files := changed(t, "testdata/all.yml", "testdata/rules.yml")
		well := requireSameVerdicts(t, tool, false, files)
		require.Greater(t, well, 10)
		require.Less(t, well, len(files)/2)
	})
}

// changed writes the test file as it is, and with each of its values changed,
// and each of its parts left out.
func changed(t *testing.T, tests, rules string) (files []string) {
	t.Helper()
	dir := t.TempDir()
	source, err := os.ReadFile(rules)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(rules)), source, 0o600))
	source, err = os.ReadFile(tests)
	require.NoError(t, err)
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal(source, &doc))
	write := func() {
		text, err := yaml.Marshal(&doc)
		require.NoError(t, err)
		files = append(files, filepath.Join(dir, fmt.Sprintf("%03d_test.yml", len(files))))
		require.NoError(t, os.WriteFile(files[len(files)-1], text, 0o600))
	}
	write()
	change(&doc, write)
	return files
}

func change(n *yaml.Node, write func()) {
	before := *n
	if n.Kind == yaml.ScalarNode {
		for _, other := range []yaml.Node{{Value: before.Value + "1"}, {Value: "null", Tag: "!!null"}} {
			other.Kind, other.Style = yaml.ScalarNode, before.Style
			*n = other
			write()
		}
		*n = before
	}
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	for i := 0; i < len(before.Content) && n.Kind != yaml.DocumentNode; i += step {
		if before.Content[i].Value == "group_eval_order" {
			continue // promtool evaluates groups that are not in it now first, now last
		}
		n.Content = slices.Delete(slices.Clone(before.Content), i, i+step)
		write()
		*n = before
	}
	for i, c := range n.Content {
		if i == 0 || n.Content[i-1].Value != "group_eval_order" {
			change(c, write)
		}
	}
}
