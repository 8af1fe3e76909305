package mapping

import (
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/belfry-city/belfry/collector/input/jsontext"
)

// ticker puts a call of $tick in front of the body of each loop, so that loops
// end (see budget).
type ticker struct{}

// Visit implements ast.Visitor.
func (ticker) Visit(node *ast.Node) {
	loop, ok := (*node).(*ast.PredicateNode)
	if !ok {
		return
	}
	if body, ok := loop.Node.(*ast.SequenceNode); ok && len(body.Nodes) > 0 && calls(body.Nodes[0], nameTick) {
		return
	}
	loop.Node = &ast.SequenceNode{Nodes: []ast.Node{call(nameTick), loop.Node}}
}

// needer makes comparisons with what is missing in the message give nothing,
// instead of true or false: state == "RUN" says nothing about a pump whose state
// is not in the message. Comparisons with nil itself, and those within the loops
// that search lists, stay as they are.
type needer struct{}

// Visit implements ast.Visitor; inner nodes come first.
func (n needer) Visit(node *ast.Node) {
	switch at := (*node).(type) {
	case *ast.BinaryNode:
		if compares(at.Operator) && !isNil(at.Left) && !isNil(at.Right) {
			at.Left, at.Right = needed(at.Left), needed(at.Right)
		}
	case *ast.PredicateNode:
		ast.Walk(&at.Node, unneeder{})
	}
}

// unneeder undoes what needer did.
type unneeder struct{}

// Visit implements ast.Visitor.
func (unneeder) Visit(node *ast.Node) {
	if calls(*node, nameNeed) {
		*node = (*node).(*ast.CallNode).Arguments[0]
	}
}

// compares holds for operators that take nil for a value; the others fail.
func compares(operator string) bool {
	return slices.Contains([]string{"==", "!=", "in", "not in", "matches", "contains", "startsWith", "endsWith"}, operator)
}

// coercer lets text that is a number count as one where only a number makes
// sense: many devices write all their values as text.
type coercer struct{}

// Visit implements ast.Visitor.
func (coercer) Visit(node *ast.Node) {
	switch at := (*node).(type) {
	case *ast.UnaryNode:
		if at.Operator == "-" {
			at.Node = coerced(at.Node)
		}
	case *ast.BinaryNode:
		switch at.Operator {
		case "-", "*", "/", "%", "**", "^":
			at.Left, at.Right = coerced(at.Left), coerced(at.Right)
		case "+", "<", ">", "<=", ">=":
			if isNumber(at.Left) || isNumber(at.Right) {
				at.Left, at.Right = coerced(at.Left), coerced(at.Right)
			}
		}
	}
}

func isNumber(n ast.Node) bool {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return true
	}
	return false
}

func coerced(n ast.Node) ast.Node {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.BoolNode:
		return n
	}
	if calls(n, nameNumber) {
		return n
	}
	wrapped := call(nameNumber, n)
	wrapped.SetLocation(n.Location())
	return wrapped
}

// coerce is $number: numbers that are written as text.
func coerce(args ...any) any { return asNumber(args[0]) }

func asNumber(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
		return n
	}
	if n, ok := jsontext.Number(text); ok {
		return n
	}
	return v
}

func isNil(n ast.Node) bool {
	_, is := n.(*ast.NilNode)
	return is
}

func needed(n ast.Node) ast.Node {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.ArrayNode, *ast.ConstantNode:
		return n
	}
	if calls(n, nameNeed) {
		return n
	}
	wrapped := call(nameNeed, n)
	wrapped.SetLocation(n.Location())
	return wrapped
}

func call(name string, args ...ast.Node) *ast.CallNode {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
}

func calls(n ast.Node, name string) bool {
	node, ok := n.(*ast.CallNode)
	if !ok {
		return false
	}
	callee, ok := node.Callee.(*ast.IdentifierNode)
	return ok && callee.Value == name
}

// need is $need.
func need(args ...any) any {
	if args[0] == nil {
		panic(errMissing)
	}
	return args[0]
}
