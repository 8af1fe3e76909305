package watch

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/model/value"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// fed are the scores of models that are fed directly.
type fed struct {
	models map[string]*wander
	last   map[string]int64
	scores []string
	epoch  int64
}

func (f *fed) write(p point) {
	m := f.models[p.series]
	if m == nil {
		m = &wander{mean: make([]float64, 1)}
		f.models[p.series], f.last[p.series] = m, math.MinInt64
	}
	say := func(v any) {
		f.scores = append(f.scores, fmt.Sprintf("asset=%q, detector=%q, metric=%q} %v@%d", p.series[len("level_m,asset="):], "levels", "level_m", v, p.t))
	}
	switch {
	case p.t <= f.last[p.series]:
		return
	case value.IsStaleNaN(p.v): // as the series, its score ends
		if f.last[p.series] != math.MinInt64 {
			f.last[p.series] = p.t
			say("NaN")
		}
		return
	}
	f.last[p.series] = p.t
	v := p.v
	if math.IsInf(v, 0) {
		v = math.NaN()
	}
	verdict := m.Observe(f.epoch+p.t, []float64{v})
	say(verdict.Score)
}

// sorted is as stored sorts, which is by series first.
func (f *fed) sorted() []string {
	all := slices.Clone(f.scores)
	slices.SortStableFunc(all, func(a, b string) int {
		return slices.Compare([]byte(a[:len(`asset="W1"`)]), []byte(b[:len(`asset="W1"`)]))
	})
	return all
}

func TestAnyWritesRestartsAndCrashesGiveTheScoresOfModelsThatAreFedDirectly(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := newCity(t, levels, func(o *Options) { o.pace = rapid.IntRange(1, 400).Draw(r, "pace") })
		defer c.close()
		f := &fed{models: map[string]*wander{}, last: map[string]int64{}, epoch: c.epoch}
		now, seen := int64(0), map[string]bool{} // the store refuses a second value at the same time
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			switch rapid.SampledFrom([]string{"write", "write", "write", "wait", "saved", "restart", "crash"}).Draw(r, "what") {
			case "write":
				var batch []point
				for range rapid.IntRange(1, 30).Draw(r, "samples") {
					now += rapid.Int64Range(0, 3000).Draw(r, "later")
					p := point{fmt.Sprintf("level_m,asset=W%d", rapid.IntRange(0, 4).Draw(r, "series")), now, rapid.Float64Range(-9, 9).Draw(r, "value")}
					switch rapid.IntRange(0, 9).Draw(r, "kind") {
					case 0:
						p.t -= rapid.Int64Range(1, 9000).Draw(r, "late")
					case 1:
						p.v = math.Float64frombits(value.StaleNaN)
					case 2:
						p.v = math.Inf(1)
					}
					if key := fmt.Sprint(p.series, p.t); !seen[key] && p.t >= 0 {
						seen[key] = true
						batch = append(batch, p)
					}
				}
				together := rapid.Bool().Draw(r, "together")
				for i, p := range batch {
					f.write(p)
					if !together {
						c.write(batch[i])
					}
				}
				if together {
					c.write(batch...)
				}
			case "wait":
				c.wait("anomaly_score", f.sorted())
			case "saved":
				before := c.metrics.checkpoint.Load()
				c.eventually(func() bool { return c.metrics.checkpoint.Load() > before }, "states are written")
			case "restart":
				c.stop()
				c.start()
			case "crash":
				c.crash()
				c.start()
			}
		}
		c.wait("anomaly_score", f.sorted())
		require.Empty(t, c.counter(`belfry_anomaly_unstored_scores_total{reason="conflict"}`))
		require.NotContains(t, c.log.String(), "level=ERROR")
	})
}
