package evaluate

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheMoreIsStoredTheLessIsLeftForWhatCanWait(t *testing.T) {
	processors := runtime.GOMAXPROCS(0)
	for _, tc := range []struct {
		name    string
		storing float64 // of all processors
		share   float64 // of all processors
	}{
		{"nothing is stored", 0, patientShare},
		{"a quarter of them stores", 0.25, (patientShare + busyShare) / 2},
		{"half of them stores", 0.5, busyShare},
		{"all of them store", 1, busyShare},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stored := time.Hour
			p := newPatience(func() time.Duration { return stored })
			p.left = 0
			now := p.looked.Add(time.Second)
			stored += time.Duration(tc.storing * float64(time.Second) * float64(processors))
			p.at = now.Add(-100 * time.Millisecond)
			p.earn(now)
			require.InDelta(t, tc.share*float64(processors)*0.1, p.left.Seconds(), 1e-6)
		})
	}
}
