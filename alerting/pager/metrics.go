package pager

import (
	"fmt"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
)

// ownMetrics are Belfry's. Severities that are not ours are counted as "other", so that a label in a rule file
// cannot make metrics without end.
type ownMetrics struct {
	set *metrics.Set
}

func newOwnMetrics(set *metrics.Set) *ownMetrics {
	m := &ownMetrics{set: set}
	for _, severity := range []string{"critical", "warning", "info"} {
		m.latency(severity)
	}
	return m
}

func (m *ownMetrics) latency(severity string) *metrics.PrometheusHistogram {
	return m.set.GetOrCreatePrometheusHistogramExt(fmt.Sprintf("belfry_page_latency_seconds{severity=%q}", severity),
		[]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300})
}

func (m *ownMetrics) page(p *Page) {
	severity := p.Severity
	switch severity {
	case "critical", "warning", "info":
	default:
		severity = "other"
	}
	m.set.GetOrCreateCounter(fmt.Sprintf("belfry_pages_total{severity=%q,status=%q}", severity, p.Status)).Inc()
	if p.timed() {
		m.latency(severity).Update(p.LatencyMS / 1000)
	}
}

func (m *ownMetrics) failed(receiver string) {
	m.set.GetOrCreateCounter(fmt.Sprintf("belfry_pager_failed_attempts_total{receiver=%q}", receiver)).Inc()
}

func (m *ownMetrics) received(status string, n int) {
	m.set.GetOrCreateCounter(fmt.Sprintf("belfry_pager_alerts_received_total{status=%q}", status)).Add(n)
}

func (m *ownMetrics) refused() {
	m.set.GetOrCreateCounter("belfry_pager_alerts_refused_total").Inc()
}

// unwritten counts notifications whose log entry was not on disk in time.
func (m *ownMetrics) unwritten() {
	m.set.GetOrCreateCounter("belfry_pager_unwritten_notifications_total").Inc()
}

// stateHealth says whether a state can be written.
func (m *ownMetrics) stateHealth(state string, err error) {
	v := 1.0
	if err != nil {
		v = 0
	}
	m.set.GetOrCreateGauge(fmt.Sprintf("belfry_pager_state_writable{state=%q}", state), nil).Set(v)
}

// upstreamMetrics are those that upstream's app has and its packages have not, under upstream's names, so that
// Alertmanager's dashboards and alerts work.
type upstreamMetrics struct {
	requestDuration *prometheus.HistogramVec
	clusterEnabled  prometheus.Gauge
	receivers       prometheus.Gauge
	integrations    prometheus.Gauge
	inhibitionRules prometheus.Gauge
	reloadSuccess   prometheus.Gauge
	reloadTime      prometheus.Gauge
}

func newUpstreamMetrics(reg prometheus.Registerer) (*upstreamMetrics, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &upstreamMetrics{
		requestDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "alertmanager_http_request_duration_seconds",
			Help:    "Histogram of latencies for HTTP requests.",
			Buckets: prometheus.DefBuckets,
		}, []string{"handler", "method", "code"}),
		clusterEnabled:  gauge("alertmanager_cluster_enabled", "Indicates whether the clustering is enabled or not."),
		receivers:       gauge("alertmanager_receivers", "Number of configured receivers."),
		integrations:    gauge("alertmanager_integrations", "Number of configured integrations."),
		inhibitionRules: gauge("alertmanager_inhibition_rules", "Number of configured inhibition rules."),
		reloadSuccess: gauge("alertmanager_config_last_reload_successful",
			"Whether the last configuration reload attempt was successful."),
		reloadTime: gauge("alertmanager_config_last_reload_success_timestamp_seconds",
			"Timestamp of the last successful configuration reload."),
	}
	for _, c := range []prometheus.Collector{
		m.requestDuration, m.clusterEnabled, m.receivers, m.integrations, m.inhibitionRules, m.reloadSuccess, m.reloadTime,
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the pager: %w", err)
		}
	}
	return m, nil
}

func (m *upstreamMetrics) loaded(p *plan) {
	m.receivers.Set(float64(len(p.receivers)))
	n := 0
	for _, integrations := range p.receivers {
		n += len(integrations)
	}
	m.integrations.Set(float64(n))
	m.inhibitionRules.Set(float64(len(p.conf.InhibitRules)))
	m.reloadSuccess.Set(1)
	m.reloadTime.Set(float64(time.Now().Unix()))
}

// registrations is a prometheus.Registerer that can take back all that went through it, so that a Pager can be
// stopped and made anew on the same registry.
type registrations struct {
	prometheus.Registerer
	mu         sync.Mutex
	collectors []prometheus.Collector
}

// Register implements prometheus.Registerer.
func (r *registrations) Register(c prometheus.Collector) error {
	if err := r.Registerer.Register(c); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.collectors = append(r.collectors, c)
	return nil
}

// MustRegister implements prometheus.Registerer.
func (r *registrations) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

func (r *registrations) takeBack() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.collectors {
		r.Unregister(c)
	}
	r.collectors = nil
}
