package lorawan_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/inputtest"
	"github.com/belfry-city/belfry/collector/input/lorawan"
)

// heard is one uplink on its way: its address (which changes with each join),
// counter, and second; a counter of -1 is a join.
type heard struct {
	address string
	count   int
	second  int
}

func TestGapsOfTheFrameCounterAreLostUplinks(t *testing.T) {
	for story, c := range map[string]struct {
		uplinks []heard
		lost    string // after each uplink; - where nothing is said
	}{
		"nothing is lost":                       {[]heard{{"a", 5, 0}, {"a", 6, 1}, {"a", 7, 2}}, "0 0 0"},
		"two are lost":                          {[]heard{{"a", 5, 0}, {"a", 8, 1}, {"a", 9, 2}}, "0 0 2"},
		"a repeated uplink is none":             {[]heard{{"a", 5, 0}, {"a", 5, 0}, {"a", 7, 1}, {"a", 7, 1}, {"a", 5, 0}, {"a", 8, 2}}, "0 - 0 - - 1"},
		"a retransmission is none":              {[]heard{{"a", 5, 0}, {"a", 5, 3}, {"a", 6, 4}}, "0 - 0"},
		"two that overtook each other":          {[]heard{{"a", 1, 0}, {"a", 3, 2}, {"a", 2, 1}, {"a", 4, 3}, {"a", 5, 4}}, "0 0 0 0 0"},
		"three of which the first came last":    {[]heard{{"a", 1, 0}, {"a", 4, 3}, {"a", 3, 2}, {"a", 2, 1}, {"a", 5, 4}, {"a", 6, 5}}, "0 0 0 0 0 0"},
		"one that came too late is made up for": {[]heard{{"a", 1, 0}, {"a", 3, 2}, {"a", 4, 3}, {"a", 2, 1}, {"a", 6, 5}, {"a", 7, 6}, {"a", 9, 8}, {"a", 10, 9}}, "0 0 1 1 1 1 1 2"},
		"a gap before a join":                   {[]heard{{"a", 5, 0}, {"a", 8, 1}, {"b", -1, 2}, {"b", 0, 3}}, "0 0 - 2"},
		"a gap before it was started again":     {[]heard{{"a", 5, 0}, {"a", 8, 1}, {"a", 0, 2}}, "0 0 2"},
		"the device was started again":          {[]heard{{"a", 500, 0}, {"a", 0, 1}, {"a", 1, 2}, {"a", 3, 3}, {"a", 4, 4}}, "0 0 0 0 1"},
		"it was started again soon":             {[]heard{{"a", 2, 0}, {"a", 3, 1}, {"a", 0, 2}, {"a", 2, 4}, {"a", 3, 5}}, "0 0 0 0 1"},
		"it joined again":                       {[]heard{{"a", 500, 0}, {"b", -1, 1}, {"b", 0, 2}, {"b", 2, 3}, {"b", 3, 4}}, "0 - 0 0 1"},
		"it joined again, and the first failed": {[]heard{{"a", 500, 0}, {"b", -1, 1}, {"b", 2, 2}, {"b", 3, 3}}, "0 - 0 2"},
		"it joined again unseen":                {[]heard{{"a", 5, 0}, {"b", 9, 1}, {"b", 10, 2}}, "0 0 0"},
		"an old message after it joined again":  {[]heard{{"a", 5, 0}, {"b", 0, 10}, {"a", 4, -1}, {"a", 6, 2}, {"b", 1, 11}}, "0 0 - - 0"},
		"an old join":                           {[]heard{{"a", 5, 0}, {"a", 6, 10}, {"a", -1, 5}, {"a", 8, 12}, {"a", 9, 13}}, "0 0 - 0 1"},
		"16 bits wrap":                          {[]heard{{"a", 65534, 0}, {"a", 65535, 1}, {"a", 0, 2}, {"a", 2, 3}, {"a", 3, 4}}, "0 0 0 0 1"},
		"32 bits wrap":                          {[]heard{{"a", 4294967295, 0}, {"a", 1, 1}, {"a", 2, 2}}, "0 0 1"},
		"a jump that no loss explains":          {[]heard{{"a", 5, 0}, {"a", 60000, 1}, {"a", 60002, 2}, {"a", 60003, 3}}, "0 0 0 1"},
		"a message from before the restart":     {[]heard{{"a", 500, 0}, {"a", 0, 10}, {"a", 501, 1}, {"a", 1, 12}}, "0 0 - 0"},
	} {
		t.Run(story, func(t *testing.T) {
			opts := newCity(t, "", wells).opts
			d := lorawan.NewChirpStack(opts)
			var lost []string
			for i, u := range c.uplinks {
				body := uplink("24e124136a000001", u.address, max(u.count, 0), time.Duration(u.second)*time.Second, "{}")
				m := message(body)
				m.Received += int64(i) + 1
				if u.count < 0 {
					m.Body = bytes.ReplaceAll(body, []byte(`,"fCnt":0,"object":{}`), nil)
				}
				got := "-"
				if _, after, said := strings.Cut(inputtest.Spell(t, d, m), `lorawan_uplinks_lost_total{asset="W17"} `); said {
					got, _, _ = strings.Cut(after, " ")
				}
				lost = append(lost, got)
			}
			require.Equal(t, c.lost, strings.Join(lost, " "))
		})
	}
}

// However uplinks are lost and overtake each other, the counter never falls, and
// in the end says what was lost.
func TestTheCountOfLostUplinksNeverFalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opts := lorawan.Options{Frames: lorawan.NewFrames()}
		n := rapid.IntRange(2, 200).Draw(t, "uplinks")
		arrives := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "arrives")
		arrives[0], arrives[n-1] = true, true
		order := []int{}
		missing := 0
		for i, ok := range arrives {
			if ok {
				order = append(order, i)
			} else {
				missing++
			}
		}
		for i := 1; i+2 < len(order); i++ {
			if rapid.IntRange(0, 9).Draw(t, "overtakes") == 0 {
				order[i], order[i+1] = order[i+1], order[i]
				i++
			}
		}
		last := 0.0
		for at, i := range append(order, n) {
			lost, ok := opts.Frames.SeenUplink("d", "a", uint32(i), int64(i*1000), int64(at)+1)
			require.True(t, ok)
			require.GreaterOrEqual(t, lost, last)
			last = lost
		}
		require.InDelta(t, float64(missing), last, 0)
	})
}

func TestDevicesWithoutNumberAreForgottenRatherThanKept(t *testing.T) {
	f := lorawan.NewFrames()
	for i := range 300_000 {
		f.SeenUplink(fmt.Sprint(i), "a", 1, 1, 1)
	}
	require.Equal(t, 200_000, f.Len())
}

func TestSeveralUplinksOfOneInstantSayOneNumber(t *testing.T) {
	opts := newCity(t, "", wells).opts
	body := bytes.Join([][]byte{
		uplink("24e124136a000001", "a", 1, 0, "{}"), uplink("24e124136a000001", "a", 3, time.Second, "{}"), uplink("24e124136a000001", "a", 6, 2*time.Second, "{}"),
	}, []byte("\n"))
	d := lorawan.NewChirpStack(opts)
	require.Equal(t, "1: lorawan_uplinks_lost_total{asset=\"W17\"} 0 @2026-11-23T08:00:02.000Z\n", inputtest.Spell(t, d, message(body)))
	later := &input.Message{Body: uplink("24e124136a000001", "a", 7, 3*time.Second, "{}"), Received: received.UnixMilli() + 1}
	require.Equal(t, "1: lorawan_uplinks_lost_total{asset=\"W17\"} 3 @2026-11-23T08:00:02.001Z\n", inputtest.Spell(t, d, later))
}
