//go:build !race

package remotewrite_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/remotewrite"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestAllocParserTakesNothingInTheSteadyState(t *testing.T) {
	for v, body := range both(district(2000, 1700000000000)) {
		var p remotewrite.Parser
		var b reading.Batch
		parse := func() { parseAll(t, &p, &b, body, v) }
		parse()
		require.Zero(t, testing.AllocsPerRun(20, parse), "version %d", v)
	}
}

// With the store behind it, upstream cuts a new chunk every 120 samples or so of
// a series, and an append has a fixed cost of its own.
func TestAllocNothingPerSampleOnTheWayIntoTheStore(t *testing.T) {
	const series = 2000
	for v := remotewrite.V1; v <= remotewrite.V2; v++ {
		s := openStore(t)
		var bodies [][]byte
		at := time.Now().Add(-time.Hour).UnixMilli()
		for i := range int64(24) {
			bodies = append(bodies, both(district(series, at+i*1000))[v])
		}
		var p remotewrite.Parser
		var b reading.Batch
		next := func() {
			require.Zero(t, store(t, s, &p, &b, bodies[0], v))
			bodies = bodies[1:]
		}
		next()
		require.Less(t, testing.AllocsPerRun(20, next)/series, 0.02, "version %d", v)
	}
}
