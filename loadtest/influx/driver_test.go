package influx_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/loadtest"
	"github.com/belfry-city/belfry/loadtest/influx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// moody takes lines like InfluxDB does, except for every third request.
type moody struct {
	mu       sync.Mutex
	requests int
	seen     []*http.Request
	stored   map[string]map[time.Time]bool // by series
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests++
	m.seen = append(m.seen, r)
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch m.requests % 12 {
	case 3:
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case 6:
		w.Header().Set("Retry-After", time.Now().UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case 9:
		panic(http.ErrAbortHandler) // the connection breaks after the body was read
	}
	for _, l := range parse(panicking{}, text) {
		for f := range l.fields {
			if m.stored[l.key+" "+f] == nil {
				m.stored[l.key+" "+f] = map[time.Time]bool{}
			}
			m.stored[l.key+" "+f][l.at] = true
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// panicking fails in a handler's goroutine, where a test must not be failed.
type panicking struct{ testing.TB }

func (panicking) Errorf(format string, _ ...any) { panic(format) }
func (panicking) Helper()                        {}
func (panicking) FailNow()                       { panic("failed") }

func TestNothingIsLostAtAMoodyServer(t *testing.T) {
	for name, zip := range map[string]bool{"plain": false, "gzip": true} {
		t.Run(name, func(t *testing.T) {
			server := &moody{stored: map[string]map[time.Time]bool{}}
			srv := httptest.NewServer(server)
			defer srv.Close()
			driver, err := influx.NewDriver(influx.Target{URL: srv.URL, Token: "bf_secret", Gzip: zip})
			require.NoError(t, err)
			c, load := rounds(t, 3)
			report, err := loadtest.Run(t.Context(), loadtest.Options{
				Plan: loadtest.Plan{Samples: int64(20 * c.Series()), Connections: 3}, Load: load, Driver: driver,
			})
			require.NoError(t, err)
			require.True(t, report.OK, "%+v", report.Errors)
			require.EqualValues(t, 20*c.Series(), report.Acknowledged)
			for _, why := range []string{"429", "503", "no answer"} {
				require.Positive(t, report.Retries[why], why)
			}
			require.Len(t, server.stored, c.Series())
			for series, instants := range server.stored {
				require.Len(t, instants, 20, series)
			}
			r := server.seen[0]
			require.Equal(t, "/api/v2/write", r.URL.Path)
			require.Equal(t, "ns", r.URL.Query().Get("precision"))
			require.Equal(t, "Token bf_secret", r.Header.Get("Authorization"))
		})
	}
}

func TestARefusalIsReportedWithItsReason(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"code":"invalid","message":"line 7: bad number"}`, http.StatusBadRequest)
	}))
	defer srv.Close()
	driver, err := influx.NewDriver(influx.Target{URL: srv.URL + "/write?db=city"})
	require.NoError(t, err)
	conn, err := driver.Connect()
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	err = conn.Send(t.Context(), []byte("x"))
	var rejected *loadtest.Rejected
	require.ErrorAs(t, err, &rejected)
	require.Equal(t, http.StatusBadRequest, rejected.Status)
	require.Contains(t, rejected.Message, "line 7")
}

func TestAddressesThatCannotBeAreRefused(t *testing.T) {
	for _, address := range []string{"", "localhost:9400", "ftp://x", "http://", "http://[::1"} {
		_, err := influx.NewDriver(influx.Target{URL: address})
		require.ErrorContains(t, err, "reading the server's address", address)
	}
}
