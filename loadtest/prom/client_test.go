package prom_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/loadtest/prom"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQuestionsAndAnswers(t *testing.T) {
	at := time.UnixMilli(1_780_000_000_123)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "Bearer bf_x", r.Header.Get("Authorization"))
		answer := map[string]string{
			"vector": `{"data":{"resultType":"vector","result":[{"metric":{"asset":"W1"},"value":[1.5,"+Inf"]}]}}`,
			"matrix": `{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"],[3,"4"]]}]}}`,
			"scalar": `{"data":{"resultType":"scalar","result":[1,"2"]}}`,
			"broken": `{"data":{"resultType":"vector","result":[{"value":[1,"x"]}]}}`,
		}[r.FormValue("query")]
		if answer == "" {
			http.Error(w, "parse error", http.StatusBadRequest)
			return
		}
		if r.URL.Path == "/api/v1/query" {
			require.Equal(t, "1780000000.123", r.FormValue("time"))
		} else {
			require.Equal(t, []string{"1779999940.123", "1780000000.123", "0.5"}, []string{r.FormValue("start"), r.FormValue("end"), r.FormValue("step")})
		}
		_, err := w.Write([]byte(answer))
		require.NoError(t, err)
	}))
	defer srv.Close()
	client := prom.NewClient(srv.URL+"/", "bf_x")
	defer client.Close()

	answer, err := client.Query(t.Context(), "vector", at)
	require.NoError(t, err)
	series, err := answer.Series()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"asset": "W1"}, series[0].Labels)
	require.Greater(t, series[0].Samples[0].Value, 1e308)

	answer, err = client.QueryRange(t.Context(), "matrix", at.Add(-time.Minute), at, 500*time.Millisecond)
	require.NoError(t, err)
	series, err = answer.Series()
	require.NoError(t, err)
	require.Equal(t, []prom.Sample{{Time: 1, Value: 2}, {Time: 3, Value: 4}}, series[0].Samples)

	answer, err = client.Query(t.Context(), "scalar", at)
	require.NoError(t, err)
	series, err = answer.Series()
	require.NoError(t, err)
	require.Equal(t, []prom.Series{{Samples: []prom.Sample{{Time: 1, Value: 2}}}}, series)

	answer, err = client.Query(t.Context(), "broken", at)
	require.NoError(t, err)
	_, err = answer.Series()
	require.ErrorContains(t, err, "decoding a vector")

	_, err = client.Query(t.Context(), "nonsense(", at)
	require.ErrorContains(t, err, "asking /api/v1/query for nonsense(: status 400: parse error")
}
