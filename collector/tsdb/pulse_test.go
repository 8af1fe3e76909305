package tsdb

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
)

// ear hears of devices by their label asset.
type ear struct {
	mu     sync.Mutex
	pulses map[string]*Pulse
	beats  []string
}

func (e *ear) Listen(series labels.Labels) *Pulse {
	asset := series.Get("asset")
	if asset == "" || series.Get(model.MetricNameLabel) == "said_of_it" {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.pulses[asset]
	if p == nil {
		p = &Pulse{}
		p.Beat = func(now int64) {
			e.mu.Lock()
			defer e.mu.Unlock()
			newest, heard := p.Last()
			e.beats = append(e.beats, fmt.Sprint(asset, " ", heard-newest))
		}
		e.pulses[asset] = p
	}
	return p
}

func (e *ear) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	beats := e.beats
	e.beats = nil
	slices.Sort(beats)
	return beats
}

func TestOnlyWhatADeviceSaysMovesItsPulse(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	s := openStore(t, t.TempDir(), func(o *Options) { o.Now = func() time.Time { return now } })
	e := &ear{pulses: map[string]*Pulse{}}
	s.Listen(e)
	write := func(say func(b *reading.Builder, at int64)) {
		var batch reading.Batch
		var b reading.Builder
		b.Reset(&batch)
		b.Message(nil)
		say(&b, now.UnixMilli())
		b.Done()
		_, err := s.Append(t.Context(), &batch, reading.LabelSpeller{})
		require.NoError(t, err)
	}
	point := func(b *reading.Builder, at int64, asset, metric string, v float64) {
		b.Begin(at)
		b.Label("asset", asset)
		b.AnyValue(metric, v)
	}

	write(func(b *reading.Builder, at int64) {
		point(b, at-2, "W1", "level", 1)
		point(b, at-2, "W1", "voltage", 1) // of the same instant
		point(b, at-1, "W1", "level", 1)
		point(b, at, "", "level", 1) // of no device
		point(b, at, "W2", "said_of_it", 1)
	})
	require.Equal(t, []string{"W1 1", "W1 2"}, e.take())
	write(func(b *reading.Builder, at int64) {
		point(b, at-1, "W1", "level", 1)   // again
		point(b, at-500, "W1", "level", 2) // late
		point(b, at+3_600_000, "W1", "level", 2)
		point(b, at-1, "W1", "level", 2) // a conflict
		point(b, at+1, "W1", "level", math.Float64frombits(value.StaleNaN))
		b.Own()
		point(b, at+2, "W1", "level", 5)
	})
	require.Empty(t, e.take())
	now = now.Add(time.Minute)
	write(func(b *reading.Builder, at int64) {
		point(b, at+3, "W1", "level", 5) // its clock is fast
		point(b, at+3, "W2", "level", 5) // a key that was known by what is said of it
		b.Begin(at)
		b.Label("asset", "W3")
		b.Histogram("h", &histogram.Histogram{Sum: 1}, nil)
		b.Begin(at + 1)
		b.Label("asset", "W3")
		b.Histogram("h", &histogram.Histogram{Sum: math.Float64frombits(value.StaleNaN)}, nil)
	})
	require.Equal(t, []string{"W1 0", "W2 0", "W3 0"}, e.take())

	app := s.Appender(t.Context()) // Belfry's own
	_, err := app.Append(0, labels.FromStrings("__name__", "ALERTS", "asset", "W1"), now.UnixMilli()+10, 1)
	require.NoError(t, err)
	require.NoError(t, app.Commit())
	require.Empty(t, e.take())
}
