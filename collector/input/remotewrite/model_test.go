package remotewrite_test

import (
	"fmt"
	"math"
	"sort"

	"github.com/gogo/protobuf/proto"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/belfry-city/belfry/collector/input/remotewrite"
	"github.com/belfry-city/belfry/collector/reading"
)

const generous = 1 << 20

// content words what a request says, a value a line, in the order of the
// request; what cannot be stored is left out.
type content []string

func (c *content) float(ls labels.Labels, t int64, v float64) {
	*c = append(*c, fmt.Sprintf("%s %d float %016x", ls, t, math.Float64bits(v)))
}

func (c *content) histogram(ls labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) {
	if fh != nil {
		*c = append(*c, fmt.Sprintf("%s %d float histogram %s", ls, t, wordFloatHistogram(fh)))
		return
	}
	*c = append(*c, fmt.Sprintf("%s %d histogram %s", ls, t, wordHistogram(h)))
}

func (c *content) exemplar(ls labels.Labels, e exemplar.Exemplar) {
	*c = append(*c, fmt.Sprintf("%s exemplar %s %d %016x", ls, e.Labels, e.Ts, math.Float64bits(e.Value)))
}

func wordHistogram(h *histogram.Histogram) string {
	return fmt.Sprint(h.CounterResetHint, h.Schema, math.Float64bits(h.ZeroThreshold), h.ZeroCount, h.Count, math.Float64bits(h.Sum),
		h.PositiveSpans, h.PositiveBuckets, h.NegativeSpans, h.NegativeBuckets, wordFloats(h.CustomValues))
}

func wordFloatHistogram(h *histogram.FloatHistogram) string {
	return fmt.Sprint(h.CounterResetHint, h.Schema, math.Float64bits(h.ZeroThreshold), math.Float64bits(h.ZeroCount), math.Float64bits(h.Count), math.Float64bits(h.Sum),
		h.PositiveSpans, wordFloats(h.PositiveBuckets), h.NegativeSpans, wordFloats(h.NegativeBuckets), wordFloats(h.CustomValues))
}

func wordFloats(fs []float64) (bits []uint64) {
	for _, f := range fs {
		bits = append(bits, math.Float64bits(f))
	}
	return bits
}

// sorted is for comparison: floats, histograms and exemplars of a series come in
// different orders.
func (c content) sorted() content {
	s := append(content{}, c...)
	sort.Strings(s)
	return s
}

// read is what the package makes of a request, in parts of the given number of
// values.
func read(body []byte, v remotewrite.Version, part int) (c content, refusals []reading.Refusal, err error) {
	body = append([]byte{}, body...)
	var p remotewrite.Parser
	if err := p.Begin(body, v, remotewrite.Options{MaxSeries: generous}); err != nil {
		return nil, nil, err
	}
	var b reading.Batch
	for more := true; more; {
		b.Reset()
		more = p.Some(&b, part)
		addBatch(&c, &b)
		for _, r := range b.Refusals {
			r.Raw = nil
			refusals = append(refusals, r)
		}
	}
	return c, refusals, nil
}

func addBatch(c *content, b *reading.Batch) {
	for _, p := range b.Points {
		if ls, ok := spell(b, p.Key); ok {
			for _, f := range b.Fields[p.First : p.First+p.Count] {
				c.float(ls, p.Time, f.Value)
			}
		}
	}
	for _, h := range b.Histograms {
		if ls, ok := spell(b, h.Key); ok {
			c.histogram(ls, h.Time, h.Integer, h.Float)
		}
	}
	for _, e := range b.Exemplars {
		if ls, ok := spell(b, e.Key); ok {
			c.exemplar(ls, e.Exemplar)
		}
	}
}

func spell(b *reading.Batch, key reading.Span) (labels.Labels, bool) {
	metric, ls, err := remotewrite.Speller{}.Spell(b.Bytes(key), nil, nil)
	if err != nil {
		return labels.EmptyLabels(), false
	}
	builder := labels.NewScratchBuilder(0)
	builder.Add(model.MetricNameLabel, string(metric))
	for _, l := range ls {
		builder.Add(string(l.Name), string(l.Value))
	}
	builder.Sort()
	return builder.Labels(), true
}

func storable(ls labels.Labels) (labels.Labels, bool) {
	if _, twice := ls.HasDuplicateLabelNames(); twice || !ls.Has(model.MetricNameLabel) || !ls.IsValid(model.UTF8Validation) {
		return ls, false
	}
	return ls.WithoutEmpty(), true
}

// upstream is what upstream's decoder and its handler make of a request; an
// error means that it takes nothing of it.
func upstream(body []byte, v remotewrite.Version) (content, error) {
	if v == remotewrite.V1 {
		var req prompb.WriteRequest
		if err := proto.Unmarshal(body, &req); err != nil {
			return nil, err
		}
		return upstreamV1(&req), nil
	}
	var req writev2.Request
	if err := proto.Unmarshal(body, &req); err != nil {
		return nil, err
	}
	return upstreamV2(&req), nil
}

func upstreamV1(req *prompb.WriteRequest) (c content) {
	b := labels.NewScratchBuilder(0)
	for _, ts := range req.Timeseries {
		ls, ok := storable(ts.ToLabels(&b, nil))
		if !ok {
			continue
		}
		for _, s := range ts.Samples {
			c.float(ls, s.Timestamp, s.Value)
		}
		for _, h := range ts.Histograms {
			if h.IsFloatHistogram() {
				c.histogram(ls, h.Timestamp, nil, h.ToFloatHistogram())
			} else {
				c.histogram(ls, h.Timestamp, h.ToIntHistogram(), nil)
			}
		}
		for _, e := range ts.Exemplars {
			if x := e.ToExemplar(&b, nil); x.Labels.IsValid(model.UTF8Validation) {
				c.exemplar(ls, x)
			}
		}
	}
	return c
}

func upstreamV2(req *writev2.Request) (c content) {
	b := labels.NewScratchBuilder(0)
	for _, ts := range req.Timeseries {
		ls, err := ts.ToLabels(&b, req.Symbols)
		if err != nil {
			continue
		}
		ls, ok := storable(ls)
		if !ok {
			continue
		}
		for _, s := range ts.Samples {
			c.float(ls, s.Timestamp, s.Value)
		}
		for _, h := range ts.Histograms {
			if h.IsFloatHistogram() {
				c.histogram(ls, h.Timestamp, nil, h.ToFloatHistogram())
			} else {
				c.histogram(ls, h.Timestamp, h.ToIntHistogram(), nil)
			}
		}
		for _, e := range ts.Exemplars {
			if x, err := e.ToExemplar(&b, req.Symbols); err == nil && x.Labels.IsValid(model.UTF8Validation) {
				c.exemplar(ls, x)
			}
		}
	}
	return c
}
