package evaluate_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/evaluate"
	"github.com/belfry-city/belfry/alerting/ruleset"
)

const methane = `groups:
- name: wells
  rules:
  - alert: MethaneCritical
    expr: gas_ch4_lel_percent > 50
    for: 10s
    labels: {severity: critical, domain: gas}
    annotations: {summary: "{{ $labels.asset }} has {{ $value }}"}
`

const w17 = `- {id: W17, domain: drainage, name: Well 17, name_zh: 17号井, street: qixinggang, community: guanyinyan, district: yuzhong, team: municipal}
`

func well(pairs ...string) labels.Labels {
	return metric("gas_ch4_lel_percent", append([]string{"asset", "W17", "sensor", "s1"}, pairs...)...)
}

func TestAnAlertSaysWhoWhereAndWhichReadingBrokeWhichLimit(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(methane)
		c.assets(w17)
		c.start()
		c.pass(20*time.Second, well(), 40)
		require.Empty(t, c.inbox.take())

		broken := c.pass(12*time.Second, well(), 60.5)
		c.pass(8*time.Second, well(), 62)
		sent := c.inbox.take()
		require.Len(t, sent, 1)
		page := sent[0]
		require.Equal(t, map[string]string{
			"alertname": "MethaneCritical", "severity": "critical", "asset": "W17", "sensor": "s1",
			"domain": "gas", // the rule's own word counts
			"team":   "municipal", "street": "qixinggang", "community": "guanyinyan", "district": "yuzhong",
			"city": "chongqing",
		}, page.labels)
		require.Equal(t, map[string]string{
			"summary": "W17 has " + page.annotations["value"],
			"value":   page.annotations["value"], "limit": "50", "unit": "%LEL",
			"name": "Well 17", "name_zh": "17号井",
			"reading_time": broken.Format(time.RFC3339Nano),
			"due_time":     broken.Add(10 * time.Second).Format(time.RFC3339Nano),
		}, page.annotations)
		require.Contains(t, []string{"60.5", "62"}, page.annotations["value"])
		require.False(t, page.resolved)
		require.Contains(t, page.link, "/graph?g0.expr=gas_ch4_lel_percent")
		late := page.at.Sub(broken.Add(10 * time.Second))
		require.GreaterOrEqual(t, late, time.Duration(0))
		require.LessOrEqual(t, late, 2*interval)

		c.pass(10*time.Second, well(), 12)
		sent = c.inbox.take()
		require.Len(t, sent, 1)
		require.True(t, sent[0].resolved)
		require.Equal(t, page.labels, sent[0].labels)
		require.Equal(t, page.annotations["reading_time"], sent[0].annotations["reading_time"])
	})
}

func TestATeamThatChangesWhileAnAlertFiresTakesTheNextOne(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(methane)
		c.assets(w17)
		c.start()
		c.pass(30*time.Second, well(), 60)
		first := c.inbox.take()
		require.Len(t, first, 1)
		require.Equal(t, "municipal", first[0].labels["team"])

		// The well is handed over; Alertmanager hears of the alert again and again.
		c.assets(`- {id: W17, team: sanitation, street: jiefangbei}` + "\n")
		c.pass(3*time.Minute, well(), 60)
		resent := c.inbox.take()
		require.NotEmpty(t, resent)
		require.Equal(t, identities(first), identities(resent))

		// A restart changes nothing either.
		c.restart(20 * time.Second)
		c.pass(2*time.Minute, well(), 61)
		resent = c.inbox.take()
		require.NotEmpty(t, resent)
		require.Equal(t, identities(first), identities(resent))
		require.Equal(t, first[0].annotations["reading_time"], resent[0].annotations["reading_time"])

		// It is resolved as what it was; upstream goes on saying so for a while.
		c.pass(2*time.Minute, well(), 3)
		resolved := c.inbox.take()
		require.Greater(t, len(resolved), 1)
		require.Equal(t, identities(first), identities(resolved))

		c.pass(30*time.Second, well(), 60)
		next := c.inbox.take()
		require.Len(t, next, 1)
		require.Equal(t, "sanitation", next[0].labels["team"])
		require.Equal(t, "jiefangbei", next[0].labels["street"])
		require.NotContains(t, next[0].annotations, "name")
	})
}

// After a kill there is no last write: what was frozen has been written before.
func TestWhatFiresIsOnDiskWhileItFires(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		file := filepath.Join(c.options().DataDir, "firing-alerts.json")
		c.rules(methane)
		c.assets(w17)
		c.start()
		c.pass(30*time.Second, well(), 60)
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(content), `"team":"municipal"`)

		c.pass(10*time.Second, well(), 3)
		content, err = os.ReadFile(file)
		require.NoError(t, err)
		require.JSONEq(t, `{"version":1,"alerts":[]}`, string(content))
	})
}

func TestAnUnreadableStateStartsAnew(t *testing.T) {
	for _, content := range []string{"{", `{"version":7}`, `{"version":1,"alerts":[null]}`} {
		inBubble(t, func(t *testing.T, c *city) {
			dir := c.options().DataDir
			require.NoError(t, os.MkdirAll(dir, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "firing-alerts.json"), []byte(content), 0o600))
			c.rules(methane)
			c.assets(w17)
			c.start()
			c.pass(30*time.Second, well(), 60)
			require.Len(t, c.inbox.take(), 1)
		})
	}
}

// What fired before a restart and is over when Belfry is back is told of as over,
// and the next alert gets the new team.
func TestAnAlertThatEndsWhileBelfryIsDownIsResolved(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(methane)
		c.assets(w17)
		c.start()
		c.pass(30*time.Second, well(), 60)
		require.Len(t, c.inbox.take(), 1)

		c.assets(`- {id: W17, team: sanitation}` + "\n")
		c.restart(time.Minute)
		c.pass(10*time.Second, well(), 3)
		over := c.inbox.take()
		require.NotEmpty(t, over)
		require.True(t, over[len(over)-1].resolved)
		require.Equal(t, "municipal", over[len(over)-1].labels["team"])
		c.pass(7*time.Minute, well(), 3)
		c.inbox.take()
		c.pass(30*time.Second, well(), 60)
		sent := c.inbox.take()
		require.Len(t, sent, 1)
		require.Equal(t, "sanitation", sent[0].labels["team"])
	})
}

func TestARestartKeepsHowLongAnAlertHasWaited(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(`groups:
- name: wells
  rules:
  - alert: MethaneHigh
    expr: gas_ch4_lel_percent > 10
    for: 1m
    labels: {severity: warning}
    annotations: {summary: s}
`)
		c.start()
		c.pass(50*time.Second, well(), 20)
		require.Empty(t, c.inbox.take())

		// The 10 s that are left, a group's start and the two evaluations that upstream
		// waits for, not a minute anew.
		const down = 10 * time.Second
		c.restart(down)
		back := time.Now()
		c.pass(40*time.Second, well(), 20)
		sent := c.inbox.take()
		require.Len(t, sent, 1)
		require.Less(t, sent[0].at.Sub(back), 35*time.Second)

		// What fired goes on firing at once.
		c.restart(down)
		back = time.Now()
		c.pass(40*time.Second, well(), 20)
		sent = c.inbox.take()
		require.Len(t, sent, 1)
		require.LessOrEqual(t, sent[0].at.Sub(back), 4*interval)
	})
}

func TestAReloadKeepsPendingAndFiringAlerts(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		rule := func(name, duration, extra string) string {
			return `- name: ` + name + `
  rules:
  - {alert: ` + name + `, expr: gas_ch4_lel_percent > 10, for: ` + duration + `, labels: {severity: warning}, annotations: {summary: s}}
` + extra
		}
		const another = "  - {record: more, expr: sum(gas_ch4_lel_percent)}\n"
		c.rules("groups:\n" + rule("unchanged", "1m", "") + rule("changed", "1m", "") + rule("fires", "10s", "") + rule("gone", "10s", ""))
		c.start()
		began := c.pass(45*time.Second, well(), 20)
		require.Len(t, identities(c.inbox.take()), 2)

		c.rules("groups:\n" + rule("unchanged", "1m", "") + rule("changed", "1m", another) + rule("fires", "10s", another))
		require.NoError(t, c.evaluator.Reload(c.set))
		c.pass(40*time.Second, well(), 20)
		fired := map[string]time.Duration{}
		for _, d := range c.inbox.take() {
			fired[d.labels["alertname"]] = d.startsAt.Sub(began)
		}
		require.Contains(t, fired, "unchanged")
		require.LessOrEqual(t, fired["unchanged"], time.Minute+2*interval)
		require.LessOrEqual(t, fired["changed"], time.Minute+2*interval)
		require.LessOrEqual(t, fired["fires"], 10*time.Second+2*interval, "it is the same alert still")
		require.NotContains(t, fired, "gone")
	})
}

func TestWrongRulesLeaveTheRunningOnes(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(methane)
		c.start()
		path := filepath.Join(c.dir, "rules.yml")
		require.NoError(t, os.WriteFile(path, []byte("groups:\n- name: wells\n  rules:\n  - alert: A\n    expr: gas >\n"), 0o600))
		_, err := ruleset.Load([]string{path}, nil)
		require.ErrorContains(t, err, path+":5: ")
		require.Error(t, c.evaluator.Reload(nil))

		require.Len(t, c.evaluator.Rules().AlertingRules(), 1)
		c.pass(30*time.Second, well(), 60)
		require.Len(t, c.inbox.take(), 1)
	})
}

func TestAStoppedEvaluator(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(methane)
		for _, start := range []bool{false, true} {
			e, err := evaluate.New(c.options())
			require.NoError(t, err)
			require.NoError(t, e.Reload(c.set))
			if start {
				e.Start()
			}
			require.NoError(t, e.Stop(t.Context()))
			require.NoError(t, e.Stop(t.Context()))
			require.NoError(t, e.Reload(c.set))
		}
		require.Empty(t, c.inbox.take())
	})
}

func TestOptionsThatAreMissingAreNamed(t *testing.T) {
	_, err := evaluate.New(evaluate.Options{})
	require.ErrorContains(t, err, "is missing")
	inBubble(t, func(t *testing.T, c *city) {
		options := c.options()
		options.Interval = -time.Second
		_, err := evaluate.New(options)
		require.ErrorContains(t, err, "Options.Interval is -1s")
		options = c.options()
		options.DataDir = filepath.Join(c.dir, "tsdb", "wal", "00000000", "x")
		_, err = evaluate.New(options)
		require.Error(t, err)
	})
}

// slow is a store whose queries wait until they are let go or cancelled.
type slow struct {
	storage.Queryable
	gate chan struct{}
	// only says which queries wait, by how far back they read.
	only func(back time.Duration) bool
}

type slowQuerier struct {
	storage.Querier
	gate chan struct{}
}

func (s *slow) Querier(from, to int64) (storage.Querier, error) {
	q, err := s.Queryable.Querier(from, to)
	if err != nil || !s.only(time.Duration(to-from)*time.Millisecond) {
		return q, err
	}
	return &slowQuerier{q, s.gate}, nil
}

func (q *slowQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, m ...*labels.Matcher) storage.SeriesSet {
	select {
	case <-q.gate:
		return q.Querier.Select(ctx, sorted, hints, m...)
	case <-ctx.Done():
		return storage.ErrSeriesSet(ctx.Err())
	}
}

func TestAPageDoesNotWaitForItsDecoration(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		// Evaluations read back five minutes, restoring reads an hour, and the search
		// for evidence something between.
		c.queryable = &slow{c.db, make(chan struct{}), func(back time.Duration) bool {
			return back > 5*time.Minute && back < time.Hour
		}}
		c.rules(`groups: [{name: g, rules: [{alert: A, expr: gas_ch4_lel_percent > 50, labels: {severity: critical}, annotations: {summary: s}}]}]`)
		c.assets(w17)
		c.start()
		c.pass(12*time.Second, well(), 60)
		sent := c.inbox.take()
		require.Len(t, sent, 1)
		require.Equal(t, "municipal", sent[0].labels["team"])
		require.Equal(t, map[string]string{"summary": "s", "value": "60", "name": "Well 17", "name_zh": "17号井"}, sent[0].annotations)
		require.LessOrEqual(t, sent[0].at.Sub(sent[0].startsAt), 60*time.Millisecond)
	})
}

func TestRulesThatDoNotKeepUpShowIt(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		gate := make(chan struct{})
		c.queryable = &slow{c.db, gate, func(time.Duration) bool { return true }}
		c.rules(methane)
		c.start()
		require.Zero(t, c.evaluator.Lag())
		require.Empty(t, c.evaluator.Health())

		<-time.After(30 * time.Second)
		synctest.Wait()
		lag := c.evaluator.Lag()
		require.GreaterOrEqual(t, lag, 25*time.Second)
		require.LessOrEqual(t, lag, 30*time.Second)

		close(gate)
		<-time.After(10 * time.Second)
		synctest.Wait()
		require.LessOrEqual(t, c.evaluator.Lag(), time.Duration(0))
		health := c.evaluator.Health()
		require.Len(t, health, 1)
		require.Equal(t, "wells", health[0].Name)
		require.Equal(t, interval, health[0].Interval)
		require.Positive(t, health[0].Missed)
		require.False(t, health[0].LastStart.IsZero())

		// A reload forgets the groups that are gone.
		c.rules("groups: []")
		require.NoError(t, c.evaluator.Reload(c.set))
		require.Empty(t, c.evaluator.Health())
	})
}

func TestStopCancelsQueriesWhenTimeIsUp(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.queryable = &slow{c.db, make(chan struct{}), func(time.Duration) bool { return true }}
		c.rules(methane)
		c.start()
		<-time.After(2 * interval)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := c.evaluator.Stop(ctx)
		c.evaluator = nil
		require.True(t, errors.Is(err, context.DeadlineExceeded))
	})
}

func TestRecordingRulesAreStored(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules("groups: [{name: g, rules: [{record: street:ch4:max, expr: max(gas_ch4_lel_percent)}]}]")
		c.start()
		c.pass(12*time.Second, well(), 33)
		q, err := c.db.Querier(0, time.Now().UnixMilli())
		require.NoError(t, err)
		set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, "street:ch4:max"))
		require.True(t, set.Next())
		require.NoError(t, q.Close())
		for _, r := range c.evaluator.Rules().RuleGroups()[0].Rules() {
			require.Equal(t, rules.HealthGood, r.Health())
		}
	})
}
