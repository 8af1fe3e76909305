package tsdb

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// failureWatch is a Registerer that keeps hold of the counters by which
// upstream reports failed writes of its logs. Commit returns an error for the
// WAL but only logs one for out-of-order samples; the counters cover both, and
// they are raised under the log's own lock, before any later record is written.
type failureWatch struct {
	prometheus.Registerer
	counters []prometheus.Metric
}

func (w *failureWatch) Register(c prometheus.Collector) error {
	w.watch(c)
	return w.Registerer.Register(c)
}

func (w *failureWatch) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		w.watch(c)
	}
	w.Registerer.MustRegister(cs...)
}

func (w *failureWatch) watch(c prometheus.Collector) {
	descs := make(chan *prometheus.Desc, 1024)
	c.Describe(descs)
	close(descs)
	failures := false
	for d := range descs {
		s := d.String()
		failures = failures || strings.Contains(s, `"prometheus_tsdb_wal_writes_failed_total"`) ||
			strings.Contains(s, `"prometheus_tsdb_out_of_order_wbl_writes_failed_total"`)
	}
	if !failures {
		return
	}
	found := make(chan prometheus.Metric, 1)
	c.Collect(found)
	w.counters = append(w.counters, <-found)
}

// failed says whether any write of WAL or out-of-order log has failed.
func (w *failureWatch) failed() bool {
	for _, c := range w.counters {
		var m dto.Metric
		if err := c.Write(&m); err != nil || m.GetCounter().GetValue() > 0 {
			return true
		}
	}
	return false
}
