package dashboards_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/dashboards/grafana"
)

const (
	shownTime = 15 * time.Minute // what a person looks at
	step      = 15 * time.Second
)

// finds asks one query with $asset, as the data source would.
func (r *running) finds(t *testing.T, q query, asset string) bool {
	t.Helper()
	switch q.Kind {
	case grafana.KindMetrics:
		return r.metrics(t, q, q.Expr, asset)
	case grafana.KindAnomalies:
		return r.metrics(t, q, "anomaly_score and ignoring (detector, metric, __name__) "+q.Anomalies.Select, asset)
	case grafana.KindHazards:
		return r.hazards(t, q, asset)
	case grafana.KindAssets:
		return r.catalog(t, q, asset)
	case grafana.KindEvents:
		return r.events(t, q, asset)
	case grafana.KindResponse:
		return r.response(t, q, asset)
	}
	t.Errorf("%s: there is no such kind", q)
	return false
}

func (r *running) metrics(t *testing.T, q query, expr, asset string) bool {
	t.Helper()
	domains := ".*"
	if q.domains != nil {
		domains = strings.Join(q.domains, "|")
	}
	expr = strings.NewReplacer("$domain", domains, "$district", ".*", "$street", ".*", "$asset", asset, "$metric", ".+",
		"$__rate_interval", "1m", "$__interval", "15s", "$__range", "15m").Replace(expr)
	if strings.Contains(expr, "$") {
		t.Errorf("%s: a variable that there is not", q)
		return false
	}
	if q.Instant {
		return len(r.vector(t, expr)) > 0
	}
	var answer struct{ Data struct{ Result []any } }
	now := time.Now()
	r.get(t, "/api/v1/query_range", url.Values{
		"query": {expr}, "start": {seconds(now.Add(-shownTime))}, "end": {seconds(now)}, "step": {seconds(time.Unix(0, 0).Add(step))},
	}, &answer)
	return len(answer.Data.Result) > 0
}

func seconds(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// filter puts a filter into parameters, unless it filters nothing.
func (q query) filter(p url.Values, name string, values []string, asset string) {
	var out []string
	for _, v := range values {
		switch v {
		case "$domain":
			out = append(out, q.domains...)
		case "$asset":
			if asset != ".*" {
				out = append(out, asset)
			}
		case "$district", "$street":
		default:
			out = append(out, v)
		}
	}
	if len(out) > 0 {
		p[name] = out
	}
}

func (r *running) hazards(t *testing.T, q query, asset string) bool {
	t.Helper()
	h, p := q.Hazards, url.Values{}
	for name, values := range map[string][]string{
		"severity": h.Severity, "domain": h.Domain, "team": h.Team, "street": h.Street, "district": h.District, "rule": h.Rule, "asset": h.Asset,
	} {
		q.filter(p, name, values, asset)
	}
	if h.Show == "table" {
		q.filter(p, "status", h.Status, asset)
		p.Set("limit", strconv.Itoa(h.Limit))
		var answer struct{ Hazards []any }
		r.get(t, "/api/belfry/v1/hazards", p, &answer)
		return len(answer.Hazards) > 0
	}
	// How many are open is answered where none is: 0 of each severity.
	groups := r.stats(t, p, h.By)
	return len(groups) > 0 || h.By == "severity"
}

// stat is a group of /hazards/stats.
type stat struct {
	Opened, Open, Repeats int
	OpenByAge             []struct{ Count int }  `json:"open_by_age"`
	TimeToResolve         *struct{ P50 float64 } `json:"time_to_resolve_seconds"`
}

func (r *running) stats(t *testing.T, p url.Values, by string) []stat {
	t.Helper()
	p.Set("by", by)
	var answer struct{ Groups []stat }
	r.get(t, "/api/belfry/v1/hazards/stats", p, &answer)
	return answer.Groups
}

func (r *running) response(t *testing.T, q query, asset string) bool {
	t.Helper()
	a, p := q.Response, url.Values{}
	for name, values := range map[string][]string{"severity": a.Severity, "domain": a.Domain, "team": a.Team, "street": a.Street} {
		q.filter(p, name, values, asset)
	}
	for _, g := range r.stats(t, p, a.By) {
		found := map[string]bool{
			"summary": true, "opened": g.Opened > 0, "repeats": g.Repeats > 0, "open_by_age": g.Open > 0 && len(g.OpenByAge) > 0, "time_to_resolve": g.TimeToResolve != nil,
		}
		is, known := found[a.Show]
		require.True(t, known, a.Show)
		if is {
			return true
		}
	}
	return false
}

func (r *running) catalog(t *testing.T, q query, asset string) bool {
	t.Helper()
	a, p := q.Assets, url.Values{"limit": {strconv.Itoa(q.Assets.Limit)}}
	for name, values := range map[string][]string{
		"domain": a.Domain, "team": a.Team, "street": a.Street, "district": a.District, "state": a.State, "asset": a.Asset, "metric": a.Metrics,
	} {
		q.filter(p, name, values, asset)
	}
	var answer struct {
		Assets []struct {
			Lat, Lon *float64
			Values   []struct{ Metric string }
		}
	}
	r.get(t, "/api/belfry/v1/assets", p, &answer)
	missing := map[string]bool{}
	for _, m := range a.Metrics {
		missing[m] = m != "*"
	}
	placed := false
	for _, x := range answer.Assets {
		placed = placed || x.Lat != nil && x.Lon != nil
		for _, v := range x.Values {
			missing[v.Metric] = false
		}
	}
	for metric, is := range missing {
		if is {
			t.Logf("%s: nothing of %s yet", q.panel, metric)
			return false
		}
	}
	return placed || a.Show == "table" && len(answer.Assets) > 0
}

func (r *running) events(t *testing.T, q query, asset string) bool {
	t.Helper()
	e, p := q.Events, url.Values{"limit": {strconv.Itoa(q.Events.Limit)}}
	for name, values := range map[string][]string{"kind": e.Kind, "domain": e.Domain, "team": e.Team, "severity": e.Severity, "asset": e.Asset} {
		q.filter(p, name, values, asset)
	}
	var answer struct{ Events []any }
	r.get(t, "/api/belfry/v1/events", p, &answer)
	return len(answer.Events) > 0
}
