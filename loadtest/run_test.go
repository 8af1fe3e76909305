package loadtest_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/loadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// story runs under a clock that moves only when everybody waits.
func story(t *testing.T, tell func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, tell)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestRequestsLeaveWhenTheyAreDue(t *testing.T) {
	story(t, func(t *testing.T) {
		server, begin := &fakeServer{}, time.Now()
		report, err := loadtest.Run(t.Context(), loadtest.Options{
			Plan: loadtest.Plan{Rate: 100, Duration: 3 * time.Second, Connections: 3}, Load: fakeLoad(4), Driver: server,
		})
		require.NoError(t, err)
		require.True(t, report.OK)
		require.EqualValues(t, 300, report.Acknowledged)
		require.Zero(t, report.Unsent)
		for i, s := range server.all() {
			require.Equal(t, begin.Add(time.Duration(i)*100*time.Millisecond), s.at)
			require.EqualValues(t, i%4, s.part)
			require.EqualValues(t, i/4, s.round)
		}
	})
}

func TestAStallIsChargedToAllThatHadToWait(t *testing.T) {
	story(t, func(t *testing.T) {
		server := &fakeServer{answer: func(ctx context.Context, attempt int, _ sent) error {
			if attempt == 10 {
				return wait(ctx, time.Second)
			}
			return wait(ctx, time.Millisecond)
		}}
		report, err := loadtest.Run(t.Context(), loadtest.Options{
			Plan: loadtest.Plan{Rate: 1000, Samples: 1000, Connections: 1}, Load: fakeLoad(1), Driver: server,
		})
		require.NoError(t, err)
		require.EqualValues(t, 1000, report.Acknowledged)
		// One request took a second; the 99 after it were due every 10 ms, so
		// most of them were late although each was answered in a millisecond.
		require.InDelta(t, 1, report.Service.P90, 0.01)
		require.InDelta(t, 1000, report.Service.Max, 1)
		require.Greater(t, report.Latency.P90, 900.0)
		require.Greater(t, report.Latency.P50, 400.0)
	})
}

func TestWhatNobodyWasFreeToSendIsCounted(t *testing.T) {
	story(t, func(t *testing.T) {
		server := &fakeServer{answer: func(ctx context.Context, _ int, _ sent) error { return wait(ctx, time.Second) }}
		report, err := loadtest.Run(t.Context(), loadtest.Options{
			Plan: loadtest.Plan{Rate: 100, Duration: 5 * time.Second, Connections: 1}, Load: fakeLoad(1), Driver: server,
		})
		require.NoError(t, err)
		require.EqualValues(t, 50, report.Acknowledged)
		require.EqualValues(t, 450, report.Unsent)
	})
}

func TestAServersPleaIsObeyedAndNothingIsLost(t *testing.T) {
	story(t, func(t *testing.T) {
		var pleas []time.Time
		server := &fakeServer{answer: func(_ context.Context, attempt int, s sent) error {
			if attempt == 2 || attempt == 3 {
				pleas = append(pleas, s.at)
				return &loadtest.Busy{Status: 429, After: 7 * time.Second}
			}
			if attempt == 4 {
				pleas = append(pleas, s.at)
				return errors.New("connection reset")
			}
			return nil
		}}
		report, err := loadtest.Run(t.Context(), loadtest.Options{
			Plan: loadtest.Plan{Samples: 100, Connections: 1}, Load: fakeLoad(2), Driver: server,
		})
		require.NoError(t, err)
		require.True(t, report.OK)
		require.EqualValues(t, 100, report.Acknowledged)
		require.Equal(t, map[string]int64{"429": 2, "no answer": 1}, report.Retries)
		require.Equal(t, 7*time.Second, pleas[1].Sub(pleas[0]))
		require.Equal(t, 7*time.Second, pleas[2].Sub(pleas[1]))
		require.Len(t, server.all(), 10)
	})
}

func TestWhatIsNeverAcknowledgedIsReportedAsLost(t *testing.T) {
	story(t, func(t *testing.T) {
		server := &fakeServer{answer: func(_ context.Context, _ int, s sent) error {
			if s.round == 1 {
				return &loadtest.Busy{Status: 503}
			}
			return nil
		}}
		report, err := loadtest.Run(t.Context(), loadtest.Options{
			Plan: loadtest.Plan{Samples: 30, Connections: 1, RetryFor: time.Minute}, Load: fakeLoad(1), Driver: server,
		})
		require.NoError(t, err)
		require.False(t, report.OK)
		require.EqualValues(t, 20, report.Acknowledged)
		require.EqualValues(t, 10, report.Lost)
		require.Equal(t, []loadtest.Failure{{Message: "the server answered 503", Count: 1}}, report.Errors)
	})
}

func TestARefusalIsFinal(t *testing.T) {
	story(t, func(t *testing.T) {
		server := &fakeServer{answer: func(_ context.Context, attempt int, _ sent) error {
			if attempt == 0 {
				return &loadtest.Rejected{Status: 400, Message: "line 3: syntax"}
			}
			return nil
		}}
		report, err := loadtest.Run(t.Context(), loadtest.Options{
			Plan: loadtest.Plan{Samples: 30, Connections: 1}, Load: fakeLoad(1), Driver: server,
		})
		require.NoError(t, err)
		require.False(t, report.OK)
		require.EqualValues(t, 10, report.Refused)
		require.EqualValues(t, 20, report.Acknowledged)
		require.Empty(t, report.Retries)
	})
}

func TestCancellingEndsARunWithAReport(t *testing.T) {
	story(t, func(t *testing.T) {
		server := &fakeServer{answer: func(ctx context.Context, attempt int, _ sent) error {
			if attempt < 5 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		report, err := loadtest.Run(ctx, loadtest.Options{
			Plan: loadtest.Plan{Samples: 1 << 40, Connections: 4}, Load: fakeLoad(8), Driver: server,
		})
		require.NoError(t, err)
		require.Equal(t, time.Minute+5*time.Second, time.Since(begin))
		require.EqualValues(t, 50, report.Acknowledged)
		require.EqualValues(t, 40, report.Lost)
	})
}

func TestASeriesReadingsArriveInOrderWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		parts := rapid.IntRange(1, 6).Draw(rt, "parts")
		conns := rapid.IntRange(1, 8).Draw(rt, "connections")
		seed := rapid.Uint64().Draw(rt, "seed")
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			server := &fakeServer{}
			server.answer = func(ctx context.Context, _ int, s sent) error {
				server.mu.Lock()
				delay, fails := time.Duration(rng.IntN(50))*time.Millisecond, rng.IntN(4) == 0
				server.mu.Unlock()
				if err := wait(ctx, delay); err != nil {
					return err
				}
				if fails {
					return errors.New("no luck")
				}
				return nil
			}
			report, err := loadtest.Run(t.Context(), loadtest.Options{
				Plan: loadtest.Plan{Samples: 600, Connections: conns}, Load: fakeLoad(parts), Driver: server,
			})
			require.NoError(t, err)
			require.EqualValues(t, 600, report.Acknowledged)
			next, last := make([]int64, parts), make([]time.Time, parts)
			for _, s := range server.all() {
				require.Equal(t, next[s.part], s.round)
				require.True(t, s.reading.After(last[s.part]))
				next[s.part]++
				last[s.part] = s.reading
			}
		})
	})
}

func TestARunAfterAnotherHasNoneOfItsInstants(t *testing.T) {
	story(t, func(t *testing.T) {
		server, begin := &fakeServer{}, time.Now()
		plan := loadtest.Plan{Samples: 1000, Connections: 1}
		first, err := loadtest.Run(t.Context(), loadtest.Options{Plan: plan, Load: fakeLoad(1), Driver: server})
		require.NoError(t, err)
		require.Equal(t, begin.Add(99*time.Millisecond), first.LastReading, "ahead of the clock: rounds took no time")
		plan.After = first.LastReading
		second, err := loadtest.Run(t.Context(), loadtest.Options{Plan: plan, Load: fakeLoad(1), Driver: server})
		require.NoError(t, err)
		require.Equal(t, begin.Add(100*time.Millisecond), second.FirstReading)
	})
}

func TestAPastEndsNow(t *testing.T) {
	story(t, func(t *testing.T) {
		server, begin := &fakeServer{}, time.Now()
		report, err := loadtest.Run(t.Context(), loadtest.Options{
			Plan: loadtest.Plan{Samples: 1000, Interval: time.Minute}, Load: fakeLoad(2), Driver: server,
		})
		require.NoError(t, err)
		require.Equal(t, begin.Add(-50*time.Minute), report.FirstReading)
		require.Equal(t, begin.Add(-time.Minute), report.LastReading)
	})
}

func TestPlansThatCannotBeAreRefused(t *testing.T) {
	for says, plan := range map[string]loadtest.Plan{
		"would not end":               {},
		"want at least 1; got -1":     {Connections: -1, Samples: 1},
		"rate: want":                  {Rate: -1, Samples: 1},
		"no negative values":          {Samples: -1},
		"whole milliseconds":          {Samples: 1, Interval: time.Microsecond},
		"it needs samples":            {Duration: time.Second, Interval: time.Second},
		"would begin at":              {Samples: 1_000_000, Interval: time.Minute},
		"30 rounds at 1h0m0s would b": {Rate: 10, Duration: 30 * time.Second, Interval: time.Hour},
	} {
		_, err := loadtest.Run(t.Context(), loadtest.Options{Plan: plan, Load: fakeLoad(1), Driver: &fakeServer{}})
		require.ErrorContains(t, err, says)
	}
}

func TestProgressIsToldEverySecond(t *testing.T) {
	story(t, func(t *testing.T) {
		var told []loadtest.Snapshot
		_, err := loadtest.Run(t.Context(), loadtest.Options{
			Plan: loadtest.Plan{Rate: 100, Duration: 3500 * time.Millisecond}, Load: fakeLoad(1), Driver: &fakeServer{},
			Progress: func(s loadtest.Snapshot) { told = append(told, s) },
		})
		require.NoError(t, err)
		require.Len(t, told, 3)
		require.Equal(t, 2*time.Second, told[1].Elapsed)
		require.InDelta(t, 100, told[2].PerSecond, 10)
	})
}
