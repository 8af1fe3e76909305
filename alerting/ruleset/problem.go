package ruleset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake, or one doubtful thing, in a rule file.
type Problem struct {
	// File is the path as the glob gave it, or embedded:NAME.
	File string
	// Line is 1-based.
	Line int
	// Group and Rule are empty where the problem belongs to none.
	Group, Rule string
	// Message says what is wrong and what would be right.
	Message string
}

// Error renders the problem as `file:line: group "g", rule "r": message`.
func (p Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: ", p.File, p.Line)
	switch {
	case p.Group != "" && p.Rule != "":
		fmt.Fprintf(&b, "group %q, rule %q: ", p.Group, p.Rule)
	case p.Group != "":
		fmt.Fprintf(&b, "group %q: ", p.Group)
	case p.Rule != "":
		fmt.Fprintf(&b, "rule %q: ", p.Rule)
	}
	b.WriteString(p.Message)
	return b.String()
}

// inOrder sorts by line and drops what is said twice.
func inOrder(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return slices.Compact(problems)
}

func join(problems []Problem) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
