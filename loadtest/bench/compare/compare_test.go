package compare

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/loadtest/bench/machine"
	"github.com/belfry-city/belfry/loadtest/bench/server"
	"github.com/belfry-city/belfry/loadtest/prom"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	standInAddress = "BELFRY_TEST_STAND_IN"
	standInValue   = "BELFRY_TEST_VALUE"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(standInAddress); addr != "" {
		os.Exit(standIn(addr, os.Getenv(standInValue)))
	}
	goleak.VerifyTestMain(m)
}

// standIn takes every write, and answers every question with one series; there
// are always enough samples when they are counted.
func standIn(addr, value string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /api/v2/write", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		v := value
		if strings.Contains(r.FormValue("query"), "count_over_time") {
			v = "1000000000"
		}
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[%s,%q]}]}}`, r.FormValue("time"), v)
	})
	mux.HandleFunc("POST /api/v1/query_range", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[%s,"1"],[%s,%q]]}]}}`,
			r.FormValue("start"), r.FormValue("end"), value)
	})
	srv := &http.Server{Addr: addr, Handler: mux}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return 1
	}
	return 0
}

type fake struct{ name, value string }

func (f fake) Name() string                               { return f.name }
func (fake) Ready() string                                { return "/health" }
func (fake) Settle(context.Context, *server.Server) error { return nil }
func (fake) Compact(ctx context.Context, s *server.Server) (server.Disk, error) {
	return server.Disk{Bytes: 1000}, s.Stop(ctx)
}

func (f fake) Command(_, addr string) (*exec.Cmd, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), standInAddress+"="+addr, standInValue+"="+f.value)
	return cmd, nil
}

func compare(t *testing.T, products ...server.Product) *Result {
	var said []string
	result, err := Run(t.Context(), Options{
		Products: products, Seed: 1, Scale: 0.002, Connections: 2, Lines: 50,
		Samples: 5000, Interval: 10 * time.Second, Repeats: 2, Rate: 1000, Asked: 3, AskRepeats: 2, Dir: t.TempDir(),
		Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) },
	})
	require.NoError(t, err)
	require.Equal(t, []string{
		"ingest 1 of 2: one", "ingest 1 of 2: two", "ingest 2 of 2: one", "ingest 2 of 2: two",
		"questions 1 of 2: one", "questions 1 of 2: two", "questions 2 of 2: one", "questions 2 of 2: two",
	}, said, "servers take turns")
	result.Conclude()
	return result
}

func TestTwoServersAreComparedAndLeaveNothingBehind(t *testing.T) {
	result := compare(t, fake{"one", "7"}, fake{"two", "7"})
	require.True(t, result.Same(), "%+v", result.Questions)
	require.Len(t, result.Targets, 3)
	for _, name := range []string{"one", "two"} {
		require.Len(t, result.Ingest[name], 2)
		for _, i := range result.Ingest[name] {
			require.GreaterOrEqual(t, i.Samples, int64(5000))
			require.Positive(t, i.PerSecond)
			require.Positive(t, i.PeakRSS)
			require.InDelta(t, 1000/float64(i.Samples), i.Disk, 1e-9)
		}
		require.Len(t, result.Reads[name], 5)
		for _, r := range result.Reads[name] {
			require.Equal(t, 6, r.Asked)
			require.Positive(t, r.Bytes)
		}
		require.Len(t, result.Meanwhile[name], 2)
	}
	var b bytes.Buffer
	require.NoError(t, result.WriteTable(&b))
	saved, err := result.Save(t.TempDir())
	require.NoError(t, err)
	require.FileExists(t, saved)
}

func TestAFastWrongAnswerIsNoticed(t *testing.T) {
	result := compare(t, fake{"one", "7"}, fake{"two", "8"})
	require.False(t, result.Same())
	var b bytes.Buffer
	require.NoError(t, result.WriteTable(&b))
	require.Contains(t, b.String(), `DIFFERENT ANSWERS to newest value of all bays: {a="b"}: 7 and 8`)
}

func series(asset string, values ...float64) prom.Series {
	s := prom.Series{Labels: map[string]string{"asset": asset, "street": "daping"}}
	for i, v := range values {
		s.Samples = append(s.Samples, prom.Sample{Time: float64(i), Value: v})
	}
	return s
}

func TestDifferencesBetweenAnswers(t *testing.T) {
	type answer = []prom.Series
	exact, near, top := sameness{within: 1e-9}, sameness{within: 0.05}, sameness{valuesOnly: true}
	moved := series("a", 1)
	moved.Samples[0].Time = 5
	for name, tc := range map[string]struct {
		how  sameness
		a, b answer
		want string
	}{
		"the same in another order":    {exact, answer{series("a", 1), series("b", 2)}, answer{series("b", 2), series("a", 1)}, ""},
		"nothing is no answer":         {exact, nil, nil, "both are empty"},
		"fewer series":                 {exact, answer{series("a", 1), series("b", 2)}, answer{series("b", 2)}, "2 series and 1"},
		"another series":               {exact, answer{series("a", 1)}, answer{series("b", 1)}, `{asset="a",street="daping"} is only in one`},
		"fewer samples":                {exact, answer{series("a", 1, 2)}, answer{series("a", 1)}, `{asset="a",street="daping"}: 2 samples and 1`},
		"another instant":              {exact, answer{series("a", 1)}, answer{moved}, `{asset="a",street="daping"}: a sample at 0.000 and at 5.000`},
		"another value":                {exact, answer{series("a", 1)}, answer{series("a", 1.01)}, `{asset="a",street="daping"}: 1 and 1.01 at 0.000`},
		"near enough":                  {near, answer{series("a", 1)}, answer{series("a", 1.01)}, ""},
		"the same values of others":    {top, answer{series("a", 1), series("b", 2)}, answer{series("c", 2), series("d", 1)}, ""},
		"other values of others":       {top, answer{series("a", 1)}, answer{series("c", 2)}, "1 and 2"},
		"one value more in the series": {top, answer{series("a", 1, 2)}, answer{series("a", 1)}, "2 values and 1"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, tc.how.difference(tc.a, tc.b)) })
	}
}

func example() *Result {
	r := &Result{
		Run: machine.Run{
			Time: time.Date(2026, 6, 3, 4, 0, 0, 0, time.UTC), Commit: "abc", Go: "go1.26", CPUs: 2, LoadBefore: "0.01 0.02 0.03",
		},
		Servers: []string{"belfry", "victoriametrics"}, Series: 87_500, Connections: 4, Lines: 5000, Rate: 50_000,
		Ingest: map[string][]Ingest{
			"belfry":          {{Samples: 10, PerSecond: 3e6, CPU: 400, PeakRSS: 150, P50: 1, P99: 9, Disk: 2}, {Samples: 10, PerSecond: 5e6, CPU: 500, PeakRSS: 170, P50: 2, P99: 7, Disk: 2}},
			"victoriametrics": {{Samples: 10, PerSecond: 2e6, CPU: 900, PeakRSS: 300, P50: 3, P99: 8, Disk: 1}, {Samples: 10, PerSecond: 3e6, CPU: 900, PeakRSS: 300, P50: 3, P99: 8, Disk: 1}},
		},
		Median:    map[string]Ingest{},
		Questions: []Question{{Name: "fill by street", Series: 11}, {Name: "rate over an hour", Series: 11, Difference: "1 and 2"}},
		Reads:     map[string][]Read{"belfry": {{10, 40, 80, 9}, {10, 70, 90, 9}}, "victoriametrics": {{10, 20, 80, 9}, {10, 35, 90, 9}}},
		Meanwhile: map[string][]Meanwhile{"belfry": {{PerSecond: 50_000, P50: 1, P99: 2, CPU: 3, PeakRSS: 4}}, "victoriametrics": {{PerSecond: 50_000, P50: 2, P99: 4, CPU: 6, PeakRSS: 8}}},
	}
	r.Conclude()
	return r
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestTheTableForPeopleAndTheLinesForBenchstat(t *testing.T) {
	var people, benchstat bytes.Buffer
	require.NoError(t, example().WriteTable(&people))
	golden(t, "table.txt", people.Bytes())
	require.NoError(t, example().WriteBenchmarks(&benchstat))
	golden(t, "bench.txt", benchstat.Bytes())
}

func TestMediansAndTargets(t *testing.T) {
	r := example()
	require.InDelta(t, 4e6, r.Median["belfry"].PerSecond, 0)
	require.InDelta(t, 450, r.Median["belfry"].CPU, 0)
	require.Equal(t, []bool{false, true, true}, []bool{r.Targets[0].Reached, r.Targets[1].Reached, r.Targets[2].Reached})
	require.InDelta(t, 2, middle([]float64{3, 1, 2}), 0)
}

func TestQuantilesAreNearestRanks(t *testing.T) {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(i+1)*time.Millisecond)
	}
	require.InDelta(t, 50, quantile(times, 0.5), 0)
	require.InDelta(t, 99, quantile(times, 0.99), 0)
	require.InDelta(t, 1, quantile(times[:1], 0.99), 0)
}
