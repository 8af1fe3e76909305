package strict

import (
	"fmt"
	"regexp"
	"strconv"

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
			at, known := places[l.line]
			if !known {
				at = where{key: r.key, line: r.line}
			}
			// The place of an unknown or repeated key is that of what it stands in.
			problems = append(problems, at.problem(r.file, word(l.text, at.got)))
		}
		return problems
	}
	at := r.blame(parse)
	return Problems{at.problem(r.file, word(err.Error(), at.got))}
}

// where is a place in the value.
type where struct {
	key, got string
	line     int
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

// places are the keys and elements by the lines of YAML.
func (r Raw) places() map[int]where {
	var written yaml.Node
	if err := yaml.Unmarshal(r.YAML(), &written); err != nil || len(written.Content) != 1 {
		return nil
	}
	places := map[int]where{}
	note(places, r.node, written.Content[0], r.key)
	return places
}

func note(places map[int]where, n, written *yaml.Node, key string) {
	for i := 0; i < len(n.Content) && i < len(written.Content); i++ {
		child, at := n.Content[i], written.Content[i]
		switch {
		case n.Kind == yaml.SequenceNode:
			childKey := fmt.Sprintf("%s[%d]", key, i)
			places[at.Line] = where{childKey, got(child), child.Line}
			note(places, child, at, childKey)
		case n.Kind == yaml.MappingNode && i%2 == 0 && i+1 < len(n.Content):
			childKey := key + "." + child.Value
			places[at.Line] = where{childKey, got(n.Content[i+1]), child.Line}
			note(places, n.Content[i+1], written.Content[i+1], childKey)
		}
	}
}

func got(n *yaml.Node) string { return Value{node: n}.got() }

// blame looks for the smallest part without which parse has nothing to say.
func (r Raw) blame(parse func([]byte) error) where {
	at := where{key: r.key, line: r.line, got: got(r.node)}
	for n := r.node; n != nil; {
		part, step := 1, 1
		if n.Kind == yaml.MappingNode {
			part, step = 2, 2
		}
		var guilty *yaml.Node
		for i := 0; i+part <= len(n.Content) && guilty == nil; i += step {
			all := n.Content
			n.Content = append(append([]*yaml.Node(nil), all[:i]...), all[i+part:]...)
			err := parse(r.YAML())
			n.Content = all
			if err != nil {
				continue
			}
			guilty = all[i+part-1]
			if part == 2 {
				at = where{at.key + "." + all[i].Value, got(guilty), all[i].Line}
			} else {
				at = where{fmt.Sprintf("%s[%d]", at.key, i), got(guilty), guilty.Line}
			}
		}
		n = guilty
	}
	return at
}
