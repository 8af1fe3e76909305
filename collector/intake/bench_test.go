package intake

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

const (
	benchLines   = 5_000
	benchBodies  = 8 // 40,000 lines of three fields: 120,000 series
	benchStamp   = "1700000000000000000"
	benchSamples = benchLines * 3
)

func benchBody(n int) []byte {
	var b []byte
	for i := n * benchLines; i < (n+1)*benchLines; i++ {
		b = fmt.Appendf(b, "parking_bay,asset=YZ-P%03d-B%05d,lot=YZ-P%03d,source=geomagnetic occupied=%d,battery_volts=3.%02d,rssi_dbm=-%di %s\n",
			i/400, i, i/400, i%2, i%90, 60+i%30, benchStamp)
	}
	return b
}

// stamp gives every line the same time.
func stamp(body []byte, ms int64) {
	digits := strconv.FormatInt(ms*1_000_000, 10)
	for i := 0; i < len(body); i++ {
		if body[i] == '\n' {
			copy(body[i-len(digits):i], digits)
		}
	}
}

// BenchmarkWrite is one sample an operation on its whole way, from bytes to
// disk, with several writers.
func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) { benchmarkWrite(b, writers) })
	}
}

func benchmarkWrite(b *testing.B, writers int) {
	s, err := tsdb.Open(tsdb.Options{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	defer func() { _ = s.Close() }()
	in := New(Options{Store: s, Metrics: metrics.NewSet(), Lag: func() time.Duration { return 0 }})
	base := time.Now().Add(-20 * time.Hour).UnixMilli()
	var bodies [benchBodies][]byte
	var rounds [benchBodies]int64
	for i := range bodies {
		bodies[i] = benchBody(i)
	}
	write := func(p *lineproto.Parser, i int) {
		body := bodies[i]
		stamp(body, base+rounds[i]*1000)
		rounds[i]++
		pos := lineproto.Position{Line: 1}
		res, err := in.Write(context.Background(), Source{Input: "bench"}, func(batch *reading.Batch) bool {
			pos = p.ParseSome(batch, body, pos, 8192, lineproto.Options{})
			return pos.Offset < len(body)
		}, lineproto.Speller{})
		if err != nil || res.Refused > 0 {
			b.Errorf("%v %v", err, res)
		}
	}
	// A body belongs to one writer, so that its samples arrive in order.
	run := func(requests int) {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				p := new(lineproto.Parser)
				for n := w; n < requests; n += writers {
					write(p, n%benchBodies)
				}
			})
		}
		wg.Wait()
	}
	run(benchBodies)
	b.ReportAllocs()
	b.ResetTimer()
	run(b.N/benchSamples + 1)
}
