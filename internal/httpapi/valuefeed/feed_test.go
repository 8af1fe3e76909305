package valuefeed_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/httpapi/valuefeed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const waiting = 20 * time.Second

// city is a database with its feed.
type city struct {
	*tsdb.Store
	feed  *valuefeed.Feed
	looks atomic.Int64 // at the database
	at    int64        // the time of the newest sample
}

func (c *city) ChunkQuerier(from, to int64) (storage.ChunkQuerier, error) {
	c.looks.Add(1)
	return c.Store.ChunkQuerier(from, to)
}

func begin(t testing.TB) *city {
	t.Helper()
	c := &city{at: time.Now().Add(-time.Minute).UnixMilli()}
	var err error
	c.Store, err = tsdb.Open(tsdb.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(), NoSync: true})
	require.NoError(t, err)
	c.feed, err = valuefeed.New(valuefeed.Options{Store: c, Lookback: 5 * time.Minute, Metrics: metrics.NewSet(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.feed.Close())
		require.NoError(t, c.Close())
	})
	return c
}

// write stores a value of some assets.
func (c *city) write(t testing.TB, metric string, v float64, assets ...string) {
	t.Helper()
	c.at++
	app := c.Appender(t.Context())
	for _, asset := range assets {
		if _, err := app.Append(0, labels.FromStrings("__name__", metric, "asset", asset), c.at, v); err != nil {
			require.NoError(t, errors.Join(err, app.Rollback()))
		}
	}
	require.NoError(t, app.Commit())
}

func (c *city) follow(t testing.TB, selectors ...string) *valuefeed.Follower {
	t.Helper()
	f, err := c.feed.Follow(t.Context(), selecting(t, selectors...), valuefeed.LeastEvery)
	require.NoError(t, err)
	t.Cleanup(f.Close)
	return f
}

func selecting(t testing.TB, selectors ...string) (s valuefeed.Selectors) {
	t.Helper()
	for _, text := range selectors {
		require.NoError(t, s.Add(text))
	}
	return s
}

// next waits for values that have changed.
func next(t testing.TB, f *valuefeed.Follower) []string {
	t.Helper()
	select {
	case <-f.Changed():
	case <-time.After(waiting):
		t.Fatal("no values have changed")
	}
	return take(f)
}

func take(f *valuefeed.Follower) (all []string) {
	values, _ := f.Take()
	for _, v := range values {
		all = append(all, fmt.Sprintf("%s %g", v.Labels, v.Value))
	}
	slices.Sort(all)
	return all
}

func TestFirstAllValuesAndThenThoseThatChange(t *testing.T) {
	c := begin(t)
	c.write(t, "gas", 1, "W1", "W2")
	c.write(t, "other", 1, "W1")
	f := c.follow(t, `gas`)
	require.Equal(t, []string{`{"__name__":"gas","asset":"W1"} 1`, `{"__name__":"gas","asset":"W2"} 1`}, next(t, f))
	c.write(t, "other", 2, "W1")
	c.write(t, "gas", 3, "W2")
	require.Equal(t, []string{`{"__name__":"gas","asset":"W2"} 3`}, next(t, f))
	c.write(t, "gas", 4, "W3")
	require.Equal(t, []string{`{"__name__":"gas","asset":"W3"} 4`}, next(t, f), "a series that is new")

	// Whoever is slow gets the newest only, and whoever comes later all.
	c.write(t, "gas", 5, "W1")
	late := c.follow(t, `gas`)
	require.Len(t, next(t, late), 3)
	for i := range 20 {
		c.write(t, "gas", float64(10+i), "W1", "W2", "W3")
	}
	require.Eventually(t, func() bool {
		got := take(late)
		return len(got) == 3 && got[0] == `{"__name__":"gas","asset":"W1"} 29`
	}, waiting, time.Millisecond)
	slow := take(f)
	require.Len(t, slow, 3)
	require.Equal(t, `{"__name__":"gas","asset":"W1"} 29`, slow[0])
}

func TestASeriesThatEndsIsToldOfOnce(t *testing.T) {
	c := begin(t)
	c.write(t, "gas", 1, "W1", "W2")
	f := c.follow(t, `{asset="W1"}`, `gas{asset=~"W1|W2"}`)
	require.Len(t, next(t, f), 2, "each once")
	c.write(t, "gas", math.Float64frombits(value.StaleNaN), "W1")
	require.Equal(t, []string{`{"__name__":"gas","asset":"W1"} NaN`}, next(t, f))
	later := c.follow(t, `gas{asset=~"W1|W2"}`, `{asset="W1"}`)
	require.Equal(t, []string{`{"__name__":"gas","asset":"W2"} 1`}, next(t, later), "not to who never had it")
	c.write(t, "gas", 2, "W1")
	require.Equal(t, []string{`{"__name__":"gas","asset":"W1"} 2`}, next(t, f))
}

func TestNobodyLooksForNobody(t *testing.T) {
	c := begin(t)
	c.write(t, "gas", 1, "W1")
	require.Zero(t, c.looks.Load())
	first, second := c.follow(t, `gas{asset="W1"}`), c.follow(t, `{asset="W1",__name__="gas"}`)
	require.Len(t, next(t, first), 1)
	require.Len(t, next(t, second), 1)
	require.LessOrEqual(t, c.looks.Load(), int64(2), "one look for both, and perhaps one for the commit before")
	first.Close()
	first.Close()
	c.write(t, "gas", 2, "W1")
	require.Len(t, next(t, second), 1)
	second.Close()
	before := c.looks.Load()
	for i := range 100 {
		c.write(t, "gas", float64(3+i), "W1")
	}
	require.LessOrEqual(t, c.looks.Load(), before+1, "one may have begun")
	third := c.follow(t, `gas`)
	require.Equal(t, []string{`{"__name__":"gas","asset":"W1"} 102`}, next(t, third))
}

func TestTooManySeriesAreRefusedWithTheirNumber(t *testing.T) {
	c := begin(t)
	assets := make([]string, valuefeed.MostSeries)
	for i := range assets {
		assets[i] = fmt.Sprint("W", i)
	}
	c.write(t, "gas", 1, assets...)
	f := c.follow(t, `gas`)
	require.Len(t, next(t, f), valuefeed.MostSeries)
	c.write(t, "gas", 1, "X1", "X2", "X3")
	_, err := c.feed.Follow(t.Context(), selecting(t, `{__name__="gas",asset!=""}`), time.Second)
	var many valuefeed.TooManyError
	require.ErrorAs(t, err, &many)
	require.Equal(t, valuefeed.TooManyError{Series: valuefeed.MostSeries + 3}, many)
	require.EqualError(t, err, "the selectors find 10003 series; want at most 10000: select fewer")
	require.Eventually(t, func() bool { // who is there already keeps what he has
		_, cut := f.Take()
		return cut
	}, waiting, time.Millisecond)
}

func TestFollowersEndWithTheFeed(t *testing.T) {
	c := begin(t)
	c.write(t, "gas", 1, "W1")
	f := c.follow(t, `gas`)
	require.NoError(t, c.feed.Close())
	require.Len(t, take(f), 1)
	_, err := c.feed.Follow(t.Context(), selecting(t, `gas`), time.Second)
	require.ErrorIs(t, err, valuefeed.ErrEnded)
}

func FuzzSelectors(f *testing.F) {
	for _, seed := range []string{`gas{a="b"}`, `{__name__=~"a|b",c!~"d"}`, `{}`, `gas[5m]`, `{a="\xff"}`, `{"名":"x"}`, `{a=~"(((("}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s valuefeed.Selectors
		if err := s.Add(text); err != nil {
			require.NotEmpty(t, err.Error())
			require.True(t, s.Empty())
			return
		}
		require.False(t, s.Empty())
	})
}

// BenchmarkLook is what it takes to look at 10,000 series of 100,000 after a commit.
func BenchmarkLook(b *testing.B) {
	c := begin(b)
	for i := range 100 {
		c.at++
		app := c.Appender(b.Context())
		for j := range 100_000 {
			if i < 90 && j >= 10_000 {
				continue
			}
			_, err := app.Append(0, labels.FromStrings("__name__", fmt.Sprint("metric_", j/10_000), "asset", fmt.Sprint("W", j)), c.at, float64(i))
			require.NoError(b, err)
		}
		require.NoError(b, app.Commit())
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			f, err := c.feed.Follow(b.Context(), selecting(b, `metric_0`), time.Second)
			require.NoError(b, err)
			values, _ := f.Take()
			require.Len(b, values, 10_000)
			f.Close()
		}
	})
	b.Run("again", func(b *testing.B) { c.feed.Look(b, selecting(b, `metric_0`)) })
	b.Run("one", func(b *testing.B) { c.feed.Look(b, selecting(b, `metric_0{asset="W7"}`)) })
}
