package rules_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
)

// judged gives a built-in detector's model a story, and returns when its score was
// over 1 and, of night flow, what the rule asks besides. value says what there is at a time since the beginning, which is midnight
// of a Monday in UTC.
func judged(t *testing.T, name string, series int, step, length time.Duration, value func(at time.Duration) []float64) (when []time.Duration) {
	t.Helper()
	all := detectors(t)
	i := slices.IndexFunc(all, func(d *detector.Detector) bool { return d.Name == name })
	require.GreaterOrEqual(t, i, 0)
	m := all[i].Kind.New(series, all[i].Settings, nil)
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for at := time.Duration(0); at < length; at += step {
		values := value(at)
		if values == nil {
			continue
		}
		if v := m.Observe(begin.Add(at).UnixMilli(), values); v.Score > 1 && (name != "water-night-flow" || values[0] > 1.2*v.Expected) {
			when = append(when, at)
		}
	}
	return when
}

const day = 24 * time.Hour

// nightFlow is what is recorded of a meter: minutes between 18:00 and 20:00 in
// UTC, each the mean of seventy, from the night begins a leak on.
func nightFlow(seed uint64, begins time.Duration, leak float64) func(time.Duration) []float64 {
	r := rand.New(rand.NewPCG(seed, 2))
	var mean float64
	return func(at time.Duration) []float64 {
		hour := at % day
		if hour < 18*time.Hour || hour >= 20*time.Hour {
			return nil
		}
		usual := 8 + 2*math.Exp(-(hour-18*time.Hour).Hours()*2)
		if hour == 18*time.Hour {
			mean = r.NormFloat64() * 0.4 // nights differ
		}
		mean += r.NormFloat64() * 0.03
		if at >= begins {
			usual += leak
		}
		return []float64{usual + mean}
	}
}

func TestALeakShowsInTheNight(t *testing.T) {
	for seed := range uint64(5) {
		when := judged(t, "water-night-flow", 1, time.Minute, 34*day, nightFlow(seed, 28*day, 6))
		require.NotEmpty(t, when, "seed %d", seed)
		require.GreaterOrEqual(t, when[0], 28*day, "seed %d: %v", seed, when)
		require.Less(t, when[0], 29*day, "seed %d: %v", seed, when)
	}
}

func TestNightsWithoutALeakAreSeldomToldOf(t *testing.T) {
	n := 0
	for seed := range uint64(20) {
		n += len(judged(t, "water-night-flow", 1, time.Minute, 60*day, nightFlow(seed, 999*day, 0)))
	}
	require.Less(t, n, 20, "1,200 nights of meters: less than one in sixty")
}

// bay is a bay that reports each minute, taken and free for half an hour to hours by
// day and left alone by night, until it is stuck.
func bay(seed uint64, stuck time.Duration) func(time.Duration) []float64 {
	r := rand.New(rand.NewPCG(seed, 3))
	taken := 0.
	return func(at time.Duration) []float64 {
		chance := 1. / 70
		if hour := at % day; hour < 7*time.Hour {
			chance = 1. / 1000
		}
		if at < stuck && r.Float64() < chance {
			taken = 1 - taken
		}
		return []float64{taken}
	}
}

func TestABaySensorThatSticksIsFoundWithinDays(t *testing.T) {
	for seed := range uint64(5) {
		when := judged(t, "parking-stuck", 1, time.Minute, 16*day, bay(seed, 10*day))
		require.Len(t, when, 1, "seed %d: %v", seed, when)
		require.GreaterOrEqual(t, when[0], 10*day, "seed %d", seed)
	}
	n := 0
	for seed := range uint64(50) {
		n += len(judged(t, "parking-stuck", 1, time.Minute, 20*day, bay(100+seed, 999*day)))
	}
	require.Less(t, n, 5, "of 1,000 days of bays")
}

func TestAGasSensorThatSticksIsFoundWithinTheHour(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	last := 0.
	when := judged(t, "gas-stuck", 1, 30*time.Second, 2*day, func(at time.Duration) []float64 {
		switch {
		case at > day && at < day+time.Minute:
			return []float64{60} // gas is gas, and not stuck
		case at < 36*time.Hour:
			last = math.Round(10*(0.5+r.NormFloat64()*0.1)) / 10
		}
		return []float64{last}
	})
	require.NotEmpty(t, when)
	require.GreaterOrEqual(t, when[0], 36*time.Hour)
	require.Less(t, when[0], 37*time.Hour)
}

func TestAPumpWhoseVibrationLeavesItsCurrentIsFoundForAsLongAsItDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	when := judged(t, "pump-together", 3, 10*time.Second, 2*day, func(at time.Duration) []float64 {
		load := 1 + 0.2*math.Sin(2*math.Pi*at.Hours()/6)
		shakes := 0.
		if at >= 36*time.Hour && at < 37*time.Hour {
			shakes = 1.5
		}
		return []float64{2.3*load + shakes + r.NormFloat64()*0.1, 31*load + r.NormFloat64()*0.4, 120*load + r.NormFloat64()*2}
	})
	require.NotEmpty(t, when)
	require.GreaterOrEqual(t, when[0], 36*time.Hour)
	require.Greater(t, len(when), 300, "of the 360 instants of an hour")
	require.Less(t, when[len(when)-1], 37*time.Hour+10*time.Minute)
}
