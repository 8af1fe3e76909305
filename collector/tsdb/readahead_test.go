package tsdb

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// mixedStore has 700 series with gaps, late samples, stale markers and, for
// some, histograms.
func mixedStore(t *testing.T) (*Store, int64) {
	t.Helper()
	s := openStore(t, t.TempDir())
	now := nowMs()
	rnd := rand.New(rand.NewPCG(1, 2))
	app := s.Appender(t.Context())
	for i := range 700 {
		ls := labels.FromStrings(model.MetricNameLabel, "m", "i", fmt.Sprint(i), "group", fmt.Sprint(i%7))
		for at := now - 2*3_600_000; at < now; at += 5_000 + rnd.Int64N(90_000) {
			v := rnd.Float64() * 100
			switch {
			case i%50 == 0 && rnd.IntN(4) == 0:
				_, err := app.AppendHistogram(0, ls, at, &histogram.Histogram{Schema: 1, Count: 2, Sum: v, ZeroThreshold: 1e-9, ZeroCount: 2}, nil)
				require.NoError(t, err)
				continue
			case rnd.IntN(60) == 0:
				v = math.Float64frombits(value.StaleNaN)
			}
			_, err := app.Append(0, ls, at, v)
			require.NoError(t, err)
		}
	}
	require.NoError(t, app.Commit())
	app = s.Appender(t.Context())
	for range 3000 { // late
		i := rnd.IntN(700)
		ls := labels.FromStrings(model.MetricNameLabel, "m", "i", fmt.Sprint(i), "group", fmt.Sprint(i%7))
		_, err := app.Append(0, ls, now-rnd.Int64N(3*3_600_000), 7)
		if err != nil {
			require.ErrorIs(t, err, storage.ErrDuplicateSampleForTimestamp)
		}
	}
	require.NoError(t, app.Commit())
	return s, now
}

// plain is the database as upstream would be asked.
type plain struct{ s *Store }

func (p plain) Querier(mint, maxt int64) (storage.Querier, error) { return p.s.db.Querier(mint, maxt) }

func TestReadingAheadChangesNoAnswer(t *testing.T) {
	s, now := mixedStore(t)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true})
	queries := []string{
		`m`, `m offset 10m`, `m @ start()`, `timestamp(m)`, `sum by (group) (m)`, `topk(3, m)`, `count(m > 50)`,
		`rate(m[10m])`, `sum(increase(m[1h] offset 5m))`, `last_over_time(m[3m])`, `max_over_time(rate(m[5m])[20m:1m])`,
		`m - m offset 1m`, `m{group="1"} * on(i) m{group=~"1|2"}`, `absent(m{i="9999"})`, `count_over_time(m[90m])`,
		`histogram_count(m)`, `m or m offset 1h`, `sort(avg by (i) (m))`, `quantile(0.9, m)`, `changes(m[30m])`,
	}
	rapid.Check(t, func(r *rapid.T) {
		q := rapid.SampledFrom(queries).Draw(r, "query")
		at := time.UnixMilli(now - rapid.Int64Range(-600_000, 2*3_600_000).Draw(r, "before"))
		step := time.Duration(rapid.SampledFrom([]int{0, 15, 60, 300}).Draw(r, "step")) * time.Second
		span := time.Duration(rapid.IntRange(0, 90).Draw(r, "minutes")) * time.Minute
		answer := func(from storage.Queryable) string {
			var query promql.Query
			var err error
			if step == 0 {
				query, err = engine.NewInstantQuery(context.Background(), from, nil, q, at)
			} else {
				query, err = engine.NewRangeQuery(context.Background(), from, nil, q, at.Add(-span), at, step)
			}
			require.NoError(r, err)
			defer query.Close()
			res := query.Exec(context.Background())
			return fmt.Sprint(res.Err, res.Warnings, res.Value)
		}
		require.Equal(r, answer(plain{s}), answer(s))
	})
}

func TestACancelledQueryLeavesNothingRunning(t *testing.T) {
	s, now := mixedStore(t)
	q, err := s.Querier(now-3_600_000, now)
	require.NoError(t, err)
	set := q.Select(t.Context(), false, &storage.SelectHints{Start: now - 3_600_000, End: now, Range: 1},
		labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, "m"))
	require.True(t, set.Next())
	it := set.At().Iterator(nil)
	it.Next()
	require.NoError(t, it.Err())
	require.NoError(t, q.Close()) // the goleak check of this package sees what is left
}
