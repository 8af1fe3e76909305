package access_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	promapi "github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/httpapi/access"
	"github.com/belfry-city/belfry/internal/telemetry/logged"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// town is a guarded server with one route for each scope.
type town struct {
	*httptest.Server
	guard *access.Guard
	set   *metrics.Set
	log   *logged.Text
}

func newTown(t *testing.T, o access.Options) *town {
	t.Helper()
	tn := &town{set: metrics.NewSet(), log: &logged.Text{}}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:9400"
	}
	o.Metrics, o.Logger = tn.set, slog.New(slog.NewTextHandler(tn.log, nil))
	var err error
	tn.guard, err = access.New(context.Background(), o)
	require.NoError(t, err)
	done := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	mux := http.NewServeMux()
	for path, scope := range map[string]access.Scope{
		"/write": access.Write, "/api/v2/write": access.Write, "/api/v1/": access.Read,
		"/api/v2/": access.Read, "/metrics": access.Read, "/api/belfry/v1/": access.Read, "/-/reload": access.Admin,
	} {
		mux.Handle(path, tn.guard.Require(scope, done))
	}
	tn.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		tn.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return tn
}

func token(scopes ...access.Scope) (string, config.Token) {
	secret, hash := access.NewToken()
	return secret, config.Token{Name: "of " + string(scopes[0]), Hash: hash, Scopes: scopes}
}

// send returns the answer, whose body has been read.
func (tn *town) send(t *testing.T, method, path string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, tn.URL+path, nil)
	require.NoError(t, err)
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer, string(body)
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func basic(user, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

func TestATokenIsTakenFromWhereverClientsPutIt(t *testing.T) {
	secret, tok := token(access.Write, access.Read)
	tn := newTown(t, access.Options{Auth: config.Auth{Tokens: []config.Token{tok}}})
	for name, tc := range map[string]struct {
		path   string
		change func(*http.Request)
		want   int
	}{
		"Influx 2":             {"/api/v2/write", header("Authorization", "Token "+secret), 204},
		"Influx 1 as 2":        {"/write", header("Authorization", "Token telegraf:"+secret), 204},
		"bearer":               {"/api/v1/query", header("Authorization", "Bearer "+secret), 204},
		"lower case":           {"/api/v1/query", header("Authorization", "bearer  "+secret), 204},
		"basic":                {"/api/v2/alerts", basic("amtool", secret), 204},
		"basic without user":   {"/api/v2/alerts", basic("", secret), 204},
		"basic, token as user": {"/api/v2/alerts", basic(secret, ""), 204},
		"Influx 1 parameters":  {"/write?db=x&u=telegraf&p=" + secret, nil, 204},
		"of a device":          {"/api/belfry/v1/in/hikvision?asset=CAM-7&token=" + secret, nil, 204},
		"header and parameter": {"/write?p=" + secret, basic("proxy", "other"), 204},

		"nothing":              {"/api/v1/query", nil, 401},
		"parameter elsewhere":  {"/api/v1/query?p=" + secret, nil, 401},
		"device's elsewhere":   {"/api/belfry/v1/events?token=" + secret, nil, 401},
		"device's, wrong":      {"/api/belfry/v1/in/hikvision?token=" + secret + "x", nil, 401},
		"wrong":                {"/api/v1/query", header("Authorization", "Bearer "+secret+"x"), 401},
		"empty":                {"/api/v1/query", header("Authorization", "Bearer "), 401},
		"the hash":             {"/api/v1/query", header("Authorization", "Bearer "+config.FormatHash(tok.Hash)), 401},
		"unknown scheme":       {"/api/v1/query", header("Authorization", "Digest "+secret), 401},
		"broken basic":         {"/api/v1/query", header("Authorization", "Basic %%%"), 401},
		"empty basic":          {"/api/v1/query", basic("", ""), 401},
		"no scope":             {"/-/reload", header("Authorization", "Bearer "+secret), 403},
		"Influx 1 without p":   {"/write?db=x", nil, 401},
		"Influx 1 with half p": {"/write?p=" + secret[:20], nil, 401},
	} {
		t.Run(name, func(t *testing.T) {
			answer, _ := tn.send(t, http.MethodPost, tc.path, tc.change)
			require.Equal(t, tc.want, answer.StatusCode)
			require.Equal(t, tc.want == 401, len(answer.Header.Values("WWW-Authenticate")) == 2)
		})
	}
	require.Equal(t, uint64(13), tn.set.GetOrCreateCounter(`belfry_refused_total{reason="unauthorized"}`).Get())
	require.NotContains(t, tn.log.String(), secret[:20])
	require.Equal(t, 1, strings.Count(tn.log.String(), "\n"), "a flood of refusals is one line")
}

func TestScopes(t *testing.T) {
	for scope, want := range map[access.Scope][3]int{
		access.Write: {204, 403, 403},
		access.Read:  {403, 204, 403},
		access.Admin: {204, 204, 204},
	} {
		secret, tok := token(scope)
		tn := newTown(t, access.Options{Auth: config.Auth{Tokens: []config.Token{tok}}})
		for i, path := range []string{"/write", "/metrics", "/-/reload"} {
			answer, body := tn.send(t, http.MethodPost, path, header("Authorization", "Token "+secret))
			require.Equal(t, want[i], answer.StatusCode, "%s %s", scope, path)
			if want[i] == 403 {
				require.Contains(t, body, "lacks scope")
			}
		}
	}
}

func TestRefusalsSpeakTheLanguageOfTheirClients(t *testing.T) {
	_, tok := token(access.Write)
	tn := newTown(t, access.Options{Auth: config.Auth{Tokens: []config.Token{tok}}})

	influx := influxdb2.NewClientWithOptions(tn.URL, "bf_wrong", influxdb2.DefaultOptions().SetHTTPClient(http.DefaultClient))
	defer influx.Close()
	err := influx.WriteAPIBlocking("org", "bucket").WriteRecord(context.Background(), "m v=1")
	var refused *influxhttp.Error
	require.True(t, errors.As(err, &refused))
	require.Equal(t, 401, refused.StatusCode)
	require.Equal(t, "unauthorized", refused.Code)
	require.Equal(t, "the token is not known here", refused.Message)

	client, err := promapi.NewClient(promapi.Config{Address: tn.URL, RoundTripper: http.DefaultTransport})
	require.NoError(t, err)
	_, _, err = promv1.NewAPI(client).Query(context.Background(), "up", time.Now())
	var unread *promv1.Error
	require.ErrorAs(t, err, &unread)
	require.Equal(t, "client error: 401", unread.Msg)
	require.Contains(t, unread.Detail, "this needs a token with scope read")

	for path, want := range map[string]string{
		"/write":               `{"error":"this needs a token with scope write"}` + "\n",
		"/api/v1/query":        `{"error":"this needs a token with scope read","errorType":"unauthorized","status":"error"}` + "\n",
		"/api/belfry/v1/pages": `{"error":"this needs a token with scope read"}` + "\n",
		"/api/v2/alerts":       "this needs a token with scope read\n",
		"/-/reload":            "this needs a token with scope admin\n",
	} {
		answer, body := tn.send(t, http.MethodPost, path, nil)
		require.Equal(t, want, body)
		require.Equal(t, strings.HasPrefix(want, "{"), answer.Header.Get("Content-Type") == "application/json", path)
	}
}

func TestWithoutTokensOnlyLoopbackIsOpen(t *testing.T) {
	tn := newTown(t, access.Options{})
	answer, _ := tn.send(t, http.MethodPost, "/-/reload", nil)
	require.Equal(t, 204, answer.StatusCode)
	// What clients send out of habit does no harm.
	answer, _ = tn.send(t, http.MethodPost, "/write?u=a&p=b", header("Authorization", "Token any"))
	require.Equal(t, 204, answer.StatusCode)

	o := access.Options{Listen: "0.0.0.0:9400", Metrics: metrics.NewSet(), Logger: slog.New(slog.DiscardHandler)}
	_, err := access.New(context.Background(), o)
	require.ErrorContains(t, err, "want tokens")
	o.Auth.Insecure = true
	guard, err := access.New(context.Background(), o)
	require.NoError(t, err)
	require.ErrorContains(t, guard.Reload(config.Auth{}), "want tokens")
}

func TestInsecureIsOpenToEveryone(t *testing.T) {
	_, tok := token(access.Write)
	tn := newTown(t, access.Options{Listen: "0.0.0.0:9400", Auth: config.Auth{Insecure: true, Tokens: []config.Token{tok}}})
	answer, _ := tn.send(t, http.MethodPost, "/-/reload", func(r *http.Request) { r.Host = "belfry.example.org" })
	require.Equal(t, 204, answer.StatusCode)
	answer, _ = tn.send(t, http.MethodPost, "/-/reload", header("Origin", "https://evil.example.org"))
	require.Equal(t, 403, answer.StatusCode, "a page that an operator looks at is not everyone")
}

func TestPagesOfOtherSitesAreKeptOut(t *testing.T) {
	external, err := url.Parse("https://belfry.example.org/")
	require.NoError(t, err)
	open := newTown(t, access.Options{ExternalURL: external})
	secret, tok := token(access.Admin)
	closed := newTown(t, access.Options{Auth: config.Auth{Tokens: []config.Token{tok}}})
	own := strings.TrimPrefix(open.URL, "http://")

	for name, tc := range map[string]struct {
		host, origin string
		want         int
	}{
		"no browser":            {"", "", 204},
		"own page":              {"", "http://" + own, 204},
		"page on this machine":  {"", "http://localhost:3000", 204},
		"page on loopback":      {"localhost:9400", "http://[::1]:3000", 204},
		"external name":         {"belfry.example.org", "https://belfry.example.org", 204},
		"name under localhost":  {"belfry.localhost:9400", "", 204},
		"other site":            {"", "https://evil.example.org", 403},
		"site that looks like":  {"", "https://localhost.evil.org", 403},
		"hidden origin":         {"", "null", 403},
		"rebound name":          {"evil.example.org:9400", "", 403},
		"rebound, with origin":  {"evil.example.org:9400", "http://evil.example.org:9400", 403},
		"rebound to an address": {"10.1.2.3:9400", "", 403},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions, http.MethodDelete} {
				answer, body := open.send(t, method, "/api/v2/silences", func(r *http.Request) {
					if tc.host != "" {
						r.Host = tc.host
					}
					if tc.origin != "" {
						r.Header.Set("Origin", tc.origin)
					}
				})
				require.Equal(t, tc.want, answer.StatusCode, "%s %s", method, body)
			}
		})
	}

	// A token that a page has to know is proof enough; a password that the
	// browser sends along is not.
	answer, _ := closed.send(t, http.MethodPost, "/-/reload", func(r *http.Request) {
		r.Header.Set("Origin", "https://evil.example.org")
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Host = "any.example.org"
	})
	require.Equal(t, 204, answer.StatusCode)
	answer, _ = closed.send(t, http.MethodPost, "/-/reload", func(r *http.Request) {
		r.Header.Set("Origin", "https://evil.example.org")
		r.SetBasicAuth("me", secret)
	})
	require.Equal(t, 403, answer.StatusCode)
}

func TestTokensChangeWhileRequestsComeIn(t *testing.T) {
	oldSecret, oldToken := token(access.Read)
	newSecret, newToken := token(access.Read)
	tn := newTown(t, access.Options{Auth: config.Auth{Tokens: []config.Token{oldToken}}})
	get := func(secret string) int {
		answer, _ := tn.send(t, http.MethodGet, "/metrics", header("Authorization", "Bearer "+secret))
		return answer.StatusCode
	}
	require.Equal(t, 204, get(oldSecret))
	require.Equal(t, 401, get(newSecret))

	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 50 {
				get(oldSecret)
			}
		})
	}
	require.NoError(t, tn.guard.Reload(config.Auth{Tokens: []config.Token{newToken}}))
	readers.Wait()
	require.Equal(t, 401, get(oldSecret))
	require.Equal(t, 204, get(newSecret))
}

func TestTokensAreLongAndTheirHashesSurviveTheFile(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		secret, hash := access.NewToken()
		random, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(secret, "bf_"))
		require.NoError(t, err)
		require.Len(t, random, 32)
		require.False(t, seen[secret])
		seen[secret] = true
		parsed, ok := config.ParseHash(config.FormatHash(hash))
		require.True(t, ok)
		require.Equal(t, access.Hash(secret), parsed)
	}
}

func TestLoggedURLsHoldNoSecrets(t *testing.T) {
	for raw, want := range map[string]string{
		"/write?db=a&u=b&p=hunter2":                "/write?db=a&u=b&p=<secret>",
		"/write?p=hunter2;precision=ms":            "/write?p=<secret>&precision=ms",
		"/write?%70=hunter2":                       "/write?%70=<secret>",
		"/api/v1/query?query=up":                   "/api/v1/query?query=up",
		"/x?a=bf_AAAAAAAAAAAAAAAAAAAA&Token=1":     "/x?a=<secret>&Token=<secret>",
		"/in/%E6%B8%9DA12345?plate=KA01AB1234&x=1": "/in/[removed]?plate=[removed]&x=1",
		"http://u:hunter2@h/bf_AAAAAAAAAAAA":       "http://xxxxx@h/<secret>",
	} {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		require.Equal(t, want, access.RedactURL(u))
	}

	rapid.Check(t, func(t *rapid.T) {
		secret, _ := access.NewToken()
		u := &url.URL{
			Path:     "/" + rapid.String().Draw(t, "path") + secret,
			RawQuery: rapid.StringMatching(`[a-z&=;%]{0,20}`).Draw(t, "query") + "&p=" + secret + "&x=" + secret,
			Fragment: secret,
		}
		require.NotContains(t, access.RedactURL(u), secret[3:])
	})
}

func BenchmarkRequire(b *testing.B) {
	secret, tok := token(access.Write)
	auth := config.Auth{Tokens: []config.Token{tok, {}, {}, {}}}
	guard, err := access.New(context.Background(), access.Options{Listen: "127.0.0.1:1", Auth: auth, Metrics: metrics.NewSet(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	h := guard.Require(access.Write, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest(http.MethodPost, "/write?db=x", nil)
	r.Header.Set("Authorization", "Token "+secret)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(nil, r)
	}
}
