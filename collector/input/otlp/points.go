package otlp

import (
	"math"
	"math/bits"

	"github.com/prometheus/prometheus/model/histogram"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/belfry-city/belfry/collector/reading"
)

// point is what data points of all types have.
type point interface {
	Timestamp() pcommon.Timestamp
	Attributes() pcommon.Map
	Flags() pmetric.DataPointFlags
}

const adviseCumulative = "deltas are refused here; have the sender use cumulative temporality (OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative), or set inputs.otlp.delta to cumulative"

// temporality looks at what a metric's values count from.
func (s *screen) temporality(t pmetric.AggregationTemporality) problem {
	switch t {
	case pmetric.AggregationTemporalityCumulative:
		return problem{}
	case pmetric.AggregationTemporalityDelta:
		if s.decoder.sums == nil {
			return wrong(reading.ReasonUnsupported, "metric %q: %s", s.metric, adviseCumulative)
		}
		s.deltas = true
		return problem{}
	}
	return wrong(reading.ReasonMissing, "metric %q: its aggregation temporality is not given", s.metric)
}

// values looks at all points of a metric, of which outer is wrong already, and
// returns true where none is left.
func (s *screen) values(m pmetric.Metric, outer problem) bool {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return screenPoints(s, m.Gauge().DataPoints(), outer, s.number)
	case pmetric.MetricTypeSum:
		outer = first(outer, s.temporality, m.Sum().AggregationTemporality())
		return screenPoints(s, m.Sum().DataPoints(), outer, s.number)
	case pmetric.MetricTypeHistogram:
		outer = first(outer, s.temporality, m.Histogram().AggregationTemporality())
		return screenPoints(s, m.Histogram().DataPoints(), outer, s.explicit)
	case pmetric.MetricTypeExponentialHistogram:
		h := m.ExponentialHistogram()
		outer = first(outer, s.temporality, h.AggregationTemporality())
		delta := h.AggregationTemporality() == pmetric.AggregationTemporalityDelta
		return screenPoints(s, h.DataPoints(), outer, func(p pmetric.ExponentialHistogramDataPoint) problem { return s.exponential(p, delta) })
	case pmetric.MetricTypeSummary:
		return screenPoints(s, m.Summary().DataPoints(), outer, func(pmetric.SummaryDataPoint) problem { return problem{} })
	}
	if outer.reason == "" {
		outer = wrong(reading.ReasonMissing, "metric %q has no data of a type known here", s.metric)
	}
	s.refuse(outer.reason, outer.text)
	return true
}

// first looks for a problem where there is none yet.
func first[T any](p problem, look func(T) problem, at T) problem {
	if p.reason != "" {
		return p
	}
	return look(at)
}

// slice is what lists of points of all types have.
type slice[P point] interface {
	RemoveIf(func(P) bool)
	Len() int
}

func screenPoints[P point](s *screen, points slice[P], outer problem, look func(P) problem) bool {
	points.RemoveIf(func(p P) bool {
		wrong := outer
		if wrong.reason == "" {
			wrong = first(first(s.common(p), look, p), s.room, point(p))
			if wrong.reason != "" {
				wrong.text = "metric \"" + s.metric + "\": " + wrong.text
			}
		}
		if wrong.reason != "" {
			s.refuse(wrong.reason, wrong.text)
			return true
		}
		s.points++
		s.kept = append(s.kept, s.points)
		s.oldest, s.newest = min(s.oldest, p.Timestamp()), max(s.newest, p.Timestamp())
		return false
	})
	return points.Len() == 0
}

// common looks at time and attributes.
func (s *screen) common(p point) problem {
	t := p.Timestamp()
	if t == 0 {
		return wrong(reading.ReasonBadTimestamp, "a point without a time")
	}
	if t > math.MaxInt64 {
		return wrong(reading.ReasonBadTimestamp, "the time %d ns is beyond what can be stored", uint64(t))
	}
	o := &s.decoder.opts
	switch ago := s.now.Sub(t.AsTime()); {
	case ago > o.Late:
		return wrong(reading.ReasonTooOld, "its time is more than %s ago", o.Late)
	case -ago > o.Early:
		return wrong(reading.ReasonTooNew, "its time is more than %s ahead of now", o.Early)
	}
	size, bad := s.attributes(p.Attributes())
	s.own = size
	return bad
}

func (s *screen) number(p pmetric.NumberDataPoint) problem {
	if p.ValueType() == pmetric.NumberDataPointValueTypeEmpty && !p.Flags().NoRecordedValue() {
		return wrong(reading.ReasonMissing, "a point without a value")
	}
	clean(p.Exemplars())
	return problem{}
}

// clean takes out exemplars that the converter would stumble over. They are
// no readings, and missing ones are no loss to speak of.
func clean(exemplars pmetric.ExemplarSlice) {
	exemplars.RemoveIf(func(e pmetric.Exemplar) bool {
		size := int64(0)
		for _, v := range e.FilteredAttributes().All() {
			if measure(v, 0, &size).reason != "" {
				return true
			}
		}
		return e.ValueType() == pmetric.ExemplarValueTypeEmpty
	})
}

// maxBuckets bounds the buckets of one histogram; SDKs make 160 at most by
// themselves.
const maxBuckets = 16 << 10

func (s *screen) explicit(p pmetric.HistogramDataPoint) problem {
	clean(p.Exemplars())
	if p.Flags().NoRecordedValue() {
		return problem{}
	}
	counts, bounds := p.BucketCounts(), p.ExplicitBounds()
	if counts.Len() > maxBuckets || bounds.Len() > maxBuckets {
		return wrong(reading.ReasonBadHistogram, "a histogram of %d buckets; at most %d are taken", counts.Len(), maxBuckets)
	}
	if counts.Len() == 0 && bounds.Len() == 0 {
		// Sum and count only, which a native histogram cannot say without a bucket.
		if s.decoder.opts.CustomBuckets {
			counts.Append(p.Count())
		}
		return problem{}
	}
	if counts.Len() != bounds.Len()+1 {
		return wrong(reading.ReasonBadHistogram, "a histogram of %d bounds and %d buckets; want one more of these", bounds.Len(), counts.Len())
	}
	for i, bound := range bounds.All() {
		if math.IsNaN(bound) || math.IsInf(bound, 0) || i > 0 && bound <= bounds.At(i-1) {
			return wrong(reading.ReasonBadHistogram, "a histogram with bound %v in place %d; want finite ones in ascending order", bound, i)
		}
	}
	return total(p.Count(), 0, counts)
}

// total compares the number of observations with what the buckets hold, of
// which sum is counted already.
func total(count, sum uint64, all ...pcommon.UInt64Slice) problem {
	over := uint64(0)
	for _, counts := range all {
		for _, n := range counts.All() {
			var carry uint64
			sum, carry = bits.Add64(sum, n, 0)
			over |= carry
		}
	}
	if over != 0 || sum > math.MaxInt64 || sum != count {
		return wrong(reading.ReasonBadHistogram, "a histogram of %d observations with %d in its buckets", count, sum)
	}
	return problem{}
}

func (s *screen) exponential(p pmetric.ExponentialHistogramDataPoint, delta bool) problem {
	clean(p.Exemplars())
	if p.Flags().NoRecordedValue() {
		return problem{}
	}
	if p.Scale() < histogram.ExponentialSchemaMin {
		return wrong(reading.ReasonUnsupported, "a histogram of scale %d; native histograms begin at %d", p.Scale(), histogram.ExponentialSchemaMin)
	}
	for _, b := range []pmetric.ExponentialHistogramDataPointBuckets{p.Positive(), p.Negative()} {
		if b.BucketCounts().Len() > maxBuckets {
			return wrong(reading.ReasonBadHistogram, "a histogram of %d buckets; at most %d are taken", b.BucketCounts().Len(), maxBuckets)
		}
		if !indexable(p.Scale(), int64(b.Offset()), int64(b.BucketCounts().Len())) {
			return wrong(reading.ReasonBadHistogram, "a histogram whose buckets begin at %d with scale %d; no number is there", b.Offset(), p.Scale())
		}
	}
	if bad := total(p.Count(), p.ZeroCount(), p.Positive().BucketCounts(), p.Negative().BucketCounts()); bad.reason != "" {
		return bad
	}
	if delta {
		coarsen(p)
	}
	return problem{}
}

// indexable says whether buckets are where floating point numbers are: those
// between 2^-1074 and 2^1024, of which each power of two has 2^scale buckets.
func indexable(scale int32, offset, length int64) bool {
	if length == 0 {
		return offset >= math.MinInt32/2 && offset <= math.MaxInt32/2
	}
	const powers = 1100
	most := int64(powers)
	switch {
	case scale > 20: // the finest that SDKs use; the sum of scale and power must fit
		most = powers << 20
	case scale > 0:
		most = powers << scale
	}
	return offset >= -most && offset+length <= most
}

// coarsen brings a histogram to the finest resolution that is stored. Upstream's
// code that adds two of them looks at each bucket between them, of which finer
// ones have millions.
func coarsen(p pmetric.ExponentialHistogramDataPoint) {
	p.SetZeroThreshold(0) // not stored either, and adding would look at it
	shift := p.Scale() - histogram.ExponentialSchemaMax
	if shift <= 0 {
		return
	}
	for _, b := range []pmetric.ExponentialHistogramDataPointBuckets{p.Positive(), p.Negative()} {
		from, offset := b.BucketCounts().AsRaw(), b.Offset()
		b.SetOffset(offset >> shift)
		if len(from) == 0 {
			continue
		}
		to := make([]uint64, (offset+int32(len(from))-1)>>shift-offset>>shift+1)
		for i, n := range from {
			to[(offset+int32(i))>>shift-offset>>shift] += n
		}
		b.BucketCounts().FromRaw(to)
	}
	p.SetScale(histogram.ExponentialSchemaMax)
}
