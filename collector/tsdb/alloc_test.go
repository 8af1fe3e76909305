//go:build !race

package tsdb

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllocNothingPerSample(t *testing.T) {
	s := openStore(t, t.TempDir())
	batches := benchBatches()[:2]
	at := nowMs() - 10*3600*1000
	ctx := context.Background()
	appendAll := func() {
		for _, b := range batches {
			at++
			b.setTime(at, 1)
			_, err := s.Append(ctx, &b.Batch, plainSpeller{})
			require.NoError(t, err)
		}
	}
	appendAll()
	samples := float64(len(batches) * benchBatch)
	// An append has a fixed cost of its own, and upstream cuts a new chunk every
	// 120 samples or so of a series.
	require.Less(t, testing.AllocsPerRun(20, appendAll)/samples, 0.02)
}
