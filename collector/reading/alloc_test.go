//go:build !race

package reading_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
)

func TestAllocBuilder(t *testing.T) {
	var w reading.Builder
	var b reading.Batch
	asset, raw := []byte("W1"), []byte("##0101")
	build := func() {
		b.Reset()
		w.Reset(&b)
		for range 100 {
			w.Message(raw)
			w.Common("district", "yuzhong")
			w.Begin(1)
			w.LabelBytes("asset", asset)
			w.Value("gas_ch4_lel_percent", 1)
		}
		w.Done()
	}
	build()
	require.Zero(t, testing.AllocsPerRun(100, build))
}
