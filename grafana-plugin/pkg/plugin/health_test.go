package plugin

import (
	"encoding/json"
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
	login := httptest.NewServer(http.RedirectHandler("https://login.example/", http.StatusFound))
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
		{"plain HTTP to TLS", "http" + secure.URL[5:], nil, []string{"begin the URL with https://"}},
		{"another program", page.URL, nil, []string{"is not Belfry (text/html)", "Check the URL"}},
		{"a path too much", empty.URL + "/belfry", nil, []string{"is not Belfry", "/belfry/api/v1/status/buildinfo"}},
		{"a login page", login.URL, nil, []string{"points to https://login.example/"}},
		{"no URL", "", nil, []string{`The URL in the data source's settings is ""; want one such as http://belfry:9400`}},
		{"no URL that it knows", "ftp://belfry", nil, []string{`"ftp://belfry"`}},
		{"a wrong interval", page.URL, func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(`{"timeInterval":"often"}`) }, []string{`scrape interval: want a duration such as 15s; got "often"`}},
		{"a wrong setting", page.URL, func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(`{"timeInterval":7}`) }, []string{"settings cannot be read"}},
		{"a CA that is none", secure.URL, func(s *backend.DataSourceInstanceSettings) {
			s.JSONData = []byte(`{"tlsAuthWithCACert":true}`)
			s.DecryptedSecureJSONData["tlsCACert"] = "no certificate"
		}, []string{"TLS or proxy settings cannot be used"}},
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
