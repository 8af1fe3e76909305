package dashboards_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/dashboards"
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
	"github.com/belfry-city/belfry/internal/demo"
)

// patience is how long the demo may take until it has had something of everything.
const patience = 6 * time.Minute

// TestEveryQueryFindsSomething asks a running demo everything that the dashboards
// ask, as the data source does: metrics from Prometheus' API, the rest from Belfry's.
func TestEveryQueryFindsSomething(t *testing.T) {
	city := startDemo(t)
	queries := everyQuery(t)
	require.Greater(t, len(queries), 100)
	ticks := time.NewTicker(5 * time.Second)
	defer ticks.Stop()
	deadline := time.After(patience)
	for len(queries) > 0 {
		assets := city.assets(t)
		queries = slices.DeleteFunc(queries, func(q query) bool { return city.answers(t, q, assets) })
		if t.Failed() {
			return // a query that is wrong does not become right
		}
		select {
		case <-ticks.C:
			continue
		case <-t.Context().Done():
		case <-deadline:
			for _, q := range queries {
				t.Errorf("finds nothing: %s", q)
			}
		}
		return
	}
}

// query is one question of a dashboard.
type query struct {
	sheet, panel string
	oneAsset     bool
	domains      []string // that $domain stands for; none: all
	grafana.Target
}

func (q query) String() string {
	asked, err := json.Marshal(q.Target)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s: %s: %s", q.sheet, q.panel, asked)
}

// everyQuery takes those of the English dashboards; the Chinese ones have the same.
func everyQuery(t *testing.T) []query {
	t.Helper()
	names, err := fs.Glob(dashboards.FS, path.Join(string(board.English), "*.json"))
	require.NoError(t, err)
	var all []query
	for _, name := range names {
		d := load(t, name)
		domains, oneAsset := variables(t, d)
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				all = append(all, query{sheet: d.Title, panel: p.Title, oneAsset: oneAsset, domains: domains, Target: target})
			}
		}
	}
	return all
}

func variables(t *testing.T, d grafana.Dashboard) (domains []string, oneAsset bool) {
	t.Helper()
	for _, v := range d.Templating.List {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		var variable grafana.Variable
		require.NoError(t, json.Unmarshal(raw, &variable))
		switch {
		case variable.Name == "domain" && variable.AllValue == "":
			for _, choice := range strings.Split(variable.Query.(string), ", ") {
				_, domain, found := strings.Cut(choice, " : ")
				require.True(t, found, choice)
				domains = append(domains, domain)
			}
		case variable.Name == "asset":
			oneAsset = !variable.Multi
		}
	}
	return domains, oneAsset
}

// running is a demo that runs.
type running struct{ url string }

func startDemo(t *testing.T) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := demo.Run(ctx, demo.Options{Listen: "127.0.0.1:0", JSON: true, Stdout: in, Stderr: io.Discard})
		done <- errors.Join(err, in.Close())
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the demo says nothing")
	var start struct{ Type, URL string }
	require.NoError(t, json.Unmarshal(lines.Bytes(), &start))
	require.Equal(t, "start", start.Type)
	go func() { _, _ = io.Copy(io.Discard, out) }() // so that the demo can go on
	return &running{url: start.URL}
}

// get asks, and fails the test on any answer but 200.
func (r *running) get(t *testing.T, path string, parameters url.Values, into any) {
	t.Helper()
	address := r.url + path + "?" + parameters.Encode()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s\n%s", address, body)
	require.NoError(t, json.Unmarshal(body, into))
}

// vector answers an instant query: the labels of what it finds.
func (r *running) vector(t *testing.T, expr string) []map[string]string {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	r.get(t, "/api/v1/query", url.Values{"query": {expr}}, &answer)
	var out []map[string]string
	for _, s := range answer.Data.Result {
		out = append(out, s.Metric)
	}
	return out
}

// assets are those that a person would choose: one for each metric with limits in
// each domain, each detector, each metric that only some have, and cameras that have seen something.
func (r *running) assets(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, expr := range []string{
		`topk by (metric, domain) (1, asset_threshold * on (asset) group_left (domain) asset_info)`, `topk by (detector) (1, anomaly_score)`,
		`topk(1, camera_event_confidence)`, `topk by (domain) (1, ALERTS{alertstate="firing"})`,
	} {
		for _, labels := range r.vector(t, expr) {
			if labels["asset"] != "" && !slices.Contains(out, labels["asset"]) {
				out = append(out, labels["asset"])
			}
		}
	}
	return out
}

// answers says whether a query finds something, with all assets or one of them.
func (r *running) answers(t *testing.T, q query, assets []string) bool {
	t.Helper()
	if !q.oneAsset && r.finds(t, q, ".*") {
		return true
	}
	if q.oneAsset || strings.Contains(q.Expr, "asset_threshold") {
		return slices.ContainsFunc(assets, func(asset string) bool { return r.finds(t, q, asset) })
	}
	return false
}
