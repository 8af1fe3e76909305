package influx_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/influx"
)

var start = time.Date(2026, 6, 3, 4, 0, 0, 0, time.UTC)

func smallCity(t testing.TB) *city.City {
	c, err := city.New(city.Options{Seed: 1, Scale: 0.01})
	require.NoError(t, err)
	return c
}

func encoder(t testing.TB, tags ...string) *influx.Encoder {
	e, err := influx.NewEncoder(tags...)
	require.NoError(t, err)
	return e
}

type line struct {
	key    string
	fields map[string]any
	at     time.Time
}

// parse reads a body with InfluxData's own decoder.
func parse(t testing.TB, body []byte) (lines []line) {
	d := lineprotocol.NewDecoderWithBytes(body)
	for d.Next() {
		var key strings.Builder
		m, err := d.Measurement()
		require.NoError(t, err)
		key.Write(m)
		for {
			k, v, err := d.NextTag()
			require.NoError(t, err)
			if k == nil {
				break
			}
			key.WriteString("," + string(k) + "=" + string(v))
		}
		l := line{key: key.String(), fields: map[string]any{}}
		for {
			k, v, err := d.NextField()
			require.NoError(t, err)
			if k == nil {
				break
			}
			l.fields[string(k)] = v.Interface()
		}
		l.at, err = d.Time(lineprotocol.Nanosecond, time.Time{})
		require.NoError(t, err)
		lines = append(lines, l)
	}
	return lines
}

func rounds(t testing.TB, ready int) (*city.City, *influx.Rounds) {
	c := smallCity(t)
	r, err := influx.NewRounds(c.Streams(), encoder(t), influx.RoundsOptions{Lines: 100, Ready: ready, Start: start, Step: time.Minute})
	require.NoError(t, err)
	return c, r
}

func TestARoundIsEveryStreamOnce(t *testing.T) {
	for _, ready := range []int{0, 3} {
		c, r := rounds(t, ready)
		samples, seen, perMetric := 0, map[string]bool{}, map[string]int{}
		for part := range r.Parts() {
			samples += r.Samples(part)
			for m, n := range r.Metrics(part) {
				perMetric[m] += n
			}
			lines := parse(t, r.Body(part, 0, start))
			require.LessOrEqual(t, len(lines), 100)
			for _, l := range lines {
				require.Equal(t, start, l.at.UTC())
				for f := range l.fields {
					require.False(t, seen[l.key+" "+f])
					seen[l.key+" "+f] = true
				}
			}
		}
		require.Len(t, seen, c.Series())
		require.Equal(t, c.Series(), samples)
		require.Equal(t, 240, perMetric["parking_bay_occupied"])
		require.Equal(t, 30, perMetric["device_battery_volts"])
	}
}

func TestPatchedRoundsHaveNewTimesAndCountersThatGrow(t *testing.T) {
	_, r := rounds(t, 3)
	last := map[string]int64{}
	grown := 0
	for round := range int64(12) {
		at := start.Add(time.Duration(round) * 7 * time.Second)
		for part := range r.Parts() {
			for _, l := range parse(t, r.Body(part, round, at)) {
				require.Equal(t, at, l.at.UTC())
				arrivals, ok := l.fields["arrivals_total"].(int64)
				if !ok {
					continue
				}
				require.GreaterOrEqual(t, arrivals, last[l.key])
				if last[l.key] != 0 && arrivals > last[l.key] {
					grown++
				}
				last[l.key] = arrivals
			}
		}
	}
	require.Positive(t, grown)
}

func TestWhatIsReadyIsWhatWouldBeEncoded(t *testing.T) {
	_, ready := rounds(t, 2)
	_, live := rounds(t, 0)
	for round := range int64(2) {
		at := start.Add(time.Duration(round) * time.Minute)
		for part := range ready.Parts() {
			require.Equal(t, string(live.Body(part, round, at)), string(ready.Body(part, round, at)))
		}
	}
}

func TestLinesCarryNamesThatNeedEscapesAndChinese(t *testing.T) {
	c := smallCity(t)
	body := encoder(t, "site", "name_zh", "street").AppendLine(nil, c.StreamsOf("S00002")[0], start)
	require.True(t, bytes.HasPrefix(body, []byte(`tunnel,asset=S00002,site=Xiangyang\ Tunnel,name_zh=向阳隧道一氧化碳传感器2号,street=lianglukou co_ppm=`)), string(body))
	require.Equal(t, "tunnel,asset=S00002,site=Xiangyang Tunnel,name_zh=向阳隧道一氧化碳传感器2号,street=lianglukou", parse(t, body)[0].key)
}

func TestASilentDeviceHasNoLine(t *testing.T) {
	c := smallCity(t)
	_, err := c.Schedule(city.Fault{Kind: city.Silence, Asset: "S00001", Onset: start})
	require.NoError(t, err)
	require.Empty(t, encoder(t).AppendLine(nil, c.StreamsOf("S00001")[0], start))
}

func TestTagsThatAssetsDoNotHaveAreRefused(t *testing.T) {
	for _, tag := range []string{"colour", "asset", ""} {
		_, err := influx.NewEncoder(tag)
		require.ErrorContains(t, err, "no attribute")
	}
}

func TestAllocReadyBodies(t *testing.T) {
	_, r := rounds(t, 3)
	round := int64(0)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		r.Body(0, round, start)
		round++
	}))
}

func TestARepeatedRoundDiffersInItsLastDigitsOnly(t *testing.T) {
	_, r := rounds(t, 3)
	varied := 0
	for part := range r.Parts() {
		original := string(r.Body(part, 1, start))
		first := parse(t, []byte(original))
		again := string(r.Body(part, 4, start))
		_, other := rounds(t, 3)
		require.Equal(t, again, string(other.Body(part, 4, start)), "the same round is always the same")
		require.Equal(t, original, string(r.Body(part, 1, start)))
		for i, l := range parse(t, []byte(again)) {
			require.Equal(t, first[i].key, l.key)
			for name, was := range first[i].fields {
				before, measured := was.(float64)
				if !measured {
					continue
				}
				require.InDelta(t, before, l.fields[name], 0.91)
				if l.fields[name] != before {
					varied++
				}
			}
		}
	}
	require.Greater(t, varied, 80)
}
