package lineproto_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

// sample is one value as it must come out of a Parser and a Speller.
type sample struct {
	metric string
	labels map[string]string
	bits   uint64
	time   int64
}

// drawName draws what the encoder accepts as a name.
func drawName(t *rapid.T, label string) string {
	char := rapid.OneOf(
		rapid.RuneFrom([]rune("abcXYZ019_-./:")),
		rapid.RuneFrom([]rune(` ,=\"'#`)),
		rapid.RuneFrom([]rune("井盖街道é🅿")),
	)
	return rapid.StringOfN(char, 1, 12, -1).Filter(func(s string) bool {
		return s[len(s)-1] != '\\' && s[0] != '#'
	}).Draw(t, label)
}

// drawValue draws a field value, and the number that it becomes if it does.
func drawValue(t *rapid.T) (v lineprotocol.Value, number float64, ok bool) {
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		i := rapid.Int64().Draw(t, "integer")
		return lineprotocol.IntValue(i), float64(i), true
	case 1:
		u := rapid.Uint64().Draw(t, "unsigned")
		return lineprotocol.UintValue(u), float64(u), true
	case 2:
		if rapid.Bool().Draw(t, "boolean") {
			return lineprotocol.BoolValue(true), 1, true
		}
		return lineprotocol.BoolValue(false), 0, true
	case 3:
		v, _ = lineprotocol.StringValue(rapid.StringOf(rapid.RuneFrom([]rune("ab1 ,=\\\"\n\r\t井"))).Draw(t, "text"))
		return v, 0, false
	default:
		f := rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) }).Draw(t, "float")
		v, _ = lineprotocol.FloatValue(f)
		return v, f, true
	}
}

func TestWhatTheEncoderWritesIsRead(t *testing.T) {
	units := map[lineprotocol.Precision]time.Duration{
		lineprotocol.Nanosecond: time.Nanosecond, lineprotocol.Microsecond: time.Microsecond,
		lineprotocol.Millisecond: time.Millisecond, lineprotocol.Second: time.Second,
	}
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]lineprotocol.Precision{
			lineprotocol.Nanosecond, lineprotocol.Microsecond, lineprotocol.Millisecond, lineprotocol.Second,
		}).Draw(t, "precision")
		var e lineprotocol.Encoder
		e.SetPrecision(unit)
		var want []sample
		text := 0
		for range rapid.IntRange(1, 4).Draw(t, "lines") {
			measurement := drawName(t, "measurement")
			e.StartLine(measurement)
			labels := map[string]string{}
			for _, tag := range slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
				return drawName(t, "tag")
			}), 0, 3, rapid.ID).Draw(t, "tags"))) {
				labels[tag] = drawName(t, "value")
				e.AddTag(tag, labels[tag])
			}
			var line []sample
			for _, field := range rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
				return rapid.OneOf(rapid.Just("value"), rapid.Custom(func(t *rapid.T) string { return drawName(t, "field") })).Draw(t, "name")
			}), 1, 4, rapid.ID).Draw(t, "fields") {
				v, number, ok := drawValue(t)
				e.AddField(field, v)
				if !ok {
					text++
					continue
				}
				metric := measurement + "_" + field
				if field == "value" {
					metric = measurement
				}
				line = append(line, sample{metric: metric, labels: labels, bits: math.Float64bits(number), time: now})
			}
			if rapid.Bool().Draw(t, "timestamp") {
				at := time.Unix(0, rapid.Int64Range(1, math.MaxInt64).Draw(t, "time")).Truncate(units[unit])
				e.EndLine(at)
				for i := range line {
					line[i].time = at.UnixMilli()
				}
			} else {
				e.EndLine(time.Time{})
			}
			want = append(want, line...)
		}
		require.NoError(t, e.Err())

		b := parse(string(e.Bytes()), lineproto.Options{Precision: units[unit]})
		require.Empty(t, b.Refusals, "%q", e.Bytes())
		require.Equal(t, text, b.Strings, "%q", e.Bytes())
		require.Equal(t, want, spell(t, b), "%q", e.Bytes())
	})
}

// spell lists the samples of b.
func spell(t require.TestingT, b *reading.Batch) (samples []sample) {
	var s lineproto.Speller
	for _, p := range b.Points {
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			metric, labels, err := s.Spell(b.Bytes(p.Key), b.Bytes(f.Name), nil)
			require.NoError(t, err)
			one := sample{metric: string(metric), labels: map[string]string{}, bits: math.Float64bits(f.Value), time: p.Time}
			for _, l := range labels {
				one.labels[string(l.Name)] = string(l.Value)
			}
			samples = append(samples, one)
		}
	}
	return samples
}

func TestAVeryWideLine(t *testing.T) {
	const fields = 3000
	line := func(times int) string {
		s := "m "
		for k := range times {
			for i := range fields {
				s += fmt.Sprintf("field_%d=%d,", i, i+k)
			}
		}
		return s[:len(s)-1] + "\n"
	}
	b := parse(line(1)+line(2)+"n f=1,f=2\n", lineproto.Options{})
	require.Empty(t, b.Refusals)
	require.Len(t, b.Points, 3)
	for k, p := range b.Points[:2] {
		require.EqualValues(t, fields, p.Count)
		for i, f := range b.Fields[p.First : p.First+p.Count] {
			require.Equal(t, fmt.Sprintf("field_%d", i), string(b.Bytes(f.Name)))
			require.Equal(t, float64(i+k), f.Value)
		}
	}
	require.EqualValues(t, 1, b.Points[2].Count)

	withText := parse(line(1)[:len(line(1))-1]+`,field_7="text",field_8="text",field_7=1`, lineproto.Options{})
	require.Len(t, withText.Fields, fields-1)
	require.Equal(t, 2, withText.Strings)
	require.Equal(t, "field_7", string(withText.Bytes(withText.Fields[fields-2].Name)))
}
