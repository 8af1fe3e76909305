package tsdb

import (
	"testing"

	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type nobody struct{ Watched }

func TestUpstreamSeriesAreWhatAMapOfThemIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var u upstreamSeries
		known, newest := map[storage.SeriesRef]Watched{}, uint32(1)
		refs := rapid.Custom(func(t *rapid.T) storage.SeriesRef {
			return storage.SeriesRef(rapid.SampledFrom([]int{0, 62, 4090, 8190, 1 << 40}).Draw(t, "near") + rapid.IntRange(0, 5).Draw(t, "ref"))
		})
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				ref := refs.Draw(t, "ref")
				w, asked := u.find(ref, newest)
				want, ok := known[ref]
				require.Equal(t, ok, asked)
				require.Equal(t, want, w)
				_, asked = u.find(ref, newest-1)
				require.False(t, asked)
			},
			"note": func(t *rapid.T) {
				var w Watched
				if rapid.Bool().Draw(t, "watched") {
					w = &nobody{}
				}
				ref, epoch := refs.Draw(t, "ref"), newest+rapid.SampledFrom([]uint32{0, 0, 0, 1}).Draw(t, "newer")
				if _, ok := known[ref]; ok && epoch == newest {
					return // who is known is not asked again
				}
				u.note(ref, epoch-1, w)
				u.note(ref, epoch, w)
				if epoch > newest {
					newest = epoch
					clear(known)
				}
				known[ref] = w
			},
			"forget": func(t *rapid.T) {
				ref := refs.Draw(t, "ref")
				u.forget(ref)
				delete(known, ref)
			},
		})
	})
}
