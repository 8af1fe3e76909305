package demo

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/loadtest/city"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestTheRecordingsAreWhatWasPublished(t *testing.T) {
	parking, err := parkingRecording()
	require.NoError(t, err)
	require.Len(t, parking.rows, 2*48*8, "eight car parks, every half hour for two days")
	require.Equal(t, row{line: "parking_lot,asset=AARHUS-NORREPORT occupied=41i,capacity=65i", values: 2}, parking.rows[0])
	require.InDelta(t, 48*time.Hour, parking.length, float64(time.Minute))

	air, err := airRecording()
	require.NoError(t, err)
	require.Equal(t, 72*time.Hour, air.length)
	// 2.5 mg/m³ of CO and 112 µg/m³ of NO2 at 20 °C.
	require.Equal(t, row{line: "tunnel,asset=UCI-AIR co_ppm=2.1470,no2_ppm=0.0586", values: 2}, air.rows[0])
	require.Equal(t, "tunnel,asset=UCI-AIR co_ppm=1.1164", air.rows[3].line, "nitrogen dioxide was missing")
	require.Equal(t, "tunnel,asset=UCI-AIR no2_ppm=0.0345", air.rows[4].line, "carbon monoxide was missing")
	for _, r := range append(parking.rows, air.rows...) {
		require.NotContains(t, r.line, "-200")
	}
}

func TestAReplayGoesRoundAndRound(t *testing.T) {
	r := &replay{
		recording: recording{rows: []row{{0, "a v=1", 1}, {time.Hour, "a v=2", 1}}, length: 2 * time.Hour},
		began:     noon, speed: 3600,
	}
	lines, values := r.appendDue(nil, noon.Add(4*time.Second))
	require.Equal(t, 5, values)
	var want bytes.Buffer
	for i, v := range []string{"1", "2", "1", "2", "1"} {
		want.WriteString("a v=" + v + " " + strconv.FormatInt(noon.Add(time.Duration(i)*time.Second).UnixNano(), 10) + "\n")
	}
	require.Equal(t, want.String(), string(lines))
}

// However often the feed looks, the same readings are due.
func TestAReplayDoesNotDependOnWhenItIsAsked(t *testing.T) {
	parking, err := parkingRecording()
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		speed := rapid.Float64Range(slowest, fastest).Draw(t, "speed")
		steps := rapid.SliceOfN(rapid.IntRange(0, 90_000), 1, 20).Draw(t, "steps")
		one := &replay{recording: parking, began: noon, speed: speed}
		many := &replay{recording: parking, began: noon, speed: speed}
		at := noon
		var pieces []byte
		pieceValues := 0
		for _, step := range steps {
			at = at.Add(time.Duration(step) * time.Millisecond)
			var n int
			pieces, n = many.appendDue(pieces, at)
			pieceValues += n
		}
		whole, values := one.appendDue(nil, at)
		require.Equal(t, string(whole), string(pieces))
		require.Equal(t, values, pieceValues)
		require.Equal(t, values, 2*bytes.Count(whole, []byte("\n")))
	})
}

// However often the feed looks, each device reports in its turn.
func TestADistrictMissesNoReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, err := newCity(defaultScale)
		require.NoError(t, err)
		d, err := newDistrict(c, noon)
		require.NoError(t, err)
		at, values := noon, 0
		for at.Before(noon.Add(3 * time.Second)) {
			at = at.Add(time.Duration(rapid.IntRange(1, 1_500_000).Draw(t, "step")) * time.Microsecond)
			at = minTime(at, noon.Add(3*time.Second))
			lines, n, err := d.appendDue(nil, at)
			require.NoError(t, err)
			values += n
			require.Equal(t, n == 0, len(lines) == 0)
		}
		want := 0
		for _, s := range c.Streams() {
			for due := s.Next(noon.Add(time.Millisecond)); !due.After(at); due = due.Add(s.Interval) {
				want += len(s.Fields)
			}
		}
		require.Equal(t, want, values)
		require.Greater(t, values, 2*c.Series(), "most report each second")
	})
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func TestEveryHazardHasSomeoneWhoAnswersForIt(t *testing.T) {
	c, err := newCity(defaultScale)
	require.NoError(t, err)
	register, err := newCatalog(c)
	require.NoError(t, err)
	s := newScript(c, noon)
	const performances = 40
	require.NoError(t, s.prepare(noon.Add(performances*performance-time.Millisecond)))
	played := map[city.FaultKind]bool{}
	until := map[string]city.Fault{}
	for _, f := range c.Faults() {
		played[f.Kind] = true
		if last, ok := until[f.Asset]; ok && last.Kind != city.FansStopped {
			require.False(t, f.Onset.Before(last.End.Add(last.Rise)), "%s has two parts at one time", f.Asset)
		}
		until[f.Asset] = f
		a, ok := register.Asset(f.Asset)
		require.True(t, ok)
		require.NotEmpty(t, a.Team)
		require.NotEmpty(t, a.NameZH)
		_, _, known := city.PlaceName(a.Street)
		require.True(t, known, "the terminal has no name for %s", a.Street)
	}
	for _, a := range acts() {
		require.True(t, played[a.fault], a.fault)
	}
	for _, g := range garages() {
		a, ok := register.Asset(garageAsset(g.code))
		require.True(t, ok)
		require.Equal(t, "urban_management", a.Team)
	}
	parking, err := parkingRecording()
	require.NoError(t, err)
	for _, r := range parking.rows {
		id, _, _ := strings.Cut(strings.TrimPrefix(r.line, "parking_lot,asset="), " ")
		_, ok := register.Asset(id)
		require.True(t, ok, id)
	}
}
