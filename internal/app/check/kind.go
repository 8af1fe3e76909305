package check

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/config/strict"
)

// kind is what a file is for.
type kind int

const (
	configuration kind = iota
	ruleFile
	catalogFile
	pagerFile
	ruleTests
	detectorFile
)

func kindOf(path string, data []byte) kind {
	if strings.EqualFold(filepath.Ext(path), ".csv") {
		return catalogFile
	}
	if isConfiguration(path) {
		return configuration
	}
	root := parse(data)
	top := topKeys(root, data)
	if holdsDetectors(root, top) {
		return detectorFile
	}
	for _, key := range top {
		if k, known := kindWith(key); known && k != configuration {
			return k
		}
	}
	return nearestKind(top)
}

// isConfiguration tells a configuration by its name, since one that holds by
// mistake what belongs into a file of its own looks like such a file.
func isConfiguration(path string) bool {
	name := filepath.Base(path)
	return name == "belfry.yml" || name == "belfry.yaml"
}

// keys are those at the top of each kind of file that is told by them.
func keys() map[kind][]string {
	return map[kind][]string{
		ruleTests:     {"tests", "rule_files"},
		ruleFile:      {"groups"},
		catalogFile:   {"assets"},
		pagerFile:     {"route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals", "templates"},
		configuration: config.Keys(),
	}
}

// holdsDetectors tells detectors, also where they do not stand as they should,
// from a configuration that names files of them.
func holdsDetectors(root *yaml.Node, top []string) bool {
	if root != nil && root.Kind == yaml.SequenceNode { // without the key
		return slices.ContainsFunc(root.Content, func(n *yaml.Node) bool { return valueOf(n, "select") != nil })
	}
	if !slices.Contains(top, "detectors") || slices.ContainsFunc(top, func(key string) bool {
		_, known := kindWith(key)
		return known && key != "detectors"
	}) {
		return false
	}
	list := valueOf(root, "detectors")
	if list == nil {
		return true // no YAML; whoever reads it says so
	}
	written := func(n *yaml.Node) bool { return resolved(n).Kind == yaml.ScalarNode && resolved(n).Tag != "!!null" }
	switch list.Kind {
	case yaml.MappingNode:
		return true
	case yaml.SequenceNode:
		return !slices.ContainsFunc(list.Content, written)
	default:
		return !written(list)
	}
}

// valueOf is what a mapping has under a key; nil: there is none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || resolved(n).Kind != yaml.MappingNode {
		return nil
	}
	entries := resolved(n).Content
	for i := 0; i < len(entries); i += 2 {
		if entries[i].Value == key {
			return resolved(entries[i+1])
		}
	}
	return nil
}

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func kindWith(key string) (kind, bool) {
	for k, words := range keys() {
		if slices.Contains(words, key) {
			return k, true
		}
	}
	return configuration, false
}

// nearestKind tells the file by keys that are spelled wrongly, so that whoever
// is to read it can say which key was meant. A file that has one key of a
// configuration, or none that is like any, is a configuration.
func nearestKind(top []string) kind {
	var words []string
	for k, of := range keys() {
		if k != ruleTests {
			words = append(words, of...)
		}
	}
	slices.Sort(words)
	nearest, found := configuration, false
	for _, key := range top {
		if slices.Contains(config.Keys(), key) {
			return configuration
		}
		if near := strict.Nearest(key, words); near != "" && !found {
			nearest, found = kindWith(near)
		}
	}
	return nearest
}

var keyAtTop = regexp.MustCompile(`(?m)^["']?(\w+)["']?[ \t]*:`)

// parse returns nil where the file is no YAML, and an empty node where there is
// nothing in it.
func parse(data []byte) *yaml.Node {
	var doc yaml.Node
	switch {
	case yaml.Unmarshal(data, &doc) != nil:
		return nil
	case len(doc.Content) != 1:
		return &doc
	default:
		return doc.Content[0]
	}
}

// topKeys also finds keys where the file is no YAML, so that the mistake is
// reported by whoever is to read the file.
func topKeys(root *yaml.Node, data []byte) (keys []string) {
	if root != nil {
		if root.Kind == yaml.MappingNode {
			for i := 0; i < len(root.Content); i += 2 {
				keys = append(keys, root.Content[i].Value)
			}
		}
		return keys
	}
	for _, m := range keyAtTop.FindAllSubmatch(data, -1) {
		keys = append(keys, string(m[1]))
	}
	return keys
}
