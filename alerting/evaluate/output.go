package evaluate

import (
	"context"
	"errors"
	"maps"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
)

// Series that say which alerts there are, as upstream writes them.
const (
	alertsMetric   = "ALERTS"
	forStateMetric = "ALERTS_FOR_STATE"
	stateLabel     = "alertstate"
)

// output is what one evaluation stores.
type output struct {
	ctx   context.Context
	store storage.Appendable
	at    int64 // milliseconds
	app   storage.Appender
	err   error
}

func (e *Evaluator) newOutput(ctx context.Context, at time.Time) *output {
	return &output{ctx: ctx, store: e.options.Appendable, at: timestamp.FromTime(at)}
}

// add stores a sample. What is not taken, because there is another one of its
// time or a newer one, is no mistake, as with upstream.
func (o *output) add(l labels.Labels, v float64) (stored bool) {
	_, err := o.appender().Append(0, l, o.at, v)
	return o.noted(err)
}

func (o *output) appender() storage.Appender {
	if o.app == nil {
		o.app = o.store.Appender(o.ctx)
		o.app.SetOptions(&storage.AppendOptions{DiscardOutOfOrder: true})
	}
	return o.app
}

func (o *output) noted(err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, storage.ErrTooOldSample), errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		return false
	}
	o.err = err
	return false
}

func (o *output) commit() error {
	if o.app == nil {
		return o.err
	}
	return errors.Join(o.err, o.app.Commit())
}

// replace stores samples, ends the series that are not among them, and returns
// those that are to be ended once they are not there any more: which what could
// not be ended, since there is a sample of this very time, is still.
func (o *output) replace(before map[string]labels.Labels, samples promql.Vector) map[string]labels.Labels {
	written := make(map[string]labels.Labels, len(samples))
	var buf [1024]byte
	for _, s := range samples {
		if s.H != nil {
			_, err := o.appender().AppendHistogram(0, s.Metric, o.at, nil, s.H)
			o.noted(err)
		} else {
			o.add(s.Metric, s.F)
		}
		written[string(s.Metric.Bytes(buf[:]))] = s.Metric
	}
	for key, series := range before {
		if _, still := written[key]; !still && !o.add(series, math.Float64frombits(value.StaleNaN)) {
			written[key] = series
		}
	}
	return written
}

// write stores which alerts a part has.
func (r *rule) write(o *output, p *part) {
	var samples promql.Vector
	for _, a := range p.alerts {
		if a.State == rules.StateInactive {
			continue
		}
		lb := labels.NewBuilder(r.labels)
		a.Labels.Range(func(l labels.Label) { lb.Set(l.Name, l.Value) })
		lb.Set(labels.AlertName, r.name)
		lb.Set(model.MetricNameLabel, forStateMetric)
		samples = append(samples, promql.Sample{Metric: lb.Labels(), F: float64(a.ActiveAt.Unix())})
		lb.Set(model.MetricNameLabel, alertsMetric)
		lb.Set(stateLabel, a.State.String())
		samples = append(samples, promql.Sample{Metric: lb.Labels(), F: 1})
	}
	p.written = o.replace(p.written, samples)
}

// store stores the result of a recording rule.
func (r *rule) store(ctx context.Context, at time.Time, result promql.Vector) error {
	recorded, err := rules.NewRecordingRule(r.name, r.expr, r.labels).Eval(ctx, 0, at,
		func(context.Context, string, time.Time) (promql.Vector, error) { return result, nil }, nil, r.group.limit)
	if err != nil {
		return err
	}
	p := r.part("", nil)
	o := r.group.evaluator.newOutput(ctx, at.Add(-r.group.offset))
	before := p.written
	p.written = o.replace(before, recorded)
	return o.committed(map[*part]map[string]labels.Labels{p: before})
}

// committed commits; where that fails, the series of before are still to be
// ended.
func (o *output) committed(before map[*part]map[string]labels.Labels) error {
	err := o.commit()
	if err != nil {
		for p, series := range before {
			maps.Copy(p.written, series)
		}
	}
	return err
}

func cancelled(err error) bool {
	var canceled promql.ErrQueryCanceled
	return errors.Is(err, context.Canceled) || errors.As(err, &canceled)
}
