package watch

import (
	"testing"
)

// What was written while detectors were stopped is scored at the start, also where other series have gone on by hours since.
func TestScoresThatAreSaidLateAreStored(t *testing.T) {
	c := newCity(t, levels)
	f := &fed{models: map[string]*wander{}, last: map[string]int64{}, epoch: c.epoch}
	write := func(from, to int64) {
		for i := from; i < to; i++ {
			p := point{"level_m,asset=W1", i * 1000, float64(i % 7)}
			f.write(p)
			c.write(p)
		}
	}
	write(0, 20)
	c.wait("anomaly_score", f.sorted())
	before := c.metrics.checkpoint.Load()
	c.eventually(func() bool { return c.metrics.checkpoint.Load() > before }, "states are written")
	c.stop()

	write(20, 40)
	const hours = 3 * 3600 * 1000
	c.write(point{"other", hours, 1})
	c.start()
	c.wait("anomaly_score", f.sorted())
}
