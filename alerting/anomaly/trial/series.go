package trial

import "math/rand/v2"

// Series is what a detector is judged on.
type Series struct {
	Name string
	// Times are in milliseconds, in order.
	Times  []int64
	Values []float64
	// Windows are where it is anomalous, in order, without overlap.
	Windows []Window
}

// Window is a stretch of samples, from the index From to before the index To, in which an alarm is right. At is where what is
// wrong begins.
type Window struct {
	From, To, At int
}

func (w Window) has(i int) bool { return i >= w.From && i < w.To }

// newRand is the source of what is drawn for one of the series of a seed.
func newRand(seed uint64, name string) *rand.Rand {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, h)) //nolint:gosec // it is to be the same each time
}
