package evaluate_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/trigger"
)

// stuck does not answer queries of a metric until it is let go.
type stuck struct {
	promql.QueryEngine
	metric string
	letGo  chan struct{}
}

func (s stuck) NewInstantQuery(ctx context.Context, q storage.Queryable, o promql.QueryOpts, text string, at time.Time) (promql.Query, error) {
	query, err := s.QueryEngine.NewInstantQuery(ctx, q, o, text, at)
	if strings.Contains(text, s.metric) {
		return stuckQuery{query, s.letGo}, err
	}
	return query, err
}

type stuckQuery struct {
	promql.Query
	letGo chan struct{}
}

func (q stuckQuery) Exec(ctx context.Context) *promql.Result {
	<-q.letGo
	return q.Query.Exec(ctx)
}

func TestALimitThatIsCrossedDoesNotWaitForDearRules(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		w := newTwin(c)
		w.rules(`groups:
- {name: dear1, interval: 1h, rules: [{alert: D1, expr: 'sum(rate(street[1m])) > 1', labels: {severity: info}, annotations: {summary: s}}]}
- {name: dear2, interval: 1h, rules: [{alert: D2, expr: 'sum(rate(street[2m])) > 1', labels: {severity: info}, annotations: {summary: s}}]}
- {name: dear3, interval: 1h, rules: [{alert: D3, expr: 'sum(rate(street[3m])) > 1', labels: {severity: info}, annotations: {summary: s}}]}
- {name: well, interval: 1h, rules: [{alert: Gas, expr: gas > 10, labels: {severity: critical}, annotations: {summary: s}}]}`)
		letGo := make(chan struct{})
		o := w.options()
		o.Engine = stuck{o.Engine, "street", letGo}
		o.Watch = w.listen
		w.startWith(o)
		synctest.Wait()
		for range 3 {
			<-time.After(time.Second)
			w.store(metric("street", "asset", "S1"), time.Now(), 1)
			synctest.Wait()
		}
		w.store(metric("gas", "asset", "W1"), time.Now(), 90)
		synctest.Wait()
		require.Len(t, c.inbox.take(), 1, "while the other rules are still being evaluated")
		close(letGo)
	})
}

// dearEngine takes three seconds for each query of a metric, and counts all.
type dearEngine struct {
	promql.QueryEngine
	metric      string
	slow, quick atomic.Int64
}

func (s *dearEngine) NewInstantQuery(ctx context.Context, q storage.Queryable, o promql.QueryOpts, text string, at time.Time) (promql.Query, error) {
	query, err := s.QueryEngine.NewInstantQuery(ctx, q, o, text, at)
	if !strings.Contains(text, s.metric) {
		s.quick.Add(1)
		return query, err
	}
	s.slow.Add(1)
	return dearQuery{query}, err
}

type dearQuery struct{ promql.Query }

func (q dearQuery) Exec(ctx context.Context) *promql.Result {
	<-time.After(3 * time.Second)
	return q.Query.Exec(ctx)
}

func TestADearRuleSlowsDownNoneButItself(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(`groups: [{name: g, interval: 1s, rules: [
  {alert: Dear, expr: sum(street) > 1, labels: {severity: info}, annotations: {summary: s}},
  {alert: Gas, expr: gas > 10, labels: {severity: critical}, annotations: {summary: s}}]}]`)
		o := c.options()
		engine := &dearEngine{QueryEngine: o.Engine, metric: "street"}
		o.Engine = engine
		var logged bytes.Buffer
		o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		c.startWith(o)
		<-time.After(10 * time.Second)
		engine.slow.Store(0)
		engine.quick.Store(0)
		<-time.After(10 * time.Minute)
		require.InDelta(t, 600, engine.quick.Load(), 2)
		require.InDelta(t, 20, engine.slow.Load(), 5, "a tenth of a processor")
		c.stop()
		require.Contains(t, logged.String(), "rule=Dear took=3s interval=1s")
	})
}

func TestAnAlertOfWhatIsRecordedDoesNotWaitForTheInterval(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		w := newTwin(c)
		w.rules(`groups:
- name: records
  interval: 1h
  rules:
  - {record: 'street:taken:sum', expr: sum by (street) (taken)}
  - {record: 'district:taken:sum', expr: 'sum(street:taken:sum)'}
  - {record: 'nobody:reads:this', expr: sum(taken)}
- {name: full, interval: 1h, rules: [{alert: Full, expr: 'district:taken:sum > 2', labels: {severity: info}, annotations: {summary: s}}]}`)
		o := w.options()
		o.Watch = w.listen
		o.Appendable = telling{w}
		w.startWith(o)
		synctest.Wait()
		for range 5 {
			<-time.After(10 * time.Second)
			w.store(metric("taken", "asset", "B1", "street", "S1"), time.Now(), 1)
			w.store(metric("taken", "asset", "B2", "street", "S1"), time.Now(), 1)
		}
		synctest.Wait()
		require.Empty(t, c.inbox.take())
		w.store(metric("taken", "asset", "B3", "street", "S2"), time.Now(), 1)
		<-time.After(2 * time.Second)
		require.Len(t, c.inbox.take(), 1)
		result, err := w.query(t.Context(), "nobody:reads:this", time.Now())
		require.NoError(t, err)
		require.Empty(t, result, "there was nothing at the start, and the interval has not come again")
	})
}

func TestSeriesThatAreGoneAreForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		c.rules(`groups: [{name: g, interval: 10m, rules: [{alert: Gas, expr: gas > 10, labels: {severity: critical}, annotations: {summary: s}}]}]`)
		o := c.options()
		var newest atomic.Pointer[trigger.Index]
		o.Watch = newest.Store
		c.startWith(o)
		first := newest.Load()
		for i := range 2000 {
			first.Watch(metric("gas", "asset", fmt.Sprint("W", i)), false).Sample(time.Now().UnixMilli(), 1, time.Now().UnixMilli())
		}
		<-time.After(2*time.Hour + time.Minute)
		require.Same(t, first, newest.Load())
		<-time.After(2 * time.Hour)
		require.NotSame(t, first, newest.Load())
		_, all := newest.Load().Gone(time.Now().UnixMilli(), 0)
		require.Zero(t, all)
	})
}

// telling wakes whom the samples wake that rules store.
type telling struct{ *twin }

func (s telling) Appender(ctx context.Context) storage.Appender {
	return &tellingAppender{Appender: s.db.Appender(ctx), twin: s.twin}
}

type tellingAppender struct {
	storage.Appender
	twin *twin
	told []*trigger.Watch
}

func (a *tellingAppender) Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	ref, err := a.Appender.Append(ref, l, t, v)
	if watch := a.twin.index.Watch(l, true); watch != nil && err == nil && watch.Sample(t, v, time.Now().UnixMilli()) {
		a.told = append(a.told, watch)
	}
	return ref, err
}

func (a *tellingAppender) Commit() error {
	err := a.Appender.Commit()
	for _, watch := range a.told {
		watch.Visible()
	}
	return err
}

func TestAllDearRulesTogetherLeaveTheProcessorsToOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		w := newTwin(c)
		var rules strings.Builder
		rules.WriteString("groups:\n")
		for i := range 40 * runtime.NumCPU() {
			fmt.Fprintf(&rules, "- {name: g%d, interval: 1h, rules: [{alert: Dear, expr: 'sum(rate(street[%dm])) > 1', labels: {severity: info}, annotations: {summary: s}}]}\n", i, i+1)
		}
		w.rules(rules.String())
		o := w.options()
		engine := &dearEngine{QueryEngine: o.Engine, metric: "street"}
		o.Engine = engine
		o.Watch = w.listen
		w.startWith(o)
		for second := range 3600 {
			if second == 3000 { // by then it is known how long each takes
				engine.slow.Store(0)
			}
			<-time.After(time.Second)
			w.store(metric("street", "asset", "S1"), time.Now(), 1)
		}
		quarter := 600. / 3 * 0.25 * float64(runtime.NumCPU())
		require.InDelta(t, quarter, engine.slow.Load(), quarter/2)
	})
}
