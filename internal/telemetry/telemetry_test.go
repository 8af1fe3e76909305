package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/telemetry"
)

// parse checks that text is valid and that each family is in one piece.
func parse(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err, text)
	seen, last := map[string]bool{}, ""
	typed := map[string]bool{}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			require.False(t, typed[name], "%s has two types", name)
			typed[name] = true
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		name := line[:strings.IndexAny(line, "{ ")]
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			base := strings.TrimSuffix(name, suffix)
			if f := families[base]; base != name && f != nil && f.GetType() != dto.MetricType_UNTYPED {
				name = base
			}
		}
		if name != last {
			require.False(t, seen[name], "%s is in two pieces", name)
			seen[name], last = true, name
		}
	}
	return families
}

type broken struct{}

func (broken) Describe(ch chan<- *prometheus.Desc) {
	ch <- prometheus.NewDesc("broken", "help", nil, nil)
}

func (broken) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(prometheus.NewDesc("broken", "help", nil, nil), errors.New("no reading"))
}

func TestMetricsAreOneValidExposition(t *testing.T) {
	build := telemetry.Build{Version: "v1.2.3", GoVersion: "go1.26", Revision: `a"b\c`}
	set := telemetry.NewSet(build)
	set.NewCounter(`belfry_refused_total{reason="syntax"}`).Add(3)
	set.NewCounter(`belfry_refused_total{reason="too_old"}`).Add(4)
	set.NewCounter(`belfry_refused`).Inc()
	for _, path := range []string{"write", "query"} {
		set.NewSummary(`belfry_request_seconds{path="` + path + `"}`).Update(0.5)
		set.NewHistogram(`belfry_page_latency_seconds{severity="` + path + `"}`).Update(0.25)
		set.NewPrometheusHistogram(`belfry_sync_seconds{kind="` + path + `"}`).Update(0.25)
	}

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	twice := prometheus.NewCounter(prometheus.CounterOpts{Name: "belfry_refused_total", Help: "upstream's"})
	upstream := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "prometheus_tsdb_compaction_duration_seconds", Help: "h"})
	mixed := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "belfry_sync_seconds", Help: "h"})
	registry.MustRegister(twice, upstream, mixed)
	upstream.Observe(1)
	mixed.Observe(1)

	var out bytes.Buffer
	require.NoError(t, telemetry.Exposition{Own: set, Upstream: registry}.WritePrometheus(&out))
	families := parse(t, out.String())
	require.Len(t, families["belfry_refused_total"].Metric, 2)
	require.Equal(t, dto.MetricType_COUNTER, families["belfry_refused_total"].GetType())
	require.Equal(t, dto.MetricType_HISTOGRAM, families["prometheus_tsdb_compaction_duration_seconds"].GetType())
	require.Contains(t, families, "process_resident_memory_bytes")
	require.Contains(t, families, "go_goroutines")
	info := families["belfry_build_info"].Metric[0]
	got := map[string]string{}
	for _, l := range info.Label {
		got[l.GetName()] = l.GetValue()
	}
	require.Equal(t, map[string]string{"version": "v1.2.3", "goversion": "go1.26", "revision": `a"b\c`}, got)
	require.Equal(t, 1.0, info.Untyped.GetValue())
}

func TestTwoBelfrysHaveTheirOwnMetrics(t *testing.T) {
	a, b := telemetry.NewSet(telemetry.ReadBuild()), telemetry.NewSet(telemetry.ReadBuild())
	a.NewCounter("belfry_a_total").Inc()
	var out bytes.Buffer
	require.NoError(t, telemetry.Exposition{Own: b}.WritePrometheus(&out))
	require.NotContains(t, parse(t, out.String()), "belfry_a_total")
}

func TestABrokenCollectorHidesNoOther(t *testing.T) {
	registry := prometheus.NewRegistry()
	fine := prometheus.NewCounter(prometheus.CounterOpts{Name: "fine_total", Help: "h"})
	registry.MustRegister(broken{}, fine)
	var log bytes.Buffer
	server := httptest.NewServer(telemetry.Exposition{Own: telemetry.NewSet(telemetry.ReadBuild()), Upstream: registry}.
		Handler(slog.New(slog.NewTextHandler(&log, nil))))
	answer, err := http.Get(server.URL)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	server.Close() // so that the handler has finished with the log
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", answer.Header.Get("Content-Type"))
	require.Contains(t, parse(t, string(body)), "fine_total")
	require.Contains(t, log.String(), "no reading")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAnUnwritableAnswerIsAnError(t *testing.T) {
	err := telemetry.Exposition{Own: telemetry.NewSet(telemetry.ReadBuild())}.WritePrometheus(full{})
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestTheLogFollowsTheConfiguration(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, config.Log{Level: slog.LevelWarn, Format: config.LogJSON})
	log.Info("left out")
	log.Warn("water", "street", "解放碑")
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Equal(t, "解放碑", line["street"])

	out.Reset()
	telemetry.NewLogger(&out, config.Log{Format: config.LogText}).Info("water", "depth", 3)
	require.Contains(t, out.String(), "level=INFO msg=water depth=3")
}
