package otlp

import (
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/input/capture"
	"github.com/belfry-city/belfry/collector/reading"
)

// appender tells from which data point of the request a sample comes: the
// converter does not say so, but it keeps the order.
type appender struct {
	*capture.Appender
	screen *screen
	point  int  // how many have begun
	open   bool // the newest is a classic histogram that is not complete
	left   int64
}

// infoMetric is what upstream makes of resources; it belongs to no point.
const infoMetric = "target_info"

func newAppender(s *screen, memory int64) *appender {
	return &appender{Appender: capture.New(s.out), screen: s, left: memory}
}

func (a *appender) Append(ref storage.SeriesRef, ls labels.Labels, st, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, o storage.AOptions) (storage.SeriesRef, error) {
	a.follow(ls, h != nil, o)
	// The screen has not counted target_info, nor what values take as text.
	if a.left -= int64(ls.ByteSize()); a.left < 0 {
		a.screen.out.Refuse(reading.ReasonTooLarge, "the labels of the request's series would not fit into memory; send smaller batches, or promote fewer resource attributes")
		return 0, nil
	}
	return a.Appender.Append(ref, ls, st, t, v, h, fh, o)
}

// follow finds the point that the sample is of.
func (a *appender) follow(ls labels.Labels, native bool, o storage.AOptions) {
	begins := !a.open
	switch {
	case o.MetricFamilyName == infoMetric && o.Metadata.Type == model.MetricTypeGauge:
		begins = false
	case native:
	case o.Metadata.Type == model.MetricTypeHistogram:
		// The bucket of everything comes last.
		a.open = ls.Get(model.BucketLabel) != "+Inf"
	case o.Metadata.Type == model.MetricTypeSummary:
		// The sum comes first.
		begins = strings.HasSuffix(ls.Get(model.MetricNameLabel), "_sum") && !ls.Has(model.QuantileLabel)
	}
	if begins {
		a.point++
	}
	a.screen.at(a.point)
}
