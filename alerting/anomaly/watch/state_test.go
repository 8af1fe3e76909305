package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/anomaly/state"
)

// learned is a city of which a few series have learned something, and that has
// been stopped.
func learned(t testing.TB) *city {
	c := newCity(t, `
detectors:
  - {name: levels, select: level_m}
  - {name: groups, model: together, select: '{__name__=~"pump_.*"}'}
`)
	for i := range int64(10) {
		for _, asset := range []string{"A", "B", "C", "D"} {
			c.write(point{"level_m,asset=" + asset, 1000 * i, float64(i)}, point{"pump_a,asset=" + asset, 1000 * i, 1}, point{"pump_b,asset=" + asset, 1000 * i, 2})
		}
	}
	c.eventually(func() bool { return c.Show()[0].Scored == 40 }, "all is scored")
	c.stop()
	return c
}

func rounds(t testing.TB, c *city) []string {
	files, err := filepath.Glob(filepath.Join(c.opts.Dir, "round-*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func TestAnyDamageToStatesCostsNoMoreThanWhatIsDamaged(t *testing.T) {
	c := learned(t)
	file := rounds(t, c)[len(rounds(t, c))-1]
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	rapid.Check(t, func(r *rapid.T) {
		bytes := append([]byte(nil), whole...)
		switch rapid.SampledFrom([]string{"cut", "flip", "zero", "insert"}).Draw(r, "how") {
		case "cut":
			bytes = bytes[:rapid.IntRange(0, len(bytes)-1).Draw(r, "at")]
		case "flip":
			bytes[rapid.IntRange(0, len(bytes)-1).Draw(r, "at")] ^= byte(1 << rapid.IntRange(0, 7).Draw(r, "bit"))
		case "zero":
			from := rapid.IntRange(0, len(bytes)-1).Draw(r, "from")
			clear(bytes[from:min(len(bytes), from+rapid.IntRange(1, 300).Draw(r, "n"))])
		case "insert":
			at := rapid.IntRange(0, len(bytes)).Draw(r, "at")
			bytes = append(bytes[:at:at], append(rapid.SliceOfN(rapid.Byte(), 1, 99).Draw(r, "what"), whole[at:]...)...)
		}
		dir := t.TempDir()
		require.NoError(r, os.WriteFile(filepath.Join(dir, filepath.Base(file)), bytes, 0o666))
		w := *c
		w.opts.Dir = dir
		w.start()
		w.eventually(func() bool { return w.metrics.checkpoint.Load() > 0 && w.Show() != nil }, "it runs")
		w.stop()
		require.NotContains(r, c.log.String(), "panic")
	})
}

func TestADamagedStateBeginsAnewAndTheOthersGoOn(t *testing.T) {
	c := learned(t)
	file := rounds(t, c)[len(rounds(t, c))-1]
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	text[len(text)*2/3] ^= 0x10
	require.NoError(t, os.WriteFile(file, text, 0o666))
	c.start()
	c.write(point{"level_m,asset=A", 20_000, 5})
	c.eventually(func() bool { return c.Show()[0].Scored > 0 }, "it goes on")
	require.Equal(t, 1, c.counter(`belfry_anomaly_dropped_states_total{reason="damaged"}`))
	require.Contains(t, c.log.String(), "some of what models have learned is damaged")
	require.EqualValues(t, 7, c.Show()[0].Series+c.Show()[1].Series)
}

func TestStatesOfAnotherFormatAreSetAside(t *testing.T) {
	c := learned(t)
	for _, file := range rounds(t, c) {
		require.NoError(t, os.WriteFile(file, []byte("belfry anomaly state 9\nxyz"), 0o666))
	}
	c.start()
	c.write(point{"level_m,asset=A", 20_000, 5})
	c.eventually(func() bool { return c.Show()[0].Scored == 1 }, "it begins anew")
	aside, err := filepath.Glob(filepath.Join(c.opts.Dir, "damaged-*"))
	require.NoError(t, err)
	require.Len(t, aside, 1)
	require.Equal(t, 1, c.counter(`belfry_anomaly_dropped_states_total{reason="damaged"}`), "who knows how many")
	require.Contains(t, c.log.String(), "it is of another version or damaged at its beginning")
	require.Contains(t, c.log.String(), aside[0])
	require.NotContains(t, c.log.String(), "<nil>")
}

func TestAStateFileThatIsCutShortSaysHowManyBeginAnew(t *testing.T) {
	c := learned(t)
	file := rounds(t, c)[len(rounds(t, c))-1]
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text[:len(text)/2], 0o666))
	c.start()
	c.write(point{"level_m,asset=A", 20_000, 5})
	c.eventually(func() bool { return c.Show()[0].Scored > 0 }, "it goes on")
	lost := 8 - int(c.Show()[0].Series+c.Show()[1].Series)
	require.Greater(t, lost, 1)
	require.Equal(t, lost, c.counter(`belfry_anomaly_dropped_states_total{reason="damaged"}`))
	require.Contains(t, c.log.String(), fmt.Sprintf("begin anew unless another state of them is there\" at_least=%d", lost))
}

func TestAnEmptyStateFileIsReported(t *testing.T) {
	c := learned(t)
	for _, file := range rounds(t, c) {
		require.NoError(t, os.Truncate(file, 0))
	}
	c.start()
	c.write(point{"level_m,asset=A", 20_000, 5})
	c.eventually(func() bool { return c.Show()[0].Scored == 1 }, "it begins anew")
	require.Equal(t, 1, c.counter(`belfry_anomaly_dropped_states_total{reason="damaged"}`))
	require.Contains(t, c.log.String(), "it is empty, or ends before its beginning is complete")
}

func TestStatesOfADetectorThatIsGoneAreDroppedWithALine(t *testing.T) {
	c := learned(t)
	c.opts.Detectors = detectors(t, "detectors: [{name: levels, select: 'level_m{asset!=\"B\"}', limit: 2}]")
	c.start()
	c.write(point{"level_m,asset=A", 20_000, 5})
	c.eventually(func() bool { return c.Show()[0].Scored == 1 }, "it goes on")
	for reason, n := range map[string]int{"no_detector": 4, "not_selected": 1, "limit": 1} {
		require.Equal(t, n, c.counter(`belfry_anomaly_dropped_states_total{reason="`+reason+`"}`), reason)
	}
	require.Contains(t, c.log.String(), `detector=groups states=4 why="there is no detector of this name any more"`)
	require.Contains(t, c.log.String(), `detector=levels states=1 why="the detector does not select these series any more"`)
	require.Contains(t, c.log.String(), `detector=levels states=1 why="they are beyond the limit`)
}

func TestStatesOfAnotherVersionOfAModelAreDroppedWithALineAndACount(t *testing.T) {
	c := learned(t)
	for _, d := range c.opts.Detectors.Detectors() {
		d.Kind.Version++
	}
	c.start()
	c.write(point{"level_m,asset=A", 20_000, 5})
	c.eventually(func() bool { return c.Show()[0].Scored == 1 }, "it begins anew")
	require.Equal(t, 8, c.counter(`belfry_anomaly_dropped_states_total{reason="other_model"}`))
	require.EqualValues(t, 1, c.Show()[0].Series)
	require.Contains(t, c.log.String(), "detector=levels states=4 why=\"the detector's model, its version or options, its grouping or the clocks of the timezone are others\"")
	require.Regexp(t, `learned_by="auto 0 .*" now="auto 1 .*"`, c.log.String())
}

func TestAnOlderStateThatIsDamagedDoesNotCount(t *testing.T) {
	c := learned(t)
	w, err := New(c.opts)
	require.NoError(t, err)
	not := dropped{}
	w.rounds.Load(func(r state.Record) {
		not.note(r, w.take(r))
		r.Body = r.Body[:1] // as it is found in the round before
		not.note(r, w.take(r))
	})
	require.Equal(t, 8, w.total)
	require.Empty(t, not)
}
