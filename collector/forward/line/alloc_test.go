//go:build !race

package line_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/forward/line"
)

func TestAllocNothingPerSample(t *testing.T) {
	buf := make([]byte, 0, 1<<20)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		buf = buf[:0]
		for i := range 1000 {
			buf = line.AppendSample(buf, "gas_ch4_lel,asset=YZ-W0017 percent=", float64(i)*0.1, 1732350000123)
		}
	}))
}
