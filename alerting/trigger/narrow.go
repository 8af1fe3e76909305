package trigger

import (
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// narrowing is the text of an expression with places for the values of the
// labels that it is divided by.
type narrowing struct {
	texts  []string // before, between and behind the places
	values []int    // of each place, which of the labels
}

// mark is a value that no label has, in the place of the i-th label's.
func mark(i int) string { return "\x01" + strconv.Itoa(i) + "\x01" }

// newNarrowing changes expr: it adds matchers to its selectors.
func newNarrowing(expr parser.Expr, by []string) narrowing {
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			for i, name := range by {
				s.LabelMatchers = append(s.LabelMatchers, labels.MustNewMatcher(labels.MatchEqual, name, mark(i)))
			}
		}
		return nil
	})
	var n narrowing
	rest := expr.String()
	for {
		first, at := -1, len(rest)
		for i := range by {
			if found := strings.Index(rest, strconv.Quote(mark(i))); found >= 0 && found < at {
				first, at = i, found
			}
		}
		n.texts = append(n.texts, rest[:at])
		if first < 0 {
			return n
		}
		n.values = append(n.values, first)
		rest = rest[at+len(strconv.Quote(mark(first))):]
	}
}

// text is the expression for one part.
func (n narrowing) text(values []string) string {
	var b strings.Builder
	for i, text := range n.texts {
		b.WriteString(text)
		if i < len(n.values) {
			b.WriteString(strconv.Quote(values[n.values[i]]))
		}
	}
	return b.String()
}
