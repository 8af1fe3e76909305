package history

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
)

// querying answers the queries of rules. Expressions that read nothing that rules make are evaluated for many instants at
// once, which gives what single queries would give and costs much less.
type querying struct {
	engine *promql.Engine // for many instants
	past   storage.Queryable
	single rules.QueryFunc
	ranges map[string]*ahead // by expression
}

const (
	// most is for how many instants an expression is evaluated at once.
	most = 1024
	// atOnce is how many samples may be in memory for that: 128 MB.
	atOnce = 8_000_000
)

// ahead is an expression with its results for some instants.
type ahead struct {
	expr   string
	step   time.Duration
	offset time.Duration // before the group's instants
	length int           // of instants that are asked for at once
	first  time.Time     // of results
	last   time.Time     // behind which nothing is asked for
	until  time.Time     // of results
	series []results
}

// results are those of a series that have not been asked for yet.
type results struct{ promql.Series }

func newQuerying(single, many *promql.Engine, past storage.Queryable) *querying {
	return &querying{engine: many, past: past, single: rules.EngineQueryFunc(single, past), ranges: map[string]*ahead{}}
}

// plan has an expression evaluated ahead, at the instants of a group less an offset, until the last.
func (q *querying) plan(expr string, step, offset time.Duration, last time.Time) *ahead {
	a := q.ranges[expr]
	if a == nil {
		a = &ahead{expr: expr, step: step, offset: offset, length: most, last: last.Add(-offset)}
		q.ranges[expr] = a
	}
	if a.step != step || a.offset != offset {
		a.length = 1 // two groups at different instants
	}
	return a
}

// query implements rules.QueryFunc.
func (q *querying) query(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	a := q.ranges[expr]
	if a == nil {
		return q.single(ctx, expr, at)
	}
	if known, err := q.reach(ctx, a, at); err != nil || !known {
		if err != nil {
			return nil, err
		}
		return q.single(ctx, expr, at)
	}
	return a.take(timestamp.FromTime(at)), nil
}

// reach sees to it that the results of an instant are known, where they can be.
func (q *querying) reach(ctx context.Context, a *ahead, at time.Time) (known bool, err error) {
	if a.length > 1 && (a.first.IsZero() || at.Before(a.first) || at.After(a.until) || at.Sub(a.first)%a.step != 0) {
		err = q.fill(ctx, a, at)
	}
	return a.length > 1, err
}

// nothing tells whether it is known that an expression has no result at an instant.
func (q *querying) nothing(ctx context.Context, a *ahead, at time.Time) (bool, error) {
	known, err := q.reach(ctx, a, at)
	return known && len(a.series) == 0, err
}

// fill evaluates an expression from an instant on. Where that is too much at once, it is tried with less.
func (q *querying) fill(ctx context.Context, a *ahead, from time.Time) error {
	for ; a.length > 1; a.length /= 4 {
		until := from.Add(time.Duration(a.length-1) * a.step)
		if until.After(a.last) {
			until = a.last
		}
		series, err := q.between(ctx, a.expr, from, until, a.step)
		if err == nil {
			a.first, a.until, a.series = from, until, series
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
	}
	return nil // a single query says what is wrong, and when
}

func (q *querying) between(ctx context.Context, expr string, from, until time.Time, step time.Duration) ([]results, error) {
	query, err := q.engine.NewRangeQuery(ctx, q.past, nil, expr, from, until, step)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	res := query.Exec(ctx)
	if res.Err != nil {
		return nil, res.Err
	}
	matrix, ok := res.Value.(promql.Matrix)
	if !ok {
		return nil, errors.New("the result is no matrix")
	}
	all := make([]results, 0, len(matrix))
	for _, s := range matrix {
		// What the engine returns is its own again once the query is closed.
		all = append(all, results{promql.Series{
			Metric: s.Metric, Floats: append([]promql.FPoint(nil), s.Floats...), Histograms: append([]promql.HPoint(nil), s.Histograms...),
		}})
	}
	return all, nil
}

// take returns what there is at an instant; instants are asked for in order.
func (a *ahead) take(at int64) promql.Vector {
	var v promql.Vector
	for i := range a.series {
		s := &a.series[i]
		for len(s.Floats) > 0 && s.Floats[0].T < at {
			s.Floats = s.Floats[1:]
		}
		for len(s.Histograms) > 0 && s.Histograms[0].T < at {
			s.Histograms = s.Histograms[1:]
		}
		switch {
		case len(s.Floats) > 0 && s.Floats[0].T == at:
			v = append(v, promql.Sample{Metric: s.Metric, T: at, F: s.Floats[0].F})
		case len(s.Histograms) > 0 && s.Histograms[0].T == at:
			v = append(v, promql.Sample{Metric: s.Metric, T: at, H: s.Histograms[0].H})
		}
	}
	return v
}
