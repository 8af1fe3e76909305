package forward

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/forward/remote"
)

// BenchmarkForward is one sample an operation on its way from the log to a server
// that reads it and does nothing with it.
func BenchmarkForward(b *testing.B) {
	for _, way := range []remote.Type{remote.VictoriaMetrics, remote.InfluxDB2} {
		for _, zip := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s,gzip=%v", way, zip), func(b *testing.B) { benchmarkForward(b, way, zip) })
		}
	}
}

func benchmarkForward(b *testing.B, way remote.Type, zip bool) {
	const series = 50_000
	s := &stand{t: &testing.T{}, dir: b.TempDir(), metrics: metrics.NewSet(), log: &bytes.Buffer{}}
	s.open()
	defer func() { _ = s.store.Close() }()
	base := time.Now().Add(-20 * time.Hour).UnixMilli()
	refs := make([]storage.SeriesRef, series)
	for i := 0; i < b.N; {
		app := s.store.Appender(b.Context())
		for range 5000 {
			l := labels.EmptyLabels()
			if refs[i%series] == 0 {
				l = labels.FromStrings("__name__", "parking_bay_rssi_dbm", "asset", fmt.Sprintf("YZ-P%03d-B%05d", i/400, i), "lot", fmt.Sprintf("YZ-P%03d", i/400), "source", "geomagnetic")
			}
			var err error
			refs[i%series], err = app.Append(refs[i%series], l, base+int64(i/series)*1000, float64(i%977)*0.25)
			require.NoError(b, err)
			i++
		}
		require.NoError(b, app.Commit())
	}
	null := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer null.Close()
	f := s.benchForwarder(null.URL, way, zip)
	b.ReportAllocs()
	b.ResetTimer()
	f.Start()
	for f.metrics.samples.Get() < uint64(b.N) {
		<-time.After(time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "samples/s")
	require.NoError(b, f.Stop(context.Background()))
}

func (s *stand) benchForwarder(base string, way remote.Type, zip bool) *Forwarder {
	g := &target{Server: &httptest.Server{URL: base}}
	return s.forwarder("bench", g, func(o *Options) {
		o.Target.Type, o.Target.Compress, o.Dialect = way, zip, line.InfluxDB
		o.Batch, o.Wait = 10_000, 500*time.Millisecond
	})
}
