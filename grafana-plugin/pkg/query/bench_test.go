package query

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
)

// BenchmarkHazards is what a table of 1,000 of many open hazards costs the
// plugin, with its way through HTTP and into Arrow.
func BenchmarkHazards(b *testing.B) {
	at := time.Now()
	v := 62.0
	rows := make([]client.Hazard, perBench)
	for i := range rows {
		rows[i] = client.Hazard{
			ID: fmt.Sprintf("1EK7-%04d", i), URL: "https://belfry.example/hazards/1EK7", Status: "open", Severity: "critical", Rule: "GasCombustibleCritical", Domain: "gas",
			Team: "sanitation", Asset: fmt.Sprint("W", i), Name: "Jiefangbei well", NameZH: "解放碑井", Street: "解放碑", District: "渝中", Lat: &v, Lon: &v,
			Summary: "Explosion hazard", SummaryZH: "爆炸危险", Value: &v, Worst: &v, Limit: &v, Unit: "%LEL", Opened: &at, Updated: &at,
		}
	}
	page, err := json.Marshal(map[string]any{"hazards": rows, "next": "more"})
	require.NoError(b, err)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(page)
	}))
	defer srv.Close()
	c, err := client.New(client.Options{URL: srv.URL, HTTP: srv.Client()})
	require.NoError(b, err)
	r := New(Options{Client: c})
	q := backend.DataQuery{RefID: "A", JSON: []byte(`{"kind":"hazards","hazards":{"status":["open"]}}`), TimeRange: backend.TimeRange{From: at.Add(-time.Hour), To: at}}
	for b.Loop() {
		answer := r.Run(b.Context(), Request{Queries: []backend.DataQuery{q}})["A"]
		require.NoError(b, answer.Error)
		bytes, err := answer.Frames[0].MarshalArrow()
		require.NoError(b, err)
		b.ReportMetric(float64(len(bytes)), "bytes")
	}
}

const perBench = 1000
