package tsdb

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A device with voices, some of which leave, has the signs of life that one of a
// single one would have.
func TestManyVoicesAreOneDevice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Pulse
		var beats int
		p.Beat = func(int64) { beats++ }
		voices, left := [3]*Voice{{}, {}, {}}, [3]bool{}
		for _, v := range voices {
			p.Join(v)
		}
		now, until, newest, heard, want := int64(1_700_000_000_000), int64(math.MinInt64), int64(0), int64(0), 0
		voice := rapid.IntRange(0, len(voices)-1)
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				n, h := p.Last()
				require.Equal(t, [2]int64{newest, heard}, [2]int64{n, h})
				require.Equal(t, want, beats)
			},
			"hear": func(t *rapid.T) {
				now += rapid.SampledFrom([]int64{0, 1, 1000, 3_600_000}).Draw(t, "later")
				age := rapid.SampledFrom([]int64{0, -5, 1, 2000, 3_600_000, 3_600_001, 5_000_000}).Draw(t, "age")
				voices[voice.Draw(t, "voice")].Hear(now-age, now)
				switch at := min(now-age, now); {
				case age > max(3_600_000, p.Late.Load()) || at < newest:
				case at > newest:
					if newest, heard = at, now; now >= until {
						want++
					}
				case at == newest && now == heard && now >= until:
					want = min(beats, want+1) // two voices at once may both be told of
				}
			},
			"rest": func(t *rapid.T) {
				until = rapid.SampledFrom([]int64{math.MinInt64, now, now + 1, now + 1500, now + 4_000_000, math.MaxInt64}).Draw(t, "until")
				p.Rest(until)
			},
			"a voice leaves": func(t *rapid.T) {
				i := voice.Draw(t, "voice")
				voices[i].Leave()
				if left[i] = !rapid.Bool().Draw(t, "another"); !left[i] { // or an append still holds it
					voices[i] = &Voice{}
					p.Join(voices[i])
				}
			},
			"more is late": func(t *rapid.T) { p.Late.Store(rapid.SampledFrom([]int64{0, 4_000_000, 10_000_000}).Draw(t, "late")) },
			"forget": func(*rapid.T) {
				p.Set(newest, 0)
				heard = 0
			},
			"the clock is set back": func(t *rapid.T) {
				now -= rapid.SampledFrom([]int64{1, 3000, 10_000_000}).Draw(t, "back")
				newest, heard = min(newest, now), min(heard, now)
				p.TurnBack(now)
				for i := range voices {
					if left[i] { // no append takes so long
						voices[i], left[i] = &Voice{}, false
						p.Join(voices[i])
					}
				}
			},
		})
	})
}

// Who ends the rest of a device and then looks sees each sign of life, or is told.
func TestNoSignOfLifeIsMissedWhenARestEnds(t *testing.T) {
	var p Pulse
	var beaten atomic.Int64
	p.Beat = func(now int64) { beaten.Store(now) }
	var voices [2]Voice
	for i := range voices {
		p.Join(&voices[i])
	}
	for now := int64(1_700_000_000_000); now < 1_700_000_000_000+5_000; now++ {
		p.Rest(math.MaxInt64)
		voices[0].Hear(now-1, now-1) // it has seen that
		var heard sync.WaitGroup
		for i := range voices {
			heard.Go(func() { voices[i].Hear(now, now) })
		}
		p.Rest(now)
		seen, _ := p.Last()
		heard.Wait()
		require.True(t, seen == now || beaten.Load() == now)
		p.Rest(math.MaxInt64)
		heard.Go(voices[0].Leave)
		heard.Go(func() { voices[0].Hear(now+1, now+1) })
		heard.Wait()
		last, _ := p.Last()
		require.Equal(t, now+1, last)
		voices[0] = Voice{}
		p.Join(&voices[0])
		now++
	}
}
