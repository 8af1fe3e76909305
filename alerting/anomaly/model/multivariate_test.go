package model_test

import (
	"math"
	"math/rand/v2"
	"testing"
)

// bridge are four sensors that go with the load and the warmth of a bridge.
func bridge(r *rand.Rand) func() []float64 {
	load, warmth := 0., 0.
	return func() []float64 {
		load = 0.9*load + r.NormFloat64()
		warmth += 0.02 * r.NormFloat64()
		return []float64{
			100 + 3*load + 2*warmth + 0.3*r.NormFloat64(), -20 - 2*load + warmth + 0.3*r.NormFloat64(),
			5 + load + 0.3*r.NormFloat64(), 15 + 4*warmth + 0.1*r.NormFloat64(),
		}
	}
}

func TestASensorThatLeavesTheOthersIsFoundUntilItComesBack(t *testing.T) {
	t.Parallel()
	k := kind(t, "multivariate")
	for _, broken := range []string{"none", "a sensor that never comes", "a sensor that is always the same", "a sensor that comes now and then"} {
		r := drawn(6)
		next := bridge(r)
		m := k.New(5, k.Defaults(), nil)
		over, before, after := 0, 0, 0
		for i := range 4000 {
			v := append(next(), math.NaN())
			switch broken {
			case "a sensor that is always the same":
				v[4] = 7
			case "a sensor that comes now and then":
				if r.IntN(10) == 0 {
					v[4] = v[2] + r.NormFloat64()
				}
			case "none":
				v[4] = v[2] + r.NormFloat64()
			}
			if i >= 3000 && i < 3400 {
				v[0] += 9 // about as much as it varies by itself
			}
			switch s := m.Observe(start+int64(i)*10_000, v).Score; {
			case s <= 1:
			case i < 3000:
				before++
			case i < 3400:
				over++
			case i > 3500:
				after++
			}
		}
		if over < 300 {
			t.Errorf("with %s: %d samples of 400 are found, want most", broken, over)
		}
		if before+after > 150 {
			t.Errorf("with %s: %d samples before and %d after are over 1, want few", broken, before, after)
		}
	}
}

func TestAFaultThatLastsIsHowThingsAre(t *testing.T) {
	t.Parallel()
	k := kind(t, "multivariate")
	next := bridge(drawn(7))
	set := k.Defaults()
	set["freeze"] = 500
	m := k.New(4, set, nil)
	found, late := 0, 0
	for i := range 7000 {
		v := next()
		if i >= 2000 {
			v[0] += 30
		}
		switch s := m.Observe(start+int64(i)*10_000, v).Score; {
		case s <= 1:
		case i >= 2000 && i < 2500:
			found++
		case i > 5000:
			late++
		}
	}
	if found < 400 {
		t.Errorf("%d of the first 500 samples are found, want most", found)
	}
	if late > 100 {
		t.Errorf("%d samples are over 1 long after", late)
	}
}

// A pump warms up and cools down as it likes. That it is of another temperature than it was while the model learned is no fault that
// lasts, and does not hide one of its flow.
func TestASensorThatWandersDoesNotKeepAnAlarmUp(t *testing.T) {
	t.Parallel()
	k := kind(t, "multivariate")
	after, found := 0, 0
	const runs = 10
	for seed := range uint64(runs) {
		r := drawn(seed)
		m := k.New(4, k.Defaults(), nil)
		warmth, season := 0., 70.
		for i := range 3200 {
			warmth = 0.99*warmth + 0.1*r.NormFloat64()
			if i >= 1600 && i < 1640 {
				season -= 0.1
			}
			v := []float64{season + warmth, 32 + 0.5*r.NormFloat64(), 1 + 0.1*r.NormFloat64(), 230 + 3*r.NormFloat64()}
			if i >= 2600 && i < 2900 {
				v[1]--
			}
			over := m.Observe(start+int64(i)*1000, v).Score > 1
			switch {
			case !over:
			case i >= 1800 && i < 2600:
				after++
			case i >= 2600 && i < 2900:
				found++
			}
		}
	}
	if after > 80*runs {
		t.Errorf("%d samples of %d after it has cooled down are over 1, want few", after, 800*runs)
	}
	if found < 200*runs {
		t.Errorf("%d samples of %d without flow are found, want most", found, 300*runs)
	}
}

func TestWhatSensorsDoNowAndThenIsLearned(t *testing.T) {
	t.Parallel()
	k := kind(t, "multivariate")
	const runs, samples, first = 6, 6000, 1000
	alarms := 0
	for seed := range uint64(runs) {
		r := drawn(seed)
		m := k.New(3, k.Defaults(), nil)
		v, ended := make([]float64, 3), 0
		for i := range samples {
			for c := range v {
				v[c] *= 0.8
				if r.Float64() < 0.01 {
					v[c] += 20 * r.ExpFloat64()
				}
				v[c] = math.Round(v[c] + math.Abs(r.NormFloat64()))
			}
			if m.Observe(start+int64(i)*10_000, v).Score > 1 {
				if i >= first && i-ended > 100 {
					alarms++
				}
				ended = i
			}
		}
	}
	if alarms > 5*runs {
		t.Errorf("sensors that have bursts have %d alarms in %d times %d samples, want at most 5 each", alarms, runs, samples-first)
	}
}

func TestASensorThatFallsSilentIsNoFaultOfTheOthers(t *testing.T) {
	t.Parallel()
	k := kind(t, "multivariate")
	// A sensor that the others follow, and one that goes by itself.
	for _, silent := range []int{1, 3} {
		over := map[bool]int{}
		for seed := range uint64(20) {
			for _, falls := range []bool{false, true} {
				next := bridge(drawn(seed))
				m := k.New(4, k.Defaults(), nil)
				for i := range 3400 {
					v := next()
					gone := i >= 3000 && i < 3100
					if falls && gone {
						v[silent] = math.NaN()
					}
					if s := m.Observe(start+int64(i)*10_000, v).Score; s > 1 && i >= 3000 {
						over[falls]++
					}
				}
			}
		}
		if over[true] > over[false]+100 {
			t.Errorf("sensor %d falls silent for 100 samples in 20 runs: %d samples are over 1, and %d where it does not", silent, over[true], over[false])
		}
	}
}

func TestAWildValueIsFeltForSamplesOnly(t *testing.T) {
	t.Parallel()
	k := kind(t, "multivariate")
	run := func(at int, wild float64) (after, found int) {
		next := bridge(drawn(8))
		m := k.New(4, k.Defaults(), nil)
		for i := range 4000 {
			v := next()
			if i == at {
				v[2] = wild
			}
			if i >= 3500 && i < 3900 {
				v[0] += 9
			}
			switch s := m.Observe(start+int64(i)*10_000, v).Score; {
			case s <= 1:
			case i >= at+100 && i < 3500:
				after++
			case i >= 3500 && i < 3900:
				found++
			}
		}
		return after, found
	}
	for _, at := range []int{5, 90, 2000} {
		ordinarily, _ := run(at, 5)
		for _, wild := range []float64{1e308, -1e308, 65535, -9999} {
			after, found := run(at, wild)
			if after > ordinarily+20 || found < 300 {
				t.Errorf("after a value of %g in sample %d, %d samples are over 1 from 100 samples on (%d without it), and %d of 400 of a fault are found",
					wild, at, after, ordinarily, found)
			}
		}
	}
}

// A pump that stood while it was learned, and now runs, is known as it runs after a while.
func TestASensorThatWasConstantIsKnownOnceItMoves(t *testing.T) {
	t.Parallel()
	k := kind(t, "multivariate")
	set := k.Defaults()
	set["freeze"] = 500
	r := drawn(9)
	next := bridge(r)
	m := k.New(4, set, nil)
	late := 0
	for i := range 6000 {
		v := next()
		if i < 1500 {
			v[2] = 0
		}
		if s := m.Observe(start+int64(i)*10_000, v).Score; s > 1 && i > 4000 {
			late++
		}
	}
	if late > 200 {
		t.Errorf("%d samples of 2,000 long after are over 1, want few", late)
	}
}

func TestSensorsInOrderHaveAlarmsAsSeldomAsIsAskedFor(t *testing.T) {
	t.Parallel()
	k := kind(t, "multivariate")
	const samples, first, runs = 16_000, 6000, 8
	for _, every := range []float64{k.Defaults()["every"], 1e4} {
		set := k.Defaults()
		set["every"] = every
		alarms := 0
		for seed := range uint64(runs) {
			r := drawn(seed)
			m := k.New(3, set, nil)
			common, own, ended := 0., make([]float64, 3), -100
			for i := range samples {
				common = 0.95*common + r.NormFloat64()
				v := make([]float64, 3)
				for c := range v {
					own[c] = 0.5*own[c] + r.NormFloat64()
					v[c] = common*float64(c+1) + own[c]
				}
				if m.Observe(start+int64(i)*60_000, v).Score > 1 {
					if i >= first && i-ended > 40 {
						alarms++
					}
					ended = i
				}
			}
		}
		if limit := 2 * (samples - first) * runs / every; float64(alarms) > limit {
			t.Errorf("with one false alarm in %g samples there are %d in %d, want at most %.0f", every, alarms, (samples-first)*runs, limit)
		}
	}
}
