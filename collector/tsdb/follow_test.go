package tsdb

import (
	"fmt"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
)

// bays follows fields that are called occupied.
type bays map[string]*reading.Level

func (b bays) Follow(series labels.Labels) *reading.Level {
	if series.Get("__name__") != "bay_occupied" {
		return nil
	}
	asset := series.Get("asset")
	if b[asset] == nil {
		b[asset] = &reading.Level{Of: asset}
	}
	return b[asset]
}

func TestABatchHasThePointsThatMayChangeALevel(t *testing.T) {
	now := nowMs()
	s, levels := openStore(t, t.TempDir()), bays{}
	s.Follow(levels)
	at := now
	say := func(settle bool, points ...func(b *batchBuilder)) (said []string) {
		b := &batchBuilder{}
		b.Follow = true
		for _, p := range points {
			p(b)
		}
		require.NoError(t, write(t, s, b))
		require.True(t, b.Followed)
		for _, l := range b.Levels {
			said = append(said, fmt.Sprint(l.Of, " ", l.Point, " ", l.Field))
			if v := b.Points[l.Point].First; settle && l.Field >= 0 {
				l.Advance(b.Points[l.Point].Time, now+1e9)
				l.Settle(b.Fields[int(v)+l.Field].Value)
			}
		}
		return said
	}
	occupied := func(asset string, v float64, volts ...float64) func(*batchBuilder) {
		return func(b *batchBuilder) {
			at++
			b.add("bay,asset="+asset, "occupied", at, v)
			for _, v := range volts {
				b.Fields = append(b.Fields, reading.Field{Name: b.span("volts"), Value: v})
				b.Points[len(b.Points)-1].Count++
			}
		}
	}
	volts := func(b *batchBuilder) {
		at++
		b.add("bay,asset=A", "volts", at, 3)
	}
	other := func(b *batchBuilder) {
		at++
		b.add("other,asset=A", "occupied", at, 3)
	}
	require.Equal(t, []string{"A 2 0"}, say(true, other, volts, occupied("A", 1, 3)))
	require.Equal(t, []string{"A 0 -1"}, say(false, volts))
	require.Empty(t, say(true, occupied("A", 1)))
	require.Empty(t, say(true, occupied("A", 1, 2), other, occupied("A", 1)), "it stays")
	require.EqualValues(t, at, levels["A"].Newest())
	require.Equal(t, []string{"A 0 0", "A 1 0", "A 3 0"}, say(true, occupied("A", 0), occupied("A", 1), other, occupied("A", 1)), "behind a change all are looked at")
	require.Equal(t, []string{"A 0 0"}, say(false, occupied("A", 0)))
	require.Equal(t, []string{"A 0 0"}, say(true, occupied("A", 1)), "nobody has settled it")
	s.Watch(nil)
	require.Empty(t, say(true, occupied("A", 1)), "those who watch are others")

	b := &batchBuilder{}
	b.Follow = true
	for i := range 2 * wideKey {
		b.add("wide,asset=A", fmt.Sprint("f", i), now, 1)
	}
	require.NoError(t, write(t, s, b))
	require.NoError(t, write(t, s, b))
	require.False(t, b.Followed)
}
