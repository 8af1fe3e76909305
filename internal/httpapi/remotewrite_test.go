package httpapi

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/tsdb"
)

const contentTypeV2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"

func remoteSeries(t int64, v float64, nameValues ...string) prompb.TimeSeries {
	ts := prompb.TimeSeries{Samples: []prompb.Sample{{Timestamp: t, Value: v}}}
	for i := 0; i < len(nameValues); i += 2 {
		ts.Labels = append(ts.Labels, prompb.Label{Name: nameValues[i], Value: nameValues[i+1]})
	}
	return ts
}

func remoteRequest(t *testing.T, series ...prompb.TimeSeries) []byte {
	t.Helper()
	raw, err := proto.Marshal(&prompb.WriteRequest{Timeseries: series})
	require.NoError(t, err)
	return raw
}

func packSnappy(raw []byte) io.Reader { return bytes.NewReader(snappy.Encode(nil, raw)) }

func packZstd(t *testing.T, raw []byte) io.Reader {
	t.Helper()
	e, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return bytes.NewReader(e.EncodeAll(raw, nil))
}

// asV2 writes the series of a request of version 1 in version 2.
func asV2(t *testing.T, series ...prompb.TimeSeries) []byte {
	t.Helper()
	symbols := writev2.NewSymbolTable()
	req := &writev2.Request{}
	for _, s := range series {
		ts := writev2.TimeSeries{}
		for _, l := range s.Labels {
			ts.LabelsRefs = append(ts.LabelsRefs, symbols.Symbolize(l.Name), symbols.Symbolize(l.Value))
		}
		for _, x := range s.Samples {
			ts.Samples = append(ts.Samples, writev2.Sample{Value: x.Value, Timestamp: x.Timestamp, StartTimestamp: 1})
		}
		for _, h := range s.Histograms {
			ts.Histograms = append(ts.Histograms, writev2.FromIntHistogram(1, h.Timestamp, h.ToIntHistogram()))
		}
		for _, e := range s.Exemplars {
			x := writev2.Exemplar{Value: e.Value, Timestamp: e.Timestamp}
			for _, l := range e.Labels {
				x.LabelsRefs = append(x.LabelsRefs, symbols.Symbolize(l.Name), symbols.Symbolize(l.Value))
			}
			ts.Exemplars = append(ts.Exemplars, x)
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	req.Symbols = symbols.Symbols()
	raw, err := proto.Marshal(req)
	require.NoError(t, err)
	return raw
}

func TestRemoteWriteOfBothVersionsIsStored(t *testing.T) {
	now := time.Now().UnixMilli()
	histogram := prompb.TimeSeries{
		Labels:     []prompb.Label{{Name: "__name__", Value: "wait"}},
		Histograms: []prompb.Histogram{prompb.FromIntHistogram(now, tsdbutil.GenerateTestHistogram(1))},
		Exemplars:  []prompb.Exemplar{{Labels: []prompb.Label{{Name: "trace_id", Value: "abc"}}, Value: 1, Timestamp: now}},
	}
	series := []prompb.TimeSeries{
		remoteSeries(now, 1.5, "__name__", "gas_ch4_lel_percent", "asset", "井 17"),
		remoteSeries(now, math.Inf(1), "z", "last", "__name__", "unsorted"),
		remoteSeries(now, 2, "__name__", "名.with.dots", "水 位", "x"),
		histogram,
	}
	for name, c := range map[string]struct {
		body   io.Reader
		header []string
	}{
		"version 1":            {packSnappy(remoteRequest(t, series...)), []string{"Content-Type", "application/x-protobuf", "Content-Encoding", "snappy"}},
		"version 1, said":      {packSnappy(remoteRequest(t, series...)), []string{"Content-Type", "application/x-protobuf;proto=prometheus.WriteRequest", "Content-Encoding", "snappy"}},
		"version 1, bare":      {packSnappy(remoteRequest(t, series...)), nil},
		"version 2":            {packSnappy(asV2(t, series...)), []string{"Content-Type", contentTypeV2, "Content-Encoding", "snappy"}},
		"VictoriaMetrics' own": {packZstd(t, remoteRequest(t, series...)), []string{"Content-Type", "application/x-protobuf", "Content-Encoding", "zstd", "X-VictoriaMetrics-Remote-Write-Version", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			resp, text := b.post(t, "/api/v1/write", c.body, c.header...)
			require.Equal(t, http.StatusNoContent, resp.StatusCode, text)
			require.Equal(t, map[string]string{`{"__name__":"gas_ch4_lel_percent","asset":"井 17"}`: "1.5"}, b.query(t, "gas_ch4_lel_percent"))
			require.Equal(t, map[string]string{`{"__name__":"unsorted","z":"last"}`: "+Inf"}, b.query(t, "unsorted"))
			require.Equal(t, map[string]string{`{"__name__":"名.with.dots","水 位":"x"}`: "2"}, b.query(t, `{"名.with.dots"}`))
			require.Equal(t, map[string]string{`{}`: "21"}, b.query(t, `histogram_count(wait)`))
			_, exemplars := b.send(t, http.MethodGet, "/api/v1/query_exemplars?query=wait&start=0&end=9999999999", nil)
			require.Contains(t, exemplars, `"trace_id":"abc"`)
			if name == "version 2" {
				require.Equal(t, "3", resp.Header.Get("X-Prometheus-Remote-Write-Samples-Written"))
				require.Equal(t, "1", resp.Header.Get("X-Prometheus-Remote-Write-Histograms-Written"))
				require.Equal(t, "1", resp.Header.Get("X-Prometheus-Remote-Write-Exemplars-Written"))
			}
			require.EqualValues(t, 4, b.counter(`belfry_samples_total{input="remotewrite"}`))
		})
	}
}

func TestStalenessMarkersOfRemoteWriteEndASeries(t *testing.T) {
	b := start(t)
	now := time.Now().UnixMilli()
	send := func(at int64, v float64) {
		resp, text := b.post(t, "/api/v1/write", packSnappy(remoteRequest(t, remoteSeries(at, v, "__name__", "up"))))
		require.Equal(t, http.StatusNoContent, resp.StatusCode, text)
	}
	send(now-2000, 1)
	require.Len(t, b.query(t, "up"), 1)
	send(now-1000, math.Float64frombits(value.StaleNaN))
	require.Empty(t, b.query(t, "up"))
	send(now-500, math.NaN())
	require.Equal(t, map[string]string{`{"__name__":"up"}`: "NaN"}, b.query(t, "up"))
}

func TestTheGoodPartOfARemoteWriteIsStored(t *testing.T) {
	now := time.Now().UnixMilli()
	series := []prompb.TimeSeries{
		remoteSeries(now, 1, "__name__", "good"),
		remoteSeries(now-48*3600_000, 1, "__name__", "old", "asset", "井1"),
		remoteSeries(now, 1, "__name__", "twice", "a", "1", "a", "2"),
		remoteSeries(now, 1, "a", "nameless"),
		remoteSeries(now, 1, "__name__", "text", "a", "\xb2\xe2"),
		remoteSeries(now+3600_000, 1, "__name__", "early"),
		remoteSeries(now, 2, "__name__", "good"), // another value at the same time
		remoteSeries(now, 1, "__name__", "better"),
	}
	for version, c := range map[string]struct {
		body   []byte
		header []string
	}{
		"1": {remoteRequest(t, series...), nil},
		"2": {asV2(t, series...), []string{"Content-Type", contentTypeV2}},
	} {
		b := start(t)
		resp, text := b.post(t, "/api/v1/write", packSnappy(c.body), c.header...)
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
		require.Equal(t, 1, strings.Count(text, "\n"), "one line: senders log no more")
		for _, want := range []string{
			"partial write: 6 refused, 2 samples stored",
			`series 2 old{asset="井1"}: too_old`, `series 3 twice{a="1",a="2"}: bad_series: label "a" is given twice`,
			`series 4 {a="nameless"}: bad_series: no label __name__`, "series 5", "not valid UTF-8", `series 6 early{}: too_new`,
			`series 7 good{}: conflict: the series has another value at the same time in line 1`,
		} {
			require.Contains(t, text, want)
		}
		require.Equal(t, map[string]string{`{"__name__":"good"}`: "1"}, b.query(t, "good"))
		require.Equal(t, map[string]string{`{"__name__":"better"}`: "1"}, b.query(t, "better"))
		require.EqualValues(t, 3, b.counter(`belfry_input_refused_total{input="remotewrite",reason="bad_series"}`))
		if version == "2" {
			require.Equal(t, "2", resp.Header.Get("X-Prometheus-Remote-Write-Samples-Written"))
			require.Equal(t, "0", resp.Header.Get("X-Prometheus-Remote-Write-Histograms-Written"))
		}
	}
}

func TestRemoteWritesThatCannotBeReadAreAnswered(t *testing.T) {
	b := start(t)
	good := remoteRequest(t, remoteSeries(time.Now().UnixMilli(), 1, "__name__", "m"))
	announced := binary.AppendUvarint(nil, 3<<20) // a lie
	bomb := bytes.Repeat([]byte{0}, 64<<20)
	var skipped bytes.Buffer
	e, err := zstd.NewWriter(&skipped) // a stream that does not announce its length
	require.NoError(t, err)
	_, err = e.Write(bomb)
	require.NoError(t, err)
	require.NoError(t, e.Close())
	for name, c := range map[string]struct {
		body     io.Reader
		header   []string
		status   int
		contains string
	}{
		"other content type":     {packSnappy(good), []string{"Content-Type", "application/json"}, 415, "application/x-protobuf"},
		"other message":          {packSnappy(good), []string{"Content-Type", "application/x-protobuf;proto=io.prometheus.write.v3.Request"}, 415, "v2.Request"},
		"broken content type":    {packSnappy(good), []string{"Content-Type", ";;;"}, 415, "not known here"},
		"other encoding":         {packSnappy(good), []string{"Content-Encoding", "gzip"}, 415, "use snappy or zstd"},
		"not compressed":         {bytes.NewReader(good), nil, 400, "cannot be decompressed"},
		"empty":                  {bytes.NewReader(nil), nil, 400, "cannot be decompressed"},
		"snappy cut off":         {bytes.NewReader(snappy.Encode(nil, good)[:10]), nil, 400, "cannot be decompressed"},
		"zstd cut off":           {io.LimitReader(packZstd(t, good), 20), []string{"Content-Encoding", "zstd"}, 400, "cannot be decompressed"},
		"no zstd":                {bytes.NewReader(good), []string{"Content-Encoding", "zstd"}, 400, "cannot be decompressed"},
		"protobuf cut off":       {packSnappy(good[:len(good)-2]), nil, 400, "nothing is stored"},
		"the other version":      {packSnappy(good), []string{"Content-Type", contentTypeV2}, 400, "not of the version"},
		"snappy bomb":            {packSnappy(bomb), nil, 413, "limits.body"},
		"snappy that announces":  {bytes.NewReader(announced), nil, 400, "announces more"},
		"snappy of 2^63":         {bytes.NewReader(binary.AppendUvarint(nil, math.MaxInt64)), nil, 400, "cannot be decompressed"},
		"zstd bomb":              {packZstd(t, bomb), []string{"Content-Encoding", "zstd"}, 413, "limits.body"},
		"zstd bomb in a stream":  {bytes.NewReader(skipped.Bytes()), []string{"Content-Encoding", "zstd"}, 413, "limits.body"},
		"larger than any body":   {bytes.NewReader(bomb), nil, 413, "limits.body"},
		"a metric is not posted": {nil, nil, 405, "posted"},
	} {
		t.Run(name, func(t *testing.T) {
			method := http.MethodPost
			if c.status == 405 {
				method = http.MethodGet
			}
			resp, text := b.send(t, method, "/api/v1/write", c.body, c.header...)
			require.Equal(t, c.status, resp.StatusCode, text)
			require.Contains(t, text, c.contains)
		})
	}
	require.Empty(t, b.query(t, "m"))
	resp, _ := b.post(t, "/api/v1/write", packSnappy(good))
	require.Equal(t, http.StatusNoContent, resp.StatusCode, "nothing else is disturbed")
	resp, text := b.post(t, "/api/v1/write", packSnappy(nil))
	require.Equal(t, http.StatusNoContent, resp.StatusCode, text)
}

// A large request goes through in parts, and zstd's in growing memory.
func TestALargeRemoteWriteIsStored(t *testing.T) {
	b := start(t, func(o *Options) { o.MaxBody, o.InFlight = 64<<20, 256<<20 })
	now := time.Now().UnixMilli()
	var series []prompb.TimeSeries
	for i := range 50_000 {
		series = append(series, remoteSeries(now, float64(i), "__name__", "m", "i", fmt.Sprint(i), "pad", strings.Repeat("x", 200)))
	}
	raw := remoteRequest(t, series...)
	resp, text := b.post(t, "/api/v1/write", packZstd(t, raw), "Content-Encoding", "zstd")
	require.Equal(t, http.StatusNoContent, resp.StatusCode, text)
	resp, text = b.post(t, "/api/v1/write", packSnappy(asV2(t, series...)), "Content-Type", contentTypeV2)
	require.Equal(t, http.StatusNoContent, resp.StatusCode, text)
	require.Equal(t, "50000", resp.Header.Get("X-Prometheus-Remote-Write-Samples-Written"))
	require.Equal(t, map[string]string{`{}`: "50000"}, b.query(t, "count(m)"))
}

// Prometheus drops what is answered with 429, unless it is told otherwise.
func TestWhatMayBeTakenLaterIsAnsweredWith503(t *testing.T) {
	full := tsdb.Options{Dir: t.TempDir(), DiskReserve: 1 << 20, FreeBytes: func(string) (int64, int64, error) { return 1, 1 << 30, nil }}
	b := startWith(t, full)
	resp, text := b.post(t, "/api/v1/write", packSnappy(asV2(t, remoteSeries(time.Now().UnixMilli(), 1, "__name__", "m"))), "Content-Type", contentTypeV2)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, text)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	require.Equal(t, "0", resp.Header.Get("X-Prometheus-Remote-Write-Samples-Written"))

	b = start(t, func(o *Options) { o.MaxBody, o.InFlight = 1<<20, 1<<20 })
	large := remoteRequest(t, remoteSeries(time.Now().UnixMilli(), 1, "__name__", "m", "pad", strings.Repeat("x", 60_000)))
	large = bytes.Repeat(large, 15)
	var unfinished []net.Conn
	require.Eventually(t, func() bool {
		// One that comes while the other is under way is itself turned away.
		conn, err := net.Dial("tcp", b.Listener.Addr().String())
		require.NoError(t, err)
		unfinished = append(unfinished, conn)
		_, err = io.WriteString(conn, "POST /write HTTP/1.1\r\nHost: "+b.Listener.Addr().String()+"\r\nContent-Length: 900000\r\n\r\n")
		require.NoError(t, err)
		resp, _ := b.post(t, "/api/v1/write", packSnappy(large))
		return resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != ""
	}, time.Minute, 5*time.Millisecond)
	for _, conn := range unfinished {
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool {
		resp, _ := b.post(t, "/api/v1/write", packSnappy(large))
		return resp.StatusCode == http.StatusNoContent
	}, time.Minute, 5*time.Millisecond, "the largest request fits")
}
