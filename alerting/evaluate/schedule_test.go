package evaluate_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/evaluate"
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
		o.Watch = func(x *trigger.Index) { w.index, w.watches = x, map[string]*trigger.Watch{} }
		var err error
		w.evaluator, err = evaluate.New(o)
		require.NoError(t, err)
		require.NoError(t, w.evaluator.Reload(w.set))
		w.evaluator.Start()
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
