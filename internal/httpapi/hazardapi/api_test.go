package hazardapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/httpapi/valuefeed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a store of hazards behind a real listener.
type site struct {
	*httptest.Server
	*hazard.Store
	handler *Handler
	set     *metrics.Set
	options hazard.Options
	series  *tsdb.Store
	values  *valuefeed.Feed
}

type nobody struct{}

func (nobody) Send(...*notifier.Alert) {}

func open(t *testing.T, dir string, change ...func(*Options)) *site {
	t.Helper()
	s := &site{set: metrics.NewSet()}
	s.options = hazard.Options{
		Dir: dir, Reopen: time.Hour, Logger: slog.New(slog.DiscardHandler), Metrics: s.set, SweepEvery: 10 * time.Millisecond,
		ExternalURL: &url.URL{Scheme: "https", Host: "belfry.example", Path: "/city/"},
	}
	var err error
	s.Store, err = hazard.Open(s.options)
	require.NoError(t, err)
	s.series, err = tsdb.Open(tsdb.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(), NoSync: true})
	require.NoError(t, err)
	s.values, err = valuefeed.New(valuefeed.Options{Store: s.series, Lookback: 5 * time.Minute, Logger: slog.New(slog.DiscardHandler), Metrics: s.set})
	require.NoError(t, err)
	o := Options{Hazards: s.Store, Values: s.values, Logger: slog.New(slog.DiscardHandler), Metrics: s.set, Zone: time.UTC, heartbeat: 20 * time.Millisecond}
	for _, c := range change {
		c(&o)
	}
	s.handler, err = New(o)
	require.NoError(t, err)
	mux := http.NewServeMux()
	s.handler.Routes(mux.Handle)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.stop)
	return s
}

func (s *site) stop() {
	s.handler.End()
	s.Server.Close()
	_ = s.Store.Close()
	_ = s.values.Close()
	_ = s.series.Close()
	http.DefaultClient.CloseIdleConnections()
}

// raise sends an alert, and returns when its hazard is on disk.
func (s *site) raise(t *testing.T, asset string, more ...string) {
	t.Helper()
	s.send(t, asset, time.Time{}, more...)
}

func (s *site) resolve(t *testing.T, asset string, more ...string) {
	t.Helper()
	s.send(t, asset, time.Now().Add(-time.Millisecond), more...)
}

func (s *site) send(t *testing.T, asset string, ends time.Time, more ...string) {
	t.Helper()
	ls := labels.NewBuilder(labels.FromStrings("alertname", "Gas", "asset", asset, "severity", "critical", "domain", "gas", "team", "sanitation", "street", "解放碑街道"))
	for i := 0; i+1 < len(more); i += 2 {
		ls.Set(more[i], more[i+1])
	}
	s.Before(nobody{}).Send(&notifier.Alert{
		Labels: ls.Labels(), StartsAt: time.Now().Add(-time.Minute), EndsAt: ends,
		Annotations: labels.FromStrings("summary", "Gas <b>in</b> "+asset, "summary_zh", asset+" 燃气泄漏", "value", "62.5", "limit", "50", "unit", "%LEL",
			"name", "Well 17", "name_zh", "17号井", "runbook_url", "https://runbooks.example/gas"),
	})
	waiting := s.set.GetOrCreateGauge(`belfry_hazard_events_waiting`, nil)
	require.Eventually(t, func() bool { return waiting.Get() == 0 }, time.Minute, time.Millisecond)
}

func (s *site) get(t *testing.T, path string) (status int, body string, header http.Header) {
	t.Helper()
	resp, err := http.Get(s.URL + path)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text), resp.Header
}

type answer struct {
	Hazards []hazard.Hazard
	Next    string
	Error   string
}

func (s *site) list(t *testing.T, query string) (int, answer) {
	t.Helper()
	status, text, _ := s.get(t, "/api/belfry/v1/hazards"+query)
	var a answer
	require.NoError(t, json.Unmarshal([]byte(text), &a))
	return status, a
}

func TestHazardsAreListedByTheirFilters(t *testing.T) {
	s := open(t, t.TempDir())
	status, text, _ := s.get(t, "/api/belfry/v1/hazards")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"hazards":[]}`, text)
	for i := range 5 {
		s.raise(t, fmt.Sprint("W", i))
	}
	s.resolve(t, "W0")
	s.raise(t, "X1", "severity", "page", "team", "army", "domain", "harbour")
	for query, want := range map[string]int{
		"": 6, "?status=open": 5, "?status=resolved": 1, "?status=open,resolved": 6, "?severity=critical": 5, "?severity=page": 1,
		"?team=army": 1, "?team=municipal": 0, "?domain=harbour,gas": 6, "?asset=W1&asset=W2": 2, "?rule=Gas": 6, "?street=解放碑街道": 6,
		"?street=x": 0, "?street=%21解放碑街道": 0, "?asset=%21W1,%21W2": 4, "?team=%21army&asset=%21W0": 4, "?severity=%21page": 5, "?district=x": 0, "?community=x": 0, "?q=燃气": 6, "?q=W3": 1, "?from=0&to=1000": 0, "?limit=": 6, "?from=2020-01-01T00:00:00Z": 6,
	} {
		status, a := s.list(t, query)
		require.Equal(t, 200, status, a.Error)
		require.Len(t, a.Hazards, want, query)
	}
	var ids []string
	for query := "?limit=4"; ; {
		_, a := s.list(t, query)
		for _, h := range a.Hazards {
			ids = append(ids, h.ID)
		}
		if a.Next == "" {
			break
		}
		query = "?limit=4&cursor=" + a.Next
	}
	require.Len(t, ids, 6)
	require.IsDecreasing(t, ids)
	for query, want := range map[string]string{
		"?kinds=x":           `unknown parameter "kinds"; there are asset, community, cursor, district, domain, from, limit, q, rule, severity, status, street, team, to`,
		"?limit=0":           `limit: want a number from 1 to 1000; got "0"`,
		"?limit=1&limit=2":   "limit: want it once; got it 2 times",
		"?from=yesterday":    `from: want a time such as 2026-05-01T08:00:00+08:00, or seconds since 1970; got "yesterday"`,
		"?from=20&to=20":     "from: want a time before to, which is exclusive; nothing can be between them",
		"?q=%ff":             "q: want a text of at most 200 bytes",
		"?status=opne":       `status: want one of open, resolved (did you mean "open"?); got "opne"`,
		"?severity=Critical": `severity: want one of critical, warning, info (did you mean "critical"?); got "Critical"`,
		"?team=navy":         `team: want one of sanitation, municipal, landscape, urban_management, volunteers; got "navy"`,
		"?cursor=x!":         "cursor: want what the page before has as next: no cursor of a page of hazards",
	} {
		status, a := s.list(t, query)
		require.Equal(t, 400, status, query)
		require.Equal(t, want, a.Error)
	}
}

func TestOneHazardHasItsHistory(t *testing.T) {
	s := open(t, t.TempDir())
	s.raise(t, "W1")
	s.resolve(t, "W1")
	_, a := s.list(t, "")
	id := a.Hazards[0].ID
	for _, written := range []string{id, strings.ToLower(id), strings.ReplaceAll(id, "-", "")} {
		status, text, _ := s.get(t, "/api/belfry/v1/hazards/"+written)
		require.Equal(t, 200, status)
		var got struct {
			hazard.Hazard
			History []hazard.Event
		}
		require.NoError(t, json.Unmarshal([]byte(text), &got))
		require.Equal(t, "https://belfry.example/city/hazards/"+id, got.URL)
		require.Len(t, got.History, 2)
		require.Equal(t, hazard.KindResolved, got.History[1].Kind)
	}
	status, text, _ := s.get(t, "/api/belfry/v1/hazards/0000-0000")
	require.Equal(t, 404, status)
	require.JSONEq(t, `{"error":"there is no such hazard, or no longer"}`, text)
	require.NoError(t, s.Store.Close())
	status, _, header := s.get(t, "/api/belfry/v1/hazards")
	require.Equal(t, 503, status)
	require.NotEmpty(t, header.Get("Retry-After"))
}

// noValues has no series.
type noValues struct{ Values }

func FuzzWhatIsAskedFor(f *testing.F) {
	for _, query := range []string{"status=open&limit=3", "cursor=ZGVm", "from=1e300&to=NaN", "q=%25_%5C", "last_event_id=-1", "team=%00", "a=b;c=d"} {
		f.Add(query, "0")
	}
	s, err := hazard.Open(hazard.Options{Dir: f.TempDir(), Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, s.Close()) })
	f.Fuzz(func(t *testing.T, query, id string) {
		h, err := New(Options{Values: noValues{}, Hazards: s, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(), heartbeat: time.Hour})
		require.NoError(t, err)
		mux := http.NewServeMux()
		h.Routes(mux.Handle)
		h.End() // streams that are right are refused then
		for _, path := range []string{"/api/belfry/v1/hazards", "/api/belfry/v1/hazards/x", "/api/belfry/v1/stream", "/hazards", "/hazards/x"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.URL.RawQuery = query
			r.Header.Set("Last-Event-ID", id)
			r.SetPathValue("id", id)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			require.Contains(t, []int{200, 400, 404, 503}, w.Code, w.Body.String())
		}
	})
}

func TestPagesForPeople(t *testing.T) {
	s := open(t, t.TempDir(), func(o *Options) { o.Language = "zh-CN" })
	s.raise(t, "W1")
	_, a := s.list(t, "")
	id := a.Hazards[0].ID
	status, text, header := s.get(t, "/hazards/"+id)
	require.Equal(t, 200, status)
	require.Equal(t, "text/html; charset=utf-8", header.Get("Content-Type"))
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")
	for _, want := range []string{`lang="zh-CN"`, "紧急 · 未解除", "W1 燃气泄漏", id, "62.5 %LEL", "限值 50 %LEL", "17号井", "解放碑街道", "环卫", "处置指引",
		`href="https://runbooks.example/gas"`, `href="?lang=en"`, "发生：62.5 %LEL"} {
		require.Contains(t, text, want)
	}
	_, text, _ = s.get(t, "/hazards/"+id+"?lang=en")
	for _, want := range []string{`lang="en"`, "CRITICAL · OPEN", "Gas &lt;b&gt;in&lt;/b&gt; W1", "Well 17", "Sanitation", "What to do", `href="?lang=zh-CN"`} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "<b>in</b>")
	_, text, _ = s.get(t, "/hazards?lang=en")
	require.Contains(t, text, `href="hazards/`+id+`?lang=en"`)
	s.resolve(t, "W1")
	_, text, _ = s.get(t, "/hazards?lang=en")
	require.Contains(t, text, "No hazards.")
	_, text, _ = s.get(t, "/hazards?lang=en&all=1")
	require.Contains(t, text, "RESOLVED")
	status, text, _ = s.get(t, "/hazards/0000-0000")
	require.Equal(t, 404, status)
	require.Contains(t, text, "没有这条隐患")
	status, text, _ = s.get(t, "/hazards?tem=x")
	require.Equal(t, 400, status)
	require.Contains(t, text, "unknown parameter &#34;tem&#34;")
	s.raise(t, "J1", "alertname", "javascript")
	s.Before(nobody{}).Send(&notifier.Alert{Labels: labels.FromStrings("alertname", "Bad"), Annotations: labels.FromStrings("runbook_url", "javascript:alert(1)", "summary", "x")})
	_, a = s.list(t, "?rule=Bad")
	_, text, _ = s.get(t, "/hazards/"+a.Hazards[0].ID)
	require.NotContains(t, text, "javascript:")
}

// reader reads a stream.
type reader struct {
	resp  *http.Response
	lines *bufio.Scanner
	id    string
}

type message struct {
	id, event, data string
}

func (s *site) follow(t *testing.T, query string, header ...string) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/belfry/v1/stream"+query, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	r := &reader{resp: resp, lines: bufio.NewScanner(resp.Body)}
	r.lines.Buffer(nil, 1<<20)
	return r
}

// next is the next event that is dispatched, by the rules of the standard.
func (r *reader) next() (m message, ok bool) {
	for r.lines.Scan() {
		name, value, _ := strings.Cut(r.lines.Text(), ": ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data += value
		case "":
			if m.id != "" {
				r.id = m.id
			}
			if m.data != "" {
				return m, true
			}
			m = message{}
		}
	}
	return m, false
}

// placed reads until the reader knows where it is.
func (r *reader) placed(t *testing.T) {
	t.Helper()
	for r.id == "" {
		require.True(t, r.lines.Scan())
		r.id, _ = strings.CutPrefix(r.lines.Text(), "id: ")
		if !strings.HasPrefix(r.lines.Text(), "id: ") {
			r.id = ""
		}
	}
}

func (r *reader) want(t *testing.T, asset string, kind hazard.Kind) {
	t.Helper()
	m, ok := r.next()
	require.True(t, ok)
	var e struct {
		Type   hazard.Kind
		Hazard hazard.Hazard
	}
	require.NoError(t, json.Unmarshal([]byte(m.data), &e))
	require.Equal(t, string(kind)+" "+asset, m.event+" "+e.Hazard.Asset)
	require.Equal(t, kind, e.Type)
	require.NotEmpty(t, e.Hazard.URL)
}

func TestAStreamIsResumedWhereItWasCutOff(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	r := s.follow(t, "")
	require.Equal(t, "text/event-stream", r.resp.Header.Get("Content-Type"))
	r.placed(t)
	s.raise(t, "W1")
	r.want(t, "W1", "opened")
	s.stop() // which ends the stream
	_, ok := r.next()
	require.False(t, ok)

	s = open(t, dir)
	s.resolve(t, "W1")
	s.raise(t, "W2")
	again := s.follow(t, "", "Last-Event-ID", r.id)
	again.want(t, "W1", "resolved")
	again.want(t, "W2", "opened")
	s.raise(t, "W3")
	again.want(t, "W3", "opened")
	other := s.follow(t, "?last_event_id="+r.id)
	other.want(t, "W1", "resolved")
	header := s.follow(t, "?lastEventId="+r.id, "Last-Event-ID", again.id)
	s.raise(t, "W4")
	header.want(t, "W4", "opened") // and not what is in the address
	all := s.follow(t, "?last_event_id=0")
	all.want(t, "W1", "opened")

	// One that got nothing misses nothing either.
	fresh := s.follow(t, "")
	fresh.placed(t)
	_ = fresh.resp.Body.Close()
	s.raise(t, "W5")
	s.follow(t, "?last_event_id="+fresh.id).want(t, "W5", "opened")
}

func TestAStreamIsFiltered(t *testing.T) {
	s := open(t, t.TempDir())
	r := s.follow(t, "?team=municipal&status=open")
	r.placed(t)
	before := r.id
	s.raise(t, "W1")
	// A heartbeat moves the place of a client that wants nothing of it.
	r.id = ""
	r.placed(t)
	require.NotEqual(t, before, r.id)
	s.raise(t, "W2", "team", "municipal")
	r.want(t, "W2", "opened")
	s.resolve(t, "W2", "team", "municipal")
	s.raise(t, "W3", "team", "municipal")
	r.want(t, "W3", "opened")
}

func TestAStreamSaysWhereEventsAreMissing(t *testing.T) {
	s := open(t, t.TempDir())
	trimmed, _ := s.Extent()
	s.raise(t, "W1")
	_, newest := s.Extent()
	r := s.follow(t, "", "Last-Event-ID", fmt.Sprint(trimmed-1))
	m, ok := r.next()
	require.True(t, ok)
	require.Equal(t, message{fmt.Sprint(trimmed), "gap", fmt.Sprintf(`{"type":"gap","reason":"too_old","after":%d,"resumes_after":%d}`, trimmed-1, trimmed)}, m)
	r.want(t, "W1", "opened")
	r = s.follow(t, "", "Last-Event-ID", fmt.Sprint(newest+1))
	m, ok = r.next()
	require.True(t, ok)
	require.Equal(t, message{fmt.Sprint(newest), "gap", fmt.Sprintf(`{"type":"gap","reason":"unknown","after":%d,"resumes_after":%d}`, newest+1, newest)}, m)
	for _, bad := range []string{"x", "-1", "1.5", "99999999999999999999"} {
		status, text, _ := s.get(t, "/api/belfry/v1/stream?last_event_id="+bad)
		require.Equal(t, 400, status)
		require.Contains(t, text, "last_event_id: want the id of an event of this stream")
	}
	status, text, _ := s.get(t, "/api/belfry/v1/stream?limit=3")
	require.Equal(t, 400, status)
	require.Contains(t, text, "unknown parameter")
}

func TestStreamsAreBoundedInNumber(t *testing.T) {
	s := open(t, t.TempDir(), func(o *Options) { o.followers = 2 })
	first := s.follow(t, "")
	first.placed(t)
	s.follow(t, "").placed(t)
	status, text, header := s.get(t, "/api/belfry/v1/stream")
	require.Equal(t, 503, status)
	require.Contains(t, text, "there are 2 streams already")
	require.NotEmpty(t, header.Get("Retry-After"))
	require.InDelta(t, 2, s.set.GetOrCreateGauge("belfry_stream_clients", nil).Get(), 0)
	_ = first.resp.Body.Close()
	require.Eventually(t, func() bool { return s.set.GetOrCreateGauge("belfry_stream_clients", nil).Get() == 1 }, time.Minute, time.Millisecond)
	third := s.follow(t, "")
	third.placed(t)
	s.handler.Cut()
	_, ok := third.next()
	require.False(t, ok, "it is to come again")
	s.follow(t, "").placed(t)
	resp, err := http.Head(s.URL + "/api/belfry/v1/stream")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
}

// TestWhoDoesNotReadIsCutOff has one client that reads nothing while another
// reads all.
func TestWhoDoesNotReadIsCutOff(t *testing.T) {
	s := open(t, t.TempDir(), func(o *Options) { o.patience = 100 * time.Millisecond })
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = io.WriteString(conn, "GET /api/belfry/v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	r := s.follow(t, "")
	r.placed(t)
	long := strings.Repeat("长", 20_000)
	for i := 0; s.set.GetOrCreateCounter("belfry_stream_cut_off_total").Get() == 0; i++ {
		require.Less(t, i, 1000)
		s.raise(t, fmt.Sprint(i), "long", long)
		r.want(t, fmt.Sprint(i), "opened")
	}
	require.Eventually(t, func() bool { return s.set.GetOrCreateGauge("belfry_stream_clients", nil).Get() == 1 }, time.Minute, time.Millisecond)
	s.raise(t, "last")
	r.want(t, "last", "opened")
}
