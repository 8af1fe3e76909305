package remotewrite_test

import (
	"testing"

	"github.com/gogo/protobuf/proto"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/remotewrite"
	"github.com/belfry-city/belfry/collector/reading"
)

// Whatever arrives: nothing panics; what is taken without a refusal is what
// upstream makes of it; and what upstream can read and writes again is taken
// just so.
func FuzzRequest(f *testing.F) {
	for v, body := range both(usual()) {
		f.Add(v == remotewrite.V2, uint8(3), body)
		f.Add(v == remotewrite.V2, uint8(1), body[:len(body)/2])
	}
	for v := remotewrite.V1; v <= remotewrite.V2; v++ {
		for _, f2 := range fieldsOf(both(usual())[v]) {
			f.Add(v == remotewrite.V2, uint8(9), f2.raw)
		}
	}
	f.Fuzz(func(t *testing.T, second bool, part uint8, body []byte) {
		v := remotewrite.V1
		if second {
			v = remotewrite.V2
		}
		got, refusals, err := read(body, v, int(part)+1)
		want, upstreamErr := upstream(body, v)
		if upstreamErr != nil {
			return
		}
		if err == nil && len(refusals) == 0 {
			require.Equal(t, want.sorted(), got.sorted())
		}
		again := rewrite(t, body, v)
		got, refusals, err = read(again, v, int(part)+1)
		require.NoError(t, err)
		for _, r := range refusals {
			if r.Reason == reading.ReasonTooLong || r.Reason == reading.ReasonBadSeries {
				return // beyond a limit of ours
			}
		}
		want, err = upstream(again, v)
		require.NoError(t, err)
		if len(refusals) == 0 {
			require.Equal(t, want.sorted(), got.sorted())
		}
	})
}

// rewrite returns nothing for a request without series: it might be taken for
// one of the other version.
func rewrite(t *testing.T, body []byte, v remotewrite.Version) []byte {
	t.Helper()
	if v == remotewrite.V1 {
		var req prompb.WriteRequest
		require.NoError(t, proto.Unmarshal(body, &req))
		if len(req.Timeseries) == 0 {
			return nil
		}
		return marshal(&req)
	}
	var req writev2.Request
	require.NoError(t, proto.Unmarshal(body, &req))
	if len(req.Timeseries) == 0 {
		return nil
	}
	return marshal(&req)
}
