package remotewrite_test

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/loadtest"
	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/remotewrite"
)

var start = time.Date(2026, 6, 3, 4, 0, 0, 0, time.UTC)

func rounds(t *testing.T, v remotewrite.Version, series int) *remotewrite.Rounds {
	t.Helper()
	c, err := city.New(city.Options{Seed: 1, Scale: 0.01})
	require.NoError(t, err)
	r, err := remotewrite.NewRounds(c.Streams(), remotewrite.RoundsOptions{
		Version: v, Series: series, Ready: 2, Start: start, Step: 10 * time.Second, Tags: []string{"street"},
	})
	require.NoError(t, err)
	return r
}

// read reads a request with upstream's own decoder.
func read(t *testing.T, v remotewrite.Version, body []byte) map[string]float64 {
	t.Helper()
	got, b := map[string]float64{}, labels.NewScratchBuilder(0)
	if v == remotewrite.V1 {
		var request prompb.WriteRequest
		require.NoError(t, proto.Unmarshal(body, &request))
		for _, ts := range request.Timeseries {
			require.Len(t, ts.Samples, 1)
			require.Equal(t, start.UnixMilli(), ts.Samples[0].Timestamp)
			got[ts.ToLabels(&b, nil).String()] = ts.Samples[0].Value
		}
		return got
	}
	var request writev2.Request
	require.NoError(t, proto.Unmarshal(body, &request))
	for _, ts := range request.Timeseries {
		ls, err := ts.ToLabels(&b, request.Symbols)
		require.NoError(t, err)
		require.Len(t, ts.Samples, 1)
		require.Equal(t, start.UnixMilli(), ts.Samples[0].Timestamp)
		got[ls.String()] = ts.Samples[0].Value
	}
	return got
}

func TestBothVersionsSayWhatTheCitySays(t *testing.T) {
	first, second := rounds(t, remotewrite.V1, 100), rounds(t, remotewrite.V2, 100)
	require.Equal(t, first.Parts(), second.Parts())
	varied := 0
	for part := range first.Parts() {
		one := read(t, remotewrite.V1, first.Body(part, 0, start))
		require.Len(t, one, first.Samples(part))
		require.Equal(t, one, read(t, remotewrite.V2, second.Body(part, 0, start)))
		again := read(t, remotewrite.V1, first.Body(part, 200, start))
		require.Len(t, again, len(one))
		for ls, v := range again {
			require.Contains(t, one, ls)
			require.False(t, math.IsNaN(v))
			if v != one[ls] {
				varied++
			}
		}
	}
	require.NotZero(t, varied, "mere repetition would be compressed far too well")
}

func TestTheDriverSaysWhatTheServerSaid(t *testing.T) {
	status := http.StatusNoContent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(status)
	}))
	defer server.Close()
	for _, zstd := range []bool{false, true} {
		d, err := remotewrite.NewDriver(remotewrite.Target{URL: server.URL, Version: remotewrite.V1, Zstd: zstd})
		require.NoError(t, err)
		c, err := d.Connect()
		require.NoError(t, err)
		status = http.StatusNoContent
		require.NoError(t, c.Send(t.Context(), []byte("body")))
		status = http.StatusServiceUnavailable
		var busy *loadtest.Busy
		require.ErrorAs(t, c.Send(t.Context(), []byte("body")), &busy)
		require.Equal(t, 3*time.Second, busy.After)
		status = http.StatusBadRequest
		var rejected *loadtest.Rejected
		require.ErrorAs(t, c.Send(t.Context(), []byte("body")), &rejected)
		require.NoError(t, c.Close())
	}
	_, err := remotewrite.NewDriver(remotewrite.Target{URL: "ftp://x"})
	require.ErrorContains(t, err, "no http://")
}
