package trigger

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const lookback = 5 * time.Minute

func plan(t require.TestingT, text string) *Plan {
	p, err := NewPlan(text, parser.NewParser(parser.Options{}).ParseExpr)
	require.NoError(t, err)
	return p
}

// ward is an Index of some rules, and who was woken.
type ward struct {
	*Index
	woken   []string
	watches map[string]*Watch
	now     int64
}

func newWard(t require.TestingT, rules ...string) *ward {
	plans := make([]*Plan, len(rules))
	for i, text := range rules {
		plans[i] = plan(t, text)
	}
	return wardOf(plans...)
}

func wardOf(plans ...*Plan) *ward {
	w := &ward{watches: map[string]*Watch{}, now: 1_700_000_000_000}
	w.Index = NewIndex(plans, lookback.Milliseconds(), func(k Wake) {
		word := fmt.Sprint(k.Rule, " ", strings.Join(k.Values, ","))
		if k.At != 0 && k.At != w.now {
			word += fmt.Sprint(" in ", k.At-w.now)
		}
		if !k.Sure {
			word += " maybe"
		}
		w.woken = append(w.woken, word)
	})
	return w
}

func (w *ward) sample(lset labels.Labels, t int64, v float64) {
	key := lset.String()
	watch, ok := w.watches[key]
	if !ok {
		watch = w.Watch(lset, false)
		w.watches[key] = watch
	}
	if watch != nil && watch.Sample(t, v, w.now) {
		watch.Visible()
	}
}

// reads gives samples of now, a second apart, and returns who was woken by each.
func (w *ward) reads(lset labels.Labels, values ...float64) (woken []string) {
	for _, v := range values {
		w.now += 1000
		w.woken = nil
		w.sample(lset, w.now, v)
		slices.Sort(w.woken)
		woken = append(woken, strings.Join(w.woken, "; "))
	}
	return woken
}

func series(name string, pairs ...string) labels.Labels {
	return labels.FromStrings(append([]string{model.MetricNameLabel, name}, pairs...)...)
}

func TestOnlyAChangeOfTruthWakes(t *testing.T) {
	w := newWard(t, "level > 5", "level >= 10", `level{asset="W2"} > 7 and on (asset) pump == 0`, "abs(level) > 5")
	require.Equal(t, []string{"", "", "0 W1; 3 W1", "", "1 W1", "", "", "0 W1; 1 W1; 3 W1", "3 W1", "3 W1"},
		w.reads(series("level", "asset", "W1"), 1, 5, 6, 6.5, 10, 10, 11, -5, -6, 0))
	require.Equal(t, []string{"0 W2; 3 W2", "", "2 W2"}, w.reads(series("level", "asset", "W2"), 6, 6, 8))
	require.Equal(t, []string{"", "2 W2", "2 W2", ""}, w.reads(series("pump", "asset", "W2"), 1, 0, 1, 2))
	require.Nil(t, w.Watch(series("elsewhere", "asset", "W1"), true))
}

func TestThresholdsOfAssetsAreLimitsOfTheirSeries(t *testing.T) {
	const own = `asset_threshold{metric="level", direction="above", level="warning"}`
	w := newWard(t, "level > on (asset) group_left () "+own+" or level > 10 unless on (asset) "+own)
	limit := func(asset string) labels.Labels {
		return series("asset_threshold", "asset", asset, "metric", "level", "direction", "above", "level", "warning")
	}
	w1 := series("level", "asset", "W1")
	require.Equal(t, []string{"", "", "0 W1", "0 W1"}, w.reads(w1, 1, 7, 11, 7), "there is no threshold of its own yet")
	require.Equal(t, []string{"0 W1", ""}, w.reads(limit("W1"), 5, 5))
	require.Equal(t, []string{"0 W1", "", "0 W1", "0 W1", "0 W1"}, w.reads(w1, 7, 8, 4, 6, 12), "6 is over 5, and 12 over 10 as well")
	require.Equal(t, []string{"0 W1"}, w.reads(limit("W1"), 20))
	require.Equal(t, []string{"0 W1", "0 W1"}, w.reads(w1, 12, 21), "it is not over its own threshold any more")
	require.Equal(t, []string{"", "0 W2"}, w.reads(series("level", "asset", "W2"), 1, 12), "others are not touched")
}

func TestASeriesThatComesBackOrEndsWakes(t *testing.T) {
	w := newWard(t, "level > 5")
	s := series("level", "asset", "W1")
	require.Equal(t, []string{"", "0 W1", ""}, w.reads(s, 1, 7, 7))
	w.now += lookback.Milliseconds()
	require.Equal(t, []string{"0 W1", ""}, w.reads(s, 7, 7))
	require.Equal(t, []string{"0 W1", "0 W1", ""}, w.reads(s, math.Float64frombits(value.StaleNaN), 7, 7))
}

func TestASampleAheadOfTimeWakesWhenItsTimeComes(t *testing.T) {
	w := newWard(t, "level > 5", "level offset 2s > 5")
	s := series("level", "asset", "W1")
	w.reads(s, 1)
	w.woken = nil
	w.now += 1000
	w.sample(s, w.now+7000, 9)
	require.Equal(t, []string{"0 W1 in 7000", "1 W1 in 9000 maybe"}, w.woken)
	w.woken = nil
	w.now += 1000
	w.sample(s, w.now, 9) // a sample of now, while the newest lies ahead
	require.Contains(t, w.woken, "0 W1")
}

// Two requests have a reading each of one series, and the second is stored first.
func TestAWakeIsNotSpentOnAnotherSample(t *testing.T) {
	w := newWard(t, "level > 5")
	s := series("level", "asset", "W1")
	w.reads(s, 1)
	watch := w.watches[s.String()]
	w.now += 1000
	w.woken = nil
	require.True(t, watch.Sample(w.now, 9, w.now))
	require.True(t, watch.Sample(w.now-500, 1, w.now), "one of them is to wake whoever comes last")
	watch.Visible()
	require.Equal(t, []string{"0 W1"}, w.woken)
	watch.Visible()
	require.Equal(t, []string{"0 W1", "0 W1"}, w.woken, "now the reading can be seen")
	require.False(t, watch.Sample(w.now+1, 9, w.now+1))
}

func TestSharesWakeOnlyWhenAMemberChanges(t *testing.T) {
	w := newWard(t, `count by (section) (lamp_on == 0) / count by (section) (lamp_on) > 0.5`)
	lamp := series("lamp_on", "asset", "L1", "section", "S1")
	require.Equal(t, []string{"0 S1", "", "0 S1", ""}, w.reads(lamp, 1, 1, 0, 0))
}

func TestAnySampleWakesOthers(t *testing.T) {
	w := newWard(t, "rate(level[5m]) > 1", "sum(level) > 10", "sum(level) > 3 and sum(timestamp(level)) > 1")
	s := series("level", "asset", "W1")
	require.Equal(t, []string{"0 W1 maybe; 1 ; 2 ; 2  maybe", "0 W1 maybe; 2  maybe", "0 W1 maybe; 1  maybe; 2  maybe; 2  maybe"}, w.reads(s, 1, 1, 2))
	w.Asked(0, true)
	w.Asked(2, true)
	require.Equal(t, []string{"1  maybe", ""}, w.reads(s, 3, 3), "the others are going to be evaluated anyway")
	w.Asked(0, false)
	require.Equal(t, []string{"0 W1 maybe"}, w.reads(s, 3))
	w.woken = nil
	for i := range int64(3) {
		w.sample(s, w.now+1000+i, 4)
	}
	require.Equal(t, []string{"0 W1 in 1000 maybe", "2  in 1000 maybe", "1  in 1000 maybe", "2  in 1000 maybe"}, w.woken, "those ahead of their time not each")
}

func TestMissingSamplesAreKnown(t *testing.T) {
	w := newWard(t, "absent(level)", "absent_over_time(level[10m])", "level > 5")
	due := func() map[int]int64 {
		all := map[int]int64{}
		w.Missed(func(_, rule int, at int64) { all[rule] = at })
		return all
	}
	require.Equal(t, map[int]int64{0: 0, 1: 0}, due())
	w.reads(series("level", "asset", "W1"), 1)
	w.sample(series("level", "asset", "W2"), w.now-60_000, 1)
	require.Equal(t, map[int]int64{0: w.now + 300_000, 1: w.now + 600_000}, due())
}

// TestNoSampleChangesAResultWithoutWaking compares with upstream's engine: what a
// rule answers before and after a sample, at the same instant.
func TestNoSampleChangesAResultWithoutWaking(t *testing.T) {
	noSampleWithoutWaking(t, wanted.rule, plan, elements)
}

// TestNoSampleChangesAValueWithoutWaking does the same for recording rules.
func TestNoSampleChangesAValueWithoutWaking(t *testing.T) {
	recorded := func(x wanted) string { return x.vector(rapid.IntRange(1, 3).Draw(x.t, "depth")) }
	noSampleWithoutWaking(t, recorded, func(t require.TestingT, text string) *Plan {
		p, err := NewValuePlan(text, parser.NewParser(parser.Options{}).ParseExpr)
		require.NoError(t, err)
		return p
	}, func(s promql.Sample) string { return fmt.Sprint(s.Metric, s.F) })
}

func elements(s promql.Sample) string { return s.Metric.String() }

func noSampleWithoutWaking(
	t *testing.T, draw func(wanted) string, plan func(require.TestingT, string) *Plan, spell func(promql.Sample) string,
) {
	db, err := tsdb.Open(t.TempDir(), promslog.NewNopLogger(), nil, &tsdb.Options{
		RetentionDuration: math.MaxInt64, MinBlockDuration: (1000 * time.Hour).Milliseconds(), MaxBlockDuration: (1000 * time.Hour).Milliseconds(),
		OutOfOrderTimeWindow: (1000 * time.Hour).Milliseconds(), OutOfOrderCapMax: 32,
	}, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	began := int64(1_700_000_000_000)
	changes := 0
	rapid.Check(t, func(t *rapid.T) {
		began += (2 * time.Hour).Milliseconds() // beyond the reach of the one before
		text := draw(wanted{expressions{t}})
		p := plan(t, text)
		w := wardOf(p)
		w.now = began
		ask := func() (map[string]string, bool) {
			q, err := engine.NewInstantQuery(context.Background(), db, nil, text, time.UnixMilli(w.now))
			require.NoError(t, err)
			defer q.Close()
			v, err := q.Exec(context.Background()).Vector()
			if err != nil {
				return nil, false
			}
			parts := map[string]string{}
			for _, line := range spelledByPart(v, p.By, spell) {
				parts[line[0]] += line[1] + "\n"
			}
			return parts, true
		}
		for range rapid.IntRange(1, 30).Draw(t, "samples") {
			w.now += rapid.Int64Range(100, 200_000).Draw(t, "pause")
			at := w.now
			if rapid.IntRange(0, 5).Draw(t, "late") == 0 {
				at -= rapid.Int64Range(0, 400_000).Draw(t, "by")
			}
			name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name")
			pairs := []string{"asset", rapid.SampledFrom([]string{"W1", "W2"}).Draw(t, "asset"), "lot", rapid.SampledFrom([]string{"L0", "L1"}).Draw(t, "lot")}
			if name == "d" {
				name, pairs = "asset_threshold", []string{"asset", pairs[1], "metric", "a"}
			}
			lset := series(name, pairs...)
			v := float64(rapid.IntRange(0, 4).Draw(t, "value"))
			if rapid.IntRange(0, 9).Draw(t, "stale") == 0 {
				v = math.Float64frombits(value.StaleNaN)
			}
			before, ok1 := ask()
			app := db.Appender(context.Background())
			if _, err := app.Append(0, lset, at, v); err != nil {
				require.NoError(t, app.Rollback())
				continue
			}
			require.NoError(t, app.Commit())
			w.woken = nil
			w.sample(lset, at, v)
			after, ok2 := ask()
			if !ok1 || !ok2 {
				continue
			}
			for _, part := range append(keysOf(before), keysOf(after)...) {
				if before[part] == after[part] {
					continue
				}
				changes++
				word := "0 " + part
				require.True(t, slices.Contains(w.woken, word) || slices.Contains(w.woken, word+" maybe"),
					"%s\nis changed at %d by %s %v of %d:\n%s\nwas\n%s\nand woken is %q", text, w.now, lset, v, at, after[part], before[part], w.woken)
			}
		}
	})
	t.Logf("%d changes", changes)
	require.Positive(t, changes)
}

func keysOf(m map[string]string) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

func spelledByPart(v promql.Vector, by []string, spell func(promql.Sample) string) (lines [][2]string) {
	for _, s := range v {
		values := make([]string, len(by))
		for i, name := range by {
			values[i] = s.Metric.Get(name)
		}
		lines = append(lines, [2]string{strings.Join(values, ","), spell(s)})
	}
	slices.SortFunc(lines, func(a, b [2]string) int { return strings.Compare(a[1], b[1]) })
	return lines
}

// wanted draws rules as people write them, besides any expression.
type wanted struct{ expressions }

func (x wanted) rule() string {
	n := func() int { return rapid.IntRange(0, 4).Draw(x.t, "n") }
	own := `asset_threshold{metric="a"}`
	if rapid.Bool().Draw(x.t, "threshold") {
		own = `asset_threshold`
	}
	op := func() string { return x.pick(">", ">=", "<", "<=", "==", "!=") }
	switch rapid.IntRange(0, 9).Draw(x.t, "rule") {
	case 0:
		return fmt.Sprintf("a %s %d", op(), n())
	case 1:
		return fmt.Sprintf("%d %s abs(a)", n(), op())
	case 2:
		return fmt.Sprintf("a %s on (asset) group_left () %s or a %s %d unless on (asset) %s", op(), own, op(), n(), own)
	case 3:
		return fmt.Sprintf("a %s %d and on (asset) b %s %d", op(), n(), op(), n())
	case 4:
		return fmt.Sprintf("(a %s %d) * on (asset, lot) b", op(), n())
	case 5:
		return fmt.Sprintf("count by (lot) (a %s %d) / count by (lot) (b) > 0.5", op(), n())
	case 6:
		return fmt.Sprintf("sum by (lot) (a %s bool %d) >= 1", op(), n())
	case 7:
		return fmt.Sprintf("absent(a %s %d)", op(), n())
	case 8:
		return fmt.Sprintf("max by (asset) (a %s %d unless b)", op(), n())
	}
	return x.vector(rapid.IntRange(1, 3).Draw(x.t, "depth"))
}

func TestSeriesThatAreGoneAreCounted(t *testing.T) {
	w := newWard(t, "level > 5")
	w.reads(series("level", "asset", "W1"), 1)
	w.now += time.Hour.Milliseconds()
	w.reads(series("level", "asset", "W2"), 1)
	gone, all := w.Gone(w.now, lookback.Milliseconds())
	require.Equal(t, []int{1, 2}, []int{gone, all})
}
