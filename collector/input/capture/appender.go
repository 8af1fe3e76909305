package capture

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/reading"
)

// Appender implements upstream's storage.AppenderV2 by adding to a
// reading.Builder. Names may be any that Prometheus 3 permits, and values NaN
// and staleness markers. It takes everything: what cannot be stored becomes a
// refusal of the batch later on. Commit and Rollback do nothing, they are for
// whoever embeds it. It is not safe for concurrent use.
type Appender struct {
	out *reading.Builder
}

// New returns an Appender for the message that out is at.
func New(out *reading.Builder) *Appender {
	out.AnyNames()
	return &Appender{out: out}
}

// Append implements storage.AppenderV2. The reference is made from the labels,
// so that it is the same for equal ones at any time.
func (a *Appender) Append(ref storage.SeriesRef, ls labels.Labels, _, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, o storage.AOptions) (storage.SeriesRef, error) {
	metric := ""
	a.out.Begin(t)
	ls.Range(func(l labels.Label) {
		if l.Name == model.MetricNameLabel {
			metric = l.Value
			return
		}
		a.out.Label(l.Name, l.Value)
	})
	if h != nil || fh != nil {
		a.out.Histogram(metric, h, fh)
	} else {
		a.out.AnyValue(metric, v)
	}
	for _, e := range o.Exemplars {
		a.out.Exemplar(metric, e)
	}
	if ref == 0 {
		ref = max(storage.SeriesRef(ls.Hash()), 1)
	}
	return ref, nil
}

// Commit implements storage.AppenderV2.
func (*Appender) Commit() error { return nil }

// Rollback implements storage.AppenderV2.
func (*Appender) Rollback() error { return nil }
