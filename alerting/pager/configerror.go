package pager

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// locate turns what upstream says about a configuration into errors that begin with file and line. Upstream gives a
// line for what does not parse; for what does not fit together the line is looked up by the name that the message
// quotes or the key that it is about.
func locate(file, text string, err error) error {
	var doc yaml.Node
	if broken := yaml.Unmarshal([]byte(text), &doc); broken != nil && strings.HasPrefix(err.Error(), "yaml: ") {
		line, message, vague := strict.Syntax([]byte(text), broken)
		where := "YAML syntax: "
		if vague {
			where = "YAML syntax, here or further down: "
		}
		return &configError{file: file, line: line, message: where + message}
	}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	message = strings.TrimPrefix(message, "unmarshal errors:\n")
	if strings.HasPrefix(message, "line ") || strings.HasPrefix(strings.TrimSpace(message), "line ") {
		var all []error
		for line := range strings.Lines(message) {
			all = append(all, located(file, strings.TrimSpace(line)))
		}
		return errors.Join(all...)
	}
	return &configError{file: file, line: lineOf(text, message), message: message}
}

type configError struct {
	file    string
	line    int
	message string
}

func (e *configError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.file, e.line, e.message)
}

// located reads "line 3: what is wrong".
func located(file, message string) error {
	number, rest, found := strings.Cut(strings.TrimPrefix(message, "line "), ": ")
	line, err := strconv.Atoi(number)
	if !found || err != nil {
		return &configError{file: file, line: 1, message: message}
	}
	// The types of upstream's decoder mean nothing to the reader.
	rest = regexp.MustCompile(` in type [\w.]+$`).ReplaceAllString(rest, "")
	rest = regexp.MustCompile(`^field (\S+) not found$`).ReplaceAllString(rest, `unknown key "$1"`)
	return &configError{file: file, line: line, message: rest}
}

// lineOf finds the line that a message without one is about, or 1.
func lineOf(text, message string) int {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) == 0 {
		return 1
	}
	for _, quoted := range regexp.MustCompile(`"((?:[^"\\]|\\.)+)"`).FindAllString(message, -1) {
		value, err := strconv.Unquote(quoted)
		if err != nil {
			continue
		}
		if n := find(&doc, func(_, v *yaml.Node) bool { return v.Value == value }); n != nil {
			return n.Line
		}
	}
	for _, about := range []struct{ words, key string }{
		{"regexp", "matchers"}, {"regexp", "match_re"}, {"root route", "route"}, {"in root", "route"}, {"route", "route"},
		{"SMTP", "email_configs"}, {"Slack", "slack_configs"}, {"PagerDuty", "pagerduty_configs"},
		{"OpsGenie", "opsgenie_configs"}, {"Wechat", "wechat_configs"}, {"VictorOps", "victorops_configs"},
		{"Webex", "webex_configs"}, {"Rocketchat", "rocketchat_configs"}, {"telegram", "telegram_configs"},
		{"discord", "discord_configs"}, {"msteamsv2", "msteamsv2_configs"}, {"msteams", "msteams_configs"},
		{"mattermost", "mattermost_configs"}, {"webhook", "webhook_configs"}, {"url", "webhook_configs"},
		{"mute time interval", "mute_time_intervals"}, {"time interval", "time_intervals"},
		{"group_interval", "group_interval"}, {"repeat_interval", "repeat_interval"}, {"group_by", "group_by"},
		{"matcher", "matchers"}, {"receiver", "receivers"},
	} {
		if !strings.Contains(message, about.words) {
			continue
		}
		if n := find(&doc, func(k, _ *yaml.Node) bool { return k != nil && k.Value == about.key }); n != nil {
			return n.Line
		}
	}
	return 1
}

// find returns the last node, in the order of the file, that is meant: where a name is defined once and used wrongly
// later, or twice, the later one is the mistake. It is told each value together with its key, if it has one.
func find(n *yaml.Node, meant func(key, value *yaml.Node) bool) *yaml.Node {
	var found *yaml.Node
	see := func(k, v *yaml.Node) {
		if meant(k, v) && (found == nil || v.Line > found.Line) {
			found = v
			if k != nil {
				found = k
			}
		}
	}
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		for i, c := range n.Content {
			switch {
			case n.Kind != yaml.MappingNode:
				see(nil, c)
			case i%2 == 1:
				see(n.Content[i-1], c)
			default:
				continue
			}
			walk(c)
		}
	}
	walk(n)
	return found
}

// locateTemplate turns what the template parser says, `template: name.tmpl:3: ...`, into file and line.
func locateTemplate(globs []string, err error) error {
	m := regexp.MustCompile(`^(?:html/)?template: ([^:]+):(\d+):(?:\d+:)? (.*)$`).FindStringSubmatch(err.Error())
	if m == nil {
		return fmt.Errorf("read templates: %w", err)
	}
	file := m[1]
	for _, glob := range globs {
		paths, _ := filepath.Glob(glob)
		for _, path := range paths {
			if filepath.Base(path) == m[1] {
				file = path
			}
		}
	}
	line, _ := strconv.Atoi(m[2])
	return &configError{file: file, line: line, message: m[3]}
}
