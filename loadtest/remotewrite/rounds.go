package remotewrite

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/belfry-city/belfry/loadtest/city"
)

// RoundsOptions say how a city's readings are cut into requests.
type RoundsOptions struct {
	Version Version
	// Series is the most series in one request; a Prometheus sends 2000.
	Series int
	// Tags are attributes of assets that are labels besides the asset's id.
	Tags []string
	// Ready is how many rounds are encoded beforehand, at least 1. They are sent
	// in turn with the time of the round in hand; measured values vary a little
	// from one use to the next, and counters grow.
	Ready int
	// Start is the city's time in the first of them, Step what lies between two.
	Start time.Time
	Step  time.Duration
}

// Rounds are the requests in which every series of a city has one sample. Parts
// may be used concurrently, each by one goroutine at a time.
type Rounds struct {
	opt   RoundsOptions
	parts []part
}

type part struct {
	metrics map[string]int
	samples int
	ready   []body
}

// body is an encoded request and the samples that are patched in it.
type body struct {
	bytes   []byte
	samples []sample
}

// sample is where the value of a sample is; its time is 9 bytes behind.
type sample struct {
	at    uint32
	value float64
	// unit is the last digit that the device sends, of a measured value; step is
	// by how much a counter grows in a cycle.
	unit, step float64
}

// series is one field of a stream, with the labels that a scraper would give it.
type series struct {
	stream *city.Stream
	field  int
	labels []string // names and values
}

// NewRounds cuts the streams into parts and encodes what is to be ready.
func NewRounds(streams []*city.Stream, opt RoundsOptions) (*Rounds, error) {
	switch {
	case opt.Series < 1 || opt.Ready < 1:
		return nil, fmt.Errorf("cutting readings into requests: want at least 1 series a request and 1 round ready; got %d and %d", opt.Series, opt.Ready)
	case opt.Version != V1 && opt.Version != V2:
		return nil, fmt.Errorf("cutting readings into requests: there is no version %d", opt.Version)
	case len(streams) == 0:
		return nil, fmt.Errorf("cutting readings into requests: there are no streams")
	}
	var all []series
	for _, s := range streams {
		for i := range s.Fields {
			labels, err := labelsOf(s, i, opt.Tags)
			if err != nil {
				return nil, err
			}
			all = append(all, series{s, i, labels})
		}
	}
	r := &Rounds{opt: opt}
	for len(all) > 0 {
		n := min(opt.Series, len(all))
		p := part{metrics: map[string]int{}, samples: n}
		for _, s := range all[:n] {
			p.metrics[s.stream.Metric(s.field)]++
		}
		for round := range opt.Ready {
			b, err := r.encode(all[:n], round)
			if err != nil {
				return nil, err
			}
			p.ready = append(p.ready, b)
		}
		r.parts = append(r.parts, p)
		all = all[n:]
	}
	return r, nil
}

// labelsOf are sorted by name, as senders have them.
func labelsOf(s *city.Stream, field int, tags []string) ([]string, error) {
	pairs := map[string]string{"__name__": s.Metric(field), "asset": s.Asset.ID, "instance": "collector.example.org:9100", "job": "city"}
	for _, l := range s.Labels {
		pairs[l.Name] = l.Value
	}
	for _, name := range tags {
		value, ok := s.Asset.Attribute(name)
		if !ok {
			return nil, fmt.Errorf("labelling series: assets have no attribute %q", name)
		}
		if value != "" {
			pairs[name] = value
		}
	}
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		labels = append(labels, name, pairs[name])
	}
	return labels, nil
}

// Parts implements loadtest.Load.
func (r *Rounds) Parts() int { return len(r.parts) }

// Samples implements loadtest.Load.
func (r *Rounds) Samples(part int) int { return r.parts[part].samples }

// Metrics implements loadtest.Load.
func (r *Rounds) Metrics(part int) map[string]int { return r.parts[part].metrics }

// Body implements loadtest.Load.
func (r *Rounds) Body(part int, round int64, at time.Time) []byte {
	ready := r.parts[part].ready
	b := &ready[round%int64(len(ready))]
	b.patch(at, round/int64(len(ready)), uint64(round)<<16|uint64(part))
	return b.bytes
}

func (b *body) patch(at time.Time, cycle int64, seed uint64) {
	state := seed*0x9e3779b97f4a7c15 | 1
	var when [timeWidth]byte
	putTime(when[:], at.UnixMilli())
	for i := range b.samples {
		s := &b.samples[i]
		v := s.value + float64(cycle)*s.step
		if cycle > 0 && s.unit > 0 {
			state ^= state << 13
			state ^= state >> 7
			state ^= state << 17
			v = math.Round((v+float64(int(state>>32%10)-5)*s.unit)/s.unit) * s.unit
		}
		binary.LittleEndian.PutUint64(b.bytes[s.at:], math.Float64bits(v))
		copy(b.bytes[s.at+9:], when[:])
	}
}

// timeWidth is how many bytes a time in milliseconds takes from 2004 to 2109.
const timeWidth = 6

func putTime(dst []byte, ms int64) {
	for i := range dst {
		dst[i] = byte(ms)&0x7f | 0x80
		ms >>= 7
	}
	dst[len(dst)-1] &= 0x7f
}

// placeholder is the bits of the value that is encoded first, of a sample whose
// number among all is added: it is found again by it. A sender leaves out a
// value of 0; here it is sent.
const placeholder = 0x7ffdbe1f << 32

func (r *Rounds) encode(all []series, round int) (b body, err error) {
	at := r.opt.Start.Add(time.Duration(round) * r.opt.Step)
	var request proto.Message = requestV1(all, at)
	if r.opt.Version == V2 {
		request = requestV2(all, at)
	}
	if b.bytes, err = proto.Marshal(request); err != nil {
		return b, fmt.Errorf("encoding a request: %w", err)
	}
	from := 0
	for i, s := range all {
		for from+8 <= len(b.bytes) && binary.LittleEndian.Uint64(b.bytes[from:]) != placeholder+uint64(i) {
			from++
		}
		if from+9+timeWidth > len(b.bytes) {
			return b, fmt.Errorf("encoding a request: sample %d is not found again", i)
		}
		b.samples = append(b.samples, r.sample(s, at, uint32(from)))
	}
	return b, nil
}

func (r *Rounds) sample(s series, at time.Time, offset uint32) sample {
	read := func(at time.Time) float64 {
		if values, ok := s.stream.Read(at, nil); ok {
			return values[s.field]
		}
		return 0
	}
	out, field := sample{at: offset, value: read(at)}, s.stream.Fields[s.field]
	switch {
	case field.Decimals > 0:
		out.unit = math.Pow10(-field.Decimals)
	case field.Counter:
		out.step = max(0, read(r.opt.Start.Add(time.Duration(r.opt.Ready)*r.opt.Step))-read(r.opt.Start))
	}
	return out
}

func requestV1(all []series, at time.Time) *prompb.WriteRequest {
	request := &prompb.WriteRequest{}
	for i, s := range all {
		ts := prompb.TimeSeries{Samples: []prompb.Sample{{Value: math.Float64frombits(placeholder + uint64(i)), Timestamp: at.UnixMilli()}}}
		for k := 0; k < len(s.labels); k += 2 {
			ts.Labels = append(ts.Labels, prompb.Label{Name: s.labels[k], Value: s.labels[k+1]})
		}
		request.Timeseries = append(request.Timeseries, ts)
	}
	return request
}

func requestV2(all []series, at time.Time) *writev2.Request {
	symbols := writev2.NewSymbolTable()
	request := &writev2.Request{}
	for i, s := range all {
		ts := writev2.TimeSeries{
			Samples:  []writev2.Sample{{Value: math.Float64frombits(placeholder + uint64(i)), Timestamp: at.UnixMilli()}},
			Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_GAUGE, HelpRef: symbols.Symbolize("what is read")},
		}
		for _, text := range s.labels {
			ts.LabelsRefs = append(ts.LabelsRefs, symbols.Symbolize(text))
		}
		request.Timeseries = append(request.Timeseries, ts)
	}
	request.Symbols = symbols.Symbols()
	return request
}
