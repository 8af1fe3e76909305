package client

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// Matcher is one of a series selector.
type Matcher struct {
	Name  string `json:"name"`
	Type  string `json:"type"` // =, !=, =~ or !~
	Value string `json:"value"`
}

// SelectorText is a selector as PromQL writes it.
func SelectorText(matchers []Matcher) string {
	parts := make([]string, len(matchers))
	for i, m := range matchers {
		parts[i] = m.Name + m.Type + strconv.Quote(m.Value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// node is a part of an expression, as Belfry takes it apart.
type node struct {
	Type     string    `json:"type"`
	Name     string    `json:"name"`
	Matchers []Matcher `json:"matchers"`

	Expr  *node   `json:"expr"`
	Param *node   `json:"param"`
	LHS   *node   `json:"lhs"`
	RHS   *node   `json:"rhs"`
	Args  []*node `json:"args"`
}

func (n *node) walk(visit func(*node)) {
	if n == nil {
		return
	}
	visit(n)
	for _, child := range append([]*node{n.Expr, n.Param, n.LHS, n.RHS}, n.Args...) {
		child.walk(visit)
	}
}

// UnmarshalJSON leaves out parts that are no nodes, such as the parameters that
// some nodes have as texts. The depth is bounded by that of encoding/json.
func (n *node) UnmarshalJSON(text []byte) error {
	type plain node
	if len(text) == 0 || text[0] != '{' {
		return nil
	}
	return json.Unmarshal(text, (*plain)(n))
}

func (c *Client) parse(ctx context.Context, expr string) (*node, error) {
	var tree node
	err := c.post(ctx, c.at("api", "v1", "parse_query"), url.Values{"query": {expr}}, func(r io.Reader) (err error) {
		tree, err = decodeData[node](r)
		return err
	})
	return &tree, err
}

// Selectors returns the matchers of each selector of an expression, each once.
func (c *Client) Selectors(ctx context.Context, expr string) (selectors [][]Matcher, err error) {
	tree, err := c.parse(ctx, expr)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	tree.walk(func(n *node) {
		if n.Type != "vectorSelector" && n.Type != "matrixSelector" {
			return
		}
		if text := SelectorText(n.Matchers); len(n.Matchers) > 0 && !seen[text] {
			seen[text] = true
			selectors = append(selectors, n.Matchers)
		}
	})
	return selectors, nil
}

// Selector returns the matchers of an expression that is one series selector.
func (c *Client) Selector(ctx context.Context, expr string) ([]Matcher, error) {
	tree, err := c.parse(ctx, expr)
	if err != nil {
		return nil, err
	}
	if tree.Type != "vectorSelector" {
		return nil, &wording.Fault{Text: wording.Text{
			EN: `want a series selector such as {__name__="structure_strain_microstrain",asset="B1"}; got %s`,
			ZH: `应为序列选择器，如 {__name__="structure_strain_microstrain",asset="B1"}，实际为 %s`,
		}, Args: []any{clip(expr)}}
	}
	return tree.Matchers, nil
}

// MetricNames returns the metrics that an expression reads, each once, as far
// as it names them.
func (c *Client) MetricNames(ctx context.Context, expr string) (names []string, err error) {
	selectors, err := c.Selectors(ctx, expr)
	seen := map[string]bool{}
	for _, matchers := range selectors {
		for _, m := range matchers {
			if m.Name == "__name__" && m.Type == "=" && !seen[m.Value] {
				seen[m.Value] = true
				names = append(names, m.Value)
			}
		}
	}
	return names, err
}
