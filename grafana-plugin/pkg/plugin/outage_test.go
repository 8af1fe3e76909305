package plugin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

// newToken has Belfry make one, and returns it with the lines for its
// configuration.
func newToken(t *testing.T, name, scope string) (token, lines string) {
	t.Helper()
	out, err := exec.Command(built.belfry, "token", "new", "--name", name, "--scope", scope).Output()
	require.NoError(t, err)
	token = regexp.MustCompile(`bf_[\w-]+`).FindString(string(out))
	hash := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(string(out))
	require.NotEmpty(t, token)
	require.NotEmpty(t, hash)
	return token, fmt.Sprintf("    - {name: %s, hash: %q, scopes: [%s]}\n", name, hash, scope)
}

func withToken(token string) func(*backend.DataSourceInstanceSettings) {
	return func(s *backend.DataSourceInstanceSettings) { s.DecryptedSecureJSONData[tokenKey] = token }
}

func (c *connected) vector(t *testing.T) backend.DataResponse {
	t.Helper()
	now := time.Now()
	return c.ask(t, now.Add(-time.Minute), now, `{"expr":"vector(1)","instant":true}`)[0]
}

func TestTokens(t *testing.T) {
	read, readLine := newToken(t, "grafana", "read")
	write, writeLine := newToken(t, "telegraf", "write")
	b := serve(t, "rules: []\ndetectors: []\nauth:\n  tokens:\n"+readLine+writeLine)
	g := startPlugin(t)
	require.NoError(t, g.at(b.url(), withToken(read+"\n")).vector(t).Error, "pasted with a line's end")
	for token, want := range map[string]string{
		"":      "Make one with `belfry token new`, scope read, and put it into the data source's settings.",
		"wrong": "Belfry refuses the token (",
		write:   "Belfry does not let this token read (",
	} {
		c := g.at(b.url(), withToken(token))
		answer := c.vector(t)
		require.ErrorContains(t, answer.Error, want)
		require.Equal(t, backend.StatusForbidden, answer.Status, "with 401 Grafana logs people out")
		require.Contains(t, c.check(t).Message, want)
		if token != "" {
			require.NotContains(t, answer.Error.Error(), token)
		}
	}
}

func TestBelfryGoesAwayAndComesBack(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url())
	require.NoError(t, c.vector(t).Error)
	b.stop()
	answer := c.vector(t)
	require.ErrorContains(t, answer.Error, "Belfry at "+b.url()+" cannot be reached")
	require.Equal(t, backend.StatusBadGateway, answer.Status)
	require.Equal(t, backend.ErrorSourceDownstream, answer.ErrorSource)
	b.start(t)
	require.NoError(t, c.vector(t).Error)
	b.stop()
	b.start(t)
	require.NoError(t, c.vector(t).Error, "a connection that was closed meanwhile is no error")
}

// proxy stands before Belfry as the proxies of cities do.
func proxy(t *testing.T, b *belfry, wrap func(http.Handler) http.Handler) *httptest.Server {
	t.Helper()
	to, err := url.Parse(b.url())
	require.NoError(t, err)
	srv := httptest.NewServer(wrap(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}))
	t.Cleanup(srv.Close)
	return srv
}

func TestBehindAProxyWithAPathAndHeaders(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	srv := proxy(t, b, func(h http.Handler) http.Handler {
		return http.StripPrefix("/city/belfry", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-City") != "yuzhong" {
				http.Error(w, "no city", http.StatusForbidden)
				return
			}
			h.ServeHTTP(w, r)
		}))
	})
	g := startPlugin(t)
	header := func(s *backend.DataSourceInstanceSettings) {
		s.JSONData = []byte(`{"httpHeaderName1":"X-City"}`)
		s.DecryptedSecureJSONData["httpHeaderValue1"] = "yuzhong"
	}
	require.NoError(t, g.at(srv.URL+"/city/belfry/", header).vector(t).Error)
	require.ErrorContains(t, g.at(srv.URL+"/city/belfry").vector(t).Error, "no city")
	require.ErrorContains(t, g.at(srv.URL, header).vector(t).Error, "There is no /api/v1/query at "+srv.URL+". Check the URL")
}

func TestASlowBelfry(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	var slow atomic.Bool
	release := make(chan struct{})
	srv := proxy(t, b, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if slow.Load() {
				select {
				case <-release:
				case <-r.Context().Done():
				}
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	c := startPlugin(t).at(srv.URL, func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(`{"timeout":1}`) })
	slow.Store(true)
	answer := c.vector(t)
	require.ErrorContains(t, answer.Error, "gave no answer in time. Ask for less time or fewer series, or raise the timeout")
	require.Equal(t, backend.StatusTimeout, answer.Status)
	slow.Store(false)
	close(release)
	require.NoError(t, c.vector(t).Error)
}

func TestAnswersOfAllKindsThatAreNone(t *testing.T) {
	answer := atomic.Pointer[func(http.ResponseWriter)]{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { (*answer.Load())(w) }))
	defer srv.Close()
	c := startPlugin(t).at(srv.URL)
	for _, test := range []struct {
		story  string
		code   int
		kind   string
		body   string
		want   string
		status backend.Status
	}{
		{"busy", 503, "application/json", `{"status":"error","error":"too many queries are running"}`, "Belfry is busy or starting: too many queries are running. It answers again by itself", 503},
		{"too many", 429, "application/json", `{"error":"slowly"}`, "busy or starting: slowly", backend.StatusTooManyRequests},
		{"a mistake of Belfry's", 500, "text/plain; charset=utf-8", "internal error; it has been logged\n", "Belfry answers with an error (HTTP 500): internal error; it has been logged. Its log says more.", backend.StatusBadGateway},
		{"a gateway", 502, "text/html", "<html>nginx", "cannot be reached: a proxy in front of it says 502 Bad Gateway", backend.StatusBadGateway},
		{"cut off", 200, "application/json", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"2`, "cannot be read", backend.StatusBadGateway},
		{"no result", 200, "application/json", `{}`, "another shape", backend.StatusBadGateway},
		{"other JSON", 200, "application/json", `[1,2]`, "cannot be read", backend.StatusBadGateway},
		{"numbers that are none", 200, "application/json", `{"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"many"]}]}}`, "cannot be read", backend.StatusBadGateway},
		{"a page of errors", 404, "text/html", strings.Repeat("<html>", 10000), "Check the URL in the data source's settings, and its path if a proxy adds one", backend.StatusNotFound},
		{"nothing at all", 200, "application/json", ``, "ended in the middle", backend.StatusBadGateway},
		{"a proxy that did not wait", 504, "text/html", "<html>nginx", "did not wait for the answer (504 Gateway Timeout). Ask for less time", backend.StatusTimeout},
		{"a proxy that takes only short questions", 413, "text/html", "<html>nginx", "The query is longer than what a proxy in front of " + srv.URL + " takes (413", backend.StatusBadRequest},
		{"a cache that answers what was not asked", 304, "text/html", "", srv.URL + " answers 304 Not Modified, as Belfry never does", backend.StatusBadGateway},
	} {
		t.Run(test.story, func(t *testing.T) {
			f := func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", test.kind)
				w.WriteHeader(test.code)
				_, _ = w.Write([]byte(test.body))
			}
			answer.Store(&f)
			got := c.vector(t)
			require.ErrorContains(t, got.Error, test.want)
			require.Equal(t, test.status, got.Status)
			require.Less(t, len(got.Error.Error()), 3000)
		})
	}
	half := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[`))
	}
	answer.Store(&half)
	require.ErrorContains(t, c.vector(t).Error, "The answer from "+srv.URL+" ended in the middle (unexpected EOF). Ask again")
	endless := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[`))
		one, _ := json.Marshal(map[string]any{"metric": map[string]string{"a": strings.Repeat("x", 65<<20)}, "value": []any{1, "1"}})
		for {
			if _, err := w.Write(append(one, ',')); err != nil {
				return
			}
		}
	}
	answer.Store(&endless)
	require.ErrorContains(t, c.vector(t).Error, "Belfry's answer is larger than 64 MiB")
}

// TestNothingIsNotAllClear is about answers in which no hazards are, as they are
// no answers of Belfry's.
func TestNothingIsNotAllClear(t *testing.T) {
	body := atomic.Pointer[string]{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(*body.Load()))
	}))
	defer srv.Close()
	c := startPlugin(t).at(srv.URL)
	now := time.Now()
	for _, text := range []string{`{}`, `null`, `{"status":"error","error":"no"}`, `{"groups":null}`} {
		body.Store(&text)
		for _, query := range []string{
			`{"kind":"hazards","hazards":{"show":"open"}}`, `{"kind":"hazards","hazards":{"show":"counts"}}`, `{"kind":"response"}`,
			`{"kind":"response","response":{"show":"opened"}}`, `{"kind":"hazards"}`, `{"kind":"assets"}`, `{"kind":"events"}`, `{"kind":"anomalies","anomalies":{"select":"x"}}`,
		} {
			require.ErrorContains(t, c.ask(t, now.Add(-time.Hour), now, query)[0].Error, "cannot be read", "%s %s", text, query)
		}
		require.Equal(t, backend.HealthStatusError, c.check(t).Status, text)
	}
	groups := `{"groups":[]}`
	body.Store(&groups)
	require.ErrorContains(t, c.ask(t, now.Add(-time.Hour), now, `{"kind":"hazards","hazards":{"show":"counts"}}`)[0].Error, "want times in it")
}

// authority makes a CA and a certificate for 127.0.0.1, as PEM files.
func authority(t *testing.T, dir string) (ca string) {
	t.Helper()
	write := func(name, kind string, der []byte) string {
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
		return string(text)
	}
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		return k
	}
	caKey, ownKey := key(), key()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "City CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, caKey.Public(), caKey)
	require.NoError(t, err)
	ca = write("ca.pem", "CERTIFICATE", der)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "belfry"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"belfry.city"}}
	der, err = x509.CreateCertificate(rand.Reader, leaf, root, ownKey.Public(), caKey)
	require.NoError(t, err)
	write("cert.pem", "CERTIFICATE", der)
	der, err = x509.MarshalECPrivateKey(ownKey)
	require.NoError(t, err)
	write("key.pem", "EC PRIVATE KEY", der)
	return ca
}

func TestTLSWithACAOfTheCity(t *testing.T) {
	b := &belfry{dir: t.TempDir(), secure: true}
	ca := authority(t, b.dir)
	b.prepare(t, "rules: []\ndetectors: []\ntls: {cert: cert.pem, key: key.pem}\n")
	g := startPlugin(t)
	require.NoError(t, g.at(b.url(), func(s *backend.DataSourceInstanceSettings) {
		s.JSONData = []byte(`{"tlsAuthWithCACert":true}`)
		s.DecryptedSecureJSONData["tlsCACert"] = ca
	}).vector(t).Error)
	require.NoError(t, g.at(b.url(), func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(`{"tlsSkipVerify":true}`) }).vector(t).Error)
	require.ErrorContains(t, g.at(b.url()).vector(t).Error, "paste the CA's certificate into the settings")
	require.ErrorContains(t, g.at(b.url(), func(s *backend.DataSourceInstanceSettings) {
		s.JSONData = []byte(`{"tlsAuthWithCACert":true,"serverName":"other.city"}`)
		s.DecryptedSecureJSONData["tlsCACert"] = ca
	}).vector(t).Error, "The certificate is for other names")
}
