package intake_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/tsdb"
)

func openStore(t *testing.T, free func(string) (int64, int64, error)) *tsdb.Store {
	t.Helper()
	s, err := tsdb.Open(tsdb.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), DiskReserve: 1 << 20, FreeBytes: free})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// stored are the values of a series.
func stored(t *testing.T, s *tsdb.Store, match ...*labels.Matcher) (values []float64) {
	t.Helper()
	q, err := s.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	set := q.Select(t.Context(), true, nil, match...)
	for set.Next() {
		for it := set.At().Iterator(nil); it.Next() != 0; {
			_, v := it.At()
			values = append(values, v)
		}
	}
	require.NoError(t, set.Err())
	return values
}

func TestWhatUpstreamAppendsIsOnDiskAfterCommit(t *testing.T) {
	s, set := openStore(t, nil), metrics.NewSet()
	in := intake.New(intake.Options{Store: s, Metrics: set, Lag: func() time.Duration { return 0 }})
	now := time.Now().UnixMilli()
	stale := math.Float64frombits(value.StaleNaN)

	app := in.Appender(t.Context(), intake.Source{Input: "scrape", Sender: "http://10.0.0.1"})
	level := labels.FromStrings("__name__", "水位.m", "asset", "W1", "http.method", "GET")
	ref, err := app.Append(0, level, 0, now-2, 1.5, nil, nil, storage.AOptions{})
	require.NoError(t, err)
	again, err := app.Append(0, level, 0, now-1, math.NaN(), nil, nil, storage.AOptions{})
	require.NoError(t, err)
	require.NotZero(t, ref)
	require.Equal(t, ref, again, "equal labels have one reference")
	other, err := app.Append(0, labels.FromStrings("__name__", "other"), 0, now-48*3600*1000, 1, nil, nil, storage.AOptions{})
	require.NoError(t, err)
	require.NotEqual(t, ref, other)
	_, err = app.Append(ref, level, 0, now, stale, nil, nil, storage.AOptions{})
	require.NoError(t, err)
	require.NoError(t, app.Commit())

	values := stored(t, s, labels.MustNewMatcher(labels.MatchEqual, "http.method", "GET"))
	require.Len(t, values, 3)
	require.Equal(t, 1.5, values[0])
	require.True(t, math.IsNaN(values[1]) && !value.IsStaleNaN(values[1]))
	require.True(t, value.IsStaleNaN(values[2]))
	require.EqualValues(t, 3, set.GetOrCreateCounter(`belfry_samples_total{input="scrape"}`).Get())
	require.EqualValues(t, 1, set.GetOrCreateCounter(`belfry_input_refused_total{input="scrape",reason="too_old"}`).Get())

	app = in.Appender(t.Context(), intake.Source{Input: "scrape"})
	_, err = app.Append(0, level, 0, now+1, 9, nil, nil, storage.AOptions{})
	require.NoError(t, err)
	require.NoError(t, app.Rollback())
	require.Len(t, stored(t, s, labels.MustNewMatcher(labels.MatchEqual, "http.method", "GET")), 3, "nothing of what was rolled back")
}

func TestACommitWithoutRoomFailsAndIsCounted(t *testing.T) {
	var room atomic.Int64
	room.Store(1 << 30)
	s, set := openStore(t, func(string) (int64, int64, error) { return room.Load(), 1 << 30, nil }), metrics.NewSet()
	in := intake.New(intake.Options{Store: s, Metrics: set, Lag: func() time.Duration { return 0 }})
	commit := func(ctx context.Context) error {
		app := in.Appender(ctx, intake.Source{Input: "scrape"})
		_, err := app.Append(0, labels.FromStrings("__name__", "a"), 0, time.Now().UnixMilli(), 1, nil, nil, storage.AOptions{})
		require.NoError(t, err)
		return app.Commit()
	}
	require.NoError(t, commit(t.Context()))
	room.Store(0)
	require.Eventually(t, func() bool { return errors.Is(commit(t.Context()), tsdb.ErrDiskFull) }, time.Minute, 10*time.Millisecond)
	require.NotZero(t, set.GetOrCreateCounter(`belfry_input_refused_total{input="scrape",reason="disk_full"}`).Get())
}
