package mqtt

import (
	"fmt"

	"github.com/VictoriaMetrics/metrics"
)

// count is how many messages came to what end.
type count struct {
	stored   *metrics.Counter
	refused  *metrics.Counter
	passedOn *metrics.Counter
}

func newCount(set *metrics.Set) count {
	outcome := func(name string) *metrics.Counter {
		return set.GetOrCreateCounter(fmt.Sprintf(`belfry_mqtt_messages_total{outcome=%q}`, name))
	}
	return count{stored: outcome("stored"), refused: outcome("refused"), passedOn: outcome("passed_on")}
}

// brokerMetrics are those of the embedded broker.
type brokerMetrics struct {
	turnedAway *metrics.Counter // connections
	takenOver  *metrics.Counter // sessions
	faults     *metrics.Counter // connections that were cut off for breaking the protocol
	timeouts   *metrics.Counter
	undeliv    *metrics.Counter // messages to subscribers that were dropped
	panics     *metrics.Counter
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
		undeliv:    set.GetOrCreateCounter(`belfry_mqtt_undelivered_total`),
		panics:     set.GetOrCreateCounter(`belfry_mqtt_panics_total`),
	}
}
