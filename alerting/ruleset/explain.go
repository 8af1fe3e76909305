package ruleset

import (
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// explain adds what would be right to a complaint of upstream's.
func explain(message string) string {
	for _, known := range []struct{ part, remedy string }{
		{"only one of 'record' and 'alert'", "keep alert for a rule that pages, record for one that stores a series"},
		{"one of 'record' or 'alert'", "name the rule by alert: NAME or record: NAME"},
		{"field 'expr' must be set", "add expr: with a PromQL expression"},
		{"in recording rule", "remove it, or make the rule an alert"},
		{"braces present in the recording rule name", "record takes a name such as street:fill:ratio"},
		{"invalid recording rule name", "record takes a name such as street:fill:ratio"},
		{"invalid label name", "write letters, digits and _, not beginning with a digit, and not __name__"},
		{"invalid annotation name", "write letters, digits and _, not beginning with a digit"},
		{"invalid label value", "write it in UTF-8"},
		{"Groupname must not be empty", "add name: to the group"},
		{"is repeated in the same file", "give each group of a file its own name"},
		{"template: ", "correct the template; labels are {{ $labels.asset }}, the value is {{ $value }}"},
		{"did not find expected", "check indentation, quotes and the - before list items"},
		{"mapping values are not allowed", "put quotes around a text that contains \": \""},
		{"found a tab character", "indent by spaces, not by tabs"},
		{"found character that cannot start any token", "indent by spaces, not by tabs"},
	} {
		if strings.Contains(message, known.part) {
			return message + "; " + known.remedy
		}
	}
	return message
}

// explainYAML rewords the YAML decoder's complaints, which name Go types.
func explainYAML(message string) string {
	if key, rest, ok := cut3(message, "field ", " not found in type "); ok {
		keys := map[string]string{
			"rulefmt.RuleGroups": "a rule file has groups",
			"rulefmt.RuleGroup":  "a group has name, interval, query_offset, limit, labels, rules",
			"rulefmt.Rule":       "a rule has alert, record, expr, for, keep_firing_for, labels, annotations",
		}
		if known, ok := keys[rest]; ok {
			return fmt.Sprintf("unknown key %q; %s", key, known)
		}
	}
	if got, want, ok := cut3(message, "cannot unmarshal ", " into "); ok {
		return fmt.Sprintf("found %s; write %s", kind(got), kind(want))
	}
	return explain(message)
}

func cut3(s, prefix, sep string) (before, after string, ok bool) {
	s, ok = strings.CutPrefix(s, prefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(s, sep)
}

// kind says a YAML tag or a Go type in a user's words.
func kind(s string) string {
	tag, value, _ := strings.Cut(s, " ")
	name, ok := map[string]string{
		"!!map": "a mapping", "!!seq": "a list", "!!str": "a text", "!!int": "a number", "!!float": "a number",
		"!!bool": "true or false", "!!null": "nothing",
		"string": "a text", "int": "a whole number",
		"map[string]string": "a mapping of names to texts", "[]rulefmt.Rule": "a list of rules",
		"[]rulefmt.RuleGroup": "a list of groups", "rulefmt.Rule": "a rule (a mapping with alert or record, and expr)",
		"rulefmt.RuleGroup": "a group (a mapping with name and rules)", "rulefmt.RuleGroups": "a mapping with groups", "rulefmt.ruleGroups": "a mapping with groups",
	}[tag]
	if !ok {
		name = tag
	}
	if value != "" {
		return name + " " + value
	}
	return name
}

// explainPromQL says where in the expression the parser stopped.
func explainPromQL(e parser.ParseErr) string {
	const shown = 24
	position := e.PositionRange.StartPosInput(e.Query, 0)
	start := min(max(int(e.PositionRange.Start), 0), len(e.Query))
	near := strings.Join(strings.Fields(e.Query[start:]), " ")
	if r := []rune(near); len(r) > shown {
		near = string(r[:shown]) + "…"
	}
	if near == "" {
		return fmt.Sprintf("expr, at its end: %v; correct the PromQL", e.Err)
	}
	return fmt.Sprintf("expr, at %s, near %q: %v; correct the PromQL there", position, near, e.Err)
}
