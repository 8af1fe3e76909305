package otlp_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/belfry-city/belfry/collector/input/otlp"
)

// many are points that differ in one number.
func many(rm pmetric.ResourceMetrics) {
	points := named(rm, "many").SetEmptyGauge().DataPoints()
	for i := range 6000 {
		number(points, 1).Attributes().PutInt("n", int64(i))
	}
}

// TestASmallRequestCannotMakeMuchOfOneAttribute has thousands of series that
// share one long attribute: some ten KB when zipped. Bodies may have 4 MiB here.
func TestASmallRequestCannotMakeMuchOfOneAttribute(t *testing.T) {
	long := strings.Repeat("x", 60_000)
	for story, c := range map[string]struct {
		fill   func(pmetric.ResourceMetrics)
		change func(*otlp.Options)
		taken  int // points
	}{
		"the buckets of a histogram": {fill: func(rm pmetric.ResourceMetrics) {
			explicit(func(p pmetric.HistogramDataPoint) {
				p.Attributes().PutStr("long", long)
				p.BucketCounts().FromRaw(append(make([]uint64, 6000), 3))
				p.ExplicitBounds().FromRaw(nil)
				for i := range 6000 {
					p.ExplicitBounds().Append(float64(i))
				}
			})(rm)
		}},
		"the quantiles of a summary": {fill: func(rm pmetric.ResourceMetrics) {
			p := named(rm, "bad").SetEmptySummary().DataPoints().AppendEmpty()
			p.SetTimestamp(now)
			p.Attributes().PutStr("long", long)
			for i := range 6000 {
				p.QuantileValues().AppendEmpty().SetQuantile(float64(i))
			}
		}},
		"service.name": {fill: func(rm pmetric.ResourceMetrics) {
			rm.Resource().Attributes().PutStr("service.name", long)
			many(rm)
		}, taken: 139},
		"a promoted attribute": {fill: func(rm pmetric.ResourceMetrics) {
			rm.Resource().Attributes().PutStr("long", long)
			many(rm)
		}, change: func(o *otlp.Options) { o.Promote = []string{"long"} }, taken: 139},
		"all attributes promoted": {fill: func(rm pmetric.ResourceMetrics) {
			rm.Resource().Attributes().PutStr("long", long)
			many(rm)
		}, change: func(o *otlp.Options) { o.PromoteAll = true }, taken: 139},
		"the scope": {fill: func(rm pmetric.ResourceMetrics) {
			many(rm)
			rm.ScopeMetrics().At(0).Scope().Attributes().PutStr("long", long)
		}, change: func(o *otlp.Options) { o.PromoteScope = true }, taken: 139},
	} {
		t.Run(story, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*otlp.Options) {}
			}
			lines, err := decode(t, decoder(t, change), otlp.Protobuf, message(t, c.fill))
			require.NoError(t, err)
			all := strings.Join(lines, "\n")
			require.Contains(t, all, "refused: too_long: metric \"")
			require.Contains(t, all, "(twice limits.body)")
			require.NotContains(t, all, "body_too_large")
			require.Equal(t, c.taken, strings.Count(all, ": many{"))
			require.Contains(t, all, ": before{")
			require.Contains(t, all, ": after{")
			require.Less(t, len(all), 12<<20)
		})
	}
}

// TestTheLabelsOfOneSeriesAreBoundTogether has the point and what surrounds it
// share what one series may have.
func TestTheLabelsOfOneSeriesAreBoundTogether(t *testing.T) {
	fill := func(rm pmetric.ResourceMetrics) {
		rm.Resource().Attributes().PutStr("service.name", strings.Repeat("x", 40_000))
		points := named(rm, "bad").SetEmptyGauge().DataPoints()
		for _, n := range []int{10_000, 40_000} {
			number(points, 1).Attributes().PutStr("long", strings.Repeat("y", n))
		}
	}
	lines, err := decode(t, decoder(t), otlp.Protobuf, message(t, fill))
	require.NoError(t, err)
	all := strings.Join(lines, "\n")
	require.Equal(t, 1, strings.Count(all, "refused"))
	require.Contains(t, all, `too_long: metric "bad": its labels take 80012 bytes, of which its resource and scope have 40004; at most 65536 (limits.line) are taken`)
	require.Equal(t, 1, strings.Count(all, ": bad{"))
}

// TestAnOrdinaryExportOfHistogramsIsTakenWhole is what a Collector sends at once:
// 8192 points, each of which makes 18 series.
func TestAnOrdinaryExportOfHistogramsIsTakenWhole(t *testing.T) {
	d := decoder(t, func(o *otlp.Options) { o.MaxBody = 32 << 20 })
	lines, err := decode(t, d, otlp.Protobuf, message(t, func(rm pmetric.ResourceMetrics) {
		rm.Resource().Attributes().PutStr("service.name", "pumps")
		rm.Resource().Attributes().PutStr("service.instance.id", "0f7c8b1e-7f0e-4a3a-9a56-3f8f0c1e2d3a")
		h := named(rm, "http.server.request.duration").SetEmptyHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		for i := range 8192 {
			p := h.DataPoints().AppendEmpty()
			p.SetTimestamp(now - pcommon.Timestamp(i))
			p.BucketCounts().FromRaw(make([]uint64, 16))
			for b := range 15 {
				p.ExplicitBounds().Append(float64(b))
			}
			p.Attributes().PutInt("n", int64(i))
			p.Attributes().PutStr("http.request.method", "GET")
			p.Attributes().PutStr("http.route", "/api/v1/pumps/{id}/readings")
			p.Attributes().PutStr("url.scheme", "https")
		}
	}))
	require.NoError(t, err)
	require.NotContains(t, strings.Join(lines, "\n"), "refused")
}
