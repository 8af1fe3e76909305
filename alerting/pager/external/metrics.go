package external

import (
	"fmt"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// counts are a sender's.
type counts struct {
	sent    *metrics.Counter // alerts
	failed  *metrics.Counter // attempts
	refused *metrics.Counter // alerts
}

func (s *sender) measure(set *metrics.Set) {
	name := func(what string) string { return fmt.Sprintf("belfry_alertmanager_%s{target=%q}", what, s.target.Name) }
	s.counts = counts{
		sent:    set.GetOrCreateCounter(name("alerts_sent_total")),
		failed:  set.GetOrCreateCounter(name("failed_attempts_total")),
		refused: set.GetOrCreateCounter(name("alerts_refused_total")),
	}
	set.GetOrCreateGauge(name("queue_length"), func() float64 { return float64(s.queue.length()) })
	set.GetOrCreateGauge(name("queue_lag_seconds"), func() float64 { return s.queue.lag(time.Now()).Seconds() })
	set.GetOrCreateGauge(name("up"), func() float64 {
		if s.failingFor(time.Now()) > 0 {
			return 0
		}
		return 1
	})
}
