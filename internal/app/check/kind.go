package check

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kind is what a file is for.
type kind int

const (
	configuration kind = iota
	ruleFile
	catalogFile
	pagerFile
	ruleTests
)

func kindOf(path string, data []byte) kind {
	if strings.EqualFold(filepath.Ext(path), ".csv") {
		return catalogFile
	}
	top := topKeys(data)
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return top[key] })
	}
	switch {
	case has("tests", "rule_files"):
		return ruleTests
	case has("groups"):
		return ruleFile
	case has("assets"):
		return catalogFile
	case has("route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals", "templates"):
		return pagerFile
	default:
		return configuration
	}
}

var keyAtTop = regexp.MustCompile(`(?m)^["']?(\w+)["']?[ \t]*:`)

// topKeys also finds keys where the file is no YAML, so that the mistake is
// reported by whoever is to read the file.
func topKeys(data []byte) map[string]bool {
	keys := map[string]bool{}
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) == nil {
		if len(doc.Content) == 1 && doc.Content[0].Kind == yaml.MappingNode {
			for i := 0; i < len(doc.Content[0].Content); i += 2 {
				keys[doc.Content[0].Content[i].Value] = true
			}
		}
		return keys
	}
	for _, m := range keyAtTop.FindAllSubmatch(data, -1) {
		keys[string(m[1])] = true
	}
	return keys
}
