package evaluate_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/trigger"
)

// witness notes at which instants rules were evaluated.
type witness struct {
	promql.QueryEngine
	mu    sync.Mutex
	asked []asked
}

// asked is an instant that was asked for, and when.
type asked struct{ at, when time.Time }

func (w *witness) NewInstantQuery(ctx context.Context, q storage.Queryable, o promql.QueryOpts, text string, at time.Time) (promql.Query, error) {
	w.mu.Lock()
	w.asked = append(w.asked, asked{at, time.Now()})
	w.mu.Unlock()
	return w.QueryEngine.NewInstantQuery(ctx, q, o, text, at)
}

// take returns the instants since the last call, in order.
func (w *witness) take() []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortFunc(w.asked, func(a, b asked) int { return cmp.Or(a.when.Compare(b.when), a.at.Compare(b.at)) })
	var all []time.Time
	for _, a := range w.asked {
		all = append(all, a.at)
	}
	w.asked = nil
	return slices.CompactFunc(all, time.Time.Equal)
}

// twin is an Evaluator that is woken by what is stored, and upstream's own group
// beside it, which is evaluated in full whenever the Evaluator evaluates
// anything.
type twin struct {
	*city
	witness *witness
	index   *trigger.Index
	watches map[string]*trigger.Watch
	model   []*rules.AlertingRule
	query   rules.QueryFunc
}

func newTwin(c *city) *twin {
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	return &twin{city: c, witness: &witness{QueryEngine: engine}, query: rules.EngineQueryFunc(engine, c.db)}
}

func (w *twin) begin() {
	o := w.options()
	o.Engine = w.witness
	o.Watch = w.listen
	w.startWith(o)
}

// listen has the index told of what is stored.
func (w *twin) listen(x *trigger.Index) { w.index, w.watches = x, map[string]*trigger.Watch{} }

// define makes the model's rules; those that were there keep what they know.
func (w *twin) define() {
	before := w.model
	w.model = nil
	for _, g := range w.set.Groups() {
		for _, r := range g.Rules {
			fresh := rules.NewAlertingRule(r.Name, r.Expr, r.For, keepOf(r.Name), labels.FromMap(r.Labels), labels.FromMap(r.Annotations),
				labels.EmptyLabels(), "", true, promslog.NewNopLogger())
			for _, old := range before {
				if old.Name() == r.Name {
					group := func(r *rules.AlertingRule) *rules.Group {
						return rules.NewGroup(rules.GroupOptions{Interval: interval, Rules: []rules.Rule{r}, Opts: &rules.ManagerOptions{}})
					}
					group(fresh).CopyState(group(old))
				}
			}
			w.model = append(w.model, fresh)
		}
	}
}

// keepOf is how long the rule of a name keeps firing.
func keepOf(name string) time.Duration {
	if strings.HasSuffix(name, "K") {
		return 20 * time.Second
	}
	return 0
}

// store stores a sample and wakes whom it wakes.
func (w *twin) store(lset labels.Labels, at time.Time, v float64) bool {
	app := w.db.Appender(context.Background())
	if _, err := app.Append(0, lset, at.UnixMilli(), v); err != nil {
		_ = app.Rollback()
		return false
	}
	if app.Commit() != nil {
		return false
	}
	if w.evaluator == nil {
		return true
	}
	key := lset.String()
	watch, ok := w.watches[key]
	if !ok {
		watch = w.index.Watch(lset, true)
		w.watches[key] = watch
	}
	if watch != nil && watch.Sample(at.UnixMilli(), v, w.now().UnixMilli()) {
		watch.Visible()
	}
	return true
}

// catchUp evaluates the model as often as the Evaluator has evaluated.
func (w *twin) catchUp(t *testing.T) {
	for _, at := range w.witness.take() {
		for _, r := range w.model {
			_, err := r.Eval(context.Background(), 0, at, w.query, nil, 0)
			require.NoError(t, err)
		}
	}
}

// alertsOf are the active alerts, as lines.
func alertsOf(all []*rules.AlertingRule) []string {
	lines := []string{}
	for _, r := range all {
		for _, a := range r.ActiveAlerts() {
			lines = append(lines, fmt.Sprint(r.Name(), " ", a.Labels, " ", a.State, " since ", a.ActiveAt.UTC().Format("04:05.000000"),
				" fired ", a.FiredAt.UTC().Format("04:05.000000"), " keeps since ", a.KeepFiringSince.UTC().Format("04:05.000000")))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestWokenRulesHaveTheAlertsThatUpstreamHas draws rules, samples, reloads and
// restarts, and compares after each step with upstream's rules, evaluated in full
// at each instant at which the Evaluator evaluates anything.
func TestWokenRulesHaveTheAlertsThatUpstreamHas(t *testing.T) {
	changes := 0
	// The same lives each time, so that a change is judged by what it changes; others
	// by -rapid.seed and -rapid.checks.
	if seed := flag.Lookup("rapid.seed"); seed.Value.String() == "0" {
		require.NoError(t, seed.Value.Set("20261126"))
	}
	rapid.Check(t, func(rt *rapid.T) {
		l := drawLife(rt)
		differs := ""
		inBubble(t, func(t *testing.T, c *city) {
			differs = newTwin(c).live(t, l, &changes)
		})
		if differs != "" {
			rt.Fatal(differs)
		}
	})
	t.Logf("%d changes", changes)
	require.Positive(t, changes)
}

// life is what happens.
type life struct {
	rules string
	steps []step
}

type step struct {
	pause   time.Duration
	samples []sample
	rules   string        // a reload, if not empty
	ahead   time.Duration // by which the clock is set forward
	restart bool          // between which the samples come
}

type sample struct {
	series labels.Labels
	late   time.Duration
	value  float64
}

func drawLife(t *rapid.T) life {
	l := life{rules: drawRules(t)}
	for range rapid.IntRange(1, 25).Draw(t, "steps") {
		s := step{pause: time.Duration(rapid.Int64Range(1, 9000).Draw(t, "pause")) * time.Millisecond}
		n := 1
		switch rapid.IntRange(0, 14).Draw(t, "step") {
		case 0:
			s.rules, n = drawRules(t), 0
		case 2:
			// Backwards it is only set where no samples come to lie ahead, which would
			// count at moments at which nothing happens.
			s.ahead = time.Duration(rapid.IntRange(-7, 100).Draw(t, "ahead")) * time.Second
			if s.pause += time.Second; s.ahead < 0 {
				s.pause += -s.ahead
			}
		case 1:
			s.restart, n = true, rapid.IntRange(0, 2).Draw(t, "meanwhile")
		}
		for range n {
			s.samples = append(s.samples, drawSample(t))
		}
		l.steps = append(l.steps, s)
	}
	return l
}

func drawSample(t *rapid.T) (s sample) {
	name := rapid.SampledFrom([]string{"a", "a", "b", "asset_threshold"}).Draw(t, "name")
	asset := rapid.SampledFrom([]string{"W1", "W2"}).Draw(t, "asset")
	s.series = metric(name, "asset", asset, "lot", "L1")
	if name == "asset_threshold" {
		s.series = metric(name, "asset", asset, "metric", "a")
	}
	if rapid.IntRange(0, 6).Draw(t, "late") == 0 {
		s.late = time.Duration(rapid.Int64Range(1, 20_000).Draw(t, "by")) * time.Millisecond
	}
	s.value = float64(rapid.IntRange(0, 5).Draw(t, "value"))
	if rapid.IntRange(0, 12).Draw(t, "ends") == 0 {
		s.value = math.Float64frombits(value.StaleNaN)
	}
	return s
}

func drawRules(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("groups:\n")
	for i := range rapid.IntRange(1, 3).Draw(t, "rules") {
		pick := func(from ...string) string { return rapid.SampledFrom(from).Draw(t, "rule") }
		own := `asset_threshold{metric="a"}`
		expr := pick("a > 2", "abs(a) >= 3", "a == 1", "a > 2 and on (asset) b < 2", "a > 3 unless on (asset) b > 3", "(a > 1) * on (asset, lot) group_left () b",
			"a > on (asset) group_left () "+own+" or a > 3 unless on (asset) "+own, "count by (lot) (a > 2) > 1", "max by (asset) (a > 2)", "absent(b > 3)",
			"sum(a > bool 3) > 0", `label_replace(a > 2, "floor", "$1", "lot", "L(.*)")`)
		name := fmt.Sprint("R", i) + pick("", "K")
		fmt.Fprintf(&b, "- name: g%d\n  rules:\n  - alert: %s\n    expr: '%s'\n    for: %s\n", i, name, expr, pick("0s", "3s", "12s", "40s"))
		if keep := keepOf(name); keep > 0 {
			fmt.Fprintf(&b, "    keep_firing_for: %s\n", keep)
		}
		b.WriteString("    labels: {severity: warning}\n    annotations: {summary: \"{{ $value }}\"}\n")
	}
	return b.String()
}

// live lives a life, and returns what differs from upstream.
func (w *twin) live(t *testing.T, l life, changes *int) string {
	w.rules(l.rules)
	w.define()
	w.begin()
	synctest.Wait()
	w.catchUp(t)
	before := ""
	for n, s := range l.steps {
		w.step(t, s)
		want, got := alertsOf(w.model), alertsOf(w.evaluator.Rules().AlertingRules())
		if !slices.Equal(want, got) {
			return fmt.Sprintf("step %d, %s\nupstream has\n  %s\nthere are\n  %s\nby\n%s\nand\n%+v", n, time.Now().UTC().Format("04:05.000000"),
				strings.Join(want, "\n  "), strings.Join(got, "\n  "), l.rules, l.steps[:n+1])
		}
		if now := strings.Join(got, "\n"); now != before {
			before = now
			*changes++
		}
	}
	return ""
}

func (w *twin) step(t *testing.T, s step) {
	<-time.After(s.pause)
	synctest.Wait()
	w.catchUp(t)
	if s.ahead != 0 {
		w.ahead.Add(int64(s.ahead))
		<-time.After(time.Second)
		synctest.Wait()
		w.catchUp(t)
	}
	if s.rules != "" {
		w.rules(s.rules)
		w.define()
		require.NoError(t, w.evaluator.Reload(w.set))
	}
	if s.restart {
		w.stop()
		w.catchUp(t)
	}
	for _, one := range s.samples {
		w.store(one.series, w.now().Truncate(time.Millisecond).Add(-one.late), one.value)
		if s.restart {
			<-time.After(time.Second)
		}
	}
	if s.restart {
		w.begin()
	}
	synctest.Wait()
	w.catchUp(t)
}

func TestMissingSamplesRaiseAnAlertWhenTheyAreMissed(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		w := newTwin(c)
		w.rules("groups: [{name: g, interval: 1h, rules: [{alert: Gone, expr: absent(a), labels: {severity: critical}, annotations: {summary: s}}]}]")
		w.begin()
		synctest.Wait()
		require.NotEmpty(t, c.inbox.take(), "there has never been any")
		<-time.After(time.Minute)
		at := time.Now().Truncate(time.Millisecond)
		w.store(metric("a", "asset", "W1"), at, 1)
		synctest.Wait()
		resolved := c.inbox.take()
		require.NotEmpty(t, resolved)
		require.True(t, resolved[len(resolved)-1].resolved)
		<-time.After(6 * time.Minute)
		// The hourly round may come in between, and tell of the resolution again.
		missed := slices.DeleteFunc(c.inbox.take(), func(d delivered) bool { return d.resolved })
		require.Len(t, missed, 1)
		require.Equal(t, at.Add(5*time.Minute).UTC(), missed[0].at.UTC().Truncate(time.Millisecond))
	})
}

func TestAlertsOfAnyValueAreKept(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(`groups: [{name: g, rules: [
  {alert: Much, expr: gas_ch4_lel_percent / 0 > 1, labels: {severity: info}, annotations: {summary: s}},
  {alert: Slow, expr: gas_ch4_lel_percent > 1, for: 40s, labels: {severity: info}, annotations: {summary: s}}]}]`)
		began := c.report(well(), 60) // before the rules look for the first time
		c.start()
		c.pass(30*time.Second, well(), 60)
		c.inbox.take()
		c.restart(time.Second)
		c.pass(12*time.Second, well(), 60)
		fired := map[string]time.Time{}
		for _, d := range c.inbox.take() {
			fired[d.labels["alertname"]] = d.startsAt
		}
		require.Contains(t, fired, "Much")
		require.WithinDuration(t, began.Add(40*time.Second), fired["Slow"], time.Millisecond, "it has waited on, to the moment")
	})
}
