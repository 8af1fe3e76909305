package forward

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/belfry-city/belfry/collector/forward/remote"
	"github.com/belfry-city/belfry/collector/wal/keep"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

// targetMetrics are those of one forwarder. Methods are safe for concurrent use.
type targetMetrics struct {
	set    *metrics.Set
	target string
	gauges []string

	samples, bytes, unselected, segmentsLost, rewinds *metrics.Counter

	lastSuccess atomic.Int64 // Unix milliseconds
	lagBytes    atomic.Int64
	lagSegments atomic.Int64
	keptBytes   atomic.Int64
	series      atomic.Int64
}

func newTargetMetrics(set *metrics.Set, target string) *targetMetrics {
	m := &targetMetrics{set: set, target: target}
	m.samples = m.counter("sent_samples_total", "")
	m.bytes = m.counter("sent_bytes_total", "")
	m.unselected = m.counter("unselected_samples_total", "")
	m.segmentsLost = m.counter("lost_segments_total", "")
	m.rewinds = m.counter("rewinds_total", "")
	for _, kind := range []remote.Kind{remote.Away, remote.Busy, remote.Denied, remote.Refused, remote.TooLarge} {
		m.counter("failed_requests_total", string(kind))
	}
	for _, reason := range []string{
		string(remote.Refused), string(remote.TooLarge), string(reasonNotFinite),
		string(tail.ReasonHistogram), string(tail.ReasonUnfit), string(tail.ReasonUnknown),
	} {
		m.counter("dropped_samples_total", reason)
	}
	return m
}

func (m *targetMetrics) counter(name, reason string) *metrics.Counter {
	if reason != "" {
		return m.set.GetOrCreateCounter(fmt.Sprintf(`belfry_forward_%s{target=%q,reason=%q}`, name, m.target, reason))
	}
	return m.set.GetOrCreateCounter(fmt.Sprintf(`belfry_forward_%s{target=%q}`, name, m.target))
}

// show registers gauges, until hide.
func (m *targetMetrics) show(lag func() time.Duration, up func() bool) {
	for name, value := range map[string]func() float64{
		"lag_seconds":  func() float64 { return lag().Seconds() },
		"lag_bytes":    func() float64 { return float64(m.lagBytes.Load()) },
		"lag_segments": func() float64 { return float64(m.lagSegments.Load()) },
		"kept_bytes":   func() float64 { return float64(m.keptBytes.Load()) },
		"series":       func() float64 { return float64(m.series.Load()) },
		"up": func() float64 {
			if up() {
				return 1
			}
			return 0
		},
		"last_success_timestamp_seconds": func() float64 { return float64(m.lastSuccess.Load()) / 1000 },
	} {
		full := fmt.Sprintf(`belfry_forward_%s{target=%q}`, name, m.target)
		m.set.NewGauge(full, value)
		m.gauges = append(m.gauges, full)
	}
}

func (m *targetMetrics) hide() {
	for _, name := range m.gauges {
		m.set.UnregisterMetric(name)
	}
	m.gauges = nil
}

func (m *targetMetrics) sent(samples, bytes int) {
	m.samples.Add(samples)
	m.bytes.Add(bytes)
	m.lastSuccess.Store(time.Now().UnixMilli())
}

func (m *targetMetrics) failed(kind remote.Kind) {
	m.counter("failed_requests_total", string(kind)).Inc()
}

func (m *targetMetrics) dropped(reason string, n int) {
	if n > 0 {
		m.counter("dropped_samples_total", reason).Add(n)
	}
}

func (m *targetMetrics) skipped(s skips) {
	m.unselected.Add(s.unwanted)
	m.dropped(string(tail.ReasonUnfit), s.unfit)
	m.dropped(string(tail.ReasonHistogram), s.histograms)
	m.dropped(string(tail.ReasonUnknown), s.unknown)
	m.dropped(string(reasonNotFinite), s.notFinite)
}

func (m *targetMetrics) log(r keep.Report, acked tail.Position) {
	m.lagBytes.Store(r.Bytes)
	m.keptBytes.Store(r.Kept)
	m.lagSegments.Store(int64(max(r.Last-acked.Segment, 0)))
}
