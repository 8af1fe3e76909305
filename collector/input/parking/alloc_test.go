//go:build !race

package parking_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestAllocCSV(t *testing.T) {
	const rows = 1000
	d, m := decoder(t, nil), &input.Message{Body: csvBody(rows), Received: received}
	var w reading.Builder
	var b reading.Batch
	decode := func() {
		b.Reset()
		w.Reset(&b)
		w.Message(m.Body)
		d.Decode(m, &w)
		w.Done()
	}
	decode()
	require.Empty(t, b.Refusals)
	require.Len(t, b.Points, rows)
	require.LessOrEqual(t, testing.AllocsPerRun(20, decode), 10.0, "for all rows together")
}
