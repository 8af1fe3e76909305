package model_test

import (
	"math"
	"slices"
	"testing"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

const (
	fiveMinutes = 300_000
	bucketsADay = 288
)

// An office draws much from seven to six, but not at weekends. That it does so on Monday again is nothing that anybody need be told.
func TestAutoKnowsMondays(t *testing.T) {
	t.Parallel()
	k := model.Kinds()[0]
	const offices, weeks, first = 6, 9, 3
	mornings, all := 0, 0
	for seed := range uint64(offices) {
		r := drawn(seed)
		when := alarms(k.New(1, k.Defaults(), nil), fiveMinutes, weeks*7*bucketsADay, func(i int) float64 {
			hour, day := float64(i%bucketsADay)/12, i/bucketsADay%7
			v := 20 + 1.5*r.NormFloat64()
			if day < 5 && hour >= 7 && hour < 18 {
				v += 60
			}
			return v
		})
		for _, i := range when {
			if i < first*7*bucketsADay {
				continue
			}
			all++
			if hour := i % bucketsADay / 12; i/bucketsADay%7 == 0 && hour >= 6 && hour < 9 {
				mornings++
			}
		}
	}
	if mornings > offices*(weeks-first)/4 {
		t.Errorf("there are alarms in %d of %d Monday mornings, want few", mornings, offices*(weeks-first))
	}
	if all > offices*(weeks-first)*3 {
		t.Errorf("there are %d alarms in %d weeks of nothing", all, offices*(weeks-first))
	}
}

// Rain, the gas in a well, a pump: most of the time there is none. What is expected, and the bounds, are among what has come.
func TestAutoExpectsOfRareThingsWhatThereWas(t *testing.T) {
	t.Parallel()
	k := model.Kinds()[0]
	for seed := range uint64(10) {
		for _, step := range []int64{10_000, 60_000, fiveMinutes, 3600_000} {
			r := drawn(seed)
			m := k.New(1, k.Defaults(), nil)
			left, most := 0, 0.
			for i := range 6000 {
				if left == 0 && i > 100 && r.Float64() < 0.004 {
					left = 3 + r.IntN(20)
				}
				x := 0.
				if left > 0 {
					left--
					x = math.Round(30*r.ExpFloat64()) / 10
				}
				v := m.Observe(start+int64(i)*step, []float64{x})
				if v.Expected < -most/4 || v.Expected > 1.25*most || v.Upper > 100*most+1 || v.Lower < -100*most-1 {
					t.Fatalf("every %d ms, sample %d: %g is expected, between %g and %g, of what was between 0 and %g", step, i, v.Expected, v.Lower, v.Upper, most)
				}
				most = math.Max(most, x)
			}
		}
	}
}

// A sensor flickers by its last digit, which is unusual in a way, and then there is gas.
func TestAutoTellsOfGasAlsoAfterAFlicker(t *testing.T) {
	t.Parallel()
	k := model.Kinds()[0]
	missed := 0
	for seed := range uint64(20) {
		for _, step := range []int64{10_000, 60_000, fiveMinutes} {
			r := drawn(seed)
			const at = 2500
			when := alarms(k.New(1, k.Defaults(), nil), step, at+30, func(i int) float64 {
				x := 0.
				if r.Float64() < 0.02 {
					x = 0.1
				}
				if i >= at {
					x += 10 * math.Min(1, float64(i-at+1)/10)
				}
				return x
			})
			if !slices.ContainsFunc(when, func(i int) bool { return i >= at }) {
				missed++
			}
		}
	}
	if missed > 0 {
		t.Errorf("gas a hundred times as high as ever is missed %d times of 60", missed)
	}
}

// A value that says that there is none is told of once, is not expected a day later, and does not hide what comes after it.
func TestAutoTakesAnErrorCodeForNoRhythm(t *testing.T) {
	t.Parallel()
	k := model.Kinds()[0]
	const codeAt, spikeAt, runs = 10 * bucketsADay, 13*bucketsADay + 100, 10
	echoes, found := 0, 0
	for seed := range uint64(runs) {
		r := drawn(seed)
		when := alarms(k.New(1, k.Defaults(), nil), fiveMinutes, spikeAt+3, func(i int) float64 {
			v := 20 + 5*math.Sin(2*math.Pi*float64(i)/bucketsADay) + 0.3*r.NormFloat64()
			switch i {
			case codeAt:
				return 400
			case spikeAt:
				v += 10
			}
			return v
		})
		for _, i := range when {
			switch {
			case i > codeAt+bucketsADay-5 && i < codeAt+bucketsADay+5:
				echoes++
			case i >= spikeAt:
				found++
			}
		}
	}
	if echoes > 1 || found < runs/2 {
		t.Errorf("of %d error codes, %d are told of a day later again, and %d of %d spikes after them are found", runs, echoes, found, runs)
	}
}
