//go:build !race

package tsdb

import (
	"context"
	"fmt"
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

// A sender that had to keep what it has sends many samples of a series at once.
func TestAllocNothingPerSampleOfARepeatedKey(t *testing.T) {
	s := openStore(t, t.TempDir())
	const series, times = 50, 40
	at := nowMs() - 10*3600*1000
	b := &batchBuilder{}
	for i := range series * times {
		b.add(fmt.Sprintf("r,i=%d", i%series), "v", 0, 1)
	}
	appendAll := func() {
		for i := range b.Points {
			if i%series == 0 {
				at++
			}
			b.Points[i].Time = at
		}
		_, err := s.Append(t.Context(), &b.Batch, plainSpeller{})
		require.NoError(t, err)
		require.Empty(t, b.Refusals)
	}
	appendAll()
	require.Less(t, testing.AllocsPerRun(20, appendAll)/(series*times), 0.05)
}
