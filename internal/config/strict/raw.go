package strict

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Raw is a value for which another parser is responsible, such as a library's
// own. It stays good without its File.
type Raw struct {
	file, key string
	node      *yaml.Node // of the value alone: without aliases, each key on a line of its own
	line      int
}

// maxRaw bounds what aliases may make of a value.
const maxRaw = 100_000

// Raw returns the value for another parser.
func (v Value) Raw() Raw {
	left := maxRaw
	r := Raw{file: v.file.name, key: v.at.String(), line: v.Line(), node: v.plain(v.node, &left)}
	if left < 0 {
		v.Want("a value of reasonable size")
		r.node = &yaml.Node{Kind: yaml.MappingNode, Line: r.line}
	}
	return r
}

func (v Value) plain(n *yaml.Node, left *int) *yaml.Node {
	line := n.Line
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Line: v.before + line}
	if n.Kind == yaml.ScalarNode {
		c.Style = n.Style &^ yaml.FoldedStyle &^ yaml.LiteralStyle
	}
	if *left--; *left < 0 {
		return c
	}
	for _, child := range n.Content {
		c.Content = append(c.Content, v.plain(child, left))
	}
	return c
}

// Key is where the value stands, such as inputs.scrape[0].
func (r Raw) Key() string { return r.key }

// Problem is a problem with the value as a whole.
func (r Raw) Problem(text string) Problem {
	return Problem{File: r.file, Line: r.line, Text: r.key + ": " + text}
}

// YAML is the value as a document.
func (r Raw) YAML() []byte { return encode(r.node) }

func encode(n *yaml.Node) []byte {
	text, err := yaml.Marshal(n)
	if err != nil {
		return nil // a tree that was read can be written
	}
	return text
}

// Parse has the other parser read the value, and brings the problems that it
// reports home to the lines and keys of the file. Where the parser names no
// line, the part of the value is looked for without which it is content. word
// may say it better; got is what is written there.
func (r Raw) Parse(parse func(text []byte) error, word func(said, got string) string) Problems {
	err := parse(r.YAML())
	if err == nil {
		return nil
	}
	var problems Problems
	if lined := splitLines(err); len(lined) > 0 {
		places := r.places()
		for _, l := range lined {
			at := pick(places[l.line], l.text, where{key: r.key, line: r.line, got: got(r.node)})
			problems = append(problems, at.problem(r.file, word(l.text, at.got)))
		}
		return problems
	}
	at := r.blame(parse, err.Error())
	return Problems{at.problem(r.file, word(err.Error(), at.got))}
}

// where is a place in the value.
type where struct {
	key, got string
	line     int
	kind     yaml.Kind
}

func (w where) problem(file, text string) Problem {
	return Problem{File: file, Line: w.line, Text: w.key + ": " + text}
}

type linedError struct {
	line int
	text string
}

var errorLine = regexp.MustCompile(`(?m)^\s*(?:yaml: )?line (\d+): (.*)$`)

// splitLines takes an error of a YAML library apart; it has no parts where it
// is one without lines.
func splitLines(err error) (parts []linedError) {
	for _, m := range errorLine.FindAllStringSubmatch(err.Error(), -1) {
		line, _ := strconv.Atoi(m[1])
		parts = append(parts, linedError{line, m[2]})
	}
	return parts
}

// pick chooses among the places that begin on a line the one that an error is
// about: a list or mapping where it says so, else the innermost.
func pick(places []where, said string, otherwise where) where {
	kind := yaml.Kind(0)
	switch {
	case strings.Contains(said, "!!seq"):
		kind = yaml.SequenceNode
	case strings.Contains(said, "!!map"):
		kind = yaml.MappingNode
	}
	for _, at := range slices.Backward(places) {
		if kind == 0 || at.kind == kind {
			return at
		}
	}
	return otherwise
}

// places are the keys and elements by the lines of YAML, the outer ones first.
func (r Raw) places() map[int][]where {
	var written yaml.Node
	if err := yaml.Unmarshal(r.YAML(), &written); err != nil || len(written.Content) != 1 {
		return nil
	}
	places := map[int][]where{}
	note(places, r.node, written.Content[0], r.key)
	return places
}

func note(places map[int][]where, n, written *yaml.Node, key string) {
	for i := 0; i < len(n.Content) && i < len(written.Content); i++ {
		line, child, value := n.Content[i].Line, key, i
		switch {
		case n.Kind == yaml.SequenceNode:
			child = fmt.Sprintf("%s[%d]", key, i)
		case i%2 == 1 || i+1 >= len(written.Content):
			continue
		default:
			child += "." + n.Content[i].Value
			value = i + 1
		}
		at := where{child, got(n.Content[value]), line, n.Content[value].Kind}
		places[written.Content[i].Line] = append(places[written.Content[i].Line], at)
		if inner := written.Content[value].Line; inner != written.Content[i].Line {
			places[inner] = append(places[inner], at)
		}
		note(places, n.Content[value], written.Content[value], child)
	}
}

func got(n *yaml.Node) string { return Value{node: n}.got() }

// blame looks for the smallest part without which parse has nothing to say, or
// else, if there is one only, without which it says something else.
func (r Raw) blame(parse func([]byte) error, said string) where {
	at := where{key: r.key, line: r.line, got: got(r.node)}
	for n := r.node; n != nil; {
		size := 1 // of a part
		if n.Kind == yaml.MappingNode {
			size = 2
		}
		guilty, others := -1, []int(nil)
		for i := 0; i+size <= len(n.Content) && guilty < 0; i += size {
			all := n.Content
			n.Content = append(append([]*yaml.Node(nil), all[:i]...), all[i+size:]...)
			err := parse(r.YAML())
			n.Content = all
			switch {
			case err == nil:
				guilty = i
			case err.Error() != said:
				others = append(others, i)
			}
		}
		if guilty < 0 && len(others) == 1 {
			guilty = others[0]
		}
		if guilty < 0 {
			break
		}
		first, value := n.Content[guilty], n.Content[guilty+size-1]
		if size == 2 {
			at = where{key: at.key + "." + first.Value, got: got(value), line: first.Line}
		} else {
			at = where{key: fmt.Sprintf("%s[%d]", at.key, guilty), got: got(value), line: value.Line}
		}
		n = value
	}
	return at
}
