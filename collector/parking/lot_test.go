package parking

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
)

func TestCarParksAreCounted(t *testing.T) {
	c := newCity(t, Options{})
	derive := func(at float64, values ...any) []string {
		var b reading.Batch
		var w reading.Builder
		w.Reset(&b)
		w.Begin(c.ms(at))
		w.Label("asset", "P1")
		for i := 0; i < len(values); i += 2 {
			w.Value(values[i].(string), float64(values[i+1].(int)))
		}
		w.Done()
		n := len(b.Points)
		c.Derive(&b, &w)
		w.Done()
		shown := c.shown(&b, n)
		_, err := c.store.Append(t.Context(), &b, reading.LabelSpeller{})
		require.NoError(t, err)
		return shown
	}
	require.Empty(t, derive(0, lotFree, 4), "of how many is not known")
	require.Equal(t, []string{"lot_occupancy_ratio{P1} 0.25 @1"}, derive(1, lotCapacity, 40, lotOccupied, 10))
	require.Equal(t, []string{"lot_occupancy_ratio{P1} 0.25 @1"}, derive(1, lotCapacity, 40, lotOccupied, 10), "again")
	require.Equal(t, []string{"lot_occupied{P1} 30 @2", "lot_occupancy_ratio{P1} 0.75 @2"}, derive(2, lotFree, 10))
	require.Equal(t, []string{"lot_occupancy_ratio{P1} 0.5 @3"}, derive(3, lotOccupied, 20))
	require.Empty(t, derive(4, lotCapacity, 0, lotOccupied, 20))
	require.Empty(t, derive(5, lotCapacity, 50))
	c.restart()
	require.Equal(t, []string{"lot_occupancy_ratio{P1} 0.2 @6"}, derive(6, lotOccupied, 10), "after a restart")
	require.Empty(t, derive(7, lotFree, 51), "more is free than there is")
}

func TestACarParkIsCountedFromItsBays(t *testing.T) {
	c := newCity(t, Options{})
	var b reading.Batch
	var w reading.Builder
	w.Reset(&b)
	for i := range 4 {
		w.Begin(c.ms(1))
		w.Label("asset", fmt.Sprint("B", i))
		w.Label("lot", "P1")
		w.Value(bayOccupied, float64(min(i, 1)))
	}
	w.Done()
	c.Derive(&b, &w)
	c.tick(60)
	require.Equal(t, map[string]float64{"P1 bays": 0.75}, c.query(lotRatio))
}
