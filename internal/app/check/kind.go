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
	top := topKeys(data)
	if holdsDetectors(top, data) {
		return detectorFile
	}
	for _, key := range top {
		if k, known := kindWith(key); known && k != configuration {
			return k
		}
	}
	return nearestKind(top)
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

// holdsDetectors tells detectors from a configuration that names files of them.
func holdsDetectors(top []string, data []byte) bool {
	if len(top) != 1 || top[0] != "detectors" {
		return false
	}
	var file struct{ Detectors yaml.Node }
	if yaml.Unmarshal(data, &file) != nil {
		return true
	}
	return !slices.ContainsFunc(file.Detectors.Content, func(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!str" })
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

// topKeys also finds keys where the file is no YAML, so that the mistake is
// reported by whoever is to read the file.
func topKeys(data []byte) (keys []string) {
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) == nil {
		if len(doc.Content) == 1 && doc.Content[0].Kind == yaml.MappingNode {
			for i := 0; i < len(doc.Content[0].Content); i += 2 {
				keys = append(keys, doc.Content[0].Content[i].Value)
			}
		}
		return keys
	}
	for _, m := range keyAtTop.FindAllSubmatch(data, -1) {
		keys = append(keys, string(m[1]))
	}
	return keys
}
