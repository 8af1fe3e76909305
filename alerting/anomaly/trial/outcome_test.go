package trial_test

import (
	"math"
	"testing"

	"github.com/belfry-city/belfry/alerting/anomaly/trial"
)

// twoWindows is a series of 1,000 samples, a minute apart.
func twoWindows() trial.Series {
	s := trial.Series{Windows: []trial.Window{{From: 300, To: 400, At: 350}, {From: 700, To: 800, At: 740}}}
	for i := range 1000 {
		s.Times = append(s.Times, int64(i)*60_000)
		s.Values = append(s.Values, 0)
	}
	return s
}

func alarmsAt(at ...int) []float64 {
	scores := make([]float64, 1000)
	for _, i := range at {
		scores[i] = 2
	}
	return scores
}

func TestAlarmsAreWorthWhatAnOperatorHasOfThem(t *testing.T) {
	t.Parallel()
	s := twoWindows()
	for name, c := range map[string]struct {
		at             []int
		found, falsely int
		low, high      float64 // points
	}{
		"silence":                              {nil, 0, 0, 0, 0},
		"the first moment of both":             {[]int{300, 700}, 2, 0, 99.9, 100},
		"again and again":                      {[]int{300, 301, 350, 399, 700, 790}, 2, 0, 99.9, 100},
		"late":                                 {[]int{390, 790}, 2, 0, 50, 65},
		"one of two":                           {[]int{300}, 1, 0, 49.9, 50},
		"a false one long before, which costs": {[]int{200, 300, 700}, 2, 1, 97, 97.5},
		"one in the probation, which does not": {[]int{20, 149, 300, 700}, 2, 0, 99.9, 100},
		"just too late, which costs little":    {[]int{400, 700}, 1, 1, 49.5, 50},
		"nothing but false ones":               {[]int{200, 210, 220, 230}, 0, 4, -12, -10},
	} {
		o := trial.Judge(s, alarmsAt(c.at...))
		if o.Found != c.found || o.False != c.falsely || o.Windows != 2 {
			t.Errorf("%s: found %d of %d and %d false, want %d of 2 and %d", name, o.Found, o.Windows, o.False, c.found, c.falsely)
		}
		if p := o.Points(); p < c.low || p > c.high {
			t.Errorf("%s: %v points, want %v to %v", name, p, c.low, c.high)
		}
	}
}

func TestFiguresOfAnOutcome(t *testing.T) {
	t.Parallel()
	o := trial.Judge(twoWindows(), alarmsAt(310, 360, 500, 760))
	o.Add(trial.Judge(twoWindows(), alarmsAt(790)))
	for name, f := range map[string][2]float64{
		"mean delay":     {o.MeanDelay(), (0 + 20 + 50) / 3.},
		"recall":         {o.Recall(), 3 / 4.},
		"precision":      {o.Precision(), 3 / 4.},
		"F1":             {o.F1(), 3 / 4.},
		"false in 5,000": {o.FalseOf(5000), 2.5},
		"false a day":    {o.FalsePerDay(), 1440. / (2 * 999)},
	} {
		if math.Abs(f[0]-f[1]) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, f[0], f[1])
		}
	}
}

func TestWindowsOfTheCorpusAreInOrderAndHaveTheirOnset(t *testing.T) {
	t.Parallel()
	for _, s := range append(trial.Hard(3, 3), trial.Synthetic(3, 3)...) {
		if len(s.Times) != len(s.Values) {
			t.Fatalf("%s has %d times and %d values", s.Name, len(s.Times), len(s.Values))
		}
		end := trial.ProbationOf(len(s.Values))
		for _, w := range s.Windows {
			if w.From < end || w.At < w.From || w.At >= w.To || w.To > len(s.Values) {
				t.Errorf("%s: window %+v, want it after sample %d and before %d", s.Name, w, end, len(s.Values))
			}
			end = w.To
		}
		for i := 1; i < len(s.Times); i++ {
			if s.Times[i] <= s.Times[i-1] || math.IsNaN(s.Values[i]) || math.IsInf(s.Values[i], 0) {
				t.Fatalf("%s: sample %d is %v at %d, after %d", s.Name, i, s.Values[i], s.Times[i], s.Times[i-1])
			}
		}
	}
}
