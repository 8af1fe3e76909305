//go:build !race

package lineproto_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestParseAllocatesNothing(t *testing.T) {
	for name, raw := range loads(t) {
		t.Run(name, func(t *testing.T) {
			var p lineproto.Parser
			var b reading.Batch
			require.Zero(t, testing.AllocsPerRun(20, func() {
				b.Reset()
				p.Parse(&b, raw, 1, lineproto.Options{MaxLine: 1 << 16, Now: now})
			}))
			require.Empty(t, b.Refusals)
			require.NotEmpty(t, b.Points)
		})
	}
}

func TestDecoderAllocatesNothing(t *testing.T) {
	for name, m := range decoderLoads() {
		t.Run(name, func(t *testing.T) {
			d := lineproto.NewDecoder(0, 1<<16)
			var w reading.Builder
			var b reading.Batch
			require.Zero(t, testing.AllocsPerRun(100, func() {
				b.Reset()
				w.Reset(&b)
				w.Message(m.Body)
				w.Common("district", "yuzhong")
				d.Decode(m, &w)
				w.Done()
			}))
			require.Empty(t, b.Refusals)
			require.NotEmpty(t, b.Points)
		})
	}
}
