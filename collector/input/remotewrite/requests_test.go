package remotewrite_test

import (
	"fmt"
	"math"

	"github.com/gogo/protobuf/proto"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"pgregory.net/rapid"
)

// sent is one series as a sender has it, before it is written in one of the
// versions.
type sent struct {
	labels     []prompb.Label
	times      []int64
	values     []float64
	histograms []*histogram.Histogram
	floats     []*histogram.FloatHistogram
	exemplars  []string // trace ids
	start      int64
}

func marshal(m proto.Message) []byte {
	raw, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return raw
}

func requestV1(series []sent) *prompb.WriteRequest {
	req := &prompb.WriteRequest{Metadata: []prompb.MetricMetadata{{Type: prompb.MetricMetadata_GAUGE, MetricFamilyName: "m", Help: "h"}}}
	for _, s := range series {
		ts := prompb.TimeSeries{Labels: s.labels}
		for i, t := range s.times {
			ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: t, Value: s.values[i]})
		}
		for i, h := range s.histograms {
			ts.Histograms = append(ts.Histograms, prompb.FromIntHistogram(int64(i+1), h))
		}
		for i, h := range s.floats {
			ts.Histograms = append(ts.Histograms, prompb.FromFloatHistogram(int64(i+1), h))
		}
		for i, trace := range s.exemplars {
			ts.Exemplars = append(ts.Exemplars, prompb.Exemplar{
				Labels: []prompb.Label{{Name: "trace_id", Value: trace}}, Value: float64(i), Timestamp: int64(i + 1),
			})
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	return req
}

func requestV2(series []sent) *writev2.Request {
	symbols := writev2.NewSymbolTable()
	req := &writev2.Request{}
	for _, s := range series {
		ts := writev2.TimeSeries{Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER, HelpRef: symbols.Symbolize("help")}}
		for _, l := range s.labels {
			ts.LabelsRefs = append(ts.LabelsRefs, symbols.Symbolize(l.Name), symbols.Symbolize(l.Value))
		}
		for i, t := range s.times {
			ts.Samples = append(ts.Samples, writev2.Sample{Timestamp: t, Value: s.values[i], StartTimestamp: s.start})
		}
		for i, h := range s.histograms {
			ts.Histograms = append(ts.Histograms, writev2.FromIntHistogram(s.start, int64(i+1), h))
		}
		for i, h := range s.floats {
			ts.Histograms = append(ts.Histograms, writev2.FromFloatHistogram(s.start, int64(i+1), h))
		}
		for i, trace := range s.exemplars {
			ts.Exemplars = append(ts.Exemplars, writev2.Exemplar{
				LabelsRefs: []uint32{symbols.Symbolize("trace_id"), symbols.Symbolize(trace)}, Value: float64(i), Timestamp: int64(i + 1),
			})
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	req.Symbols = symbols.Symbols()
	return req
}

func pairs(nameValues ...string) (ls []prompb.Label) {
	for i := 0; i < len(nameValues); i += 2 {
		ls = append(ls, prompb.Label{Name: nameValues[i], Value: nameValues[i+1]})
	}
	return ls
}

// usual are series such as senders send.
func usual() []sent {
	return []sent{
		{labels: pairs("__name__", "up", "instance", "a:9100", "job", "node"), times: []int64{1700000000000}, values: []float64{1}},
		{labels: pairs("__name__", "up", "instance", "b:9100", "job", "node"), times: []int64{1700000000000}, values: []float64{0}},
		{labels: pairs("__name__", "gone"), times: []int64{1700000000000}, values: []float64{math.Float64frombits(value.StaleNaN)}},
		{labels: pairs("__name__", "井.水位", "资产", "井1"), times: []int64{1, 2, -3}, values: []float64{math.NaN(), math.Inf(1), math.Copysign(0, -1)}, start: 1},
		{labels: pairs("__name__", "h"), histograms: tsdbutil.GenerateTestHistograms(2), floats: tsdbutil.GenerateTestFloatHistograms(1), start: 5},
		{labels: pairs("__name__", "custom"), histograms: tsdbutil.GenerateTestCustomBucketsHistograms(1), floats: tsdbutil.GenerateTestCustomBucketsFloatHistograms(1)},
		{labels: pairs("__name__", "up", "instance", "a:9100", "job", "node"), exemplars: []string{"abc", "def"}},
		{labels: pairs("z", "1", "__name__", "unsorted", "a", ""), times: []int64{5}, values: []float64{5}},
	}
}

func drawSeries(t *rapid.T) []sent {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "__name__", "a", "b", "名"}), rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 200), func(b []byte) string { return string(b) }))
	float := rapid.OneOf(rapid.Float64(), rapid.Map(rapid.Uint64(), math.Float64frombits), rapid.Just(0.0))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) sent {
		s := sent{start: rapid.OneOf(rapid.Just(int64(0)), rapid.Int64()).Draw(t, "start")}
		if rapid.IntRange(0, 9).Draw(t, "named") > 0 {
			s.labels = pairs("__name__", "m")
		}
		for range rapid.IntRange(0, 4).Draw(t, "labels") {
			s.labels = append(s.labels, prompb.Label{Name: text.Draw(t, "name"), Value: text.Draw(t, "value")})
		}
		for range rapid.IntRange(0, 4).Draw(t, "samples") {
			s.times, s.values = append(s.times, rapid.Int64().Draw(t, "t")), append(s.values, float.Draw(t, "v"))
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "histograms") {
			s.histograms = append(s.histograms, tsdbutil.GenerateTestHistogram(int64(i)))
			s.floats = append(s.floats, tsdbutil.GenerateTestCustomBucketsFloatHistogram(int64(i)))
		}
		for range rapid.IntRange(0, 2).Draw(t, "exemplars") {
			s.exemplars = append(s.exemplars, rapid.StringN(0, 60, -1).Draw(t, "trace"))
		}
		return s
	}), 0, 6).Draw(t, "series")
}

// district are many series with one sample each, as from a scrape.
func district(n int, t int64) (series []sent) {
	for i := range n {
		series = append(series, sent{
			labels: pairs(
				"__name__", "parking_bay_occupied", "asset", fmt.Sprintf("CQ-YZ-JFB-%05d", i), "bay", fmt.Sprint(i%400),
				"instance", "collector-3.yuzhong.example.org:9100", "job", "parking", "lot", fmt.Sprintf("lot-%02d", i/400), "source", "geomagnetic",
			),
			times: []int64{t}, values: []float64{float64(i % 2)},
		})
	}
	return series
}
