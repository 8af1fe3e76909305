package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Value is a place in a YAML file. Values are only valid together with the
// File that they came from.
type Value struct {
	file *File
	node *yaml.Node
	at   *place
	// before counts the lines of the file in front of the part that was parsed.
	before int
	// hidden values are not repeated in problems.
	hidden bool
}

// Hidden is v as a secret: problems with it, and with what is in it, do not
// repeat what was written.
func (v Value) Hidden() Value {
	v.hidden = true
	return v
}

// child is the place under v that step leads to.
func (v Value) child(node *yaml.Node, step place) Value {
	step.parent = v.at
	v.node, v.at = node, &step
	return v
}

// place is a step of a key such as auth.tokens[0].name; it is spelled out only
// when there is a problem to report.
type place struct {
	parent *place
	name   string
	index  int
}

func (p *place) String() string {
	switch {
	case p == nil:
		return ""
	case p.name == "":
		return fmt.Sprintf("%s[%d]", p.parent, p.index)
	case p.parent == nil:
		return p.name
	default:
		return p.parent.String() + "." + p.name
	}
}

// YAML parses data, which must hold at most one document. An empty document
// gives a null Value. When ok is false the problem has been noted.
func (f *File) YAML(data []byte) (root Value, ok bool) { return f.Part(data, 0) }

// Part is YAML for a piece of the file that is a document by itself, with the
// number of lines in front of it.
func (f *File) Part(data []byte, before int) (root Value, ok bool) {
	root = Value{file: f, before: before, node: &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: 1}}
	if line := firstInvalid(data); line > 0 {
		f.Refuse(before+line, "want text in UTF-8 without control characters")
		return root, false
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return root, true
	}
	if err == nil {
		err = dec.Decode(&next)
		if err == nil {
			f.Refuse(before+next.Line, "want one YAML document; got a second one")
			return root, false
		}
	}
	if !errors.Is(err, io.EOF) {
		f.refuseSyntax(data, err, before)
		return root, false
	}
	if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
		root.node = doc.Content[0]
	}
	return root, true
}

// refuseSyntax notes what the parser said of data.
func (f *File) refuseSyntax(data []byte, err error, before int) {
	line, text, vague := Syntax(data, err)
	place := ""
	if vague {
		place = ", here or further down"
	}
	f.Refuse(before+line, "want YAML; got a mistake in its syntax%s: %s", place, text)
}

// firstInvalid is the line of the first byte that YAML does not allow, which
// the parser itself reports without a line. 0 means that all is well, or that
// the text is in UTF-16 and the parser has to judge.
func firstInvalid(data []byte) int {
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return 0
	}
	line := 1
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == '\n':
			line++
		case r == utf8.RuneError && n <= 1,
			r < ' ' && r != '\t' && r != '\r',
			r >= 0x7f && r < 0xa0 && r != 0x85,
			r == 0xfeff && i > 0, r == 0xfffe, r == 0xffff:
			return line
		}
		i += n
	}
	return 0
}

// Line is the 1-based line on which the value begins.
func (v Value) Line() int { return v.before + v.node.Line }

// Key is where the value stands, such as inputs.mqtt.topics[0].
func (v Value) Key() string { return v.at.String() }

// IsNull reports whether nothing is written there.
func (v Value) IsNull() bool {
	n := v.resolved()
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

func (v Value) resolved() *yaml.Node {
	if v.node.Kind == yaml.AliasNode {
		return v.node.Alias
	}
	return v.node
}

// Want notes that the value is not what is wanted, and what it is instead.
func (v Value) Want(want string) {
	v.Refuse("want %s; got %s", want, v.got())
}

// Refuse notes a problem with the value, in front of which its key is put.
func (v Value) Refuse(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if key := v.at.String(); key != "" {
		text = key + ": " + text
	}
	v.file.Refuse(v.Line(), "%s", text)
}

func (v Value) got() string {
	n := v.resolved()
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case v.IsNull():
		return "nothing"
	case v.hidden:
		return "something else"
	default:
		return Quote(n.Value)
	}
}

// Quote makes text fit to stand in a message: quoted, and cut when it is long.
func Quote(text string) string {
	const most = 80
	if len(text) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "..."
	}
	return strconv.Quote(text)
}

// Keys says how each key of a mapping is read into a T. A key that belongs to a
// later version has nil: it is refused as such, and not offered.
type Keys[T any] map[string]func(Value, *T)

// Mapping reads v into a T. Unknown and repeated keys are refused. A key
// without a value is left alone, so that it keeps its default.
func Mapping[T any](v Value, into *T, keys Keys[T]) {
	n := v.resolved()
	if v.IsNull() {
		return
	}
	if n.Kind != yaml.MappingNode {
		v.Want("keys and values (" + strings.Join(keys.offered(), ", ") + ")")
		return
	}
	entries := v.entries(n)
	for i := 0; i < len(entries); i += 2 {
		key, value := entries[i], entries[i+1]
		child := v.child(value, place{name: key.Value})
		read, known := keys[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Value == "":
			v.refuseKey(key)
		case !known:
			v.file.Refuse(v.before+key.Line, "%s: unknown key; %s", child.at, hint(key.Value, keys))
		case repeated(entries, i):
			v.file.Refuse(v.before+key.Line, "%s: want each key once; got it again", child.at)
		case child.IsNull():
		case read == nil:
			child.Refuse("not available in this version")
		default:
			read(child, into)
		}
	}
}

// refuseKey notes that a key of v is no word.
func (v Value) refuseKey(key *yaml.Node) {
	v.node = key
	v.Want("a plain word as key")
}

// repeated is quadratic, but only over known keys, each of which is refused
// from its second appearance on.
func repeated(entries []*yaml.Node, i int) bool {
	for j := 0; j < i; j += 2 {
		if entries[j].Value == entries[i].Value {
			return true
		}
	}
	return false
}

// offered are the keys that may be used, sorted.
func (k Keys[T]) offered() []string {
	names := slices.Sorted(maps.Keys(k))
	return slices.DeleteFunc(names, func(name string) bool { return k[name] == nil })
}

func hint[T any](key string, keys Keys[T]) string {
	known := keys.offered()
	if near := Nearest(key, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known here: " + strings.Join(known, ", ")
}

// Pairs reads a mapping whose keys are not known beforehand, in the order of
// the file. Repeated keys are refused.
func Pairs(v Value, want string, item func(key string, value Value)) {
	n := v.resolved()
	if v.IsNull() {
		return
	}
	if n.Kind != yaml.MappingNode {
		v.Want(want)
		return
	}
	entries := v.entries(n)
	seen := make(map[string]bool, len(entries)/2)
	for i := 0; i < len(entries); i += 2 {
		key, value := entries[i], entries[i+1]
		child := v.child(value, place{name: key.Value})
		switch {
		case key.Kind != yaml.ScalarNode || key.Value == "":
			v.refuseKey(key)
		case seen[key.Value]:
			v.file.Refuse(v.before+key.Line, "%s: want each key once; got it again", child.at)
		default:
			seen[key.Value] = true
			item(key.Value, child)
		}
	}
}

// List calls item for each element. An empty value is an empty list.
func List(v Value, want string, item func(Value)) {
	n := v.resolved()
	if v.IsNull() {
		return
	}
	if n.Kind != yaml.SequenceNode {
		v.Want(want)
		return
	}
	for i, element := range n.Content {
		item(v.child(element, place{index: i}))
	}
}

// Problems is the number of problems in the whole file so far.
func (v Value) Problems() int { return v.file.Count() }

// Text returns the value as it was written; ok is false when it is empty or
// no scalar.
func (v Value) Text() (text string, ok bool) {
	n := v.resolved()
	if n.Kind != yaml.ScalarNode || v.IsNull() {
		return "", false
	}
	return n.Value, true
}

// Source is a place where a single value may stand: a Value, or a cell of a
// table.
type Source interface {
	// Text is what was written; ok is false when that is nothing, or no single
	// value.
	Text() (text string, ok bool)
	// Want notes that what was written is not what is wanted.
	Want(want string)
}

// Set reads s into a T, or notes what would be right.
func Set[T any](s Source, into *T, read Scalar[T]) {
	text, ok := s.Text()
	got, want := read(text)
	switch {
	case want != "":
		s.Want(want)
	case !ok:
		s.Want("a single value")
	default:
		*into = got
	}
}
