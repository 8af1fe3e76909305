package ruleset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"
)

// doubts are what upstream accepts in a group but a pager will stumble over.
func doubts(g Group) []Problem {
	var problems []Problem
	for _, r := range g.Rules {
		if !r.Alert {
			continue
		}
		doubt := func(message string) {
			problems = append(problems, Problem{File: g.File, Line: r.Line, Group: g.Name, Rule: r.Name, Message: message})
		}
		switch severity := r.Labels["severity"]; {
		case severity == "":
			doubt("the alert has no severity, so that it is routed like none; add labels: {severity: critical}, warning or info")
		case !slices.Contains([]string{"critical", "warning", "info", "none"}, severity) && !strings.Contains(severity, "{{"):
			doubt(fmt.Sprintf("severity %q is not one of critical, warning, info and none, which the default routes know", severity))
		}
		if r.Annotations["summary"] == "" {
			doubt("the alert has no summary, so that its page says little; add annotations: {summary: …}")
		}
	}
	return problems
}

// doubts about the file as a whole.
func (f *file) doubts(groups *rulefmt.RuleGroups) []Problem {
	var problems []Problem
	if len(groups.Groups) == 0 {
		problems = append(problems, f.at(1, "the file has no rules; a rule file begins with groups:"))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(f.content))
	var document yaml.Node
	for i := 0; i < 2; i++ {
		if err := decoder.Decode(&document); err != nil {
			if errors.Is(err, io.EOF) {
				return problems
			}
			break
		}
	}
	return append(problems, Problem{File: f.name, Line: max(document.Line, 1),
		Message: "what follows the first YAML document is ignored; put all groups into one document"})
}

// repeated finds rules that would overwrite each other's series.
func repeated(groups []Group) []Problem {
	type identity struct {
		name   string
		alert  bool
		labels string
	}
	var problems []Problem
	first := map[identity]Problem{}
	for _, g := range groups {
		for _, r := range g.Rules {
			id := identity{r.Name, r.Alert, labels.FromMap(r.Labels).String()}
			p := Problem{File: g.File, Line: r.Line, Group: g.Name, Rule: r.Name}
			earlier, ok := first[id]
			if !ok {
				first[id] = p
				continue
			}
			p.Message = fmt.Sprintf("the rule at %s:%d has the same name and labels; tell them apart by a label",
				earlier.File, earlier.Line)
			problems = append(problems, p)
		}
	}
	return problems
}
