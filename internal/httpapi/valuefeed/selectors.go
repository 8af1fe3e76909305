package valuefeed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

const (
	mostSelectors = 32
	mostSelector  = 4096 // bytes
)

// Selectors say which series are meant: those that one of them finds.
type Selectors struct {
	all [][]*labels.Matcher
	key string
}

// Empty says that there are none.
func (s *Selectors) Empty() bool { return len(s.all) == 0 }

// Add adds a selector of series as PromQL has them, such as {asset="B1"}.
func (s *Selectors) Add(text string) error {
	if len(text) > mostSelector {
		return fmt.Errorf("want a selector of at most %d bytes; got %d", mostSelector, len(text))
	}
	if len(s.all) == mostSelectors {
		return fmt.Errorf("want at most %d selectors", mostSelectors)
	}
	matchers, err := parser.NewParser(parser.Options{}).ParseMetricSelector(text)
	if err != nil {
		return fmt.Errorf("want a selector of series, such as gas_ch4_lel_percent{street=\"x\"}; got %q: %w", text, plain(err))
	}
	if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches("") }) {
		return fmt.Errorf("want a selector with a name, or a matcher that is not of everything; got %q", text)
	}
	s.all = append(s.all, matchers)
	keys := make([]string, len(s.all))
	for i, ms := range s.all {
		texts := make([]string, len(ms))
		for j, m := range ms {
			texts[j] = m.String()
		}
		slices.Sort(texts)
		keys[i] = strings.Join(texts, ",")
	}
	slices.Sort(keys)
	s.key = strings.Join(slices.Compact(keys), "\xff")
	return nil
}

// plain is a parser's first error, without the expression, which may be long.
func plain(err error) error {
	var all parser.ParseErrors
	if errors.As(err, &all) && len(all) > 0 {
		return all[0].Err
	}
	return err
}
