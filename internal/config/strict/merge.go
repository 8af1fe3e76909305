package strict

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// entries are the keys and values of a mapping, one after the other: its own,
// then those that << merges into it and that it has not.
func (v Value) entries(n *yaml.Node) []*yaml.Node {
	if !slices.ContainsFunc(n.Content, isMerge) {
		return n.Content
	}
	var own, merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			merged = append(merged, n.Content[i+1])
		} else {
			own = append(own, n.Content[i], n.Content[i+1])
		}
	}
	m := merger{entries: own, has: map[string]bool{}, seen: map[*yaml.Node]bool{n: true}}
	for i := 0; i < len(own); i += 2 {
		m.has[own[i].Value] = true
	}
	for _, from := range merged {
		if !m.merge(from) {
			v.child(from, place{name: "<<"}).Want("a mapping, or a list of mappings, to take keys from")
		}
	}
	return m.entries
}

// isMerge is false for a value << because that is a text, and has another tag.
func isMerge(key *yaml.Node) bool { return key.Value == "<<" && key.Tag == "!!merge" }

// merger looks into each mapping once: a second time it has nothing new, and it
// may be merged into itself.
type merger struct {
	entries []*yaml.Node
	has     map[string]bool
	seen    map[*yaml.Node]bool
}

// merge reports whether there was anything that can be merged.
func (m *merger) merge(from *yaml.Node) bool {
	if from.Kind == yaml.AliasNode {
		from = from.Alias
	}
	if m.seen[from] {
		return true
	}
	m.seen[from] = true
	ok := from.Kind == yaml.MappingNode || from.Kind == yaml.SequenceNode
	if from.Kind == yaml.SequenceNode {
		for _, one := range from.Content {
			ok = m.merge(one) && ok
		}
		return ok
	}
	var deeper []*yaml.Node
	for i := 0; i+1 < len(from.Content); i += 2 {
		key, value := from.Content[i], from.Content[i+1]
		switch {
		case isMerge(key):
			deeper = append(deeper, value)
		case !m.has[key.Value]:
			m.has[key.Value] = true
			m.entries = append(m.entries, key, value)
		}
	}
	for _, one := range deeper {
		ok = m.merge(one) && ok
	}
	return ok
}
