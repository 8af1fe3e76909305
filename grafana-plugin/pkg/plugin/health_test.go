package plugin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

func TestHealthSaysWhatIsWrongAndHowToMendIt(t *testing.T) {
	g := startPlugin(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Welcome"))
	}))
	defer page.Close()
	empty := httptest.NewServer(http.NotFoundHandler())
	defer empty.Close()
	login := httptest.NewServer(http.RedirectHandler("https://me:pass@login.example/in?state=secret", http.StatusFound))
	defer login.Close()
	chinese := func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(`{"language":"zh-CN"}`) }
	for _, test := range []struct {
		story, url string
		change     func(*backend.DataSourceInstanceSettings)
		want       []string
	}{
		{"nobody there", gone.URL, nil, []string{"cannot be reached", "connection refused", "Check that it runs"}},
		{"nobody there, in Chinese", gone.URL, chinese, []string{"无法连接", "请确认它正在运行"}},
		{"a certificate of nobody's", secure.URL, nil, []string{"TLS connection", "paste the CA's certificate"}},
		{"TLS to plain HTTP", "https" + page.URL[4:], nil, []string{"begin the URL with http://"}},
		{"plain HTTP to TLS", "http" + secure.URL[5:], nil, []string{"HTTPS server. It speaks TLS there: begin the URL with https://"}},
		{"another program", page.URL, nil, []string{"is not Belfry (text/html)", "Check the URL"}},
		{"a path too much", empty.URL + "/belfry", nil, []string{"is not Belfry", "/belfry/api/v1/status/buildinfo"}},
		{"a login page", login.URL, nil, []string{"points to https://xxxxx@login.example/in?…. If"}},
		{"no URL", "", nil, []string{`The URL in the data source's settings is ""; want one such as http://belfry:9400`}},
		{"a URL with a password, and more than a path", "http://me:secret@belfry/?key=secret", nil, []string{`is "http://xxxxx@belfry/?…"; want`}},
		{"no URL that it knows", "ftp://belfry", nil, []string{`"ftp://belfry"`}},
		{"a wrong interval", page.URL, func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(`{"timeInterval":"often"}`) }, []string{`scrape interval: want a duration such as 15s; got "often"`}},
		{"a wrong setting", page.URL, func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(`{"timeInterval":7}`) }, []string{"timeInterval: want a text; got a number"}},
		{"a wrong setting, in Chinese", page.URL, func(s *backend.DataSourceInstanceSettings) {
			s.JSONData = []byte(`{"language":"zh-CN","timeInterval":7}`)
		}, []string{"timeInterval：应为文本，实际为数字"}},
		{"a timeout that is a text", page.URL, func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(`{"timeout":"abc"}`) }, []string{"timeout: want a number; got a text"}},
		{"a timeout in the past", page.URL, func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(`{"timeout":-5}`) }, []string{"timeout: want a number of seconds from 1 to 86400; got -5"}},
		{"a token on two lines", page.URL, withToken("bf_secret\nbf_more"), []string{"The token has a line break", "Paste it again"}},
		{"a header on two lines", page.URL, func(s *backend.DataSourceInstanceSettings) {
			s.JSONData = []byte(`{"httpHeaderName1":"X-City"}`)
			s.DecryptedSecureJSONData["httpHeaderValue1"] = "secret\nmore"
		}, []string{"The value of the header X-City has a line break"}},
		{"a name of a header that is none", page.URL, func(s *backend.DataSourceInstanceSettings) {
			s.JSONData = []byte(`{"httpHeaderName1":"X City"}`)
			s.DecryptedSecureJSONData["httpHeaderValue1"] = "yuzhong"
		}, []string{`The header name "X City" of the settings cannot be sent`}},
		{"a CA that is none", secure.URL, func(s *backend.DataSourceInstanceSettings) {
			s.JSONData = []byte(`{"tlsAuthWithCACert":true}`)
			s.DecryptedSecureJSONData["tlsCACert"] = "no certificate"
		}, []string{"The CA certificate of the settings is none: paste the whole PEM file"}},
		{"a client certificate that is none", secure.URL, func(s *backend.DataSourceInstanceSettings) {
			s.JSONData = []byte(`{"tlsAuth":true}`)
			s.DecryptedSecureJSONData["tlsClientCert"], s.DecryptedSecureJSONData["tlsClientKey"] = "none", "none"
		}, []string{"The client certificate and its key cannot be used together"}},
	} {
		t.Run(test.story, func(t *testing.T) {
			change := test.change
			if change == nil {
				change = func(*backend.DataSourceInstanceSettings) {}
			}
			c := g.at(test.url, change)
			got := c.check(t)
			require.Equal(t, backend.HealthStatusError, got.Status)
			now := time.Now()
			answer := c.ask(t, now.Add(-time.Hour), now, `{"expr":"up"}`)[0]
			require.Error(t, answer.Error, "a panel says it as well")
			for _, want := range test.want {
				require.Contains(t, got.Message, want)
			}
			require.NotContains(t, got.Message+answer.Error.Error(), "secret")
		})
	}
}

func TestHealthOfABelfry(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	g := startPlugin(t)
	got := g.at(b.url()).check(t)
	require.Equal(t, backend.HealthStatusOk, got.Status, got.Message)
	require.Regexp(t, `^Belfry answers. It knows \d+ metrics.$`, got.Message)
	var details health
	require.NoError(t, json.Unmarshal(got.JSONDetails, &details))
	require.Equal(t, b.url(), details.URL)
	require.Positive(t, details.Metrics)
	without := func(path string) string {
		srv := proxy(t, b, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, path) {
					http.NotFound(w, r)
					return
				}
				h.ServeHTTP(w, r)
			})
		})
		return g.at(srv.URL).check(t).Message
	}
	require.Contains(t, without("/api/belfry/"), "A Prometheus answers at this URL, but no Belfry")
	require.Contains(t, without("/api/belfry/v1/metrics"), "too old for this plugin")
}

func TestErrorsAreInTheLanguageOfWhoAsks(t *testing.T) {
	g := startPlugin(t)
	for _, test := range []struct {
		settings, accepted string
		chinese            bool
	}{
		{`{}`, "", false}, {`{}`, "zh-CN,zh;q=0.9,en;q=0.8", true}, {`{"language":"auto"}`, "zh;q=1,en", true}, {`{}`, "en-US,zh-CN", false},
		{`{"language":"en"}`, "zh-CN", false}, {`{"language":"zh-CN"}`, "en-US", true},
	} {
		c := g.at("http://", func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(test.settings) })
		body := string(c.call(t, "nowhere", test.accepted).Body)
		require.Equal(t, test.chinese, strings.Contains(body, "没有这个路径"), "%v %s", test, body)
	}
}

func TestErrorsOfQueriesAreInBothLanguages(t *testing.T) {
	c := startPlugin(t).at("http://127.0.0.1:1")
	now := time.Now()
	for query, want := range map[string][2]string{
		`{"kind":"weather"%s}`: {`kind: want one of ["metrics"`, "kind：应为"},
		`{"expr":7%s}`:         {"expr: want a text; got a number", "expr：应为文本，实际为数字"},
		`{"kind":"hazards","hazards":{"limit":"many"}%s}`:    {"hazards.limit: want a whole number; got a text", "hazards.limit：应为整数，实际为文本"},
		`{"kind":"hazards","hazards":{"status":7}%s}`:        {"hazards.status: want a text, or an array of texts; got a number", "hazards.status：应为文本或文本数组"},
		`{"kind":"hazards","hazards":{"show":"all"}%s}`:      {"hazards.show: want one of", "hazards.show：应为"},
		`{"expr":"up","interval":"soon"%s}`:                  {"min step: want a duration", "最小步长：应为"},
		`{"expr":"up","range":{}%s}`:                         {"range: want true or false; got an object", "range：应为 true 或 false，实际为对象"},
		`{"kind":"hazards","hazards":{"status":["a",[]]}%s}`: {"hazards.status: want a text; got an array", "hazards.status：应为文本"},
		`{"kind":"events","events":[1]%s}`:                   {"events: want an object; got an array", "events：应为对象"},
	} {
		for i, lang := range []string{"en", "zh-CN"} {
			answer := c.ask(t, now.Add(-time.Hour), now, fmt.Sprintf(query, `,"lang":"`+lang+`"`))[0]
			require.ErrorContains(t, answer.Error, want[i], query)
			require.Equal(t, backend.StatusBadRequest, answer.Status)
		}
	}
	early := c.ask(t, now, now.Add(-time.Hour), `{"expr":"up","lang":"zh-CN"}`)[0]
	require.ErrorContains(t, early.Error, "时间范围的结束早于开始")
}
