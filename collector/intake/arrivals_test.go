package intake_test

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// untimed reads "asset value" pairs, one a line, without times.
type untimed struct{}

func (untimed) Decode(m *input.Message, out *reading.Builder) {
	for i, line := range strings.Split(string(m.Body), "\n") {
		asset, value, _ := strings.Cut(line, " ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			panic(err)
		}
		out.Part(i + 1)
		out.Begin(m.Received)
		out.Label("asset", asset)
		out.Value("level", v)
	}
}

func level(asset string) []*labels.Matcher {
	return []*labels.Matcher{
		labels.MustNewMatcher(labels.MatchEqual, "__name__", "level"), labels.MustNewMatcher(labels.MatchEqual, "asset", asset),
	}
}

// newest is when the newest sample of a series is, from now on.
func newest(t *testing.T, s *tsdb.Store, asset string) (at int64) {
	q, err := s.Querier(0, math.MaxInt64)
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	set := q.Select(t.Context(), true, nil, level(asset)...)
	for set.Next() {
		for it := set.At().Iterator(nil); it.Next() != 0; {
			at = it.AtT()
		}
	}
	require.NoError(t, set.Err())
	return at
}

func backlog(asset string, first, count int) string {
	lines := make([]string, count)
	for i := range lines {
		lines[i] = fmt.Sprintf("%s %d", asset, first+i)
	}
	return strings.Join(lines, "\n")
}

func TestWhatIsAcknowledgedOfABacklogWithoutTimesIsStored(t *testing.T) {
	s := openStore(t, nil)
	in := intake.New(intake.Options{Store: s, Metrics: metrics.NewSet(), Lag: func() time.Duration { return 0 }})
	now := time.Now().UnixMilli()
	taken := 0
	for i := range 70 {
		res, err := in.Take(t.Context(), "mqtt", &input.Message{Body: []byte(backlog("gateway", i*1000, 1000)), Received: now}, untimed{})
		require.NoError(t, err)
		taken += res.Samples
		require.EqualValues(t, 1000, res.Samples+res.Refused)
		if res.Refused > 0 {
			require.Equal(t, reading.ReasonConflict, res.Refusals[0].Reason)
			require.Contains(t, res.Refusals[0].Detail, "send times")
		}
	}
	require.Equal(t, 60_001, taken)
	require.Len(t, stored(t, s, level("gateway")...), taken, "each reading that was acknowledged is there")

	res, err := in.Take(t.Context(), "mqtt", &input.Message{Body: []byte("other 1"), Received: now}, untimed{})
	require.NoError(t, err)
	require.Equal(t, 1, res.Samples)
	require.Equal(t, now, newest(t, s, "other"), "the others are of when they came")
}

func TestABacklogIsContinuedAfterARestart(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().UnixMilli()
	var s *tsdb.Store
	var in *intake.Intake
	start := func() {
		var err error
		s, err = tsdb.Open(tsdb.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		in = intake.New(intake.Options{Store: s, Metrics: metrics.NewSet(), Lag: func() time.Duration { return 0 }})
	}
	take := func(body string) {
		res, err := in.Take(t.Context(), "mqtt", &input.Message{Body: []byte(body), Received: now}, untimed{})
		require.NoError(t, err)
		require.Zero(t, res.Refused)
	}
	start()
	take(backlog("gateway", 0, 5000))
	require.NoError(t, s.Close())
	start()
	defer func() { require.NoError(t, s.Close()) }()
	take(backlog("gateway", 5000, 5000))
	require.Len(t, stored(t, s, level("gateway")...), 10_000)
	take("other 1")
	require.Equal(t, now, newest(t, s, "other"))
}

func TestTimesThatDevicesSayStayAsTheyAre(t *testing.T) {
	s := openStore(t, nil)
	in := intake.New(intake.Options{Store: s, Metrics: metrics.NewSet(), Lag: func() time.Duration { return 0 }})
	now := time.Now().UnixMilli()
	for i, received := range []int64{now, now + 1, now + 5000} {
		res, err := in.Take(t.Context(), "mqtt", &input.Message{Body: []byte(fmt.Sprint("P7 ", i)), Received: received}, untimed{})
		require.NoError(t, err)
		require.Equal(t, 1, res.Samples)
		require.Equal(t, received, newest(t, s, "P7"))
	}
}
