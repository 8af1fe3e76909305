package trial_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/anomaly/trial"
)

// count is a series of whole numbers, half an hour apart.
func count(t *rapid.T) trial.Series {
	s := trial.Series{Name: "drawn"}
	n := rapid.IntRange(100, 3000).Draw(t, "samples")
	swing := rapid.Float64Range(0, 1000).Draw(t, "swing")
	for i := range n {
		s.Times = append(s.Times, int64(i)*1_800_000)
		s.Values = append(s.Values, math.Round(swing*(1+math.Sin(2*math.Pi*float64(i)/48))))
	}
	return s
}

// Whatever is broken, what is outside of windows is as it was, and what is inside could have been measured.
func TestAFaultIsInItsWindowAndNowhereElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := count(t)
		fault := rapid.SampledFrom(trial.Faults()).Draw(t, "fault")
		size := rapid.SampledFrom(trial.Sizes()).Draw(t, "size")
		seed := rapid.Uint64().Draw(t, "seed")
		b := trial.Break(s, fault, size, 3, seed)
		if again := trial.Break(s, fault, size, 3, seed); !slices.Equal(again.Values, b.Values) || !slices.Equal(again.Windows, b.Windows) {
			t.Fatal("the same seed breaks it in another way")
		}
		was := map[int64]float64{}
		for i, at := range s.Times {
			was[at] = s.Values[i]
		}
		inside := make([]bool, len(b.Values))
		end := trial.ProbationOf(len(b.Values))
		for _, w := range b.Windows {
			if w.From < end || w.At != w.From || w.To <= w.From || w.To > len(b.Values) {
				t.Fatalf("window %+v, want it after sample %d and before %d", w, end, len(b.Values))
			}
			for i := w.From; i < w.To; i++ {
				inside[i] = true
			}
			end = w.To
		}
		for i, v := range b.Values {
			if !inside[i] && v != was[b.Times[i]] {
				t.Fatalf("sample %d, outside of windows, is %v, was %v", i, v, was[b.Times[i]])
			}
			if v != math.Round(v) || v < 0 {
				t.Fatalf("sample %d is %v, which is no count", i, v)
			}
		}
		if lost := len(s.Values) - len(b.Values); (lost > 0) != (fault == trial.Missing && len(b.Windows) > 0) {
			t.Fatalf("%d samples are missing", lost)
		}
	})
}

// day is a series with a day and noise, of one-minute samples.
func withDay(n int) trial.Series {
	s := trial.Series{Name: "level"}
	for i := range n {
		s.Times = append(s.Times, int64(i)*60_000)
		s.Values = append(s.Values, 20+5*math.Sin(2*math.Pi*float64(i)/1440)+0.1*math.Sin(float64(i*i)))
	}
	return s
}

func TestAFaultOfTwiceTheSizeIsTwiceAsFarOff(t *testing.T) {
	t.Parallel()
	s := withDay(30_000)
	off := func(f trial.Fault, size float64) (most float64) {
		b := trial.Break(s, f, size, 1, 7)
		if len(b.Windows) != 1 {
			t.Fatalf("%s: there are %d windows, want 1", f, len(b.Windows))
		}
		for i := range b.Values {
			most = math.Max(most, math.Abs(b.Values[i]-s.Values[i]))
		}
		return most
	}
	for _, f := range []trial.Fault{trial.Spike, trial.Drift, trial.Shift} {
		if ratio := off(f, 1) / off(f, 0.5); math.Abs(ratio-2) > 1e-6 {
			t.Errorf("%s of 1 is %v times as far off as that of 0.5, want twice", f, ratio)
		}
	}
	for _, f := range []trial.Fault{trial.Stuck, trial.Zeros, trial.Missing} {
		long := func(size float64) int {
			b := trial.Break(s, f, size, 1, 7)
			changed := len(s.Values) - len(b.Values)
			for i := range b.Values {
				if changed == 0 && i > 0 && b.Values[i] == b.Values[i-1] {
					return b.Windows[0].To - b.Windows[0].From
				}
			}
			return changed
		}
		if one, two := long(1), long(2); two < 19*one/10 {
			t.Errorf("%s of 2 takes %d samples, of 1 %d, want twice as many", f, two, one)
		}
	}
}

func TestASeriesThatIsTooShortIsNotBroken(t *testing.T) {
	t.Parallel()
	if b := trial.Break(withDay(500), trial.Drift, 1, 3, 1); len(b.Windows) != 0 {
		t.Errorf("there are %d windows in eight hours, want none for faults of five days", len(b.Windows))
	}
}
