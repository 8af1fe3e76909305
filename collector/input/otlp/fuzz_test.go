package otlp_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/otlp"
	"github.com/belfry-city/belfry/collector/reading"
)

// fuzzed are the settings that each input is tried with.
func fuzzed(f *testing.F) []*otlp.Decoder {
	small := func(o *otlp.Options) { o.MaxBody = 1 << 16 }
	return []*otlp.Decoder{
		decoder(f, small),
		decoder(f, small, func(o *otlp.Options) {
			o.Translation, o.PromoteAll, o.PromoteScope, o.CustomBuckets = otlp.UTF8WithoutSuffixes, true, true, true
			o.Cumulate, o.Streams = true, 1000
		}),
	}
}

// check decodes a body, and looks whether what comes out of it can be stored or
// refused.
func check(t *testing.T, d *otlp.Decoder, e otlp.Encoding, body []byte) {
	var w reading.Builder
	var b reading.Batch
	w.Reset(&b)
	w.Message(body)
	req := d.Request(e)
	req.Decode(&input.Message{Body: body, Received: received}, &w)
	w.Done()
	require.LessOrEqual(t, b.Samples(), 100*(len(body)+100), "what comes out is in proportion to what goes in")
	spell := func(key, name reading.Span) {
		if _, _, err := (reading.LabelSpeller{}).Spell(b.Bytes(key), b.Bytes(name), nil); err != nil {
			require.NotContains(t, err.Error(), "not one of labels")
		}
	}
	for _, p := range b.Points {
		spell(p.Key, b.Fields[p.First].Name)
		require.NotZero(t, p.Line)
	}
	for _, h := range b.Histograms {
		spell(h.Key, h.Name)
		require.NotNil(t, h.Integer)
		_ = h.Integer.Validate()
		_ = h.Integer.String()
	}
	if req.Err() != nil {
		require.Zero(t, b.Samples())
		require.Len(t, b.Refusals, 1)
	}
}

func FuzzProtobuf(f *testing.F) {
	decoders := fuzzed(f)
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(f, err)
	for _, file := range files {
		f.Add(protobuf(f, readFile(f, file)))
	}
	f.Add(message(f, deltas(1)))
	f.Add(message(f, exponential(func(p pmetric.ExponentialHistogramDataPoint) { p.SetScale(20); p.Positive().SetOffset(1 << 20) })))
	f.Add(message(f, explicit(func(p pmetric.HistogramDataPoint) { p.Exemplars().AppendEmpty().SetIntValue(3) })))
	f.Add(message(f, gauge(func(p pmetric.NumberDataPoint) { nest(p.Attributes().PutEmpty("a"), 20) })))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, d := range decoders {
			check(t, d, otlp.Protobuf, body)
		}
	})
}

func FuzzJSON(f *testing.F) {
	decoders := fuzzed(f)
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(f, err)
	for _, file := range files {
		f.Add(readFile(f, file))
	}
	f.Add([]byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asDouble":"1e300","timeUnixNano":1700000000000000000}]}}]}]}]}`))
	f.Add([]byte("\xef\xbb\xbf{\"resource_metrics\":[null]}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, d := range decoders {
			check(t, d, otlp.JSON, body)
		}
	})
}
