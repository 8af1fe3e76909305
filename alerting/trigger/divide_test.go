package trigger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func parse(t require.TestingT, text string) parser.Expr {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	require.NoError(t, err, text)
	return expr
}

func TestExpressionsAreDividedByWhatKeepsTheirPartsApart(t *testing.T) {
	for text, want := range map[string]string{
		`a > 5`:           "asset",
		`abs(a) > 5 or b`: "asset",
		`rate(a[5m]) > 1`: "asset",
		`a > on (asset) group_left () asset_threshold{metric="a"} or a > 5 unless on (asset) asset_threshold{metric="a"}`: "asset",
		`a * on (asset) group_left (street) asset_info > 5`:                                                               "asset",
		`max by (asset) (a) > 5`:                                        "asset",
		`max by (lot, floor) (a) > 5`:                                   "floor,lot",
		`sum without (probe) (a) > 5`:                                   "asset",
		`max_over_time((a > 5)[10m:1m])`:                                "asset",
		`time() - a > 7200`:                                             "asset",
		`a > 5 and on () (hour() >= 18 or hour() < 2)`:                  "asset",
		`histogram_quantile(0.9, sum by (le, asset) (rate(a[5m]))) > 1`: "asset",
		`a > on (lot) group_left () b`:                                  "lot",
		`topk by (asset) (1, a)`:                                        "asset",
		// As a whole:
		`sum(a) > 5`:            "",
		`a > 5 and on () b > 1`: "",
		`a > scalar(b)`:         "",
		`absent(a)`:             "",
		`count by (street) (a * on (asset) group_left (street) asset_info) > 5`: "",
		`topk(3, a)`: "",
		`label_replace(a, "asset", "x", "", "") > 1`:      "",
		`a > ignoring (asset) group_left () b`:            "",
		`vector(1)`:                                       "",
		`a or vector(1)`:                                  "",
		`sum by (asset) (a) + on () group_left () sum(b)`: "",
	} {
		got := strings.Join(divide(parse(t, text)), ",")
		require.Equal(t, want, got, text)
	}
}

func TestNarrowedExpressionsAreQuoted(t *testing.T) {
	expr := parse(t, `a{x="1"} > 5 or {__name__="b c"} * on (asset, lot) c offset 5m`)
	n := newNarrowing(expr, []string{"asset", "lot"})
	require.Equal(t,
		`a{asset="W\"17\\",lot="井",x="1"} > 5 or {__name__="b c",asset="W\"17\\",lot="井"} * on (asset, lot) c{asset="W\"17\\",lot="井"} offset 5m`,
		strings.ReplaceAll(n.text([]string{`W"17\`, "井"}), `x="1",asset="W\"17\\",lot="井"`, `asset="W\"17\\",lot="井",x="1"`))
}

// expressions draws expressions over the metrics a, b and c.
type expressions struct{ t *rapid.T }

func (x expressions) pick(from ...string) string { return rapid.SampledFrom(from).Draw(x.t, "pick") }

func (x expressions) labels() string {
	return x.pick("asset", "probe", "lot", "asset, probe", "asset, lot", "asset, probe, lot", "")
}

func (x expressions) selector() string {
	s := x.pick("a", "b", "c", `a{probe="p1"}`, `{__name__=~"a|b"}`, `b{asset=~"W.*"}`, `a{asset=""}`)
	return s + x.pick("", "", "", "", " offset 1m")
}

// vector draws an instant vector.
func (x expressions) vector(depth int) string {
	if depth <= 0 {
		return x.selector()
	}
	sub := func() string { return x.vector(depth - 1) }
	switch rapid.IntRange(0, 9).Draw(x.t, "kind") {
	case 0, 1:
		return x.selector()
	case 2:
		return x.pick("abs", "-", "ceil", "sgn", "timestamp") + "(" + sub() + ")"
	case 3:
		return x.pick("max_over_time", "rate", "count_over_time", "last_over_time", "changes") + "(" +
			x.pick(x.pick("a", "b", `c{probe="p1"}`)+"[4m]", x.pick("a", "b", `c{probe="p1"}`, "(a > 3)", "(sum by (asset) (b))")+x.pick("[3m:30s]", "[2m:1m]")) + ")"
	case 4:
		return fmt.Sprintf("%s %s (%s) (%s)", x.pick("sum", "max", "min", "count", "avg", "group"), x.pick("by", "without"), x.labels(), sub())
	case 5:
		return fmt.Sprintf("(%s) %s %d", sub(), x.pick(">", "<", "==", "!=", "+", "*", ">= bool"), rapid.IntRange(-2, 6).Draw(x.t, "n"))
	case 6:
		return fmt.Sprintf("(%s) %s %s (%s) (%s)", sub(), x.pick("and", "or", "unless"), x.pick("on", "ignoring"), x.labels(), sub())
	case 7:
		return fmt.Sprintf("(%s) %s (%s)", sub(), x.pick("and", "or", "unless"), sub())
	case 8:
		return fmt.Sprintf("(%s) %s on (%s) group_left (%s) (%s)", sub(), x.pick(">", "*", "+"), x.pick("asset", "asset, probe", "lot"),
			x.pick("", "street"), x.pick("d", "sum by (asset, lot) (a)", "max by (lot) (b)"))
	}
	return x.pick("vector(3)", "(a and on () (minute() >= 0))", "(b > 2 unless on () (hour() < 1))",
		`label_replace(a, "probe", "x", "", "")`, `label_replace(a, "asset", "W1", "probe", "p2")`, "scalar(c) + b", "(time() - timestamp(b))", "absent(c)")
}

// town is a store with some series.
type town struct {
	db     *tsdb.DB
	engine *promql.Engine
	end    time.Time
}

func newTown(t *testing.T) *town {
	db, err := tsdb.Open(t.TempDir(), promslog.NewNopLogger(), nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	w := &town{db: db, end: time.Unix(1_700_000_000, 0), engine: promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
	})}
	app := db.Appender(t.Context())
	n := 0
	for _, name := range []string{"a", "b", "c"} {
		for _, asset := range []string{"", "W1", "W2", "W3"} {
			for p := range 3 {
				if n++; n%5 == 4 {
					continue
				}
				series := labels.FromStrings(model.MetricNameLabel, name, "asset", asset, "probe", fmt.Sprint("p", p), "lot", fmt.Sprint("L", (n+p)%2))
				for i := range 20 {
					_, err := app.Append(0, series, w.end.Add(time.Duration(i-19)*20*time.Second).UnixMilli(), float64((n*i+p)%7))
					require.NoError(t, err)
				}
			}
		}
	}
	for i, asset := range []string{"W1", "W2", "W3"} {
		_, err := app.Append(0, labels.FromStrings(model.MetricNameLabel, "d", "asset", asset, "street", fmt.Sprint("S", i%2)), w.end.UnixMilli(), float64(i))
		require.NoError(t, err)
	}
	require.NoError(t, app.Commit())
	return w
}

func (w *town) query(text string) (promql.Vector, error) {
	q, err := w.engine.NewInstantQuery(context.Background(), w.db, nil, text, w.end)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	return q.Exec(context.Background()).Vector()
}

func spelled(v promql.Vector, where func(labels.Labels) bool) []string {
	lines := []string{}
	for _, s := range v {
		if where(s.Metric) {
			lines = append(lines, fmt.Sprint(s.Metric, " ", s.F))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestPartsOfAnExpressionAreThoseOfTheWhole compares with upstream's engine.
func TestPartsOfAnExpressionAreThoseOfTheWhole(t *testing.T) {
	w := newTown(t)
	divided, whole := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		text := expressions{t}.vector(rapid.IntRange(1, 4).Draw(t, "depth"))
		all, err := w.query(text)
		if err != nil {
			t.Skip("an expression that cannot be evaluated: ", err)
		}
		by := divide(parse(t, text))
		if by == nil {
			whole++
			return
		}
		divided++
		n := newNarrowing(parse(t, text), by)
		for _, key := range keys(by) {
			part, err := w.query(n.text(key))
			require.NoError(t, err, "%s of %s", n.text(key), text)
			mine := func(l labels.Labels) bool {
				for i, name := range by {
					if l.Get(name) != key[i] {
						return false
					}
				}
				return true
			}
			everything := func(labels.Labels) bool { return true }
			require.Equal(t, spelled(all, mine), spelled(part, everything), "%s, by %v, of %s", key, by, text)
		}
	})
	t.Logf("%d expressions were divided, %d were not", divided, whole)
	require.Positive(t, divided)
}

// keys are all values that the labels have in the town, and one that none has.
func keys(by []string) (all [][]string) {
	values := map[string][]string{
		"asset": {"", "W1", "W2", "W3", "W9"}, "probe": {"", "p0", "p1", "p2", "x"}, "lot": {"", "L0", "L1"}, "street": {"", "S0", "S1"},
	}
	all = [][]string{nil}
	for _, name := range by {
		var next [][]string
		for _, key := range all {
			for _, v := range values[name] {
				next = append(next, append(slices.Clone(key), v))
			}
		}
		all = next
	}
	return all
}
