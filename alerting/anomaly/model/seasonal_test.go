package model_test

import (
	"math"
	"testing"
	"time"
)

// rhythm is what a day looks like: quiet nights, two peaks.
func rhythm(t int64) float64 {
	p := 2 * math.Pi * float64(t%86_400_000) / 86_400_000
	return 100 + 50*math.Sin(p-1.5) + 25*math.Sin(2*p)
}

func TestADayLikeNoOtherIsFound(t *testing.T) {
	t.Parallel()
	const step, days = 600_000, 144
	r := drawn(2)
	k := kind(t, "seasonal")
	when := alarms(k.New(1, k.Defaults(), nil), step, 20*days, func(i int) float64 {
		at := start + int64(i)*step
		if i >= 15*days && i < 15*days+40 {
			return 100 + 3*r.NormFloat64() // each single value is an ordinary one
		}
		return rhythm(at) + 3*r.NormFloat64()
	})
	if !anyIn(when, 15*days, 15*days+40) {
		t.Errorf("alarms are %v, want one between %d and %d", when, 15*days, 15*days+40)
	}
	if len(when) > 3 {
		t.Errorf("alarms are %v, want few besides", when)
	}
}

func TestAWeekendIsNoAlarmOnceOneIsKnown(t *testing.T) {
	t.Parallel()
	const step, days = 600_000, 144
	r := drawn(3)
	k := kind(t, "seasonal")
	when := alarms(k.New(1, k.Defaults(), nil), step, 56*days, func(i int) float64 {
		at := start + int64(i)*step
		x := rhythm(at)
		if (at/86_400_000+4)%7 >= 5 {
			x *= 0.6
		}
		return x + 3*r.NormFloat64()
	})
	late := 0
	for _, i := range when {
		if i > 28*days {
			late++
		}
	}
	if late > 2 {
		t.Errorf("%d alarms in the last four weeks, at %v", late, when)
	}
}

func TestWhenClocksChangeThereAreFewAlarms(t *testing.T) {
	t.Parallel()
	const step, days = 600_000, 144
	for _, change := range []int64{-3_600_000, 3_600_000} {
		r := drawn(4)
		k := kind(t, "seasonal")
		m := k.New(1, k.Defaults(), nil)
		next := func(i int) float64 {
			at := start + int64(i)*step
			if i > 20*days {
				at += change
			}
			return rhythm(at) + 3*r.NormFloat64()
		}
		if when := alarms(m, step, 40*days, next); len(when) > 3 {
			t.Errorf("a change by %d ms gives alarms at %v", change, when)
		}
		// A week later values are expected where they are.
		off := 0.
		for i := 40 * days; i < 41*days; i++ {
			v := m.Observe(start+int64(i)*step, []float64{next(i)})
			off += math.Abs(v.Expected-rhythm(start+int64(i)*step+change)) / days
		}
		if off > 5 {
			t.Errorf("after a change by %d ms what is expected is off by %.1f on average, want at most 5", change, off)
		}
	}
}

func TestGapsAndIrregularIntervalsDoNotDisturbTheRhythm(t *testing.T) {
	t.Parallel()
	r := drawn(5)
	k := kind(t, "seasonal")
	m := k.New(1, k.Defaults(), nil)
	at, alarms := start, 0
	for i := range 8000 {
		at += 60_000 + r.Int64N(900_000)
		switch i {
		case 4000:
			at += 3 * 86_400_000
		case 6000:
			at += 31 * 86_400_000
		}
		x := rhythm(at) + 3*r.NormFloat64()
		if r.Float64() < 0.1 {
			x = math.NaN()
		}
		if m.Observe(at, []float64{x}).Score > 1 {
			alarms++
		}
	}
	if alarms > 4 {
		t.Errorf("%d alarms, want few", alarms)
	}
}

// A rhythm of people who change their clocks is expected right from the first hour after on.
func TestPeopleWhoChangeTheirClocksAreExpectedToDoSo(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const step = 600_000
	for _, change := range []time.Time{time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)} {
		r := drawn(6)
		k := kind(t, "seasonal")
		m := k.New(1, k.Defaults(), berlin)
		off, n := 0., 0
		for at := change.AddDate(0, 0, -30); at.Before(change.AddDate(0, 0, 1)); at = at.Add(step * time.Millisecond) {
			_, ahead := at.In(berlin).Zone()
			x := rhythm(at.UnixMilli() + int64(ahead)*1000)
			v := m.Observe(at.UnixMilli(), []float64{x + 3*r.NormFloat64()})
			if at.Before(change) {
				continue
			}
			if v.Score > 1 {
				t.Errorf("an alarm at %v, after clocks changed at %v", at, change)
			}
			off += math.Abs(v.Expected - x)
			n++
		}
		if off /= float64(n); off > 1.5 { // by the clocks of UTC it would be off by more than 4
			t.Errorf("on the day after %v what is expected is off by %.1f on average, want at most 1.5", change, off)
		}
	}
}

func TestARhythmOfAnotherZoneIsNotTakenOver(t *testing.T) {
	t.Parallel()
	k := kind(t, "seasonal")
	state, err := k.New(1, k.Defaults(), nil).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.New(1, k.Defaults(), time.UTC).UnmarshalBinary(state); err != nil {
		t.Errorf("UTC by another name: %v", err)
	}
	if err := k.New(1, k.Defaults(), time.FixedZone("", 8*3600)).UnmarshalBinary(state); err == nil {
		t.Error("a state of UTC was taken for one of another zone")
	}
}
