package mqtt

import (
	"fmt"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
)

// count is how many messages came to what end.
type count struct {
	stored   *metrics.Counter
	refused  *metrics.Counter
	passedOn *metrics.Counter
	// waiting are those that are not on disk yet.
	waiting *metrics.Gauge
}

func newCount(set *metrics.Set) count {
	outcome := func(name string) *metrics.Counter {
		return set.GetOrCreateCounter(fmt.Sprintf(`belfry_mqtt_messages_total{outcome=%q}`, name))
	}
	return count{
		stored: outcome("stored"), refused: outcome("refused"), passedOn: outcome("passed_on"),
		waiting: set.GetOrCreateGauge(`belfry_mqtt_messages_waiting`, nil),
	}
}

// brokerMetrics are those of the embedded broker.
type brokerMetrics struct {
	turnedAway *metrics.Counter // connections
	takenOver  *metrics.Counter // sessions
	faults     *metrics.Counter // connections that were cut off for breaking the protocol
	timeouts   *metrics.Counter
	panics     *metrics.Counter
	// undelivered messages to subscribers were dropped, besides those that mochi
	// counts.
	undelivered *atomic.Int64
}

func newBrokerMetrics(set *metrics.Set) brokerMetrics {
	closed := func(reason string) *metrics.Counter {
		return set.GetOrCreateCounter(fmt.Sprintf(`belfry_mqtt_disconnects_total{reason=%q}`, reason))
	}
	return brokerMetrics{
		turnedAway: closed("too_many"),
		takenOver:  closed("taken_over"),
		faults:     closed("protocol"),
		timeouts:   closed("timeout"),
		panics:     set.GetOrCreateCounter(`belfry_mqtt_panics_total`),

		undelivered: new(atomic.Int64),
	}
}
