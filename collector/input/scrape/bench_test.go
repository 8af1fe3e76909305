package scrape_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkScrapeOf500TargetsASecond scrapes 500 targets of 200 series each once
// a second, as long as one pass takes ten seconds. It reports the processor's time
// for each sample, with the server of the pages and the database.
func BenchmarkScrapeOf500TargetsASecond(b *testing.B) {
	const targets, series, measured = 500, 200, 10 * time.Second
	var page strings.Builder
	for i := range series {
		fmt.Fprintf(&page, "city_metric_%d{asset=\"W%d\",channel=\"%d\"} %d.5\n", i%20, i/20, i%4, i)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write([]byte(page.String()))
	}))
	b.Cleanup(server.Close)
	s := start(b)
	entry := "- job_name: many\n  scrape_interval: 1s\n  enable_compression: false\n  static_configs:\n    - targets: [\"" + server.Listener.Addr().String() + "\"]\n  metrics_path: /metrics\n  relabel_configs:\n    - {target_label: instance, source_labels: [n]}\n"
	var groups strings.Builder
	for i := range targets {
		fmt.Fprintf(&groups, "    - targets: [%q]\n      labels: {n: \"n%d\"}\n", server.Listener.Addr().String(), i)
	}
	entry = strings.Replace(entry, "    - targets: [\""+server.Listener.Addr().String()+"\"]\n", groups.String(), 1)
	s.apply(entry)
	require.Eventually(b, func() bool { return len(s.query("up == 1")) == targets }, patience, 100*time.Millisecond)
	samples := s.set.GetOrCreateCounter(`belfry_samples_total{input="scrape"}`)
	for b.Loop() {
		stored, cpu, began := samples.Get(), processorTime(b), time.Now()
		<-time.After(measured) // what is measured is a second's work, again and again
		n := float64(samples.Get() - stored)
		b.ReportMetric(float64(processorTime(b)-cpu)/n, "cpu-ns/sample")
		b.ReportMetric(n/time.Since(began).Seconds(), "samples/s")
	}
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
