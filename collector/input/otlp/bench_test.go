package otlp_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/otlp"
	"github.com/belfry-city/belfry/collector/reading"
)

// BenchmarkDecode decodes a thousand points of four attributes each, as a
// service of OpenTelemetry's SDK sends them.
func BenchmarkDecode(b *testing.B) {
	const points = 1000
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "gateway")
	rm.Resource().Attributes().PutStr("service.instance.id", "7")
	for m := range 10 {
		g := named(rm, fmt.Sprintf("city.metric.%d", m)).SetEmptyGauge()
		for i := range points / 10 {
			a := number(g.DataPoints(), float64(i)).Attributes()
			a.PutStr("asset", fmt.Sprintf("W%d", i))
			a.PutStr("district", "yuzhong")
			a.PutStr("street", "jiefangbei")
			a.PutInt("channel", int64(m))
		}
	}
	req := pmetricotlp.NewExportRequestFromMetrics(md)
	binary, err := req.MarshalProto()
	require.NoError(b, err)
	text, err := req.MarshalJSON()
	require.NoError(b, err)
	for name, c := range map[string]struct {
		encoding otlp.Encoding
		body     []byte
	}{"protobuf": {otlp.Protobuf, binary}, "json": {otlp.JSON, text}} {
		b.Run(name, func(b *testing.B) {
			d := decoder(b)
			var w reading.Builder
			var batch reading.Batch
			b.ReportAllocs()
			for b.Loop() {
				batch.Reset()
				w.Reset(&batch)
				w.Message(c.body)
				d.Request(c.encoding).Decode(&input.Message{Body: c.body, Received: received}, &w)
				w.Done()
			}
			require.Equal(b, points, batch.Samples())
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/points, "ns/sample")
		})
	}
}
