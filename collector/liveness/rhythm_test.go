package liveness

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// patient is a device under observation: how often it would have been called
// silent although it was not.
type patient struct {
	rhythm
	now    int64
	alarms []int64
}

func (p *patient) allowed() int64 {
	if i := p.interval(); i > 0 {
		return max(3*i, 5*second)
	}
	return 0
}

// after has the device say something after a gap.
func (p *patient) after(gap int64) {
	if a := p.allowed(); a > 0 && p.Counted+a < p.now+gap {
		p.alarms = append(p.alarms, p.now)
	}
	p.now += gap
	p.sign(p.now, p.allowed())
}

func observe() *patient { return &patient{now: 1_700_000_000_000} }

func TestTheIntervalOfARegularDeviceIsLearned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := rapid.Int64Range(second, 2*hour).Draw(t, "every")
		jitter := rapid.Float64Range(0, 0.2).Draw(t, "jitter")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		p := observe()
		needed := max(2*gapsKept+2, int(2*minute/every))
		for range needed {
			p.after(every + int64(float64(every)*jitter*(random.Float64()-0.5)))
		}
		require.InEpsilon(t, every, p.interval(), 0.1+jitter)
		for range 1000 {
			p.after(every + int64(float64(every)*jitter*(random.Float64()-0.5)))
		}
		require.InEpsilon(t, every, p.interval(), 0.1+jitter)
		require.Empty(t, p.alarms)
	})
}

func TestTwoSignsAreNoRhythm(t *testing.T) {
	p := observe()
	for range gapsKept {
		p.after(second)
		require.Zero(t, p.interval())
	}
}

// A device that joins and says all it has kept, or answers many requests, is
// expected no sooner for it.
func TestBurstsAreOneSign(t *testing.T) {
	p := observe()
	for range 100 { // when it joins
		p.after(200)
	}
	require.Zero(t, p.interval())
	for range 100 {
		p.after(hour)
		for range 5 {
			p.after(1500)
		}
	}
	require.InEpsilon(t, hour, p.interval(), 0.01)
	for range 200 { // what it kept while it was cut off
		p.after(300)
	}
	for range 3 {
		p.after(hour)
	}
	require.InEpsilon(t, hour, p.interval(), 0.01)
	require.Empty(t, p.alarms)
}

// The metrics of an asset come in their own time each.
func TestSeveralMetricsAtDifferentRates(t *testing.T) {
	for _, rates := range [][2]int64{{10 * second, minute}, {minute, hour}, {10 * second, 15 * second}, {minute, 59 * second}} {
		p := observe()
		next := [2]int64{p.now, p.now + 700}
		for p.now < 1_700_000_000_000+8*day {
			i := 0
			if next[1] < next[0] {
				i = 1
			}
			p.after(next[i] - p.now)
			next[i] += rates[i]
		}
		require.Empty(t, p.alarms, rates)
		require.Positive(t, p.interval(), rates)
		require.LessOrEqual(t, p.interval(), rates[0]*3/2, rates)
	}
}

func TestLostMessagesMakePatient(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	p, lost := observe(), int64(0)
	const n = 100_000
	for range n {
		if lost++; random.Float64() < 0.1 {
			continue
		}
		p.after(lost * minute)
		lost = 0
	}
	require.Less(t, len(p.alarms), n/1000, "with three intervals at most one in a thousand, and less for having learned")
}

// What reports when something happens has no rhythm: by night, or at the
// weekend, nothing may happen.
func TestEventsHaveNoRhythm(t *testing.T) {
	alarms := 0
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		p := observe()
		for p.now < 1_700_000_000_000+28*day {
			gap := int64(random.ExpFloat64() * float64(20*minute))
			if hours := (p.now + gap) % day / hour; hours < 7 {
				gap += (7 - hours) * hour // nobody parks at night
			}
			if (p.now+gap)/day%7 == 6 {
				gap += day
			}
			p.after(gap)
		}
		alarms += len(p.alarms)
	}
	require.Zero(t, alarms, "of fifty devices in four weeks")
}

// A device that has been told to report less often pages a few times, and one
// that reports more often is expected more often.
func TestANewHabitIsLearned(t *testing.T) {
	p := observe()
	for range 100 {
		p.after(minute)
	}
	for range 50 {
		p.after(hour)
	}
	require.Len(t, p.alarms, lateKept)
	require.InEpsilon(t, hour, p.interval(), 0.01)
	for range 24 * 60 {
		p.after(minute)
	}
	require.InEpsilon(t, minute, p.interval(), 0.3)
	require.Len(t, p.alarms, lateKept)
}

func TestAnOutageIsNotLearned(t *testing.T) {
	p := observe()
	for range 100 {
		p.after(minute)
	}
	p.after(day)
	for range 2 {
		p.after(minute)
	}
	require.InEpsilon(t, minute, p.interval(), 0.01)
}

func TestAClockThatIsSetBackDoesNoHarm(t *testing.T) {
	p := observe()
	for range 100 {
		p.after(minute)
	}
	p.now -= hour
	for range 100 {
		p.after(minute)
	}
	require.InEpsilon(t, minute, p.interval(), 0.01)
	require.Empty(t, p.alarms)
}
