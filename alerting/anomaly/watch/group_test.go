package watch

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	anomaly "github.com/belfry-city/belfry/alerting/anomaly/model"
)

// witness writes down what it is given.
type witness struct {
	series int
	told   *[]string
}

func (m witness) Observe(t int64, values []float64) anomaly.Verdict {
	if len(values) != m.series {
		panic(fmt.Sprint("made for ", m.series, " series, not ", len(values)))
	}
	text := fmt.Sprint(t, ":")
	for _, v := range values {
		if text += " "; math.IsNaN(v) {
			text += "-"
		} else {
			text += fmt.Sprint(v)
		}
	}
	*m.told = append(*m.told, text)
	return silent()
}

func (witness) AppendBinary(b []byte) ([]byte, error) { return b, nil }
func (witness) UnmarshalBinary([]byte) error          { return nil }

// newGroupTrack is a group that is fed by hand: `series@time=value`.
func newGroupTrack(t *testing.T, told *[]string, text string) func(samples ...string) {
	t.Helper()
	set := detectors(t, text)
	d := *set.Detectors()[0]
	d.Kind = anomaly.Kind{Name: "witness", Joint: true, New: func(n int, _ anomaly.Settings, _ *time.Location) anomaly.Model { return witness{n, told} }}
	of := &watched{Detector: &d}
	of.counts = newCounts(newSet(), quietLogger(), "g")
	k := &track{of: of, group: &group{}}
	known := map[string]*channel{}
	return func(samples ...string) {
		for _, text := range samples {
			var name string
			var at int64
			var v float64
			_, err := fmt.Sscanf(text, "%1s@%d=%f", &name, &at, &v)
			require.NoError(t, err)
			c, ok := known[name]
			if !ok {
				c = k.channelOf(labels.FromStrings("__name__", name))
				known[name] = c
			}
			why := k.offer(c, at, v, func(int64, anomaly.Verdict) {})
			if why != taken {
				*told = append(*told, text+" "+why.String())
			}
		}
	}
}

const anyChannels = `detectors: [{name: g, model: together, select: '{__name__=~"a|b|c"}', by: []}]`

func TestAnInstantIsCompleteWhenAllChannelsHaveCome(t *testing.T) {
	var told []string
	feed := newGroupTrack(t, &told, anyChannels)
	for at := range int64(4) { // which channels there are shows in the first instants
		feed(fmt.Sprintf("b@%d=2", at+1), fmt.Sprintf("a@%d=1", at+1))
	}
	require.Empty(t, told)
	feed("a@5=1")
	require.Equal(t, []string{"4: 1 2"}, told)
	feed("b@5=2")
	require.Equal(t, []string{"4: 1 2", "5: 1 2"}, told, "it does not wait for the next")
	feed("b@6=7", "b@7=8", "a@6=3", "a@7=9")
	require.Equal(t, []string{"6: - 7", "a@6=3 late", "7: 9 8"}, told[2:], "the next ends the one before")
	feed("a@7=9", "b@5=2")
	require.Equal(t, []string{"a@7=9 same_time", "b@5=2 late"}, told[5:])
}

func TestAChannelThatStaysAwayIsNotWaitedFor(t *testing.T) {
	var told []string
	feed := newGroupTrack(t, &told, anyChannels)
	for at := int64(1); at <= 4; at++ {
		feed(fmt.Sprintf("a@%d=1", at), fmt.Sprintf("b@%d=2", at))
	}
	for at := int64(5); at <= 5+missedInstants; at++ {
		feed(fmt.Sprintf("a@%d=1", at))
	}
	n := len(told)
	require.Equal(t, "15: 1 -", told[n-1], "it is complete at once")
	feed("a@20=1")
	require.Equal(t, []string{"20: 1 -"}, told[n:])
	feed("a@21=1", "b@21=2")
	require.Equal(t, []string{"21: 1 -", "b@21=2 late"}, told[n+1:])
	feed("b@22=2", "a@22=2", "a@23=3")
	require.Equal(t, "22: 2 2", told[n+3], "it is waited for again")
}

func TestANewChannelHasTheModelBeginAnew(t *testing.T) {
	var told []string
	feed := newGroupTrack(t, &told, anyChannels)
	for at := int64(1); at <= 5; at++ {
		feed(fmt.Sprintf("a@%d=1", at), fmt.Sprintf("c@%d=3", at))
	}
	n := len(told)
	for at := int64(6); at <= 11; at++ {
		feed(fmt.Sprintf("a@%d=1", at), fmt.Sprintf("c@%d=3", at), fmt.Sprintf("b@%d=2", at))
	}
	require.Equal(t, []string{"6: 1 3", "b@6=2 late", "10: 1 2 3", "11: 1 2 3"}, told[n:])
}

func TestNamedChannelsHaveTheirPlaces(t *testing.T) {
	var told []string
	feed := newGroupTrack(t, &told, `detectors: [{name: g, model: together, select: '{__name__=~"a|b|c"}', by: [], channels: [c, a]}]`)
	feed("a@1=1", "b@1=2")
	require.Equal(t, []string{"b@1=2 channel"}, told)
	feed("c@1=3", "c@2=4", "a@3=5")
	require.Equal(t, []string{"1: 3 1", "2: 4 -"}, told[1:])
}

func TestTimesThatAreAlignedAreOneInstant(t *testing.T) {
	var told []string
	feed := newGroupTrack(t, &told, `detectors: [{name: g, model: together, select: '{__name__=~"a|b|c"}', by: [], channels: [a, b], align: 10s}]`)
	feed("a@10000=1", "b@19999=2", "b@20001=3", "a@20000=4", "a@25000=5", "a@30000=6", "a@31000=7", "b@39000=8")
	require.Equal(t, []string{"19999: 1 2", "20001: 4 3", "a@25000=5 late", "39000: 7 8"}, told)
}

func TestGroupsAreOneSeriesEachAndGoOnOverRestarts(t *testing.T) {
	c := newCity(t, `detectors: [{name: g, model: together, select: '{__name__=~"pump_.*"}'}]`)
	for at := int64(1); at <= 40; at++ {
		for _, asset := range []string{"A", "B"} {
			c.write(point{"pump_a,asset=" + asset, 1000 * at, float64(at)}, point{"pump_b,asset=" + asset, 1000 * at, 1})
		}
		switch at {
		case 10, 20:
			c.stop()
			c.start()
		case 30:
			c.crash()
			c.start()
		}
	}
	c.eventually(func() bool { return len(c.stored("anomaly_score")) == 2*37 }, "37 instants of two groups")
	require.EqualValues(t, 2, c.Show()[0].Series)
	require.Zero(t, c.counter(`belfry_anomaly_regrouped_models_total{detector="g"}`))
	m, want := &wander{mean: make([]float64, 2)}, []string{}
	for at := int64(4); at <= 40; at++ {
		want = append(want, fmt.Sprintf("asset=\"A\", detector=\"g\"} %v@%d", m.Observe(c.epoch+1000*at, []float64{float64(at), 1}).Score, 1000*at))
	}
	require.Equal(t, want, c.stored("anomaly_score")[:37])
}
