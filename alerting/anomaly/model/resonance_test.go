package model

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

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
	var found []string
	vigilances := map[int]string{}
	for i, v := range s {
		if strength := r.add(v); strength > 0 {
			found = append(found, fmt.Sprintf("%d %.5f", i, strength))
		}
		if r.n == 0 && r.blocks == r.updated {
			vigilances[r.blocks] = fmt.Sprintf("%.5f %.5f", r.net.lower, r.net.upper)
		}
		if r.blocks == 120 && r.n == 0 && len(r.net.boxes) != 113 {
			t.Errorf("%d categories after block 120, want 113", len(r.net.boxes))
		}
	}
	if want := []string{"2604 1.00000", "3229 0.39718", "3239 0.69421"}; !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
	for block, want := range map[int]string{
		121: "0.82841 0.82841", 181: "0.84274 0.87951", 241: "0.86080 0.90853", 301: "0.88201 0.92660", 780: "0.60907 0.96274",
	} {
		if vigilances[block] != want {
			t.Errorf("after block %d vigilances are %q, want %q", block, vigilances[block], want)
		}
	}
	if len(r.net.boxes) != 136 {
		t.Errorf("%d categories at the end, want 136", len(r.net.boxes))
	}
}
