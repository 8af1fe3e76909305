package hazard_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/notifier"
)

// BenchmarkSend is by how much a page is later because its hazard is kept first:
// the first alert of a hazard, one at a time.
func BenchmarkSend(b *testing.B) {
	s := openStore(b, b.TempDir())
	alerts := make([]*notifier.Alert, 0, b.N+1000)
	for i := range b.N + 1000 {
		alerts = append(alerts, s.alert("GasCombustibleCritical", fmt.Sprint(i)))
	}
	for _, a := range alerts[:1000] { // the database is warm
		s.Send(a)
	}
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for _, a := range alerts[1000:] {
		began := time.Now()
		s.Send(a)
		took = append(took, time.Since(began))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
	b.ReportMetric(float64(s.counter("belfry_hazard_pages_before_disk_total")), "unrecorded")
}

// BenchmarkSendTenThousand is the same of ten thousand at once.
func BenchmarkSendTenThousand(b *testing.B) {
	s := openStore(b, b.TempDir())
	var took time.Duration
	for n := range b.N {
		var alerts []*notifier.Alert
		for i := range 10_000 {
			alerts = append(alerts, s.alert("GasCombustibleCritical", fmt.Sprint(n, i)))
		}
		began := time.Now()
		s.Send(alerts...)
		took += time.Since(began)
		s.inbox.take()
	}
	b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms")
	b.ReportMetric(float64(s.counter("belfry_hazard_pages_before_disk_total")), "unrecorded")
}

// BenchmarkSendAgain is what it takes when nothing is new.
func BenchmarkSendAgain(b *testing.B) {
	s := openStore(b, b.TempDir())
	a := s.alert("GasCombustibleCritical", "W1")
	s.Send(a)
	b.ReportAllocs()
	for b.Loop() {
		s.Send(a)
		s.inbox.take()
	}
}
