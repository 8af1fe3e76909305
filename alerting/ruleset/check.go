package ruleset

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// check lets upstream judge the file and says where each complaint belongs.
// Upstream stops at the first bad duration, and does not look into rules where
// a key is unknown, so it is asked again without them.
func (f *file) check(p parser.Parser) (*rulefmt.RuleGroups, []Problem) {
	if f.broken != nil {
		return nil, []Problem{f.syntax()}
	}
	parse := func(content []byte, ignoreUnknown bool) (*rulefmt.RuleGroups, []error) {
		return rulefmt.Parse(content, ignoreUnknown, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
	}
	groups, errs := parse(f.content, f.loose)
	if len(errs) == 0 {
		return groups, nil
	}
	problems, mended := f.badDurations()
	durations := len(problems)
	if durations > 0 {
		_, errs = parse(mended, f.loose)
	}
	problems = f.place(problems, errs, durations > 0)
	var ofTypes *yaml.TypeError
	if len(errs) > 0 && errors.As(errs[0], &ofTypes) {
		known := problems[durations:]
		_, errs = parse(mended, true)
		for _, also := range f.place(nil, errs, durations > 0) {
			// What is said to be missing may stand under the key that is unknown.
			consequence := strings.Contains(also.Message, "must be set") && slices.ContainsFunc(known, func(p Problem) bool {
				return p.Group == also.Group && p.Rule == also.Rule
			})
			if !consequence && !slices.Contains(problems, also) {
				problems = append(problems, also)
			}
		}
	}
	return nil, inOrder(problems)
}

func (f *file) syntax() Problem {
	line, message, vague := strict.Syntax(f.content, f.broken)
	where := "YAML syntax: "
	if vague {
		where = "YAML syntax, here or further down: "
	}
	return f.at(line, where+explain(message))
}

// place appends what upstream complains about. Bad durations, which it reports
// without a line, are left out where they are known already.
func (f *file) place(problems []Problem, errs []error, haveDurations bool) []Problem {
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
			if line == 0 && haveDurations && strings.Contains(message, "duration") {
				continue
			}
			if line == 0 {
				line = f.groupLine(message)
			}
			problems = append(problems, f.at(line, explain(message)))
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
