package parking

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
)

func TestABayThatIsTakenForThreeDaysKeepsItsSinceOverRestarts(t *testing.T) {
	c := newCity(t, Options{})
	c.noon = c.noon.Add(-4 * 24 * time.Hour)
	c.now = c.noon
	c.hear(said{"long", geo, 0, 1}, said{"freed", geo, 0, 1}, said{"free", geo, 0, 0})
	c.hear(said{"freed", geo, 50, 0})
	for at := 60.0; at <= 3*24*3600; at += 3600 {
		c.tick(at)
		if int(at)%36000 == 60 {
			c.restart()
		}
	}
	c.restart()
	c.tick(3*24*3600 + 100)
	since := float64(c.ms(0)) / 1000
	require.Equal(t, map[string]float64{"long geomagnetic": since}, c.query(baySince))
	require.Equal(t, map[string]float64{"long geomagnetic": 0, "freed geomagnetic": 1, "free geomagnetic": 0}, c.query(bayStays))
	c.now = c.now.Add(20 * time.Hour) // Belfry is not there for a night
	c.restart()
	require.Contains(t, c.hear(said{"long", geo, 3*24*3600 + 72200, 0}), fmt.Sprintf("stay_seconds{long geomagnetic} %d @%d", 3*24*3600+72200, 3*24*3600+72200))
	require.Contains(t, c.hear(said{"freed", geo, 3*24*3600 + 72201, 1}), fmt.Sprintf("bay_occupied_since{freed geomagnetic} %ds @%d", 3*24*3600+72201, 3*24*3600+72201))
}

// Where nothing was derived yet, as after an update, the readings tell.
func TestTheFirstStartReadsThePastOfTheReadingsThemselves(t *testing.T) {
	c := newCity(t, Options{})
	var b reading.Batch
	var w reading.Builder
	w.Reset(&b)
	for i, v := range []float64{1, 0, 1, 1, 1} {
		w.Begin(c.ms(float64(i * 60)))
		w.Label("asset", "B1")
		w.Value(bayOccupied, v)
	}
	w.Done()
	_, err := c.store.Append(t.Context(), &b, reading.LabelSpeller{})
	require.NoError(t, err)
	c.now = c.noon.Add(5 * time.Minute)
	c.restart()
	c.tick(300)
	require.Equal(t, map[string]float64{"B1 geomagnetic": float64(c.ms(120)) / 1000}, c.query(baySince))
}

// samples are all values of a series, oldest first.
func (c *city) samples(metric string) (all []float64) {
	q, err := c.store.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, q.Close()) }()
	set := q.Select(c.t.Context(), false, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, metric))
	for set.Next() {
		for it := set.At().Iterator(nil); it.Next() == chunkenc.ValFloat; {
			_, v := it.At()
			all = append(all, v)
		}
	}
	return all
}

func TestAFailingStoreIsTriedAgain(t *testing.T) {
	c := newCity(t, Options{})
	c.hear(said{"B1", geo, 0, 1})
	require.NoError(t, c.store.Close())
	c.now = c.noon.Add(time.Minute)
	require.Error(t, c.once(t.Context()))
	old := c.Tracker
	c.open()
	old.opts.Store = c.store
	require.NoError(t, old.once(t.Context()))
	require.Len(t, slices.DeleteFunc(c.samples(baySince), value.IsStaleNaN), 1, "what failed is written again once there is room")
}
