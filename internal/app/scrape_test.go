package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
)

// fromFile starts a Belfry whose configuration file is written by the test.
func fromFile(t *testing.T, dir, text string) (a *running, rewrite func(text string)) {
	t.Helper()
	file := filepath.Join(dir, "belfry.yml")
	rewrite = func(text string) {
		put(t, dir, "belfry.yml", strings.ReplaceAll("listen: 127.0.0.1:0\ndata_dir: data\nrules: []\n"+text, "DIR", dir))
	}
	rewrite(text)
	c, err := config.Load(file)
	require.NoError(t, err)
	app, err := New(t.Context(), Options{Config: c, Read: func() (*config.Config, error) { return config.Load(file) }, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	require.NoError(t, err)
	serve(t, app)
	return &running{App: app, cfg: c}, rewrite
}

// value is the result of an instant query that has one.
func (r *running) value(t *testing.T, query string) string {
	t.Helper()
	_, text := r.do(t, http.MethodGet, "/api/v1/query?query="+url.QueryEscape(query), "")
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &answer), text)
	if len(answer.Data.Result) != 1 {
		return fmt.Sprintf("%d results", len(answer.Data.Result))
	}
	return answer.Data.Result[0].Value[1].(string)
}

func (r *running) eventually(t *testing.T, query, want string) {
	t.Helper()
	require.Eventually(t, func() bool { return r.value(t, query) == want }, time.Minute, 50*time.Millisecond, "%s: %s", query, r.value(t, query))
}

func TestBelfryScrapesAndAReloadChangesWhat(t *testing.T) {
	page := func(name string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = fmt.Fprintf(w, "# HELP %s Level in the well.\n# TYPE %s gauge\n%s 1\n", name, name, name)
		}))
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	dir := t.TempDir()
	job := func(name, addr string) string {
		return fmt.Sprintf("    - job_name: %s\n      scrape_interval: 200ms\n      static_configs:\n        - targets: [%q]\n", name, addr)
	}
	first := "inputs:\n  scrape:\n" + job("first", page("first_m"))
	r, rewrite := fromFile(t, dir, first)
	r.eventually(t, `first_m{job="first"}`, "1")
	r.eventually(t, `up`, "1")

	// Its own page is a target like any other, as soon as it has an address.
	rewrite(first + job("belfry", r.Addr()))
	status, text := r.do(t, http.MethodPost, "/-/reload", "")
	require.Equal(t, 200, status, text)
	require.Equal(t, "reloaded\n", text, "nothing of it needs a restart")
	r.eventually(t, `up{job="belfry"}`, "1")
	r.eventually(t, `count(belfry_store_series{job="belfry"})`, "1")

	_, text = r.do(t, http.MethodGet, "/api/v1/targets?state=active", "")
	require.Contains(t, text, `"scrapePool":"first"`)
	require.Contains(t, text, `"health":"up"`)
	_, text = r.do(t, http.MethodGet, "/api/v1/metadata?metric=first_m", "")
	require.Contains(t, text, `"help":"Level in the well."`)
	_, text = r.do(t, http.MethodGet, "/api/v1/scrape_pools", "")
	require.JSONEq(t, `{"status":"success","data":{"scrapePools":["belfry","first"]}}`, strings.ReplaceAll(text, `["first","belfry"]`, `["belfry","first"]`))
	_, text = r.do(t, http.MethodGet, "/metrics", "")
	require.Contains(t, text, `belfry_samples_total{input="scrape"}`)
	require.Contains(t, text, "prometheus_target_scrape_pools_total")

	rewrite(first + job("belfry", r.Addr()) + "      scrape_interval: soon\n")
	status, text = r.do(t, http.MethodPost, "/-/reload", "")
	require.Equal(t, 500, status)
	require.Contains(t, text, filepath.Join(dir, "belfry.yml")+":14: inputs.scrape[1].scrape_interval: want ")
	require.Equal(t, "1", r.value(t, `up{job="belfry"}`), "the running jobs stay")

	rewrite("")
	status, text = r.do(t, http.MethodPost, "/-/reload", "")
	require.Equal(t, 200, status, text)
	r.eventually(t, `up`, "0 results")
	r.eventually(t, `first_m`, "0 results")
}

func TestTargetsOfAFileAreFoundBesideTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "targets"), 0o700))
	r, _ := fromFile(t, dir, "inputs:\n  scrape:\n    - job_name: files\n      scrape_interval: 200ms\n      file_sd_configs:\n        - files: [\"targets/*.yml\"]\n")
	put(t, dir, "targets/wells.yml", fmt.Sprintf("- targets: [%q]\n  labels: {street: jiefangbei}\n", r.Addr()))
	r.eventually(t, `up{job="files",street="jiefangbei"}`, "1")
}
