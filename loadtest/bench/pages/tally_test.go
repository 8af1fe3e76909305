package pages

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var begin = time.Date(2026, 6, 3, 4, 0, 0, 0, time.UTC)

const patience = time.Minute

func at(ms float64) time.Time { return begin.Add(time.Duration(ms * float64(time.Millisecond))) }

func someCauses(class Class, n int) (all []*cause) {
	for i := range n {
		all = append(all, &cause{class: class, page: page{"GasLeak", "asset", string(class) + string(rune('A'+i))}})
	}
	return all
}

func TestAPageCountsFromTheLastByteAndFromWhenItWasDue(t *testing.T) {
	all := someCauses(LimitKnown, 2)
	ta := newTally(all)
	ta.was(all[0], at(0), at(0), at(2), nil) // two milliseconds to write it
	require.Equal(t, all[0], ta.came(all[0].page, at(12)))
	ta.was(all[1], at(50), at(80), at(81), nil) // it should have begun thirty milliseconds earlier
	require.Equal(t, all[1], ta.came(all[1].page, at(91)))
	<-ta.none
	times := ta.times(LimitKnown, ofAssets(), patience)
	require.Equal(t, 2, times.Caused)
	require.Zero(t, times.Lost)
	require.InDelta(t, 10, times.P50, 0.01)
	require.InDelta(t, 40, times.Max, 0.05)
	require.InDelta(t, 30, ta.late(99), 0.05)
}

func TestAPageMayComeBeforeItIsKnownHowItsReadingWasSent(t *testing.T) {
	all := someCauses(LimitKnown, 1)
	ta := newTally(all)
	require.Equal(t, all[0], ta.came(all[0].page, at(5)))
	ta.was(all[0], at(0), at(0), at(1), nil)
	require.InDelta(t, 4, ta.times(LimitKnown, ofAssets(), patience).Max, 0.01)
}

func TestWhatIsLostIsInThePercentiles(t *testing.T) {
	all := someCauses(OwnNew, 10)
	ta := newTally(all)
	for i, c := range all {
		ta.was(c, at(0), at(0), at(0), nil)
		switch i {
		case 0: // never
		case 1:
			ta.came(c.page, begin.Add(patience+time.Second)) // when nobody waits for it any more
		default:
			ta.came(c.page, at(10))
		}
	}
	times := ta.times(OwnNew, ofAssets(), patience)
	require.Equal(t, 2, times.Lost)
	require.InDelta(t, 10, times.P50, 0.01)
	require.InDelta(t, 60_000, times.P90, 60)
	require.InDelta(t, 60_000, times.Max, 60)
	select {
	case <-ta.none:
		t.Fatal("one page is still missing")
	default:
	}
}

func TestPagesThatComeAgainOrThatNothingCaused(t *testing.T) {
	all := someCauses(StreetBays, 1)
	ta := newTally(all)
	ta.was(all[0], at(0), at(0), at(0), errors.New("the server answered 429"))
	require.NotNil(t, ta.came(all[0].page, at(7)))
	require.Nil(t, ta.came(all[0].page, at(9)), "what follows from a page follows once")
	require.Nil(t, ta.came(page{"GasLeak", "asset", "another"}, at(9)))
	times := ta.times(StreetBays, ofStreets(), patience)
	require.Equal(t, 1, times.Twice)
	require.InDelta(t, 7, times.Max, 0.01, "the first one counts")
	require.Equal(t, map[string]int{"GasLeak": 1}, ta.others)
	n, why := ta.failed()
	require.Equal(t, 1, n)
	require.Equal(t, "the server answered 429", why)
}

func TestNothingIsLeftOutOfTheTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []*cause
		for _, class := range append(ofAssets(), ofStreets()...) {
			all = append(all, someCauses(class, rapid.IntRange(0, 9).Draw(t, "causes"))...)
		}
		ta := newTally(all)
		lost, slowest := 0, time.Duration(0)
		for _, c := range all {
			took := time.Duration(rapid.Int64Range(1000, 2*patience.Microseconds()).Draw(t, "took")) * time.Microsecond
			ta.was(c, begin, begin, begin, nil)
			if rapid.Bool().Draw(t, "comes") {
				ta.came(c.page, begin.Add(took))
			} else {
				took = patience
			}
			if took >= patience {
				lost++
				took = patience
			}
			slowest = max(slowest, took)
		}
		var sum Times
		for _, c := range append(ofAssets(), ofStreets()...) {
			one := ta.times(c, []Class{c}, patience)
			sum.Caused, sum.Lost, sum.Max = sum.Caused+one.Caused, sum.Lost+one.Lost, max(sum.Max, one.Max)
			require.True(t, one.P50 <= one.P90 && one.P90 <= one.P99 && one.P99 <= one.Max, "%+v", one)
		}
		require.Equal(t, len(all), sum.Caused)
		require.Equal(t, lost, sum.Lost)
		require.InEpsilon(t, slowest.Seconds()*1000+1, sum.Max+1, 0.002)
	})
}
