package otlp

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/belfry-city/belfry/collector/reading"
)

const (
	// spelledOut is how many times the largest body the labels of a request's
	// series may take. Each series of a histogram has all labels of its point, and
	// all series of a resource those of the resource.
	spelledOut = 2
	// nameOfSeries is about what a suffix, and le or quantile, add to a series.
	nameOfSeries = 32
)

// promoted is how many bytes of a resource's attributes become labels of all its
// series: job, instance, and those that the settings name.
func (s *screen) promoted(attrs pcommon.Map) (size int64) {
	o := &s.decoder.opts
	for name, v := range attrs.All() {
		switch name {
		case "service.name", "service.namespace", "service.instance.id":
			_ = measure(v, 0, &size)
		}
		if o.PromoteAll && !slices.Contains(o.Ignore, name) || !o.PromoteAll && slices.Contains(o.Promote, name) {
			size += int64(len(name))
			_ = measure(v, 0, &size)
		}
	}
	return size
}

// room takes what the series of a point need off what is left.
func (s *screen) room(p point) problem {
	o := &s.decoder.opts
	labels := s.shared + s.own
	if labels > o.MaxPoint {
		return wrong(reading.ReasonTooLong, "its labels take %d bytes, of which its resource and scope have %d; at most %d (limits.line) are taken", labels, s.shared, o.MaxPoint)
	}
	n := s.seriesOf(p)
	need := int64(n) * (labels + int64(len(s.metric)) + nameOfSeries)
	if need > s.left {
		return wrong(reading.ReasonTooLong, "the labels of its %d series take %d bytes; of what a request's may take (twice limits.body) %d are left; send smaller batches, or fewer attributes", n, need, s.left)
	}
	s.left -= need
	return problem{}
}

// seriesOf is how many series a point makes, at most.
func (s *screen) seriesOf(p point) int {
	const countAndSum = 2
	switch p := p.(type) {
	case pmetric.HistogramDataPoint:
		if !s.decoder.opts.CustomBuckets {
			return p.ExplicitBounds().Len() + 1 + countAndSum
		}
	case pmetric.SummaryDataPoint:
		return p.QuantileValues().Len() + countAndSum
	}
	return 1
}
