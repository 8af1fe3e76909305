package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/config/strict"
)

// Names that every expression knows besides those of the message. They begin
// with a dollar so that they are never in the way of the message's own.
const (
	nameMessage  = "$message"  // all of it
	nameItem     = "$item"     // the reading at hand, with each
	nameKey      = "$key"      // its name, where each goes over an object
	nameIndex    = "$index"    // its place, counted from 0
	nameTopic    = "$topic"    // MQTT's
	nameLabels   = "$labels"   // what the topic or URL says, by name
	nameReceived = "$received" // when the message came
	nameTick     = "$tick"     // called in loops, see ticker
	nameNeed     = "$need"     // around what is compared, see needer
	nameNumber   = "$number"   // around what must be a number, see coercer
	nameAdd      = "$add"      // in the place of +, see adder
	nameJoin     = "$join"     // in the place of +, see joiner
	nameJoinList = "$joinList" // in the place of functions, see bounder
	nameReplace  = "$replace"
	nameMade     = "$made" // around functions, see bounder
)

// program is a compiled expression.
type program struct {
	config.Expression
	run *vm.Program
	// names are those of the message that it uses.
	names []string
}

// compiler compiles the expressions of one mapping.
type compiler struct {
	functions map[string]function
	problems  strict.Problems
}

// value compiles an expression that gives a value, and none where a field of
// the message is missing, also one with which it only compares something.
func (c *compiler) value(e config.Expression) *program {
	return c.compile(e, adder{}, expr.Patch(needer{}))
}

// text compiles an expression that gives anything else.
func (c *compiler) text(e config.Expression) *program { return c.compile(e, joiner{}) }

// compile returns nil where the expression is empty or wrong.
func (c *compiler) compile(e config.Expression, plus ast.Visitor, more ...expr.Option) *program {
	if e.Text == "" {
		return nil
	}
	names, calls, err := c.read(e.Text)
	if err != nil {
		c.refuse(e, err)
		return nil
	}
	for _, call := range calls {
		if _, known := c.functions[call]; !known {
			c.problems = append(c.problems, e.Problem(c.unknownFunction(call)))
			return nil
		}
	}
	env := types.Map{}
	for name := range helpers(&budget{}) {
		env[name] = types.TypeOf(need)
	}
	for _, name := range append(names, ownNames()...) {
		env[name] = types.Any
	}
	more = append(more, expr.Env(env), expr.Patch(ticker{}), expr.Patch(coercer{}), expr.Patch(plus), expr.Patch(bounder{}))
	run, err := expr.Compile(e.Text, append(c.options(), more...)...)
	if err != nil {
		c.refuse(e, err)
		return nil
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "$") })
	return &program{Expression: e, run: run, names: names}
}

// helpers are what patches call.
func helpers(b *budget) map[string]func(...any) any {
	return map[string]func(...any) any{
		nameTick: b.tick, nameNeed: need, nameNumber: coerce, nameAdd: b.add, nameJoin: b.join,
		nameJoinList: b.joinList, nameReplace: b.replace, nameMade: b.made,
	}
}

func ownNames() []string {
	return []string{nameMessage, nameItem, nameKey, nameIndex, nameTopic, nameLabels, nameReceived}
}

func (c *compiler) options() []expr.Option {
	options := []expr.Option{expr.MaxNodes(maxNodes)}
	for name, f := range c.functions {
		options = append(options, expr.Function(name, f))
	}
	for _, name := range disabled() {
		options = append(options, expr.DisableBuiltin(name))
	}
	return options
}

// maxNodes bounds an expression.
const maxNodes = 2000

// disabled are functions of the language that take time or memory which their
// input does not bound, or that say something else when a message is repeated.
func disabled() []string { return []string{"now", "repeat", "uniq"} }

// read finds the names that an expression uses, and the functions that it calls
// besides the language's own.
func (c *compiler) read(text string) (names, calls []string, err error) {
	known := conf.CreateNew()
	for _, name := range disabled() {
		known.Disabled[name] = true
		delete(known.Builtins, name)
	}
	tree, err := parser.ParseWithConfig(text, known)
	if err != nil {
		return nil, nil, err
	}
	var seen identifiers
	ast.Walk(&tree.Node, &seen)
	for _, layout := range seen.layouts {
		if _, err := readLayout(layout.Value); err != nil {
			return nil, nil, at(layout, text, err.Error())
		}
	}
	for _, node := range seen.nodes {
		switch {
		case seen.callees[node]:
			calls = append(calls, node.Value)
		case node.Value == "$env", strings.HasPrefix(node.Value, "$") && !slices.Contains(ownNames(), node.Value):
			return nil, nil, at(node, text, fmt.Sprintf("unknown name %s; known here: %s", node.Value, strings.Join(ownNames(), ", ")))
		case !slices.Contains(seen.declared, node.Value) && !slices.Contains(names, node.Value):
			names = append(names, node.Value)
		}
	}
	return names, calls, nil
}

func at(node ast.Node, text, message string) error {
	e := &file.Error{Location: node.Location(), Message: message}
	return e.Bind(file.NewSource(text))
}

// identifiers collects names, those that are called and those that let declares,
// and the layouts that the function time is given.
type identifiers struct {
	layouts  []*ast.StringNode
	nodes    []*ast.IdentifierNode
	callees  map[*ast.IdentifierNode]bool
	declared []string
}

// Visit implements ast.Visitor.
func (s *identifiers) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		s.nodes = append(s.nodes, n)
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
			if s.callees == nil {
				s.callees = map[*ast.IdentifierNode]bool{}
			}
			s.callees[callee] = true
			if callee.Value == "time" && len(n.Arguments) > 1 {
				if layout, ok := n.Arguments[1].(*ast.StringNode); ok {
					s.layouts = append(s.layouts, layout)
				}
			}
		}
	case *ast.VariableDeclaratorNode:
		s.declared = append(s.declared, n.Name)
	}
}

// refuse brings an error of the language into the form of problems.
func (c *compiler) refuse(e config.Expression, err error) {
	c.problems = append(c.problems, e.Problem(say(e.Text, err)))
}

// say is an error of the language in one line.
func say(text string, err error) string {
	var in *file.Error
	if !errors.As(err, &in) {
		return err.Error()
	}
	place := fmt.Sprintf("column %d", in.Column+1)
	if strings.Contains(text, "\n") {
		place = fmt.Sprintf("line %d, column %d of the expression", in.Line, in.Column+1)
	}
	return fmt.Sprintf("want an expression; got %s: %s at %s", strict.Quote(text), in.Message, place)
}

func (c *compiler) unknownFunction(name string) string {
	known := slices.Sorted(maps.Keys(c.functions))
	hint := "the documentation of JSON inputs lists those that there are"
	if slices.Contains(disabled(), name) {
		hint = "it is switched off here"
	} else if near := strict.Nearest(name, append(known, builtinNames()...)); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Sprintf("unknown function %s; %s", strict.Quote(name), hint)
}

func builtinNames() []string { return slices.Sorted(maps.Keys(conf.CreateNew().Builtins)) }
