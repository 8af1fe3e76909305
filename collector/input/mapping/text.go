package mapping

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"

	"github.com/belfry-city/belfry/collector/input/jsontext"
)

// adder makes + add also where both sides are numbers written as text. It is
// for expressions that give a number: elsewhere + joins texts.
type adder struct{}

// Visit implements ast.Visitor.
func (adder) Visit(node *ast.Node) { plus(node, nameAdd) }

// joiner makes + join text also with numbers: many devices have numbers for
// names.
type joiner struct{}

// Visit implements ast.Visitor.
func (joiner) Visit(node *ast.Node) { plus(node, nameJoin) }

// plus puts a call in the place of +, where no number stands for itself.
func plus(node *ast.Node, name string) {
	if at, ok := (*node).(*ast.BinaryNode); ok && at.Operator == "+" && !isNumber(at.Left) && !isNumber(at.Right) {
		sum := call(name, at.Left, at.Right)
		sum.SetLocation(at.Location())
		*node = sum
	}
}

// add is $add.
func (b *budget) add(args ...any) any {
	x, y := asNumber(args[0]), asNumber(args[1])
	if isText(x) || isText(y) {
		return b.join(args...)
	}
	return runtime.Add(x, y)
}

// join is $join.
func (b *budget) join(args ...any) any {
	x, y := args[0], args[1]
	if isText(x) != isText(y) && isSingle(x) && isSingle(y) {
		left, _ := jsontext.Text(x)
		right, _ := jsontext.Text(y)
		x, y = left, right
	}
	if isText(x) && isText(y) {
		b.text(len(x.(string)) + len(y.(string)))
	}
	return runtime.Add(x, y)
}

func isText(v any) bool {
	_, is := v.(string)
	return is
}

// isSingle holds for text and numbers.
func isSingle(v any) bool {
	switch v.(type) {
	case string, int, float64, json.Number:
		return true
	}
	return false
}

// bounder puts functions whose result is longer than what they are given under
// the budget, and those that copy text.
type bounder struct{}

// Visit implements ast.Visitor.
func (bounder) Visit(node *ast.Node) {
	at, ok := (*node).(*ast.BuiltinNode)
	if !ok {
		return
	}
	var bounded *ast.CallNode
	switch {
	case at.Name == "join":
		bounded = call(nameJoinList, at.Arguments...)
	case at.Name == "replace":
		bounded = call(nameReplace, at.Arguments...)
	case slices.Contains([]string{"upper", "lower", "string", "toJSON", "toBase64", "fromBase64"}, at.Name):
		bounded = call(nameMade, at)
	default:
		return
	}
	bounded.SetLocation(at.Location())
	*node = bounded
}

// made is $made, around what has made a text.
func (b *budget) made(args ...any) any {
	if text, is := args[0].(string); is {
		b.text(len(text))
	}
	return args[0]
}

// joinList is the language's join.
func (b *budget) joinList(args ...any) any {
	glue := ""
	if len(args) > 1 {
		glue = args[1].(string)
	}
	texts, is := args[0].([]string) // of split
	if !is {
		for _, v := range args[0].([]any) {
			texts = append(texts, v.(string))
		}
	}
	size := len(glue) * len(texts)
	for _, text := range texts {
		size += len(text)
	}
	b.text(size)
	return strings.Join(texts, glue)
}

// replace is the language's replace.
func (b *budget) replace(args ...any) any {
	text, from, to, most := args[0].(string), args[1].(string), args[2].(string), -1
	if len(args) > 3 {
		most = runtime.ToInt(args[3])
	}
	found := strings.Count(text, from)
	if most >= 0 {
		found = min(found, most)
	}
	b.text(len(text) + found*(len(to)-len(from)))
	return strings.Replace(text, from, to, most)
}
