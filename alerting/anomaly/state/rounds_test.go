package state_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/anomaly/state"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestOfSeveralRoundsTheNewestStateCounts(t *testing.T) {
	dir := t.TempDir()
	write := func(finish bool, from int, bodies map[string]string) {
		r, err := state.Open(dir, quiet())
		require.NoError(t, err)
		r.Load(func(state.Record) {})
		require.NoError(t, r.Begin(placeOf(from), time.UnixMilli(1_800_000_000_000), 0))
		for key, body := range bodies {
			b, err := state.AppendRecord(nil, state.Record{Detector: "d", Depends: "x", Key: []byte(key)}, func(b []byte) ([]byte, error) { return append(b, body...), nil })
			require.NoError(t, err)
			require.NoError(t, r.Add(b, 1))
		}
		if finish {
			_, err := r.Finish()
			require.NoError(t, err)
		}
		r.Leave()
	}
	load := func() (map[string]string, state.Loaded) {
		r, err := state.Open(dir, quiet())
		require.NoError(t, err)
		got := map[string]string{}
		l := r.Load(func(r state.Record) {
			if _, newer := got[string(r.Key)]; !newer {
				got[string(r.Key)] = string(r.Body)
			}
		})
		return got, l
	}
	write(false, 1, map[string]string{"a": "1"})
	got, l := load()
	require.Equal(t, map[string]string{"a": "1"}, got)
	require.Equal(t, 1, l.From.Segment)
	write(true, 2, map[string]string{"a": "2", "b": "2"})
	got, l = load()
	require.Equal(t, map[string]string{"a": "2", "b": "2"}, got)
	require.Equal(t, 2, l.From.Segment)
	for i := 3; i < 7; i++ {
		write(false, i, map[string]string{"b": string(rune('0' + i))})
	}
	got, l = load()
	require.Equal(t, map[string]string{"a": "2", "b": "6"}, got)
	require.Equal(t, 2, l.From.Segment, "what a lacks begins there")
	files, err := filepath.Glob(filepath.Join(dir, "round-*"))
	require.NoError(t, err)
	require.Len(t, files, 3, "rounds that were never completed do not pile up")
	write(true, 9, map[string]string{"c": "9"})
	got, l = load()
	require.Equal(t, map[string]string{"c": "9"}, got)
	require.Equal(t, 9, l.From.Segment)
}

func placeOf(segment int) tail.Place { return tail.Place{Position: tail.Position{Segment: segment}} }

func TestARecordThatIsDamagedIsLeftOutAndTheOthersAreFound(t *testing.T) {
	dir := t.TempDir()
	r, err := state.Open(dir, quiet())
	require.NoError(t, err)
	require.True(t, r.Empty())
	require.NoError(t, r.Begin(placeOf(3), time.UnixMilli(0), 4))
	body := make([]byte, 200_000) // longer than what is looked at at a time
	var ends []int
	var all []byte
	for _, key := range []string{"a", "b", "c", "d"} {
		all, err = state.AppendRecord(all, state.Record{Detector: "d", Depends: "x", Key: []byte(key)}, func(b []byte) ([]byte, error) { return append(b, body...), nil })
		require.NoError(t, err)
		ends = append(ends, len(all))
	}
	require.NoError(t, r.Add(all, 4))
	_, err = r.Finish()
	require.NoError(t, err)
	file := filepath.Join(dir, "round-00000001")
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	start := len(whole) - len(all) - 14 // before the end
	load := func(damage func([]byte) []byte) (keys string, l state.Loaded) {
		require.NoError(t, os.WriteFile(file, damage(append([]byte(nil), whole...)), 0o666))
		r, err := state.Open(dir, quiet())
		require.NoError(t, err)
		l = r.Load(func(r state.Record) { keys += string(r.Key) })
		return keys, l
	}
	keys, l := load(func(b []byte) []byte { return b })
	require.Equal(t, "abcd", keys)
	require.Zero(t, l.Lost)
	keys, l = load(func(b []byte) []byte { b[start+ends[0]+5000] ^= 1; return b })
	require.Equal(t, "acd", keys)
	require.Equal(t, 1, l.Lost)
	keys, l = load(func(b []byte) []byte { b[start+ends[1]+7] ^= 1; return b }) // a length
	require.Equal(t, "abd", keys)
	require.Equal(t, 1, l.Lost)
	keys, l = load(func(b []byte) []byte { return append(b[:start+ends[0]:start+ends[0]], b[start+ends[1]-3:]...) })
	require.Equal(t, "acd", keys)
	require.Equal(t, 1, l.Lost)
	keys, l = load(func(b []byte) []byte { return b[:start+ends[2]+500] })
	require.Equal(t, "abc", keys)
	require.True(t, l.Known)
	require.Equal(t, 3, l.From.Segment)
	require.Equal(t, 1, l.Lost)
	keys, l = load(func(b []byte) []byte { return b[:start+ends[0]+500] })
	require.Equal(t, "a", keys)
	require.Equal(t, 3, l.Lost, "all that is behind the cut")
	for _, left := range []int{0, 7} {
		keys, l = load(func(b []byte) []byte { return b[:left] })
		require.Empty(t, keys)
		require.False(t, l.Any, "there is nothing in it")
		require.Equal(t, 1, l.Lost, "who knows how many")
		require.NoFileExists(t, file)
	}
	keys, l = load(func(b []byte) []byte { b[len("belfry anomaly state 1\n")+20] ^= 1; return b })
	require.Equal(t, "abcd", keys)
	require.False(t, l.Known, "where to go on from was damaged")
	require.Zero(t, l.Lost, "the end says that these are all")
	keys, l = load(func(b []byte) []byte { b[len("belfry anomaly state 1\n")+20] ^= 1; return b[:start+ends[2]+500] })
	require.Equal(t, "abc", keys)
	require.Equal(t, 1, l.Lost, "it may be more")

	// A part of the next round was damaged by the crash: all of it is in the round before, and the log.
	_, _ = load(func(b []byte) []byte { return b })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "round-00000002"), whole[:start+ends[0]+500], 0o666))
	keys, l = load(func(b []byte) []byte { return b })
	require.Equal(t, "aabcd", keys)
	require.Zero(t, l.Lost)
}
