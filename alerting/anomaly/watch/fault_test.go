package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/tsdb"
)

func newSet() *metrics.Set { return metrics.NewSet() }

// moody is a store that can be told to refuse scores.
type moody struct {
	Store
	refuses atomic.Bool
}

func (s *moody) Appender(ctx context.Context) storage.Appender {
	app := s.Store.Appender(ctx)
	if s.refuses.Load() {
		return moodyAppender{app}
	}
	return app
}

type moodyAppender struct{ storage.Appender }

func (a moodyAppender) Commit() error { return errors.Join(errors.New("not now"), a.Rollback()) }

func TestScoresThatCannotBeStoredAreStoredLater(t *testing.T) {
	var store *moody
	c := newCity(t, levels, func(o *Options) {
		store = &moody{Store: o.Store}
		o.Store = store
	})
	c.write(point{"level_m,asset=A", 1000, 1})
	c.wait("anomaly_score", scores("A", "0@1000"))
	store.refuses.Store(true)
	c.write(point{"level_m,asset=A", 2000, 4})
	c.eventually(func() bool { return c.metrics.failing.Load() }, "it cannot store")
	c.write(point{"level_m,asset=A", 3000, 4})
	require.Equal(t, scores("A", "0@1000"), c.stored("anomaly_score"))
	store.refuses.Store(false)
	c.wait("anomaly_score", scores("A", "0@1000", "1.5@2000", "1@3000"))
	require.Contains(t, c.log.String(), "anomaly scores cannot be stored")
}

func TestAStoreThatOpensItselfAnewIsFollowed(t *testing.T) {
	c := newCity(t, levels)
	c.stop()
	require.NoError(t, c.store.Close())
	var fails atomic.Bool
	reopen(t, c, func(o *tsdb.Options) {
		o.NoSync = false
		o.SyncFile = func(*os.File) error {
			if fails.Load() {
				return errors.New("a disk that fails")
			}
			return nil
		}
	})
	c.start()
	c.write(point{"level_m,asset=A", 1000, 1})
	c.wait("anomaly_score", scores("A", "0@1000"))
	before := c.store.Generation()
	fails.Store(true)
	require.Error(t, c.store.Sync(context.Background(), before))
	fails.Store(false)
	c.eventually(func() bool { return c.store.Generation() != before && !c.store.Failed() }, "it opens itself anew")
	c.write(point{"level_m,asset=A", 2000, 4})
	c.wait("anomaly_score", scores("A", "0@1000", "1.5@2000"))
	c.stop() // the references of the store before are not those of this one
	c.start()
	c.write(point{"level_m,asset=A", 3000, 4})
	c.wait("anomaly_score", scores("A", "0@1000", "1.5@2000", "1@3000"))
}

func reopen(t *testing.T, c *city, change ...func(*tsdb.Options)) {
	t.Helper()
	o := tsdb.Options{Dir: filepath.Dir(c.store.LogDir()), Logger: quietLogger(), NoSync: true}
	for _, f := range change {
		f(&o)
	}
	store, err := tsdb.Open(o)
	require.NoError(t, err)
	c.store, c.opts.Store = store, store
}

func TestAReloadKeepsWhatStaysAndDropsTheRest(t *testing.T) {
	c := newCity(t, `
detectors:
  - {name: stays, select: level_m}
  - {name: changes, select: level_m}
  - {name: goes, select: level_m}
`)
	c.write(point{"level_m,asset=A", 1000, 1}, point{"other_m,asset=A", 1000, 1})
	c.eventually(func() bool { return len(c.stored("anomaly_score")) == 3 }, "three scores")
	c.Reload(detectors(t, `
detectors:
  - {name: changes, select: level_m, options: {o: 1}}
  - {name: stays, select: '{__name__=~"level_m|other_m"}', outputs: [score, expected]}
  - {name: comes, select: level_m}
`))
	c.eventually(func() bool { return len(c.Show()) == 3 && c.Show()[2].Name == "comes" }, "it is reloaded")
	c.write(point{"level_m,asset=A", 2000, 4}, point{"other_m,asset=A", 2000, 1})
	c.eventually(func() bool { return len(c.stored("anomaly_score")) == 9 }, "four more, and the ends of what two said before")
	require.Contains(t, c.stored("anomaly_score"), `asset="A", detector="goes", metric="level_m"} NaN@1001`)
	var got []string
	for _, s := range c.stored("anomaly_score") {
		if s[len(s)-4:] == "2000" {
			got = append(got, s)
		}
	}
	require.Equal(t, []string{
		`asset="A", detector="changes", metric="level_m"} 0@2000`,
		`asset="A", detector="comes", metric="level_m"} 0@2000`,
		`asset="A", detector="stays", metric="level_m"} 1.5@2000`,
		`asset="A", detector="stays", metric="other_m"} 0@2000`,
	}, got)
	require.Len(t, c.stored("anomaly_expected"), 2)

	c.Reload(detectors(t, `detectors: []`))
	c.eventually(func() bool { return len(c.Show()) == 0 }, "there is none")
	c.write(point{"level_m,asset=A", 3000, 4})
	c.Reload(detectors(t, levels))
	c.eventually(func() bool { return len(c.Show()) == 1 }, "there is one again")
	c.eventually(func() bool { c.write(point{"level_m,asset=A", 4000, 4}); return c.Show()[0].Scored > 0 }, "it watches")
}

func TestALogThatDoesNotReachBackIsAGap(t *testing.T) {
	c := newCity(t, levels)
	c.write(point{"level_m,asset=A", 1000, 1})
	c.wait("anomaly_score", scores("A", "0@1000"))
	c.stop()
	wal := c.store.LogDir()
	require.NoError(t, c.store.Close())
	// The segments that the states are of are gone, as after weeks.
	files, err := filepath.Glob(filepath.Join(wal, "0*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		require.NoError(t, os.Rename(f, filepath.Join(wal, "00000007")))
	}
	require.NoError(t, os.Mkdir(filepath.Join(wal, "checkpoint.00000006"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(wal, "checkpoint.00000006", "00000000"), nil, 0o666))
	reopen(t, c)
	c.start()
	c.write(point{"level_m,asset=A", 2000, 4})
	c.wait("anomaly_score", scores("A", "0@1000", "1.5@2000"))
	require.Positive(t, c.counter("belfry_anomaly_lost_segments_total"))
	require.Contains(t, c.log.String(), "does not reach back")
}

func TestAnotherLogIsReadFromItsBeginning(t *testing.T) {
	c := newCity(t, levels)
	c.write(point{"level_m,asset=A", 1000, 1})
	c.wait("anomaly_score", scores("A", "0@1000"))
	c.stop()
	require.NoError(t, c.store.Close())
	require.NoError(t, os.RemoveAll(filepath.Dir(c.store.LogDir())))
	reopen(t, c)
	c.write(point{"level_m,asset=A", 500, 9}, point{"level_m,asset=A", 2000, 4})
	c.start()
	c.wait("anomaly_score", scores("A", "1.5@2000"))
	require.Contains(t, c.log.String(), "the log is not the one that detectors had read")
}

func TestSeriesBeyondTheLimitAreNotKept(t *testing.T) {
	c := newCity(t, `detectors: [{name: levels, select: level_m, limit: 100}]`)
	c.stop()
	w, err := New(c.opts)
	require.NoError(t, err)
	g := gather{w: w}
	const many = 200_000
	for i := range many {
		in := w.series(labels.FromStrings("__name__", "level_m", "asset", strconv.Itoa(i)))
		g.Sample(in, 1, c.epoch)
	}
	require.Len(t, w.tracks, 100)
	require.Len(t, w.inputs, 100)
	require.EqualValues(t, many-100, w.detectors[0].refused.Load())
	require.Equal(t, 1, strings.Count(c.log.String(), "selects more series than may be watched"))
	w.rounds.Leave()
}

func TestALimitThatIsRaisedByAReloadLetsTheOthersIn(t *testing.T) {
	c := newCity(t, `detectors: [{name: levels, select: level_m, limit: 1}]`)
	c.write(point{"level_m,asset=A", 1000, 1})
	c.write(point{"level_m,asset=B", 1000, 1})
	c.eventually(func() bool { return c.Show()[0].Refused == 1 && c.Show()[0].Scored == 1 }, "one is refused")
	c.Reload(detectors(t, `detectors: [{name: levels, select: level_m, limit: 2}]`))
	c.eventually(func() bool { return c.Show()[0].Limit == 2 }, "it is reloaded")
	c.write(point{"level_m,asset=A", 2000, 4})
	c.write(point{"level_m,asset=B", 2000, 1})
	c.wait("anomaly_score", append(scores("A", "0@1000", "1.5@2000"), scores("B", "0@2000")...))
	require.Zero(t, c.Show()[0].Refused)
}

func TestEachDetectorCountsTheSamplesThatItRefuses(t *testing.T) {
	c := newCity(t, `
detectors:
  - {name: one, select: level_m, limit: 1}
  - {name: other, select: level_m, limit: 1}
  - {name: larger, select: level_m, limit: 2}
`)
	// B is beyond the limit of two, and C beyond that of all, before it is looked at any further.
	for i := range int64(3) {
		c.write(point{"level_m,asset=A", 1000 * i, 1}, point{"level_m,asset=B", 1000 * i, 1}, point{"level_m,asset=C", 1000 * i, 1})
	}
	c.eventually(func() bool { return c.Show()[2].Scored == 6 }, "all is read")
	for name, want := range map[string]int{"one": 6, "other": 6, "larger": 3} {
		require.Equal(t, want, c.counter(`belfry_anomaly_refused_samples_total{detector="`+name+`"}`), name)
	}
	c.Reload(detectors(t, `
detectors:
  - {name: one, select: level_m, limit: 1}
  - {name: larger, select: level_m, limit: 2}
`))
	c.eventually(func() bool { return len(c.Show()) == 2 }, "one has gone")
	c.write(point{"level_m,asset=A", 3000, 1}, point{"level_m,asset=C", 3000, 1})
	c.eventually(func() bool { return c.Show()[1].Scored == 7 }, "all is read")
	for name, want := range map[string]int{"one": 7, "other": 6, "larger": 4} {
		require.Equal(t, want, c.counter(`belfry_anomaly_refused_samples_total{detector="`+name+`"}`), name)
	}
}
