package ruleset

import (
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// file is one rule file with the places of its groups and rules.
type file struct {
	name    string
	content []byte
	lines   []string
	groups  []place
	broken  error // why it is no YAML
	loose   bool  // unknown keys pass
}

// place is where a group or a rule stands; only groups have rules.
type place struct {
	name  string
	node  *yaml.Node
	rules []place
}

func newFile(name string, content []byte) *file {
	f := &file{name: name, content: content, lines: strings.Split(string(content), "\n")}
	var doc yaml.Node
	if f.broken = yaml.Unmarshal(content, &doc); f.broken != nil || len(doc.Content) == 0 {
		return f
	}
	_, groups := field(doc.Content[0], "groups")
	for _, g := range items(groups) {
		_, rules := field(g, "rules")
		group := place{name: text(g, "name"), node: g}
		for _, r := range items(rules) {
			group.rules = append(group.rules, place{name: text(r, "alert") + text(r, "record"), node: r})
		}
		f.groups = append(f.groups, group)
	}
	return f
}

// resolved follows an alias to its anchor.
func resolved(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// field finds a key and its value in a mapping, also in what is merged in.
func field(n *yaml.Node, name string) (key, value *yaml.Node) {
	// An anchor may be merged into itself, so this has to end by itself.
	const deepest = 8
	for depth := 0; n != nil && depth < deepest; depth++ {
		if n = resolved(n); n.Kind != yaml.MappingNode {
			return nil, nil
		}
		var merged *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			switch n.Content[i].Value {
			case name:
				return n.Content[i], resolved(n.Content[i+1])
			case "<<":
				merged = n.Content[i+1]
			}
		}
		n = merged
	}
	return nil, nil
}

func text(n *yaml.Node, name string) string {
	if _, v := field(n, name); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

func items(n *yaml.Node) []*yaml.Node {
	if n = resolved(n); n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	nodes := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		nodes[i] = resolved(item)
	}
	return nodes
}

func (f *file) ruleLine(group, rule int) int {
	if group >= len(f.groups) || rule >= len(f.groups[group].rules) {
		return 1
	}
	return f.groups[group].rules[rule].node.Line
}

// owner names the group and the rule in which a line stands.
func (f *file) owner(line int) (group, rule string) {
	for _, g := range f.groups {
		if g.node.Line > line {
			break
		}
		group, rule = g.name, ""
		for _, r := range g.rules {
			if r.node.Line > line {
				break
			}
			rule = r.name
		}
	}
	return group, rule
}

// at makes a problem of a message about a line.
func (f *file) at(line int, message string) Problem {
	p := Problem{File: f.name, Line: max(line, 1), Message: message}
	p.Group, p.Rule = f.owner(p.Line)
	return p
}

// lineOf finds the line on which byte pos of an expression stands. YAML may have
// folded the lines and changed the indentation, so that only characters which
// are no white space can be counted on both sides.
func (f *file) lineOf(node *yaml.Node, pos int) int {
	before := 0
	for _, c := range node.Value[:min(max(pos, 0), len(node.Value))] {
		if !unicode.IsSpace(c) {
			before++
		}
	}
	line, column := node.Line, 0
	switch {
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		line++
	case node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		column = node.Column
	default:
		column = node.Column - 1
	}
	last := node.Line
	for ; line <= len(f.lines); line++ {
		for i, c := range []rune(f.lines[line-1]) {
			if i < column || unicode.IsSpace(c) {
				continue
			}
			if last = line; before == 0 {
				return line
			}
			before--
		}
		column = 0
		if before == 0 && pos >= len(node.Value) {
			break
		}
	}
	return last
}
