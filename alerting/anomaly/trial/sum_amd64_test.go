package trial_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"github.com/belfry-city/belfry/alerting/anomaly/trial"
)

// sum is a checksum of all that series are.
func sum(all []trial.Series) string {
	h := sha256.New()
	word := func(x uint64) { h.Write(binary.LittleEndian.AppendUint64(nil, x)) }
	for _, s := range all {
		h.Write([]byte(s.Name))
		for i, t := range s.Times {
			word(uint64(t)) //nolint:gosec // any bits will do
			word(math.Float64bits(s.Values[i]))
		}
		for _, w := range s.Windows {
			word(uint64(w.From)) //nolint:gosec // any bits will do
			word(uint64(w.To))   //nolint:gosec // any bits will do
			word(uint64(w.At))   //nolint:gosec // any bits will do
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// What was measured with them can be measured again. Other processors than amd64 round sums of products once, and have
// series that differ in their last bits.
func TestASeedAlwaysMakesTheSameSeries(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]struct {
		all  []trial.Series
		want string
	}{
		"Hard(1, 1)":      {trial.Hard(1, 1), "b9acf0083821980e5a190aa06fabd6824cd171372e2d5ae9f7ab5f1ee9ab2180"},
		"Hard(42, 2)":     {trial.Hard(42, 2), "f6e441f3240653a2e8d96632abd46e1aa71cdf6f59329edf548f5ebadc4bd142"},
		"Synthetic(1, 1)": {trial.Synthetic(1, 1), "1cc1bf21aea3593c6c24be551aefccefa4f1536bcc19c050fd9d2fa562f379e5"},
		"Synthetic(9, 2)": {trial.Synthetic(9, 2), "34cfbb138ef6b81bcb851a90b4f72fb15eaae1e65874bace87c8ef9275e0e963"},
	} {
		if got := sum(made.all); got != made.want {
			t.Errorf("%s has the checksum %s, want %s", name, got, made.want)
		}
	}
}
