package strict

import (
	"bytes"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// longestSearch is the most bytes in which Syntax looks for the line, because it
// parses the text some twenty times.
const longestSearch = 1 << 20

var yamlErrorLine = regexp.MustCompile(`^(?:[a-z ]*)line (\d+): `)

// Syntax says where data is no YAML, and why, given what the parser said. The
// parser itself names the line at which the list or mapping around the mistake
// begins, or none. Where line is only the first that it may be, vague is true.
func Syntax(data []byte, err error) (line int, text string, vague bool) {
	said, text := syntaxError(err)
	switch {
	case strings.HasPrefix(text, "did not find expected ',' or"):
		// What is missing belongs to the bracket that was opened there; the parser counts from 0 here.
		return said + 1, text, false
	case strings.HasPrefix(text, "found unexpected end"), strings.HasPrefix(text, "found unexpected document indicator"):
		return max(said, 1), text, false // where the quotes begin
	case len(data) > longestSearch:
		return max(said, 1), text, true
	}
	ends := lineEnds(data)
	at := sort.Search(len(ends), func(i int) bool {
		var doc yaml.Node
		err := yaml.Unmarshal(data[:ends[i]], &doc)
		if err == nil {
			return false
		}
		_, got := syntaxError(err)
		return got == text
	})
	if at == len(ends) {
		return max(said, 1), text, true
	}
	return at + 1, text, false
}

// syntaxError takes the line, 0 where there is none, off an error of the parser.
func syntaxError(err error) (line int, text string) {
	text = strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlErrorLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1]) // 0 where it is too long to be one
		text = text[len(m[0]):]
	}
	return line, text
}

func lineEnds(data []byte) (ends []int) {
	at := 0
	for line := range bytes.Lines(data) {
		at += len(line)
		ends = append(ends, at)
	}
	return ends
}
