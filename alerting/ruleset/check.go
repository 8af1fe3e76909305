package ruleset

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// check lets upstream judge the file and says where each complaint belongs.
func (f *file) check(p parser.Parser) (*rulefmt.RuleGroups, []Problem) {
	groups, errs := rulefmt.Parse(f.content, false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
	if len(errs) == 0 {
		return groups, nil
	}
	problems := f.badDurations()
	haveDurations := len(problems) > 0
	for _, err := range errs {
		var (
			ofRule *rulefmt.Error
			ofType *yaml.TypeError
		)
		switch {
		case errors.As(err, &ofRule):
			problems = append(problems, f.rule(ofRule))
		case errors.As(err, &ofType):
			for _, e := range ofType.Errors {
				line, message := splitLine(e)
				problems = append(problems, f.at(line, explainYAML(message)))
			}
		default:
			line, message := splitLine(err.Error())
			if line == 0 && haveDurations {
				// Upstream stops at the first bad duration and does not say where.
				continue
			}
			if line == 0 {
				line = f.groupLine(message)
			}
			problems = append(problems, f.at(line, explain(message)))
		}
	}
	return nil, inOrder(problems)
}

// badDurations finds durations that do not parse, because upstream reports them
// without a line.
func (f *file) badDurations() []Problem {
	var problems []Problem
	look := func(n *yaml.Node, keys ...string) {
		for _, key := range keys {
			_, v := field(n, key)
			if v == nil || v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
				continue
			}
			if _, err := model.ParseDuration(v.Value); err != nil {
				problems = append(problems, f.at(v.Line, fmt.Sprintf(
					"%s: %q is no duration; write a number with its unit, such as 30s, 5m or 1h30m", key, v.Value)))
			}
		}
	}
	for _, g := range f.groups {
		look(g.node, "interval", "query_offset")
		for _, r := range g.rules {
			look(r.node, "for", "keep_firing_for")
		}
	}
	return problems
}

// rule places a complaint about one rule.
func (f *file) rule(e *rulefmt.Error) Problem {
	problem := Problem{File: f.name, Line: 1, Group: e.Group, Rule: e.RuleName}
	cause := e.Err.Unwrap()
	var node *yaml.Node
	for _, g := range f.groups {
		if g.name == e.Group && e.Rule <= len(g.rules) {
			node = g.rules[e.Rule-1].node
			break
		}
	}
	if node != nil {
		problem.Line = node.Line
	}
	var syntax parser.ParseErrors
	if errors.As(cause, &syntax) && len(syntax) > 0 {
		if _, expr := field(node, "expr"); expr != nil {
			problem.Line = f.lineOf(expr, int(syntax[0].PositionRange.Start))
		}
		problem.Message = explainPromQL(syntax[0])
		return problem
	}
	if key := subject(node, cause.Error()); key != nil {
		problem.Line = key.Line
	}
	problem.Message = explain(cause.Error())
	return problem
}

// subject finds the key that a complaint about a rule names.
func subject(rule *yaml.Node, message string) *yaml.Node {
	for _, section := range []string{"labels", "annotations"} {
		_, values := field(rule, section)
		if values == nil || values.Kind != yaml.MappingNode {
			continue
		}
		singular := strings.TrimSuffix(section, "s")
		for i := 0; i+1 < len(values.Content); i += 2 {
			key, value := values.Content[i], values.Content[i+1]
			switch {
			case strings.HasPrefix(message, fmt.Sprintf("%s %q: ", singular, key.Value)),
				message == "invalid "+singular+" name: "+key.Value,
				message == "invalid "+singular+" value: "+value.Value:
				return key
			}
		}
	}
	for _, name := range []string{"expr", "annotations", "keep_firing_for", "for", "record"} {
		if strings.Contains(message, "'"+name+"'") || name == "record" {
			if key, _ := field(rule, name); key != nil {
				return key
			}
		}
	}
	return nil
}

// groupLine finds the line of what upstream refuses in a group without saying
// where.
func (f *file) groupLine(message string) int {
	names := map[string]bool{}
	for _, g := range f.groups {
		if key := subject(g.node, message); key != nil {
			return key.Line
		}
		unnamed := g.name == "" && strings.HasPrefix(message, "Groupname must not be empty")
		if unnamed || names[g.name] && strings.HasPrefix(message, fmt.Sprintf("groupname: \"%s\" is repeated", g.name)) {
			return g.node.Line
		}
		names[g.name] = true
	}
	return 1
}

// splitLine takes upstream's "line 5: ", "yaml: line 5: " or "5:3: " off a message.
func splitLine(message string) (int, string) {
	rest := strings.TrimPrefix(message, "yaml: ")
	if after, ok := strings.CutPrefix(rest, "line "); ok {
		if number, text, ok := strings.Cut(after, ": "); ok {
			if line, err := strconv.Atoi(number); err == nil {
				return line, text
			}
		}
		return 0, rest
	}
	position, text, ok := strings.Cut(rest, ": ")
	if !ok {
		return 0, rest
	}
	number, column, ok := strings.Cut(position, ":")
	if !ok {
		return 0, rest
	}
	line, err := strconv.Atoi(number)
	if _, err2 := strconv.Atoi(column); err != nil || err2 != nil {
		return 0, rest
	}
	return line, text
}
