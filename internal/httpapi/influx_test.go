package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/tsdb"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// http.DefaultClient keeps connections to servers that are closed by now.
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
	)
}

func TestInfluxClientWritesAndWaits(t *testing.T) {
	b := start(t)
	client := influxdb2.NewClient(b.URL, "any-token")
	defer client.Close()
	ctx := context.Background()
	ok, err := client.Ping(ctx)
	require.NoError(t, err)
	require.True(t, ok)
	health, err := client.Health(ctx)
	require.NoError(t, err)
	require.EqualValues(t, "pass", health.Status)

	w := client.WriteAPIBlocking("org", "bucket")
	now := time.Now()
	require.NoError(t, w.WritePoint(ctx,
		influxdb2.NewPoint("gas", map[string]string{"asset": "井 17", "street": "解放碑"}, map[string]any{"ch4_lel_percent": 12.5, "alarms": 3, "on": true, "note": "text, with = and spaces"}, now),
		influxdb2.NewPoint("gas", map[string]string{"asset": "W2"}, map[string]any{"value": uint64(7)}, now)))
	require.Equal(t, map[string]string{`{"__name__":"gas_ch4_lel_percent","asset":"井 17","street":"解放碑"}`: "12.5"}, b.query(t, "gas_ch4_lel_percent"))
	require.Equal(t, map[string]string{`{"__name__":"gas_on","asset":"井 17","street":"解放碑"}`: "1"}, b.query(t, "gas_on"))
	require.Equal(t, map[string]string{`{"__name__":"gas","asset":"W2"}`: "7"}, b.query(t, "gas"))
	require.EqualValues(t, 1, b.counter(`belfry_skipped_total{reason="string_field"}`))

	err = w.WriteRecord(ctx, "good v=1\nbad v=\n")
	var he *influxhttp.Error
	require.ErrorAs(t, err, &he)
	require.Equal(t, 400, he.StatusCode)
	require.Equal(t, "invalid", he.Code)
	require.Contains(t, he.Message, "line 2: syntax")
}

func TestInfluxClientWritesInTheBackground(t *testing.T) {
	b := start(t)
	client := influxdb2.NewClientWithOptions(b.URL, "t", influxdb2.DefaultOptions().SetBatchSize(100).SetUseGZip(true).SetPrecision(time.Millisecond))
	w := client.WriteAPI("org", "bucket")
	failed := make(chan error, 1)
	errs := w.Errors() // the client wants to be asked before it writes
	go func() {
		for err := range errs {
			failed <- err
		}
		close(failed)
	}()
	now := time.Now()
	for i := range 1000 {
		w.WritePoint(influxdb2.NewPoint("n", map[string]string{"i": fmt.Sprint(i % 10)}, map[string]any{"v": i}, now.Add(time.Duration(i)*time.Millisecond)))
	}
	client.Close()
	require.NoError(t, <-failed)
	require.Equal(t, map[string]string{"{}": "1000"}, b.query(t, "sum(count_over_time(n_v[1h] @ "+fmt.Sprint(now.Unix()+5)+"))"))
}

func TestTelegrafBatch(t *testing.T) {
	batch, err := os.ReadFile("../../collector/input/lineproto/testdata/telegraf.influx")
	require.NoError(t, err)
	b := start(t)
	// The batch is old: its times are shifted to now.
	var body bytes.Buffer
	var shift int64
	lines := bufio.NewScanner(bytes.NewReader(batch))
	for lines.Scan() {
		at := strings.LastIndexByte(lines.Text(), ' ')
		stamp, err := strconv.ParseInt(lines.Text()[at+1:], 10, 64)
		require.NoError(t, err)
		if shift == 0 {
			shift = time.Now().UnixNano() - stamp
		}
		fmt.Fprintf(&body, "%s %d\n", lines.Text()[:at], stamp+shift)
	}
	resp, text := b.post(t, "/write?db=telegraf&rp=&precision=ns&consistency=any", &body)
	require.Equal(t, 204, resp.StatusCode, text)
	require.NotEmpty(t, b.query(t, "cpu_usage_idle"))
	require.NotEmpty(t, b.query(t, "mem_used_percent"))
	require.Zero(t, b.counter(`belfry_refused_total{reason="syntax"}`))

	resp, text = b.post(t, "/query?q=CREATE+DATABASE+%22telegraf%22", nil)
	require.Equal(t, 200, resp.StatusCode)
	require.JSONEq(t, `{"results":[{"statement_id":0}]}`, text)
}

func TestGoodLinesOfABadBatchAreStored(t *testing.T) {
	b := start(t)
	body := "a v=1\nb v=oops\nc v=3\nd,x v=1\n  \n# comment\ne v=\"unclosed\nf v=6i\n"
	resp, text := b.post(t, "/write", strings.NewReader(body))
	require.Equal(t, 400, resp.StatusCode)
	var v1 struct {
		Error   string
		Refused []refusedLine
	}
	require.NoError(t, json.Unmarshal([]byte(text), &v1))
	require.Contains(t, v1.Error, "partial write: 3 refused, 3 samples stored")
	require.Contains(t, v1.Error, "dropped=3")
	require.Equal(t, []uint32{2, 4, 7}, []uint32{v1.Refused[0].Line, v1.Refused[1].Line, v1.Refused[2].Line})
	require.Len(t, b.query(t, `{__name__=~"[a-f]_v"}`), 3)

	_, text = b.post(t, "/api/v2/write?org=o&bucket=b", strings.NewReader("x v=1\ny v=\n"))
	var v2 struct{ Code, Message string }
	require.NoError(t, json.Unmarshal([]byte(text), &v2))
	require.Equal(t, "invalid", v2.Code)
	require.Contains(t, v2.Message, "line 2")
}

func TestPrecisionAndBucketLabel(t *testing.T) {
	b := start(t, func(o *Options) { o.BucketLabel = "bucket" })
	now := time.Now().Truncate(time.Second)
	for precision, stamp := range map[string]int64{"ns": now.UnixNano(), "us": now.UnixMicro(), "ms": now.UnixMilli(), "s": now.Unix()} {
		resp, text := b.post(t, "/api/v2/write?bucket=two&precision="+precision, strings.NewReader(fmt.Sprintf("p,unit=%s v=1 %d", precision, stamp)))
		require.Equal(t, 204, resp.StatusCode, text)
	}
	resp, text := b.post(t, "/write?db=one&precision=h", strings.NewReader(fmt.Sprintf("p,unit=h v=1 %d", now.Unix()/3600)))
	require.Equal(t, 204, resp.StatusCode, text)
	for _, v := range b.query(t, `timestamp(p_v{bucket="two"})`) {
		require.Equal(t, fmt.Sprint(now.Unix()), v)
	}
	require.Len(t, b.query(t, `p_v{bucket="two"}`), 4)
	require.Len(t, b.query(t, `last_over_time(p_v{bucket="one"}[2h])`), 1)
	resp, text = b.post(t, "/write?precision=fortnight", strings.NewReader("a v=1"))
	require.Equal(t, 400, resp.StatusCode)
	require.Contains(t, text, "fortnight")
}

func zipped(t *testing.T, s string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, err := z.Write([]byte(s))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return buf.Bytes()
}

func TestBodiesThatCannotBeRead(t *testing.T) {
	b := start(t, func(o *Options) { o.MaxBody = 1000 })
	good := zipped(t, "a v=1")
	for _, c := range []struct {
		what, encoding string
		body           []byte
		status         int
		reason         string
	}{
		{"gzip", "gzip", good, 204, ""},
		{"no gzip at all", "gzip", []byte("a v=1"), 400, "bad_encoding"},
		{"gzip with a wrong checksum", "gzip", append(append([]byte{}, good[:len(good)-8]...), 1, 2, 3, 4, 5, 0, 0, 0), 400, "bad_encoding"},
		{"gzip cut short", "gzip", good[:len(good)-9], 400, "bad_encoding"},
		{"too large", "", bytes.Repeat([]byte("a v=1\n"), 200), 413, "body_too_large"},
		{"too large when unpacked", "gzip", zipped(t, strings.Repeat("a v=1\n", 10_000)), 413, "body_too_large"},
		{"unknown encoding", "br", good, 415, "bad_encoding"},
		{"empty", "", nil, 204, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			name := fmt.Sprintf(`belfry_refused_total{reason=%q}`, c.reason)
			before := b.counter(name)
			resp, text := b.post(t, "/write", bytes.NewReader(c.body), "Content-Encoding", c.encoding)
			require.Equal(t, c.status, resp.StatusCode, text)
			if c.reason != "" {
				require.Equal(t, before+1, b.counter(name), text)
				require.True(t, json.Valid([]byte(text)), text)
			}
		})
	}
	resp, err := http.Get(b.URL + "/write")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 405, resp.StatusCode)
}

// raw sends bytes on a connection of its own and returns what comes back.
func (b *belfry) raw(t *testing.T, send string, halfClose bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", b.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, send)
	require.NoError(t, err)
	if halfClose {
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	}
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	answer, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Logf("reading the answer: %v", err)
	}
	return string(answer)
}

func TestHalfARequestStoresNothing(t *testing.T) {
	b := start(t)
	answer := b.raw(t, "POST /write HTTP/1.1\r\nHost: "+b.Listener.Addr().String()+"\r\nContent-Length: 100\r\n\r\nhalf v=1\nhalf2 v", true)
	require.Contains(t, answer, "400 Bad Request")
	require.Empty(t, b.query(t, "half_v"))
	require.EqualValues(t, 1, b.counter(`belfry_refused_total{reason="incomplete"}`))
}

func TestASlowClientIsCutOffAndHoldsUpNobody(t *testing.T) {
	b := start(t, func(o *Options) { o.BodyTime = 200 * time.Millisecond })
	answer := b.raw(t, "POST /write HTTP/1.1\r\nHost: "+b.Listener.Addr().String()+"\r\nContent-Length: 100\r\n\r\nslow v=1\n", false)
	require.Contains(t, answer, "408 Request Timeout")
	resp, text := b.post(t, "/write", strings.NewReader("quick v=1"))
	require.Equal(t, 204, resp.StatusCode, text)
}

func TestFullDiskIsAnsweredWithRetryAfter(t *testing.T) {
	full := false
	b := startWith(t, tsdb.Options{Dir: t.TempDir(), FreeBytes: func(string) (int64, int64, error) {
		if full {
			return 1 << 10, 1 << 40, nil
		}
		return 1 << 39, 1 << 40, nil
	}})
	resp, _ := b.post(t, "/write", strings.NewReader("a v=1"))
	require.Equal(t, 204, resp.StatusCode)
	full = true
	resp, text := b.post(t, "/api/v2/write", strings.NewReader("a v=2"))
	require.Equal(t, 503, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	require.Contains(t, text, "disk is full")
	require.NotEmpty(t, b.query(t, "a_v"), "reads go on")
	health, err := http.Get(b.URL + "/health")
	require.NoError(t, err)
	require.NoError(t, health.Body.Close())
	require.Equal(t, 503, health.StatusCode)
	full = false
	resp, _ = b.post(t, "/write", strings.NewReader("a v=3"))
	require.Equal(t, 204, resp.StatusCode)
}

// newSeries is how many series the flood below brings: ten million under
// make torture.
func newSeries() int {
	if os.Getenv("BELFRY_TORTURE") != "" {
		return 10_000_000
	}
	return 300_000
}

// TestTortureByNewSeries sends ever new series beyond the limit: known ones are
// taken all the while, and memory stays as it is.
func TestTortureByNewSeries(t *testing.T) {
	const limit = 10_000
	b := startWith(t, tsdb.Options{Dir: t.TempDir(), SeriesLimit: limit})
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	var full uint64
	const batch = 50_000
	for first := 0; first < newSeries(); first += batch {
		var body strings.Builder
		for i := range batch {
			fmt.Fprintf(&body, "many,i=%d v=1\n", first+i)
		}
		resp, text := b.post(t, "/write", strings.NewReader(body.String()))
		require.Equal(t, 400, resp.StatusCode)
		require.Contains(t, text, "series_limit")
		resp, text = b.post(t, "/write", strings.NewReader(fmt.Sprintf("many,i=7 v=%d", first)))
		require.Equal(t, 204, resp.StatusCode, text)
		if first == 0 {
			full = heap()
		}
	}
	require.Less(t, heap(), full+32<<20, "series that were refused must leave nothing behind")
	require.EqualValues(t, newSeries()-limit, b.counter(`belfry_refused_total{reason="series_limit"}`))
	require.Equal(t, map[string]string{"{}": fmt.Sprint(limit)}, b.query(t, "count(many_v)"))
}

func TestLateRulesTurnQueriesAwayFirst(t *testing.T) {
	b := start(t)
	b.lag = 5 * time.Second
	resp, err := http.Get(b.URL + "/api/v1/query?query=1")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 503, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	w, text := b.post(t, "/write", strings.NewReader("a v=1"))
	require.Equal(t, 204, w.StatusCode, text)
}

func TestMoreBytesThanMayBeInFlightAreTurnedAway(t *testing.T) {
	b := start(t, func(o *Options) { o.MaxBody, o.InFlight = 1<<20, 1<<20 })
	// A client that sends the head of a request, and then keeps the server waiting.
	hold := func() net.Conn {
		conn, err := net.Dial("tcp", b.Listener.Addr().String())
		require.NoError(t, err)
		_, err = io.WriteString(conn, "POST /write HTTP/1.1\r\nHost: "+b.Listener.Addr().String()+"\r\nContent-Length: 900000\r\n\r\n")
		require.NoError(t, err)
		return conn
	}
	var lines strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&lines, "a,i=%d v=1\n", i)
	}
	body := lines.String()
	conn := hold()
	defer func() { _ = conn.Close() }()
	require.Eventually(t, func() bool {
		resp, _ := b.post(t, "/write", strings.NewReader(body))
		if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "" {
			return true
		}
		// The post may have been first, and then the other was turned away.
		_ = conn.Close()
		conn = hold()
		return false
	}, time.Minute, 5*time.Millisecond)
	require.NotZero(t, b.counter(`belfry_refused_total{reason="overload"}`))
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool {
		resp, _ := b.post(t, "/write", strings.NewReader(body))
		return resp.StatusCode == http.StatusNoContent
	}, 10*time.Second, 5*time.Millisecond)
}

func TestIdleClientsKeepNobodyFromWriting(t *testing.T) {
	b := start(t, func(o *Options) { o.MaxBody, o.InFlight = 32<<20, 128<<20 })
	for range 20 {
		conn, err := net.Dial("tcp", b.Listener.Addr().String())
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		_, err = io.WriteString(conn, "POST /write HTTP/1.1\r\nHost: "+b.Listener.Addr().String()+"\r\nContent-Length: 33554430\r\n\r\nabc")
		require.NoError(t, err)
	}
	for range 50 {
		resp, text := b.post(t, "/write", strings.NewReader("a v=1"))
		require.Equal(t, 204, resp.StatusCode, text)
	}
}

func TestClientsThatDoNotReadKeepNobodyFromAsking(t *testing.T) {
	b := start(t, func(o *Options) { o.Queries = 2 })
	var body strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&body, "big,i=%d,pad=%s v=1\n", i, strings.Repeat("x", 100))
	}
	resp, text := b.post(t, "/write", strings.NewReader(body.String()))
	require.Equal(t, 204, resp.StatusCode, text)
	for range 4 {
		conn, err := net.Dial("tcp", b.Listener.Addr().String())
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
		_, err = io.WriteString(conn, "GET /api/v1/query?query=big_v HTTP/1.1\r\nHost: "+b.Listener.Addr().String()+"\r\n\r\n")
		require.NoError(t, err)
	}
	require.Len(t, b.query(t, "vector(1)"), 1)
}
