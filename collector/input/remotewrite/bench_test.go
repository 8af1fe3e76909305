package remotewrite_test

import (
	"fmt"
	"testing"

	"github.com/gogo/protobuf/proto"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/remotewrite"
	"github.com/belfry-city/belfry/collector/reading"
)

const benchSeries = 2000 // what a Prometheus sends at a time

func parseAll(tb testing.TB, p *remotewrite.Parser, b *reading.Batch, body []byte, v remotewrite.Version) {
	require.NoError(tb, p.Begin(body, v, remotewrite.Options{MaxSeries: 64 << 10}))
	for more := true; more; {
		b.Reset()
		more = p.Some(b, 8192)
	}
}

func BenchmarkParse(bench *testing.B) {
	for v, body := range both(district(benchSeries, 1700000000000)) {
		bench.Run(fmt.Sprintf("version=%d", v), func(bench *testing.B) {
			var p remotewrite.Parser
			var b reading.Batch
			bench.ReportAllocs()
			for bench.Loop() {
				parseAll(bench, &p, &b, body, v)
			}
			bench.ReportMetric(float64(bench.Elapsed().Nanoseconds())/float64(bench.N)/benchSeries, "ns/sample")
		})
	}
}

// BenchmarkUpstream does what upstream's handler does before it appends.
func BenchmarkUpstream(bench *testing.B) {
	for v, body := range both(district(benchSeries, 1700000000000)) {
		bench.Run(fmt.Sprintf("version=%d", v), func(bench *testing.B) {
			b := labels.NewScratchBuilder(0)
			bench.ReportAllocs()
			for bench.Loop() {
				if v == remotewrite.V1 {
					var req prompb.WriteRequest
					require.NoError(bench, proto.Unmarshal(body, &req))
					for i := range req.Timeseries {
						_ = req.Timeseries[i].ToLabels(&b, nil)
					}
					continue
				}
				var req writev2.Request
				require.NoError(bench, proto.Unmarshal(body, &req))
				for i := range req.Timeseries {
					_, err := req.Timeseries[i].ToLabels(&b, req.Symbols)
					require.NoError(bench, err)
				}
			}
			bench.ReportMetric(float64(bench.Elapsed().Nanoseconds())/float64(bench.N)/benchSeries, "ns/sample")
		})
	}
}
