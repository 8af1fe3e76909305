package parking

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/value"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

// What the store has followed is derived as what is found by a look at each key.
func TestFollowedLevelsAreDerivedAsAllReadingsAre(t *testing.T) {
	all, followed := newCity(t, Options{}), newCity(t, Options{})
	followed.store.Follow(followed.Tracker)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++ // other assets
		spelled := rapid.SampledFrom([]string{
			"parking_bay,asset=A%d", "parking_bay,asset=A%d,source=camera", "parking_bay,source=camera,asset=A%d", "parking_bay,asset=B%[1]d,lot=P%[1]d",
			"parking_bay,lot=P%[1]d,asset=B%[1]d", "parking_bay,lot=P%d", "other,asset=A%d", "parking_lot,asset=P%d",
		})
		bay := rapid.SampledFrom([]string{"occupied=1", "occupied=0", "occupied=2", "battery=1,occupied=1", "occupied=0,battery=1", "battery=1"})
		lot := rapid.SampledFrom([]string{"capacity=10,occupied=4", "occupied=5", "available=3", "capacity=20", "light=1"})
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			var lines []byte
			for range rapid.IntRange(1, 6).Draw(rt, "lines") {
				key, fields := spelled.Draw(rt, "key"), bay
				if strings.HasPrefix(key, "parking_lot") {
					fields = lot
				}
				at := all.ms(rapid.Float64Range(-100, 1200).Draw(rt, "at"))
				if rapid.Bool().Draw(rt, "again") {
					at = all.ms(0)
				}
				lines = fmt.Appendf(lines, key+" %[2]s %[3]d\n", n, fields.Draw(rt, "fields"), at*1e6)
			}
			rt.Log(string(lines))
			require.Equal(rt, all.write(lines), followed.write(lines))
		}
	})
	for _, c := range []*city{all, followed} {
		c.tick(40 * 24 * 3600)
		require.Empty(t, c.places, "all have been silent")
	}
	lines := fmt.Appendf(nil, "parking_bay,asset=A1 occupied=1 %d\nparking_bay,asset=A1 occupied=0 %d\n", all.now.UnixMilli()*1e6, all.now.UnixMilli()*1e6+1e6)
	require.Equal(t, all.write(lines), followed.write(lines))
	require.Len(t, followed.places, 1)
}

// write stores what line protocol says, and shows what was derived.
func (c *city) write(lines []byte) []string {
	b, derived := reading.Batch{Follow: true}, reading.Batch{}
	var w reading.Builder
	new(lineproto.Parser).ParseSome(&b, lines, lineproto.Position{Line: 1}, 1<<20, lineproto.Options{})
	_, err := c.store.Append(c.t.Context(), &b, lineproto.Speller{})
	require.NoError(c.t, err)
	w.Reset(&derived)
	c.DeriveWrite(&b, lineproto.Speller{}, &w)
	w.Done()
	_, err = c.store.Append(c.t.Context(), &derived, reading.LabelSpeller{})
	require.NoError(c.t, err)
	return c.shown(&derived, 0)
}

func TestALevelStaysOnlyWhereItIsSettled(t *testing.T) {
	var l reading.Level
	require.False(t, l.Stays(1, 1, 100))
	require.True(t, l.Advance(1, 100))
	l.Settle(1)
	require.True(t, l.Stays(2, 1, 100))
	require.False(t, l.Stays(2, 1, 100), "again")
	require.False(t, l.Stays(3, 0, 100))
	require.EqualValues(t, 2, l.Newest())
	require.False(t, l.Advance(2, 100))
	require.False(t, l.Stays(3, 1, 100), "somebody looks at it")
	l.Settle(math.Float64frombits(value.StaleNaN))
	require.False(t, l.Stays(3, math.Float64frombits(value.StaleNaN), 100))
	l.Settle(0)
	require.False(t, l.Stays(3, 0, 1), "a clock was wrong")
	require.True(t, l.Advance(1, 1))
}
