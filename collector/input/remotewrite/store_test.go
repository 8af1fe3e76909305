package remotewrite_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/remotewrite"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

func openStore(tb testing.TB) *tsdb.Store {
	tb.Helper()
	s, err := tsdb.Open(tsdb.Options{Dir: tb.TempDir(), Logger: slog.New(slog.DiscardHandler), NoSync: true})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// store appends a request as the intake does and returns what was refused.
func store(tb testing.TB, s *tsdb.Store, p *remotewrite.Parser, b *reading.Batch, body []byte, v remotewrite.Version) (refused int) {
	require.NoError(tb, p.Begin(body, v, remotewrite.Options{MaxSeries: 64 << 10}))
	for more := true; more; {
		b.Reset()
		more = p.Some(b, 8192)
		_, err := s.Append(tb.Context(), b, remotewrite.Speller{})
		require.NoError(tb, err)
		refused += len(b.Refusals)
	}
	return refused
}

// A histogram that contradicts itself must not disturb the store that meets it,
// nor what asks about it.
func FuzzHistogramInTheStore(f *testing.F) {
	for i := range int64(3) {
		for _, h := range []prompb.Histogram{
			prompb.FromIntHistogram(0, tsdbutil.GenerateTestHistogram(i)),
			prompb.FromFloatHistogram(0, tsdbutil.GenerateTestFloatHistogram(i)),
			prompb.FromIntHistogram(0, tsdbutil.GenerateTestCustomBucketsHistogram(i)),
			{Schema: 20, Count: &prompb.Histogram_CountInt{CountInt: 2}, PositiveSpans: []prompb.BucketSpan{{Offset: 5, Length: 1}}, PositiveDeltas: []int64{2}},
		} {
			f.Add(marshal(&h), marshal(&h))
		}
	}
	s := openStore(f)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute})
	f.Cleanup(func() { require.NoError(f, engine.Close()) })
	n := 0
	f.Fuzz(func(t *testing.T, first, second []byte) {
		n++
		at := time.Now().UnixMilli()
		req := &prompb.WriteRequest{}
		for i, raw := range [][]byte{first, second} {
			var h prompb.Histogram
			if proto.Unmarshal(raw, &h) != nil {
				return
			}
			h.Timestamp = at + int64(i)*1000
			req.Timeseries = append(req.Timeseries, prompb.TimeSeries{
				Labels: pairs("__name__", "h", "n", fmt.Sprint(n)), Histograms: []prompb.Histogram{h},
			})
		}
		var p remotewrite.Parser
		var b reading.Batch
		store(t, s, &p, &b, marshal(req), remotewrite.V1)
		require.False(t, s.Failed())
		for _, query := range []string{`histogram_quantile(0.9, h{n="%d"})`, `rate(h{n="%d"}[1m])`, `sum(h{n="%d"})`} {
			q, err := engine.NewInstantQuery(t.Context(), s, nil, fmt.Sprintf(query, n), time.UnixMilli(at+1000))
			require.NoError(t, err)
			_ = q.Exec(t.Context())
			q.Close()
		}
	})
}
