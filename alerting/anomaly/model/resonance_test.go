package model

import (
	"maps"
	"math"
	"testing"
)

// about allows for categories being kept in whole parts.
func about(a, b float64) bool { return math.Abs(a-b) < 0.005 }

// The vectors are computed from a description of the method, of a series whose range is known in advance.
func TestResonanceOfAKnownSeries(t *testing.T) {
	x := uint64(12345)
	s := make([]float64, 4000)
	for i := range s {
		x = (1103515245*x + 12345) % (1 << 31)
		s[i] = 50 + 20*math.Sin(2*math.Pi*float64(i)/96) + 4*(float64(x)/(1<<31)-0.5)
	}
	for i := 2600; i < 2610; i++ {
		s[i] += 60
	}
	for i := 3200; i < 3296; i++ {
		s[i] = 50
	}
	k := resonanceKind()
	set := k.Defaults()
	set["learn"] = 600
	r := k.New(1, set, nil).(*resonance)
	r.known = true
	r.lo, r.hi = 28.028018932789564, 128.31995425540646
	found := map[int]float64{}
	want := map[int]float64{2604: 1, 3229: 0.39718, 3239: 0.69421}
	vigilances := map[int][2]float64{
		121: {0.82841, 0.82841}, 181: {0.84274, 0.87951}, 241: {0.86080, 0.90853}, 301: {0.88201, 0.92660}, 780: {0.60907, 0.96274},
	}
	for i, v := range s {
		if strength := r.add(v); strength > 0 {
			found[i] = strength
		}
		if r.n == 0 && r.blocks == r.updated {
			if w, ok := vigilances[r.blocks]; ok && !(about(r.net.lower, w[0]) && about(r.net.upper, w[1])) {
				t.Errorf("after block %d vigilances are %v and %v, want %v", r.blocks, r.net.lower, r.net.upper, w)
			}
			delete(vigilances, r.blocks)
		}
		if r.blocks == 120 && r.n == 0 && len(r.net.boxes) != 113 {
			t.Errorf("%d categories after block 120, want 113", len(r.net.boxes))
		}
	}
	if !maps.EqualFunc(found, want, about) {
		t.Errorf("found %v, want %v", found, want)
	}
	if len(vigilances) > 0 {
		t.Errorf("no change of the vigilances at blocks %v", vigilances)
	}
	if len(r.net.boxes) != 136 {
		t.Errorf("%d categories at the end, want 136", len(r.net.boxes))
	}
}
