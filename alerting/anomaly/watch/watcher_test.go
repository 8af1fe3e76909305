package watch

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/value"
	"github.com/stretchr/testify/require"
)

const levels = `
detectors:
  - {name: levels, select: level_m}
`

// scores are those of a series of levels.
func scores(asset string, texts ...string) (all []string) {
	for _, text := range texts {
		all = append(all, `asset="`+asset+`", detector="levels", metric="level_m"} `+text)
	}
	return all
}

func TestWhatModelsSayIsStoredAtTheTimeOfTheSample(t *testing.T) {
	c := newCity(t, `
detectors:
  - {name: levels, select: level_m, outputs: [score, expected, lower, upper]}
  - {name: scores-only, select: '{asset="W1"}'}
`)
	c.write(point{"level_m,asset=W1", 1000, 3}, point{"other_m,asset=W2", 1000, 3})
	c.write(point{"level_m,asset=W1", 2000, 4}, point{"level_m,asset=W2", 2000, 6})
	c.wait("anomaly_score", []string{
		`asset="W1", detector="levels", metric="level_m"} 0@1000`, // it comes ages after nothing
		`asset="W1", detector="levels", metric="level_m"} 0.5@2000`,
		`asset="W1", detector="scores-only", metric="level_m"} 0@1000`,
		`asset="W1", detector="scores-only", metric="level_m"} 0.5@2000`,
		`asset="W2", detector="levels", metric="level_m"} 0@2000`,
	})
	require.Len(t, c.stored("anomaly_expected"), 3)
	require.Len(t, c.stored("anomaly_lower"), 3)
	require.Empty(t, c.stored("anomaly_upper"), "the model has no opinion")

	// Scores are of assets too, and are not watched.
	c.write(point{"level_m,asset=W1", 3000, 4})
	c.wait("anomaly_score", append(c.stored("anomaly_score")[:0:0],
		`asset="W1", detector="levels", metric="level_m"} 0@1000`,
		`asset="W1", detector="levels", metric="level_m"} 0.5@2000`,
		`asset="W1", detector="levels", metric="level_m"} 0.33333333333333326@3000`,
		`asset="W1", detector="scores-only", metric="level_m"} 0@1000`,
		`asset="W1", detector="scores-only", metric="level_m"} 0.5@2000`,
		`asset="W1", detector="scores-only", metric="level_m"} 0.33333333333333326@3000`,
		`asset="W2", detector="levels", metric="level_m"} 0@2000`,
	))
	shown := c.Show()
	require.Len(t, shown, 2)
	require.Equal(t, "levels", shown[0].Name)
	require.EqualValues(t, 2, shown[0].Series)
	require.EqualValues(t, 4, shown[0].Scored)
	require.EqualValues(t, 0, shown[0].Anomalous)
	require.EqualValues(t, 1, shown[1].Series)
}

func TestLateAndRepeatedSamplesAreNotGivenToModels(t *testing.T) {
	c := newCity(t, levels)
	c.write(point{"level_m,asset=W1", 2000, 3})
	c.write(point{"level_m,asset=W1", 2000, 3})
	c.write(point{"level_m,asset=W1", 1000, 7})
	c.write(point{"level_m,asset=W1", 2500, math.Float64frombits(value.StaleNaN)})
	c.write(point{"level_m,asset=W1", 3000, 3})
	c.wait("anomaly_score", scores("W1", "0@2000", "NaN@2500", "0@3000"))
	for reason, n := range map[string]int{"late": 1, "same_time": 1, "stale": 1} {
		require.Equal(t, n, c.counter(`belfry_anomaly_skipped_samples_total{reason="`+reason+`"}`), reason)
	}
}

func TestValuesThatAreNoNumbersAreMissingToModels(t *testing.T) {
	c := newCity(t, levels)
	c.write(point{"level_m,asset=W1", 1000, math.NaN()}, point{"level_m,asset=W1", 2000, math.Inf(1)}, point{"level_m,asset=W1", 3000, math.Inf(-1)})
	c.wait("anomaly_score", scores("W1", "0.125@1000", "0.125@2000", "0.125@3000"))
}

func TestAModelThatPanicsIsReplaced(t *testing.T) {
	c := newCity(t, levels)
	c.write(point{"level_m,asset=W1", 1000, 3}, point{"level_m,asset=W1", 2000, 666}, point{"level_m,asset=W1", 3000, 3})
	c.wait("anomaly_score", scores("W1", "0@1000", "0@2000", "0@3000"))
	require.Contains(t, c.log.String(), "a model has panicked")
	require.Equal(t, 1, c.counter(`belfry_anomaly_model_panics_total{detector="levels"}`))
}

func TestNoScoreIsOverOneBeforeTheWarmupIsOver(t *testing.T) {
	c := newCity(t, "detectors: [{name: levels, select: level_m, warmup: 10s}]")
	for _, at := range []int64{1000, 2000, 10_999, 11_000, 12_000} {
		c.write(point{"level_m,asset=W1", at, float64(at)})
	}
	c.eventually(func() bool { return len(c.stored("anomaly_score")) == 5 }, "five scores")
	got := c.stored("anomaly_score")
	require.Equal(t, scores("W1", "0@1000", "1@2000", "1@10999"), got[:3])
	for _, s := range got[3:] {
		require.NotContains(t, s, "} 1@")
	}
}

func TestASeriesThatComesRarelyAndAfterAMonthGoesOn(t *testing.T) {
	c := newCity(t, levels)
	const day = 24 * 3600_000
	at := int64(-40 * day)
	c.write(point{"level_m,asset=W1", at, 3}, point{"level_m,asset=W1", at + 1000, 4})
	c.write(point{"level_m,asset=W1", at + 30*day, 4})
	c.write(point{"level_m,asset=W1", at + 30*day + 600_000, 4})
	c.eventually(func() bool { return c.Show()[0].Scored == 4 }, "four scores")
}

func TestMoreSeriesThanTheLimitAreRefusedWithACount(t *testing.T) {
	c := newCity(t, `
detectors:
  - {name: levels, select: level_m, limit: 3}
  - {name: others, select: '{__name__=~"level_m|other_m"}'}
`, func(o *Options) { o.Limit = 10 })
	write := func(name string, from, to, at int) {
		for i := from; i < to; i++ {
			c.write(point{name + ",asset=W" + string(rune('A'+i)), int64(at), 1})
		}
	}
	write("level_m", 0, 5, 1000) // 3 of levels, 5 of others
	write("other_m", 0, 6, 1000) // 2 more
	c.eventually(func() bool { return c.Show()[1].Refused == 4 }, "four are refused")
	shown := c.Show()
	require.EqualValues(t, 3, shown[0].Series)
	require.EqualValues(t, 2, shown[0].Refused)
	require.EqualValues(t, 7, shown[1].Series)
	require.Contains(t, c.log.String(), `detector=levels`)
	require.Contains(t, c.log.String(), `limit=3 key="limit of the detector"`)
	require.Contains(t, c.log.String(), `limit=10 key="limits.watched of the configuration"`)
	require.Equal(t, 2, strings.Count(c.log.String(), "selects more series"))
	write("level_m", 0, 5, 2000)
	c.eventually(func() bool { return c.Show()[1].Scored == 12 }, "those that came first go on")
	c.eventually(func() bool { return c.counter(`belfry_anomaly_refused_samples_total{detector="others"}`) == 4 }, "samples of the others are counted")
	c.eventually(func() bool { return len(c.stored("anomaly_score")) == 6+12 }, "their scores are stored")

	c.stop() // the same ones are watched after a restart
	c.start()
	write("level_m", 0, 5, 3000)
	c.eventually(func() bool { return c.Show()[1].Refused == 4 && c.Show()[0].Refused == 2 }, "the same are refused")
	c.eventually(func() bool { return len(c.stored("anomaly_score")) == 6+12+8 }, "the same are watched")
	require.EqualValues(t, 3, c.Show()[0].Scored)
}

func TestSeriesThatDoNotComeAnyMoreAreForgotten(t *testing.T) {
	c := newCity(t, `
detectors:
  - {name: levels, select: level_m, forget: 1h}
  - {name: groups, model: together, select: level_m, by: [], forget: 1h}
`, func(o *Options) { o.Now = func() time.Time { return time.Now() } })
	c.stop()
	var ahead time.Duration
	started := false
	c.opts.Now = func() time.Time {
		if !started {
			started = true
			return time.Now()
		}
		return time.Now().Add(ahead)
	}
	ahead = 2*time.Hour + 30*time.Minute
	c.start()
	now := time.Now().UnixMilli() - c.epoch
	for i := range int64(8) {
		c.write(point{"level_m,asset=old", now + i, 1}, point{"level_m,asset=new", now + 2*3600_000 + i, 1})
	}
	c.eventually(func() bool { return c.counter("belfry_anomaly_forgotten_series_total") == 1 }, "one is forgotten")
	require.EqualValues(t, 1, c.Show()[0].Series)
	c.write(point{"level_m,asset=old", now + 2*3600_000 + 100, 1})
	c.eventually(func() bool { return c.Show()[0].Series == 2 }, "it comes back")
}
