package liveness_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/collector/liveness"
)

// TestTimersDoWhatAModelDoes compares with a model that knows of each device
// when it was heard, and nothing else.
func TestTimersDoWhatAModelDoes(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		// In virtual time there is no deadline to ask a test for.
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) { compare(t, rt) })
	})
}

type modelled struct {
	newest, heard, allowed int64
	silent                 bool
	changes                []taped
}

func compare(t *testing.T, rt *rapid.T) {
	w := newWard(t)
	defer func() { w.stop() }()
	assets := []string{"A", "B", "C"}
	intervals := rapid.MapOfN(rapid.SampledFrom(assets), rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.IntRange(1, 90_000).Draw(t, "ms")) * time.Millisecond
	}), 3, 3)
	devices := map[string]*modelled{}
	deaf := time.Now().UnixMilli()
	now := func() int64 { return time.Now().UnixMilli() }
	set := func(asset string, d *modelled, at int64, silent bool) {
		if v := map[bool]float64{true: 1}[silent]; len(d.changes) == 0 || d.silent != silent {
			d.silent = silent
			d.changes = append(d.changes, taped{liveness.Silent, asset, at, v})
		}
	}
	reload := func() {
		drawn := intervals.Draw(rt, "intervals")
		w.expect(t, drawn)
		for asset, every := range drawn {
			if devices[asset] == nil {
				devices[asset] = &modelled{}
				set(asset, devices[asset], now(), false)
			}
			d := devices[asset]
			d.allowed = max(3*every.Milliseconds(), 5000)
			set(asset, d, now(), d.silent && d.heard+d.allowed <= now() || !d.silent && max(d.heard, deaf)+d.allowed <= now())
		}
	}
	reload()
	rt.Repeat(map[string]func(*rapid.T){
		"": func(rt *rapid.T) {
			for asset, d := range devices {
				got := w.tape.changes(asset)
				require.Len(rt, got, len(d.changes), "%s: %v, want %v", asset, got, d.changes)
				for i := range got {
					require.Equal(rt, d.changes[i].v, got[i].v)
					require.InDelta(rt, d.changes[i].t, got[i].t, 3, "%s: %v, want %v", asset, got, d.changes)
				}
			}
		},
		"time passes": func(rt *rapid.T) {
			d := time.Duration(rapid.Int64Range(1, 100_000).Draw(rt, "ms")) * time.Millisecond
			wait(d)
			for asset, d := range devices {
				if due := max(d.heard, deaf) + d.allowed; !d.silent && due <= now() {
					set(asset, d, due, true)
				}
			}
		},
		"a device is heard": func(rt *rapid.T) {
			asset := rapid.SampledFrom(assets).Draw(rt, "asset")
			age := time.Duration(rapid.Int64Range(-1000, 200_000).Draw(rt, "age")) * time.Millisecond
			w.hear(asset, age)
			d := devices[asset]
			if at := min(now()-age.Milliseconds(), now()); at > d.newest {
				d.newest, d.heard = at, now()
				set(asset, d, now(), false)
			}
		},
		"nothing can be heard": func(*rapid.T) {
			w.Unheard()
			deaf = now()
		},
		"the catalog changes": func(*rapid.T) { reload() },
		"a restart": func(rt *rapid.T) {
			w.stop()
			wait(time.Duration(rapid.Int64Range(0, 100_000).Draw(rt, "ms")) * time.Millisecond)
			w.start()
			deaf = now()
		},
	})
}
