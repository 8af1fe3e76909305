package remote_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/forward/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newClient(t *testing.T, base string, o remote.Options) *remote.Client {
	t.Helper()
	u, err := url.Parse(base)
	require.NoError(t, err)
	o.URL = u
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	o.Agent = "belfry"
	c := remote.New(o)
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s
}

func failure(t *testing.T, err error) *remote.Failure {
	t.Helper()
	var f *remote.Failure
	require.ErrorAs(t, err, &f)
	return f
}

var types = []remote.Type{remote.InfluxDB2, remote.VictoriaMetrics, remote.InfluxDB1}

func TestEachTypeIsSpokenToAsItsDocumentsSay(t *testing.T) {
	for _, zip := range []bool{false, true} {
		var got []string
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			body := io.Reader(r.Body)
			if r.Header.Get("Content-Encoding") == "gzip" {
				z, err := gzip.NewReader(r.Body)
				require.NoError(t, err)
				body = z
			}
			text, err := io.ReadAll(body)
			require.NoError(t, err)
			got = append(got, fmt.Sprintf("%s %s %s %q %v", r.Method, r.URL, r.Header.Get("Authorization"), text, r.Header.Get("Content-Encoding") == "gzip"))
			w.WriteHeader(http.StatusNoContent)
		})
		for _, o := range []struct {
			path string
			remote.Options
		}{
			{"", remote.Options{Type: remote.InfluxDB2, Org: "city of x", Bucket: "b", Token: "t"}},
			{"/influx/", remote.Options{Type: remote.InfluxDB2, Org: "o", Bucket: "b", User: "u", Token: "p"}},
			{"/api/v2/write", remote.Options{Type: remote.InfluxDB2}},
			{"", remote.Options{Type: remote.VictoriaMetrics, Token: "t"}},
			{"/insert/0/influx/", remote.Options{Type: remote.VictoriaMetrics, Bucket: "db"}},
			{"/api/v2/write", remote.Options{Type: remote.VictoriaMetrics, User: "u", Token: "p"}},
			{"", remote.Options{Type: remote.InfluxDB1, Bucket: "db", Token: "u:p"}},
		} {
			o.Compress = zip
			require.NoError(t, newClient(t, s.URL+o.path, o.Options).Send(t.Context(), []byte("m f=1 1\n")))
		}
		body := fmt.Sprintf(` "m f=1 1\n" %v`, zip)
		require.Equal(t, []string{
			"POST /api/v2/write?bucket=b&org=city+of+x&precision=ms Token t" + body,
			"POST /influx/api/v2/write?bucket=b&org=o&precision=ms Basic dTpw" + body,
			"POST /api/v2/write?bucket=&org=&precision=ms " + body,
			"POST /write?precision=ms Bearer t" + body,
			"POST /insert/0/influx/write?db=db&precision=ms " + body,
			"POST /api/v2/write?precision=ms Basic dTpw" + body,
			"POST /write?db=db&precision=ms Token u:p" + body,
		}, got)
	}
}

func TestFailuresSayWhatCanBeDone(t *testing.T) {
	var status int
	var text, after string
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after)
		w.Header().Set("Location", "https://elsewhere/")
		if strings.HasPrefix(text, "{") {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	})
	for _, typ := range types {
		c := newClient(t, s.URL, remote.Options{Type: typ})
		for _, want := range []struct {
			status      int
			text, after string
			kind        remote.Kind
			wait        time.Duration
			says        string
		}{
			{429, "", "7", remote.Busy, 7 * time.Second, "429"},
			{503, "overloaded", "soon", remote.Busy, 0, "overloaded"},
			{500, "", "-1", remote.Busy, 0, "500"},
			{400, `{"code":"invalid","message":"unable to parse"}`, "", remote.Refused, 0, "unable to parse"},
			{422, "partial write dropped=1", "", remote.Refused, 0, "dropped=1"},
			{400, "Client sent an HTTP request to an HTTPS server.", "", remote.Denied, 0, "HTTPS"},
			{413, "", "", remote.TooLarge, 0, "413"},
			{401, `{"code":"unauthorized","message":"who are you"}`, "", remote.Denied, 0, "who are you"},
			{404, "bucket not found", "", remote.Denied, 0, "bucket not found"},
			{301, "", "", remote.Denied, 0, "https://elsewhere/"},
			{400, strings.Repeat("long ", 1<<20), "", remote.Refused, 0, "long long"},
		} {
			status, text, after = want.status, want.text, want.after
			f := failure(t, c.Send(t.Context(), []byte("m f=1 1\n")))
			require.Equal(t, want.kind, f.Kind, "%d", status)
			require.Equal(t, want.status, f.Status)
			require.Equal(t, want.wait, f.RetryAfter)
			require.Contains(t, f.Error(), want.says)
			require.Less(t, len(f.Error()), 400)
		}
		status, after = 503, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
		require.InDelta(t, time.Hour, failure(t, c.Send(t.Context(), []byte("m f=1 1\n"))).RetryAfter, float64(time.Minute))
		status, after = 204, ""
		require.NoError(t, c.Send(t.Context(), []byte("m f=1 1\n")))
	}
}

func TestATargetThatDoesNotAnswerIsAway(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	for _, typ := range types {
		c := newClient(t, s.URL, remote.Options{Type: typ, Timeout: 50 * time.Millisecond})
		require.Equal(t, remote.Away, failure(t, c.Send(t.Context(), []byte("m f=1 1\n"))).Kind)
		require.Empty(t, c.Dead(), "it may only be slow")
		require.Empty(t, c.Suspect())
	}
}

func TestARedirectionIsToldAndNotFollowed(t *testing.T) {
	var followed atomic.Bool
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		followed.Store(followed.Load() || strings.HasPrefix(r.URL.Path, "/elsewhere"))
		status, err := strconv.Atoi(strings.Split(r.URL.Path, "/")[1])
		require.NoError(t, err)
		http.Redirect(w, r, "/elsewhere", status)
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, typ := range types {
			for _, zip := range []bool{false, true} {
				c := newClient(t, fmt.Sprint(s.URL, "/", status), remote.Options{Type: typ, Compress: zip})
				sent := make(chan error, 1)
				go func() { sent <- c.Send(t.Context(), []byte("m f=1 1\n")) }()
				select {
				case err := <-sent:
					f := failure(t, err)
					require.Equal(t, remote.Denied, f.Kind)
					require.Contains(t, f.Error(), "/elsewhere")
				case <-time.After(time.Minute):
					require.Fail(t, "it hangs", "%d, %s", status, typ)
				}
			}
		}
	}
	require.False(t, followed.Load())
}

// TestTheBodyIsNotUsedAfterSend overwrites each batch as soon as Send returns,
// also where the target answers before it has read everything. The race detector
// would tell.
func TestTheBodyIsNotUsedAfterSend(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	for _, typ := range types {
		for _, zip := range []bool{false, true} {
			c := newClient(t, s.URL, remote.Options{Type: typ, Compress: zip})
			body := make([]byte, 2<<20)
			for i := range 8 {
				for j := range body {
					body[j] = byte(i)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(2*i)*time.Millisecond)
				require.Error(t, c.Send(ctx, body))
				cancel()
			}
		}
	}
}

func TestATargetThatDiesBetweenTwoRequestsIsNoticed(t *testing.T) {
	for _, typ := range types {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		c := newClient(t, s.URL, remote.Options{Type: typ})
		require.NoError(t, c.Send(t.Context(), []byte("m f=1 1\n")))
		s.CloseClientConnections()
		s.Close()
		select {
		case <-c.Dead():
		case <-time.After(time.Minute):
			require.Fail(t, "nobody noticed")
		}
	}
}

func TestATargetThatClosesIdleConnectionsIsAlive(t *testing.T) {
	var conns sync.WaitGroup
	closed := make(chan struct{}, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	s.Config.IdleTimeout = 20 * time.Millisecond
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	s.Start()
	defer s.Close()
	defer conns.Wait()
	c := newClient(t, s.URL, remote.Options{Type: remote.VictoriaMetrics})
	require.NoError(t, c.Send(t.Context(), []byte("m f=1 1\n")))
	<-closed // the connection
	<-closed // and that by which the client has looked
	require.Empty(t, c.Dead())
	require.Empty(t, c.Suspect())
	require.NoError(t, c.Send(t.Context(), []byte("m f=1 1\n")))
}

func TestATargetThatCutsRequestsOffMayHaveDied(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, typ := range types {
		c := newClient(t, s.URL, remote.Options{Type: typ})
		require.Equal(t, remote.Away, failure(t, c.Send(t.Context(), []byte("m f=1 1\n"))).Kind)
		<-c.Suspect()
		require.Empty(t, c.Dead())
	}
}

func TestWhateverTheTargetAnswersIsASignOfLife(t *testing.T) {
	var status atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "HEAD /write?precision=ms ", fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("Content-Encoding")))
		w.WriteHeader(int(status.Load()))
	})
	c := newClient(t, s.URL, remote.Options{Type: remote.VictoriaMetrics, Compress: true})
	for _, code := range []int64{200, 204, 401, 404, 405} {
		status.Store(code)
		require.NoError(t, c.Alive(t.Context()), "%d", code)
	}
	for _, code := range []int64{500, 502, 503, 504} { // a proxy may say so
		status.Store(code)
		require.Error(t, c.Alive(t.Context()), "%d", code)
	}
	s.Close()
	require.Error(t, c.Alive(t.Context()))
}

func TestATargetIsAskedWhoseDialectItSpeaks(t *testing.T) {
	header := http.Header{}
	status := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, http.MethodGet, r.Method)
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
		w.WriteHeader(status)
	})
	c := newClient(t, s.URL, remote.Options{Type: remote.InfluxDB2})
	for _, is := range []struct {
		status         int
		version, build string
		want           line.Dialect
	}{
		{204, "1.8.0", "", line.VictoriaMetrics},
		{405, "v2.7.1", "OSS", line.InfluxDB},
		{401, "v2.7.1", "OSS", line.InfluxDB},
		{404, "", "", line.InfluxDB},
		{401, "", "", ""},
		{502, "", "", ""},
	} {
		status, header = is.status, http.Header{}
		if is.version != "" {
			header.Set("X-Influxdb-Version", is.version)
		}
		if is.build != "" {
			header.Set("X-Influxdb-Build", is.build)
		}
		got, err := c.Dialect(t.Context())
		require.Equal(t, is.want, got)
		require.Equal(t, is.want == "", err != nil)
		var f *remote.Failure
		require.Equal(t, is.want == "", errors.As(err, &f))
	}
}
