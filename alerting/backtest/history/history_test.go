package history_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	promodel "github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/backtest/history"
	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when the stories begin, in the middle of a block of two hours.
func start() time.Time { return time.Date(2026, 5, 1, 11, 0, 0, 0, time.UTC) }

// store opens a database that stays open, as that of a Belfry that runs.
func store(t testing.TB, dir string) *tsdb.DB {
	t.Helper()
	db := opened(t, dir)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func opened(t testing.TB, dir string) *tsdb.DB {
	t.Helper()
	o := tsdb.DefaultOptions()
	o.RetentionDuration, o.OutOfOrderTimeWindow = 0, (24 * time.Hour).Milliseconds()
	db, err := tsdb.Open(dir, promslog.NewNopLogger(), nil, o, nil)
	require.NoError(t, err)
	return db
}

func put(t testing.TB, db *tsdb.DB, series string, at time.Time, values ...float64) {
	t.Helper()
	name, err := labels.NewMatcher(labels.MatchEqual, "asset", series)
	require.NoError(t, err)
	app := db.Appender(context.Background())
	for i, v := range values {
		if !math.IsNaN(v) {
			_, err := app.Append(0, labels.FromStrings(promodel.MetricNameLabel, "level", name.Name, name.Value), at.Add(time.Duration(i)*15*time.Second).UnixMilli(), v)
			require.NoError(t, err)
		}
	}
	require.NoError(t, app.Commit())
}

func set(t testing.TB, text string) *ruleset.Set {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	s, err := ruleset.Load([]string{file}, nil)
	require.NoError(t, err)
	return s
}

func options(s *ruleset.Set) history.Options {
	return history.Options{
		Set: s, From: start(), To: start().Add(30 * time.Minute), Interval: 15 * time.Second, MaxSamples: 1e6, Lookback: 5 * time.Minute, Subquery: 15 * time.Second,
	}
}

func table(t testing.TB, db storage.Queryable, o history.Options) string {
	t.Helper()
	r, err := history.Replay(t.Context(), db, o)
	require.NoError(t, err)
	require.NoError(t, r.Failed(time.UTC))
	var b strings.Builder
	require.NoError(t, r.WriteTable(&b, time.UTC, config.LanguageEnglish))
	return b.String()
}

const wells = `groups:
  - name: wells
    rules:
      - alert: WellFull
        expr: level:max1m > 2.5
        for: 1m
        keep_firing_for: 30s
        labels: {severity: warning}
        annotations: {summary: "{{ $labels.asset }}: {{ $value }} m"}
      - record: level:max1m
        expr: max_over_time(level[1m])
      - alert: WellEmpty
        expr: level < 0.5
`

// flood is quiet, full for three minutes, and quiet again.
func flood() []float64 {
	v := make([]float64, 80)
	for i := range v {
		v[i] = 1
		if i >= 20 && i < 32 {
			v[i] = 3
		}
	}
	return v
}

func TestWhatWouldHaveFired(t *testing.T) {
	db := store(t, t.TempDir())
	put(t, db, "W17", start(), flood()...)
	put(t, db, "W18", start().Add(-20*time.Minute), 0.4, 0.4)
	// Full from 11:05, as the recording rule says one step later, for a minute; until a minute after the last, and half a minute more.
	require.Equal(t, `FIRED                FOR    ALERT     VALUE  LABELS
2026-05-01 11:06:15  3m15s  WellFull  3      {asset="W17", severity="warning"}

ALERT     TIMES  TOTAL  LONGEST  A DAY
WellFull  1      3m15s  3m15s    48.0
`, table(t, db, options(set(t, wells))))
}

// TestWhatRulesRecordedIsRecordedAnew has a series that another version of a rule recorded, and alerts that fired then.
func TestWhatRulesRecordedIsRecordedAnew(t *testing.T) {
	db := store(t, t.TempDir())
	put(t, db, "W17", start(), flood()...)
	app := db.Appender(t.Context())
	for i := range 80 {
		for _, name := range []string{"level:max1m", "ALERTS"} {
			_, err := app.Append(0, labels.FromStrings(promodel.MetricNameLabel, name, "asset", "W99", "alertname", "WellFull"), start().Add(time.Duration(i)*15*time.Second).UnixMilli(), 9)
			require.NoError(t, err)
		}
	}
	require.NoError(t, app.Commit())
	got := table(t, db, options(set(t, wells+"      - {alert: Known, expr: 'count({asset=~\"W.*\", alertname=\"WellFull\"}) > 0'}\n")))
	require.NotContains(t, got, "W99")
	require.Contains(t, got, "2026-05-01 11:05:15  4m15s  Known ", "the alert's own series, from pending on")
}

// TestGroupsOfDifferentIntervals has one expression in groups that are evaluated at different instants.
func TestGroupsOfDifferentIntervals(t *testing.T) {
	db := store(t, t.TempDir())
	put(t, db, "W17", start(), flood()...)
	require.Equal(t, `FIRED                FOR    ALERT  VALUE  LABELS
2026-05-01 11:05:00  7m45s  A      3      {asset="W17"}
2026-05-01 11:05:00  8m     B      3      {asset="W17"}
2026-05-01 11:06:00  8m     C      3      {asset="W17"}

ALERT  TIMES  TOTAL  LONGEST  A DAY
A      1      7m45s  7m45s    48.0
B      1      8m     8m       48.0
C      1      8m     8m       48.0
`, table(t, db, options(set(t, `groups:
  - name: a
    rules: [{alert: A, expr: 'max_over_time(level[5m]) > 2'}]
  - name: b
    interval: 20s
    rules: [{alert: B, expr: 'max_over_time(level[5m]) > 2'}]
  - name: c
    interval: 1m
    query_offset: 45s
    rules: [{alert: C, expr: 'max_over_time(level[5m]) > 2'}]
`))))
}

func TestAnAlertThatFiresAlready(t *testing.T) {
	db := store(t, t.TempDir())
	put(t, db, "W17", start(), flood()...)
	o := options(set(t, wells))
	o.From, o.To, o.Alerts = start().Add(7*time.Minute), start().Add(8*time.Minute), []string{"WellFull"}
	r, err := history.Replay(t.Context(), db, o)
	require.NoError(t, err)
	require.Equal(t, 2, r.Rules, "with the rule that it reads")
	require.Len(t, r.Fired, 1)
	require.True(t, r.Fired[0].Fired.IsZero(), "it fired before")
	require.True(t, r.Fired[0].Resolved.IsZero())
	var b strings.Builder
	require.NoError(t, r.WriteJSON(&b, time.UTC))
	require.Contains(t, b.String(), `"active_since":null,"fired":null,"resolved":null,"seconds":60`)
	b.Reset()
	require.NoError(t, r.WriteCSV(&b, time.UTC))
	require.Equal(t, `alert,fired,resolved,seconds,active_since,value,labels,summary
WellFull,,,60,,3,"{""asset"":""W17"",""severity"":""warning""}",W17: 3 m
`, b.String())

	o.Alerts = []string{"WellFul"}
	_, err = history.Replay(t.Context(), db, o)
	require.EqualError(t, err, `--alert WellFul: no alert of the rules is called so; did you mean "WellFull"?`)
}

// TestAsUpstreamWouldHave draws rules and readings, and compares with upstream's groups evaluated query by query.
func TestAsUpstreamWouldHave(t *testing.T) {
	exprs := []string{
		"level > 2", "avg_over_time(level[1m]) > 1.5", "level:max > 2", "count(level > 1) > 1", "absent(level{asset=\"W3\"})", "level > on (asset) level offset 1m",
		"sum by (asset) (level:max) > 2", "changes(level[2m]) > 3", "level:max - level > 1", "ALERTS{alertname=\"A0\"} == 1", "vector(time()) > 0", "level > bool 2 == 1",
	}
	rapid.Check(t, func(rt *rapid.T) {
		db := opened(t, t.TempDir())
		defer func() { require.NoError(t, db.Close()) }()
		for _, asset := range []string{"W1", "W2", "W3"} {
			put(t, db, asset, start(), rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1, 2, 3, math.NaN()}), 60, 60).Draw(rt, asset)...)
		}
		text := "groups:\n  - name: g\n    rules:\n"
		for i := range 4 {
			if i == rapid.IntRange(0, 4).Draw(rt, "where") {
				text += "      - {record: level:max, expr: 'max_over_time(level[45s])'}\n"
			}
			text += fmt.Sprintf("      - {alert: A%d, expr: '%s', for: %s, keep_firing_for: %s}\n", i, strings.ReplaceAll(rapid.SampledFrom(exprs).Draw(rt, "expr"), "'", "''"),
				rapid.SampledFrom([]string{"0s", "15s", "1m"}).Draw(rt, "for"), rapid.SampledFrom([]string{"0s", "30s"}).Draw(rt, "keep"))
		}
		s := set(t, text)
		o := options(s)
		o.To = start().Add(16 * time.Minute)
		r, err := history.Replay(t.Context(), db, o)
		require.NoError(t, err)
		got := map[string]bool{}
		for _, f := range r.Fired {
			if f.Resolved.IsZero() {
				f.Resolved = o.To.Add(o.Interval)
			}
			if f.Fired.IsZero() {
				f.Fired = o.From
			}
			for at := f.Fired; at.Before(f.Resolved); at = at.Add(o.Interval) {
				if !at.Before(o.From) {
					got[fmt.Sprint(at.Unix(), f.Alert, labels.FromMap(f.Labels))] = true
				}
			}
		}
		require.Equal(t, upstream(t, db, s, o), got, text)
	})
}

// upstream is what fires at which instant, by upstream alone, in the same database, from long before on.
func upstream(t *testing.T, db *tsdb.DB, s *ruleset.Set, o history.Options) map[string]bool {
	engine := promql.NewEngine(promql.EngineOpts{Logger: promslog.NewNopLogger(), MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: o.Lookback, EnableAtModifier: true, EnableNegativeOffset: true})
	defer func() { require.NoError(t, engine.Close()) }()
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: rules.EngineQueryFunc(engine, db), Appendable: db, Context: t.Context(), Logger: promslog.NewNopLogger(), GroupLoader: s,
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
	})
	groups, errs := manager.LoadGroups(o.Interval, labels.EmptyLabels(), "", nil, false, s.Sources()...)
	require.Empty(t, errs)
	firing := map[string]bool{}
	for _, g := range groups {
		for _, r := range g.Rules() {
			if a, ok := r.(*rules.AlertingRule); ok {
				a.SetRestored(true)
			}
		}
		for at := o.From.Add(-10 * time.Minute); !at.After(o.To); at = at.Add(o.Interval) {
			g.Eval(t.Context(), at)
			for _, r := range g.Rules() {
				a, ok := r.(*rules.AlertingRule)
				if !ok || at.Before(o.From) {
					continue
				}
				a.ForEachActiveAlert(func(one *rules.Alert) {
					if one.State == rules.StateFiring {
						b := labels.NewBuilder(one.Labels)
						firing[fmt.Sprint(at.Unix(), r.Name(), b.Del(labels.AlertName).Labels())] = true
					}
				})
			}
		}
	}
	return firing
}

func TestRulesThatFailAreNamed(t *testing.T) {
	db := store(t, t.TempDir())
	put(t, db, "W1", start(), 1, 1, 1)
	put(t, db, "W2", start(), 1, 1, 1)
	o := options(set(t, "groups:\n  - name: g\n    rules:\n      - {alert: A, expr: 'level + ignoring (asset) group_left level'}\n"))
	r, err := history.Replay(t.Context(), db, o)
	require.NoError(t, err)
	require.ErrorContains(t, r.Failed(time.UTC), `rules.yml:4: rule "A" could not be evaluated `)
	require.ErrorContains(t, r.Failed(time.UTC), `first at 2026-05-01T11:00:00Z: found duplicate series`)
}

// TestADatabaseInUse looks at a database with a head that is being written, blocks, and a block of late samples that reaches
// over the time of the head.
func TestADatabaseInUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tsdb")
	db := store(t, dir)
	for i := range 60 * 5 { // five hours
		put(t, db, "W1", start().Add(time.Duration(i)*time.Minute), 1, 1, 1, 1)
	}
	put(t, db, "W2", start().Add(4*time.Hour+30*time.Minute), 3, 3, 3, 3) // late
	require.NoError(t, db.Compact(t.Context()))
	require.NoError(t, db.CompactOOOHead(t.Context()))
	put(t, db, "W1", start().Add(5*time.Hour), flood()...)
	put(t, db, "W3", start().Add(5*time.Hour+10*time.Minute), 0, 0)
	put(t, db, "W3", start().Add(5*time.Hour), 3, 3) // late too, and not in a block
	require.NotEmpty(t, db.Blocks())

	found, err := history.Find(filepath.Dir(dir))
	require.NoError(t, err)
	require.Equal(t, dir, found)
	view, err := history.Open(found)
	require.NoError(t, err)
	from, to, ok := view.Span()
	require.True(t, ok)
	require.Equal(t, start(), time.UnixMilli(from).UTC())
	require.Equal(t, start().Add(5*time.Hour+79*15*time.Second), time.UnixMilli(to).UTC())
	o := options(set(t, "groups:\n  - name: g\n    rules:\n      - {alert: Full, expr: level > 2}\n      - {alert: Gone, expr: absent(level)}\n"))
	o.To = start().Add(5*time.Hour + 19*time.Minute)
	require.Equal(t, `FIRED                FOR    ALERT  VALUE  LABELS
2026-05-01 15:30:00  5m45s  Full   3      {asset="W2"}
2026-05-01 16:00:00  5m15s  Full   3      {asset="W3"}
2026-05-01 16:05:00  3m     Full   3      {asset="W1"}

ALERT  TIMES  TOTAL  LONGEST  A DAY
Full   3      14m    5m45s    13.5
`, table(t, view, o))
	// It goes on being written meanwhile, and is as it was afterwards.
	put(t, db, "W1", start().Add(6*time.Hour), 1)
	require.NoError(t, view.Close())
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*"))
	require.NoError(t, err)
	require.Equal(t, []string{dir}, left)
	put(t, db, "W1", start().Add(6*time.Hour+time.Minute), 1)
}

func TestWhatIsNoDatabase(t *testing.T) {
	dir := t.TempDir()
	_, err := history.Find(dir)
	require.EqualError(t, err, "--data: "+dir+" has no database; want the data_dir of a Belfry, or a copy of it")
	_, err = history.Find(filepath.Join(dir, "none"))
	require.ErrorContains(t, err, "no such file or directory; want the data_dir of a Belfry, or a copy of it")
}

func TestViewsOfProcessesThatWereKilledAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tsdb")
	put(t, store(t, dir), "W1", start(), 1)
	left := filepath.Join(filepath.Dir(dir), "belfry-backtest-1.tmp")
	require.NoError(t, os.Mkdir(left, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(left, "looking"), nil, 0o600))
	one, err := history.Open(dir)
	require.NoError(t, err)
	require.NoDirExists(t, left)
	two, err := history.Open(dir)
	require.NoError(t, err)
	_, _, ok := one.Span()
	require.True(t, ok, "somebody still looks at it")
	require.NoError(t, two.Close())
	require.NoError(t, one.Close())
}
