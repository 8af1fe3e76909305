package otlp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/belfry-city/belfry/collector/input/otlp"
)

func cumulate(o *otlp.Options) { o.Cumulate = true }

// deltas are a counter and histograms as they are sent every second.
func deltas(second int) func(pmetric.ResourceMetrics) {
	begin, end := now+pcommon.Timestamp(time.Duration(second-1)*time.Second), now+pcommon.Timestamp(time.Duration(second)*time.Second)
	return func(rm pmetric.ResourceMetrics) {
		s := named(rm, "cars").SetEmptySum()
		s.SetIsMonotonic(true)
		s.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		p := number(s.DataPoints(), 5)
		p.SetStartTimestamp(begin)
		p.SetTimestamp(end)

		h := named(rm, "stay").SetEmptyHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		hp := h.DataPoints().AppendEmpty()
		hp.SetStartTimestamp(begin)
		hp.SetTimestamp(end)
		hp.SetCount(3)
		hp.SetSum(6)
		hp.BucketCounts().FromRaw([]uint64{1, 2})
		hp.ExplicitBounds().FromRaw([]float64{1})

		e := named(rm, "speed").SetEmptyExponentialHistogram()
		e.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		ep := e.DataPoints().AppendEmpty()
		ep.SetStartTimestamp(begin)
		ep.SetTimestamp(end)
		ep.SetCount(2)
		ep.SetScale(20)
		ep.Positive().SetOffset(int32(-7_000_000 + 14_000_000*(second%2)))
		ep.Positive().BucketCounts().FromRaw([]uint64{1, 1})
	}
}

func TestDeltasAreSummedUpWhereThatIsAskedFor(t *testing.T) {
	d := decoder(t, cumulate)
	var last []string
	for second := range 4 {
		var err error
		last, err = decode(t, d, otlp.Protobuf, message(t, deltas(second+1)))
		require.NoError(t, err)
		for _, line := range last {
			require.NotContains(t, line, "refused")
		}
	}
	require.Contains(t, last, `2: cars_total{} 20 @4000ms`)
	require.Contains(t, last, `3: stay_bucket{le="1"} 4 @4000ms`)
	require.Contains(t, last, `3: stay_count{} 12 @4000ms`)
	require.Contains(t, last[len(last)-1], `4: speed{} schema 3 {count:8`, "histograms far apart are merged in a coarser one")

	again, err := decode(t, d, otlp.Protobuf, message(t, deltas(4)))
	require.NoError(t, err)
	refused := 0
	for _, line := range again {
		if strings.Contains(line, "refused: conflict: a delta that is not newer") {
			refused++
		}
	}
	require.Equal(t, 3, refused, "what is sent again is not added again: %q", again)
	require.Contains(t, again, `1: before{} 1`, "and does not harm its neighbours")
}

func TestMoreSeriesOfDeltasThanTheLimitAreRefused(t *testing.T) {
	d := decoder(t, cumulate, func(o *otlp.Options) { o.Streams = 1 })
	lines, err := decode(t, d, otlp.Protobuf, message(t, deltas(1)))
	require.NoError(t, err)
	require.Contains(t, lines, `2: cars_total{} 5 @1000ms`)
	require.Contains(t, lines[len(lines)-1], "refused: conflict")
}
