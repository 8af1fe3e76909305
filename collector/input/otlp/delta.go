package otlp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	deltatocumulative "github.com/open-telemetry/opentelemetry-collector-contrib/processor/deltatocumulativeprocessor"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/metric/noop"
)

// sums adds up deltas by the OpenTelemetry Collector's own processor. What it
// knows of a series is lost at a restart, and some minutes after the last delta
// of it; the sum then begins anew, as a counter does that was reset.
type sums struct {
	mu      sync.Mutex
	streams int
	adder   processor.Metrics
}

func newSums(streams int) (*sums, error) {
	if streams <= 0 {
		streams = math.MaxInt
	}
	s := &sums{streams: streams}
	return s, s.restart()
}

func (s *sums) restart() error {
	sink, err := consumer.NewMetrics(func(context.Context, pmetric.Metrics) error { return nil })
	if err != nil {
		return fmt.Errorf("otlp: sum up deltas: %w", err)
	}
	factory := deltatocumulative.NewFactory()
	config := factory.CreateDefaultConfig().(*deltatocumulative.Config)
	config.MaxStreams = s.streams
	set := processor.Settings{
		ID:                component.NewID(factory.Type()),
		TelemetrySettings: component.TelemetrySettings{MeterProvider: noop.NewMeterProvider()},
	}
	adder, err := factory.CreateMetrics(context.Background(), set, config, sink)
	if err == nil {
		err = adder.Start(context.Background(), nil)
	}
	if err != nil {
		return fmt.Errorf("otlp: sum up deltas: %w", err)
	}
	s.adder = adder
	return nil
}

// add replaces deltas by sums, in place, and drops those that have no place.
func (s *sums) add(md pmetric.Metrics) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		// The processor may have left one of its own locks taken.
		if p := recover(); p != nil {
			err = errors.Join(fmt.Errorf("the sums of deltas begin anew after a failure: %v", p), s.close(), s.restart())
		}
	}()
	return s.adder.ConsumeMetrics(context.Background(), md)
}

func (s *sums) close() error {
	if err := s.adder.Shutdown(context.Background()); err != nil {
		return fmt.Errorf("otlp: sum up deltas: %w", err)
	}
	return nil
}
