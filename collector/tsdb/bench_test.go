package tsdb

import (
	"context"
	"fmt"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"
)

const (
	benchSeries = 90_000
	benchBatch  = 5_000
)

func benchKey(i int) string {
	return fmt.Sprintf("parking_bay,asset=YZ-P%03d-B%05d,lot=YZ-P%03d,source=geomagnetic", i/400, i, i/400)
}

// benchBatches are one sample of every series.
func benchBatches() []*batchBuilder {
	var bs []*batchBuilder
	for i := 0; i < benchSeries; i += benchBatch {
		b := &batchBuilder{}
		for j := range benchBatch {
			b.add(benchKey(i+j), "occupied", 0, float64(j%2))
		}
		bs = append(bs, b)
	}
	return bs
}

func (b *batchBuilder) setTime(t int64, v float64) {
	for i := range b.Points {
		b.Points[i].Time = t
		b.Fields[i].Value = v
	}
	b.Refusals = b.Refusals[:0]
}

// BenchmarkAppend is one sample an operation, series known; beside it upstream
// alone, given references.
func BenchmarkAppend(b *testing.B) {
	b.Run("store=belfry", func(b *testing.B) {
		s := openStore(b, b.TempDir())
		batches := benchBatches()
		at := nowMs() - 20*3600*1000
		run := func(n int) {
			for i := 0; i < n; i += benchBatch {
				k := i / benchBatch % len(batches)
				if k == 0 {
					at += 1000
				}
				batches[k].setTime(at, float64(i%7))
				_, err := s.Append(context.Background(), &batches[k].Batch, plainSpeller{})
				require.NoError(b, err)
			}
		}
		run(benchSeries)
		b.ReportAllocs()
		b.ResetTimer()
		run(b.N)
	})
	b.Run("store=bare", func(b *testing.B) {
		o := tsdb.DefaultOptions()
		db, err := tsdb.Open(b.TempDir(), quiet(), nil, o, nil)
		require.NoError(b, err)
		defer func() { _ = db.Close() }()
		refs := make([]storage.SeriesRef, benchSeries)
		at := nowMs() - 20*3600*1000
		run := func(n int) {
			for i := 0; i < n; i += benchBatch {
				first := i % benchSeries
				if first == 0 {
					at += 1000
				}
				app := db.Appender(context.Background())
				for j := first; j < first+benchBatch; j++ {
					ls := labels.EmptyLabels()
					if refs[j] == 0 {
						ls = labels.FromStrings("__name__", "parking_bay_occupied", "asset", benchKey(j))
					}
					ref, err := app.Append(refs[j], ls, at, float64(i%7))
					require.NoError(b, err)
					refs[j] = ref
				}
				require.NoError(b, app.Commit())
			}
		}
		run(benchSeries)
		b.ReportAllocs()
		b.ResetTimer()
		run(b.N)
	})
}
