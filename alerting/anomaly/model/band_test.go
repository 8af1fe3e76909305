package model_test

import (
	"testing"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

func TestABaySensorThatIsStuckIsFound(t *testing.T) {
	t.Parallel()
	r, last := drawn(1), 0.
	k := kind(t, "band")
	when := alarms(k.New(1, k.Defaults(), nil), 10_000, 4000, func(i int) float64 {
		if i < 3000 && r.Float64() < 0.2 {
			last = float64(r.IntN(3))
		}
		return last
	})
	if !anyIn(when, 3020, 3400) {
		t.Errorf("alarms are %v, want one between 3020 and 3400, after the sensor was stuck from 3000 on", when)
	}
	if len(when) > 2 {
		t.Errorf("%d alarms, want one for one cause", len(when))
	}
}

func TestWhereOnlyStuckCountsASpikeDoesNot(t *testing.T) {
	t.Parallel()
	r, last := drawn(1), 0.
	k := kind(t, "band")
	set := k.Defaults()
	set["only_stuck"] = 1
	when := alarms(k.New(1, set, nil), 10_000, 4000, func(i int) float64 {
		switch {
		case i >= 2000 && i < 2010:
			return 100 + float64(i)
		case i < 3000:
			last = r.NormFloat64()
		}
		return last
	})
	if len(when) == 0 || when[0] < 3000 || when[0] > 3100 {
		t.Errorf("alarms are %v, want the first between 3000 and 3100, when the sensor was stuck, and none of the spike at 2000", when)
	}
}

func TestASeriesThatIsAlwaysTheSameIsNoAlarm(t *testing.T) {
	t.Parallel()
	for _, k := range model.Kinds() {
		m := k.New(1, k.Defaults(), nil)
		if when := alarms(m, 10_000, 3000, func(int) float64 { return 21.5 }); len(when) > 0 {
			t.Errorf("%s: alarms at %v", k.Name, when)
		}
	}
}
