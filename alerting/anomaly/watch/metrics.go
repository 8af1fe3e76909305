package watch

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// counts are those of one detector.
type counts struct {
	set    *metrics.Set
	logger *slog.Logger
	name   string

	series, refused                      atomic.Int64
	scored, anomalous, beyond, regrouped *metrics.Counter
	panics                               *metrics.Counter
}

func newCounts(set *metrics.Set, logger *slog.Logger, name string) counts {
	counter := func(metric string) *metrics.Counter {
		return set.GetOrCreateCounter(fmt.Sprintf(`belfry_anomaly_%s_total{detector=%q}`, metric, name))
	}
	return counts{
		set: set, logger: logger, name: name,
		scored: counter("scored_samples"), anomalous: counter("anomalous_samples"), beyond: counter("refused_samples"),
		regrouped: counter("regrouped_models"), panics: counter("model_panics"),
	}
}

func (c *counts) gauge(metric string) string {
	return fmt.Sprintf(`belfry_anomaly_%s{detector=%q}`, metric, c.name)
}

// show registers gauges, until hide.
func (c *counts) show() {
	for metric, n := range map[string]*atomic.Int64{"series": &c.series, "refused_series": &c.refused} {
		c.set.UnregisterMetric(c.gauge(metric))
		c.set.NewGauge(c.gauge(metric), func() float64 { return float64(n.Load()) })
	}
}

func (c *counts) hide() {
	c.set.UnregisterMetric(c.gauge("series"))
	c.set.UnregisterMetric(c.gauge("refused_series"))
}

// panicked notes that a model has.
func (c *counts) panicked(p any) {
	c.panics.Inc()
	if c.panics.Get() == 1 {
		c.logger.Error("a model has panicked; that of the series begins anew. Please report it", "detector", c.name, "panic", p)
	}
}

// watchMetrics are those of a Watcher. Methods are safe for concurrent use.
type watchMetrics struct {
	set                           *metrics.Set
	lost, forgotten, storedBefore *metrics.Counter

	caught     atomic.Int64 // when all that was logged had been seen, in Unix milliseconds
	checkpoint atomic.Int64 // when the last complete round began
	bytes      atomic.Int64 // of it
	failing    atomic.Bool  // scores cannot be stored
}

func newMetrics(set *metrics.Set, _ *Watcher) *watchMetrics {
	m := &watchMetrics{set: set}
	m.lost = set.GetOrCreateCounter(`belfry_anomaly_lost_segments_total`)
	m.forgotten = set.GetOrCreateCounter(`belfry_anomaly_forgotten_series_total`)
	m.storedBefore = set.GetOrCreateCounter(`belfry_anomaly_scores_stored_before_total`)
	return m
}

func (m *watchMetrics) gauges() map[string]func() float64 {
	since := func(t *atomic.Int64) float64 {
		if at := t.Load(); at != 0 {
			return max(0, time.Since(time.UnixMilli(at)).Seconds())
		}
		return 0
	}
	return map[string]func() float64{
		`belfry_anomaly_lag_seconds`:            func() float64 { return since(&m.caught) },
		`belfry_anomaly_checkpoint_age_seconds`: func() float64 { return since(&m.checkpoint) },
		`belfry_anomaly_state_bytes`:            func() float64 { return float64(m.bytes.Load()) },
	}
}

// show registers gauges, until hide.
func (m *watchMetrics) show() {
	now := time.Now().UnixMilli()
	m.caught.Store(now)
	m.checkpoint.Store(now)
	for name, value := range m.gauges() {
		m.set.NewGauge(name, value)
	}
}

func (m *watchMetrics) hide() {
	for name := range m.gauges() {
		m.set.UnregisterMetric(name)
	}
}

func (m *watchMetrics) caughtUp(now time.Time) { m.caught.Store(now.UnixMilli()) }

func (m *watchMetrics) saved(bytes int64, at time.Time) {
	m.bytes.Store(bytes)
	m.checkpoint.Store(at.UnixMilli())
}

func (m *watchMetrics) skipped(why string) *metrics.Counter {
	return m.set.GetOrCreateCounter(fmt.Sprintf(`belfry_anomaly_skipped_samples_total{reason=%q}`, why))
}

func (m *watchMetrics) notStored(why string) *metrics.Counter {
	return m.set.GetOrCreateCounter(fmt.Sprintf(`belfry_anomaly_unstored_scores_total{reason=%q}`, why))
}

func (m *watchMetrics) dropped(why reason) *metrics.Counter {
	return m.set.GetOrCreateCounter(fmt.Sprintf(`belfry_anomaly_dropped_states_total{reason=%q}`, why))
}
