package otlp_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"golang.org/x/text/encoding/simplifiedchinese"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/belfry-city/belfry/collector/input/otlp"
)

const now = pcommon.Timestamp(received * 1_000_000)

// message is a request whose metrics fill makes; around them are two that are
// well.
func message(t testing.TB, fill func(pmetric.ResourceMetrics)) []byte {
	t.Helper()
	md := pmetric.NewMetrics()
	for _, name := range []string{"before", "", "after"} {
		rm := md.ResourceMetrics().AppendEmpty()
		if name == "" {
			fill(rm)
			continue
		}
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName(name)
		number(m.SetEmptyGauge().DataPoints(), 1)
	}
	body, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	require.NoError(t, err)
	return body
}

func number(points pmetric.NumberDataPointSlice, v float64) pmetric.NumberDataPoint {
	p := points.AppendEmpty()
	p.SetTimestamp(now)
	p.SetDoubleValue(v)
	return p
}

func named(rm pmetric.ResourceMetrics, name string) pmetric.Metric {
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	return m
}

func gauge(change func(pmetric.NumberDataPoint)) func(pmetric.ResourceMetrics) {
	return func(rm pmetric.ResourceMetrics) { change(number(named(rm, "bad").SetEmptyGauge().DataPoints(), 1)) }
}

func explicit(change func(pmetric.HistogramDataPoint)) func(pmetric.ResourceMetrics) {
	return func(rm pmetric.ResourceMetrics) {
		h := named(rm, "bad").SetEmptyHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		p := h.DataPoints().AppendEmpty()
		p.SetTimestamp(now)
		p.SetCount(3)
		p.BucketCounts().FromRaw([]uint64{1, 2})
		p.ExplicitBounds().FromRaw([]float64{1})
		change(p)
	}
}

func exponential(change func(pmetric.ExponentialHistogramDataPoint)) func(pmetric.ResourceMetrics) {
	return func(rm pmetric.ResourceMetrics) {
		h := named(rm, "bad").SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		p := h.DataPoints().AppendEmpty()
		p.SetTimestamp(now)
		p.SetCount(3)
		p.Positive().BucketCounts().FromRaw([]uint64{1, 2})
		change(p)
	}
}

func sum(t pmetric.AggregationTemporality) func(pmetric.ResourceMetrics) {
	return func(rm pmetric.ResourceMetrics) {
		s := named(rm, "bad").SetEmptySum()
		s.SetAggregationTemporality(t)
		number(s.DataPoints(), 1)
		number(s.DataPoints(), 2)
	}
}

// nest makes a value of lists in lists.
func nest(v pcommon.Value, depth int) {
	for range depth {
		v = v.SetEmptySlice().AppendEmpty()
	}
	v.SetStr("deep")
}

func TestABadPointIsRefusedAndItsNeighboursAreNot(t *testing.T) {
	for story, c := range map[string]struct {
		fill func(pmetric.ResourceMetrics)
		want string
	}{
		"no time":       {gauge(func(p pmetric.NumberDataPoint) { p.SetTimestamp(0) }), "bad_timestamp: metric \"bad\": a point without a time"},
		"a time beyond": {gauge(func(p pmetric.NumberDataPoint) { p.SetTimestamp(math.MaxUint64) }), "bad_timestamp"},
		"too old":       {gauge(func(p pmetric.NumberDataPoint) { p.SetTimestamp(now - pcommon.Timestamp(25*time.Hour)) }), "too_old: metric \"bad\": its time is more than 24h0m0s ago"},
		"too new":       {gauge(func(p pmetric.NumberDataPoint) { p.SetTimestamp(now + pcommon.Timestamp(time.Hour)) }), "too_new"},
		"no value":      {gauge(func(p pmetric.NumberDataPoint) { pmetric.NewNumberDataPoint().CopyTo(p); p.SetTimestamp(now) }), "missing: metric \"bad\": a point without a value"},
		"nested":        {gauge(func(p pmetric.NumberDataPoint) { nest(p.Attributes().PutEmpty("a"), 1000) }), "too_deep: metric \"bad\": attribute \"a\": it is nested more than 16 deep"},
		"nested resource": {func(rm pmetric.ResourceMetrics) {
			nest(rm.Resource().Attributes().PutEmpty("a"), 1000)
			gauge(func(pmetric.NumberDataPoint) {})(rm)
		}, "too_deep: the resource: attribute"},
		"no UTF-8":         {gauge(func(p pmetric.NumberDataPoint) { p.Attributes().PutStr("a", "\xff\xff") }), "invalid_utf8"},
		"a name in GBK":    {gauge(func(p pmetric.NumberDataPoint) { p.Attributes().PutStr("\xc7\xf8", "x") }), "invalid_utf8: metric \"bad\": the name of an attribute"},
		"no label's name":  {gauge(func(p pmetric.NumberDataPoint) { p.Attributes().PutStr("区域", "x") }), "bad_series: metric \"bad\": attribute \"区域\""},
		"an empty name":    {gauge(func(p pmetric.NumberDataPoint) { p.Attributes().PutStr("", "x") }), "bad_series"},
		"long attributes":  {gauge(func(p pmetric.NumberDataPoint) { p.Attributes().PutStr("a", strings.Repeat("x", 70<<10)) }), "too_long: metric \"bad\": its attributes take"},
		"no metric's name": {func(rm pmetric.ResourceMetrics) { number(named(rm, "").SetEmptyGauge().DataPoints(), 1) }, "missing: a metric without a name"},
		"a Chinese name":   {func(rm pmetric.ResourceMetrics) { number(named(rm, "水位").SetEmptyGauge().DataPoints(), 1) }, "bad_series: metric \"水位\": its name"},
		"no data":          {func(rm pmetric.ResourceMetrics) { named(rm, "bad") }, "missing: metric \"bad\" has no data"},
		"a plate's name":   {func(rm pmetric.ResourceMetrics) { number(named(rm, "渝A66X66_speed").SetEmptyGauge().DataPoints(), 1) }, "bad_series: the name of a metric looks like a number plate"},
		"deltas":           {sum(pmetric.AggregationTemporalityDelta), "unsupported: metric \"bad\": deltas are refused here"},
		"no temporality":   {sum(pmetric.AggregationTemporalityUnspecified), "missing: metric \"bad\": its aggregation temporality"},
		"buckets amiss":    {explicit(func(p pmetric.HistogramDataPoint) { p.BucketCounts().FromRaw([]uint64{3}) }), "bad_histogram: metric \"bad\": a histogram of 1 bounds and 1 buckets"},
		"unordered bounds": {explicit(func(p pmetric.HistogramDataPoint) {
			p.ExplicitBounds().FromRaw([]float64{2, 1})
			p.BucketCounts().FromRaw([]uint64{1, 1, 1})
		}), "bad_histogram"},
		"infinite bounds":  {explicit(func(p pmetric.HistogramDataPoint) { p.ExplicitBounds().FromRaw([]float64{math.Inf(1)}) }), "bad_histogram"},
		"wrong count":      {explicit(func(p pmetric.HistogramDataPoint) { p.SetCount(4) }), "bad_histogram: metric \"bad\": a histogram of 4 observations with 3"},
		"overflow":         {explicit(func(p pmetric.HistogramDataPoint) { p.BucketCounts().FromRaw([]uint64{math.MaxUint64, 4}) }), "bad_histogram"},
		"too many buckets": {explicit(func(p pmetric.HistogramDataPoint) { p.BucketCounts().FromRaw(make([]uint64, 20_000)) }), "bad_histogram"},
		"coarse scale":     {exponential(func(p pmetric.ExponentialHistogramDataPoint) { p.SetScale(-11) }), "unsupported: metric \"bad\": a histogram of scale -11"},
		"negative buckets": {exponential(func(p pmetric.ExponentialHistogramDataPoint) {
			p.Negative().BucketCounts().FromRaw([]uint64{math.MaxUint64})
		}), "bad_histogram"},
		"offset beyond": {exponential(func(p pmetric.ExponentialHistogramDataPoint) { p.Positive().SetOffset(math.MaxInt32) }), "bad_histogram"},
		"wrong total":   {exponential(func(p pmetric.ExponentialHistogramDataPoint) { p.SetZeroCount(1) }), "bad_histogram"},
	} {
		t.Run(story, func(t *testing.T) {
			lines, err := decode(t, decoder(t), otlp.Protobuf, message(t, c.fill))
			require.NoError(t, err)
			require.Equal(t, []string{"1: before{} 1", "after{} 1"}, []string{lines[0], lines[1][strings.Index(lines[1], " ")+1:]}, lines)
			for _, line := range lines[2:] {
				require.Contains(t, line, "refused: "+c.want)
			}
			require.NotEmpty(t, lines[2:])
		})
	}
}

func TestWhatIsOnlyOddIsTaken(t *testing.T) {
	gbk, err := simplifiedchinese.GBK.NewEncoder().String("渝中区菜园坝")
	require.NoError(t, err)
	for story, c := range map[string]struct {
		fill func(pmetric.ResourceMetrics)
		want string
	}{
		"GBK":               {gauge(func(p pmetric.NumberDataPoint) { p.Attributes().PutStr("station", gbk) }), `2: bad{station="渝中区菜园坝"} 1`},
		"huge scale":        {exponential(func(p pmetric.ExponentialHistogramDataPoint) { p.SetScale(math.MaxInt32) }), `schema 8 {count:3, sum:0, (1,1.0027112750502025]:3}`},
		"exemplar of none":  {explicit(func(p pmetric.HistogramDataPoint) { p.Exemplars().AppendEmpty() }), `2: bad_count{} 3`},
		"a reserved label":  {gauge(func(p pmetric.NumberDataPoint) { p.Attributes().PutStr("__name__", "other") }), `2: bad{} 1`},
		"colliding labels":  {gauge(func(p pmetric.NumberDataPoint) { p.Attributes().PutStr("a.b", "1"); p.Attributes().PutStr("a_b", "2") }), `2: bad{a_b="1;2"} 1`},
		"an infinite value": {gauge(func(p pmetric.NumberDataPoint) { p.SetDoubleValue(math.Inf(-1)) }), `2: bad{} -Inf`},
	} {
		t.Run(story, func(t *testing.T) {
			lines, err := decode(t, decoder(t), otlp.Protobuf, message(t, c.fill))
			require.NoError(t, err)
			require.Contains(t, strings.Join(lines, "\n"), c.want)
			require.NotContains(t, strings.Join(lines, "\n"), "refused")
		})
	}
}

func TestAnAttributeThatIsAPlateByItsNameIsLeftOut(t *testing.T) {
	lines, err := decode(t, decoder(t), otlp.Protobuf, message(t, gauge(func(p pmetric.NumberDataPoint) {
		p.Attributes().PutStr("渝A66X66", "1")
		p.Attributes().PutStr(`\u6e1dA66X66`, "1")
		p.Attributes().PutStr("车牌no", "KA01AB1234")
		p.Attributes().PutStr("区域a", "x")
	})))
	require.NoError(t, err)
	require.Contains(t, lines, `2: bad{__a="x"} 1`)
	require.NotContains(t, strings.Join(lines, "\n"), "66X66")
	require.NotContains(t, strings.Join(lines, "\n"), "KA01")
}

func TestChineseNamesStayWithATranslationThatKeepsThem(t *testing.T) {
	d := decoder(t, func(o *otlp.Options) { o.Translation = otlp.UTF8WithSuffixes })
	lines, err := decode(t, d, otlp.Protobuf, message(t, func(rm pmetric.ResourceMetrics) {
		m := named(rm, "水位")
		m.SetUnit("m")
		number(m.SetEmptyGauge().DataPoints(), 1).Attributes().PutStr("区域", "渝中")
	}))
	require.NoError(t, err)
	require.Contains(t, lines, `2: 水位_meters{区域="渝中"} 1`)
}

func TestRequestsThatCannotBeRead(t *testing.T) {
	whole := protobuf(t, readFile(t, "testdata/types.json"))
	deep := "[" + strings.Repeat(`{"arrayValue":{"values":[`, 1_000_000)
	for story, c := range map[string]struct {
		encoding otlp.Encoding
		body     string
		want     string
	}{
		"truncated":               {otlp.Protobuf, string(whole[:len(whole)/2]), "byte 1 of the body: want a message of OTLP in protobuf; unexpected EOF"},
		"text":                    {otlp.Protobuf, "hello", "want a message of OTLP in protobuf"},
		"another message's field": {otlp.Protobuf, "\x08\x01\x0d\x01", "want a message of OTLP in protobuf"},
		"wrong wire type":         {otlp.Protobuf, "\x08\x01", "want a message of OTLP in protobuf; proto: wrong wireType"},
		"no JSON":                 {otlp.JSON, "hello", "want a message of OTLP in JSON"},
		"truncated JSON":          {otlp.JSON, `{"resourceMetrics":[{"scopeMetrics":[`, "want a message of OTLP in JSON"},
		"a list":                  {otlp.JSON, `[]`, "want a message of OTLP in JSON"},
		"text for a number":       {otlp.JSON, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asDouble":"many"}]}}]}]}]}`, "want a message of OTLP in JSON"},
		"negative buckets":        {otlp.JSON, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","histogram":{"dataPoints":[{"bucketCounts":["-1"]}]}}]}]}]}`, "want a message of OTLP in JSON"},
		"a million deep":          {otlp.JSON, deep, "nested more than 10000 deep"},
	} {
		t.Run(story, func(t *testing.T) {
			lines, err := decode(t, decoder(t), c.encoding, []byte(c.body))
			require.ErrorContains(t, err, c.want)
			require.Len(t, lines, 1, "refused as a whole")
			require.Contains(t, lines[0], "refused")
		})
	}
}

func TestNestingWithoutEndIsFoundBeforeTheStackIs(t *testing.T) {
	fields := []byte{}
	for range 200_000 { // each level is a list of one value
		fields = append(fields, 1, 5)
	}
	fields = append(fields, 2, 7, 1, 5, 2, 2, 1) // the attribute of a point of a gauge
	_, err := decode(t, decoder(t), otlp.Protobuf, wrap(nil, fields...))
	require.ErrorContains(t, err, "nested more than 10000 deep")
}

// wrap puts a message into a field, that into another, and so on.
func wrap(inner []byte, fields ...byte) []byte {
	backwards := slices.Clone(inner)
	slices.Reverse(backwards)
	for _, field := range fields {
		head := protowire.AppendTag(nil, protowire.Number(field), protowire.BytesType)
		head = protowire.AppendVarint(head, uint64(len(backwards)))
		slices.Reverse(head)
		backwards = append(backwards, head...)
	}
	slices.Reverse(backwards)
	return backwards
}

func TestARequestThatWouldNotFitIntoMemoryIsRefused(t *testing.T) {
	points := []byte{}
	for range 1 << 20 {
		points = append(points, 0x0a, 0) // an empty point
	}
	body := wrap(points, 5, 2, 2, 1)
	_, err := decode(t, decoder(t), otlp.Protobuf, body)
	require.ErrorContains(t, err, "would not fit into memory")
	json := `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[` + strings.Repeat("{},", 1<<20) + `{}]}}]}]}]}`
	_, err = decode(t, decoder(t), otlp.JSON, []byte(json))
	require.ErrorContains(t, err, "would not fit into memory")
}

func TestPointsFarApartDoNotMakeMoreOfTargetInfoThanThereArePoints(t *testing.T) {
	lines, err := decode(t, decoder(t), otlp.Protobuf, message(t, func(rm pmetric.ResourceMetrics) {
		for i := range 200 {
			other := pmetric.NewResourceMetrics()
			other.Resource().Attributes().PutStr("service.name", fmt.Sprint(i))
			other.CopyTo(rm)
		}
		rm.Resource().Attributes().PutStr("service.name", "far")
		rm.Resource().Attributes().PutStr("version", "1")
		points := named(rm, "m").SetEmptyGauge().DataPoints()
		number(points, 1)
		number(points, 2).SetTimestamp(now - pcommon.Timestamp(24*time.Hour))
	}))
	require.NoError(t, err)
	require.Less(t, len(lines), 40)
}
