package ruleset

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// badDurations finds durations that do not parse, because upstream reports them
// without a line and stops at the first. mended is the file, line by line the
// same, with fit ones in their place, as far as they could be replaced.
func (f *file) badDurations() (problems []Problem, mended []byte) {
	lines := bytes.SplitAfter(f.content, []byte("\n"))
	look := func(n *yaml.Node, keys ...string) {
		for _, key := range keys {
			_, v := field(n, key)
			if v == nil || v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
				continue
			}
			if _, err := model.ParseDuration(v.Value); err != nil {
				problems = append(problems, f.at(v.Line, fmt.Sprintf(
					"%s: %q is no duration; write a number with its unit, such as 30s, 5m or 1h30m", key, v.Value)))
				mend(lines, v)
			}
		}
	}
	for _, g := range f.groups {
		look(g.node, "interval", "query_offset")
		for _, r := range g.rules {
			look(r.node, "for", "keep_firing_for")
		}
	}
	return problems, bytes.Join(lines, nil)
}

// mend writes a fit duration over a scalar that stands on one line, as it is or
// between quotes without escapes. What follows stays in its column, if it can.
func mend(lines [][]byte, v *yaml.Node) {
	if v.Value == "" || v.Line < 1 || v.Line > len(lines) {
		return
	}
	line := lines[v.Line-1]
	start := 0
	for range v.Column - 1 {
		_, n := utf8.DecodeRune(line[start:])
		start += n
	}
	for _, written := range []string{v.Value, "'" + v.Value + "'", `"` + v.Value + `"`} {
		if rest, ok := bytes.CutPrefix(line[start:], []byte(written)); ok {
			fit := fmt.Appendf(nil, "%-*s", utf8.RuneCountInString(written), "1m")
			lines[v.Line-1] = bytes.Join([][]byte{line[:start], fit, rest}, nil)
			return
		}
	}
}
