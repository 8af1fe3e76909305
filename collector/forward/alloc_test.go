//go:build !race

package forward

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

// TestAllocNothingPerSample goes from the log to lines.
func TestAllocNothingPerSample(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	f := s.forwarder("city", g, nil)
	t.Cleanup(func() { stop(t, f) })
	base := time.Now().Add(-time.Hour).UnixMilli()
	refs := make([]storage.SeriesRef, 1000)
	for round := range 200 {
		app := s.store.Appender(t.Context())
		for i := range refs {
			var err error
			refs[i], err = app.Append(refs[i], labels.FromStrings("__name__", "gas_ch4_percent", "asset", fmt.Sprint(i)), base+int64(round), float64(i)*0.1)
			require.NoError(t, err)
		}
		require.NoError(t, app.Commit())
	}
	require.NoError(t, f.reader.Begin(tail.Position{}, true))
	b := &batch{}
	fill := func(n int) {
		b.reset(n, 64<<20, line.Encoder{Dialect: line.InfluxDB})
		_, err := f.reader.Read(b)
		require.NoError(t, err)
		require.Equal(t, n, b.count)
	}
	fill(50_000) // the series, and memory to begin with
	require.Less(t, testing.AllocsPerRun(10, func() { fill(10_000) }), 10.0)
}
