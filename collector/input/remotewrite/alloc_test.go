//go:build !race

package remotewrite_test

import (
	"testing"

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
