package lineproto_test

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

var precisions = []time.Duration{
	time.Nanosecond, time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour,
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"parking,asset=YZ-P012-B0345,lot=YZ-P012,source=geomagnetic occupied=1,battery=3.61,rssi=-71i 1732350000123000000\n",
		"井盖,街道=解放碑 倾角=2.5,note=\"正常\" 1732350000\r\n# c\n\n",
		`we\ a\,t\=h,lo\ c\,a\=t=a\\b f\=1="a\"b\\",g=t,h=FALSE,i=18446744073709551615u,j=-9i`,
		"m f=1\nm f=\"\na,b=c d=1\n\",g=.5e-3\nm f=NaN\nm f=1,f=2,f=\"\"\nm",
		"m f=9849246231155779.5,g=98.49246231155779,h=0.000000000000000001 -1",
	} {
		f.Add([]byte(seed), uint8(0))
	}
	f.Fuzz(func(t *testing.T, raw []byte, precision uint8) {
		if len(raw) > 4096 {
			return // the model is slow where text goes over many lines
		}
		unit := precisions[int(precision)%len(precisions)]
		require.Empty(t, disagreement(raw, unit))

		checkShape(t, parse(string(raw), lineproto.Options{Precision: unit}))
		checkSteps(t, raw, unit)
		checkLimit(t, raw, unit)
		checkWhole(t, raw)
	})
}

// checkShape says what holds for every batch.
func checkShape(t *testing.T, b *reading.Batch) {
	next := uint32(0)
	for _, p := range b.Points {
		require.Equal(t, next, p.First, "points share no fields and leave none out")
		require.NotZero(t, p.Count)
		next += p.Count
	}
	require.Len(t, b.Fields, int(next))
	for _, f := range b.Fields {
		require.False(t, math.IsNaN(f.Value) || math.IsInf(f.Value, 0))
		require.NotZero(t, f.Name.Len)
	}
	lines := bytes.Split(b.Raw, []byte("\n"))
	for _, r := range b.Refusals {
		require.Equal(t, strings.Trim(string(lines[r.Line-1]), " \r"), strings.Trim(string(r.Raw), " \r"))
		require.Contains(t, r.Detail, "column ")
	}
	for _, p := range b.Points {
		var s lineproto.Speller
		name := b.Fields[p.First].Name
		if _, labels, err := s.Spell(b.Bytes(p.Key), b.Bytes(name), nil); err == nil {
			_, tags := splitKey(b.Bytes(p.Key))
			require.Len(t, labels, len(tags))
			for i, label := range labels {
				require.Equal(t, tags[i], strconv.Quote(string(label.Name))+"="+strconv.Quote(string(label.Value)))
			}
		}
	}
}

// checkSteps reads raw line by line, and expects the same.
func checkSteps(t *testing.T, raw []byte, unit time.Duration) {
	opt := lineproto.Options{Precision: unit, Now: now}
	whole := parse(string(raw), opt)
	var p lineproto.Parser
	var b, sum reading.Batch
	for pos := (lineproto.Position{Line: 1}); pos.Offset < len(raw); {
		before := pos.Offset
		b.Reset()
		pos = p.ParseSome(&b, raw, pos, 1, opt)
		require.Greater(t, pos.Offset, before)
		require.LessOrEqual(t, len(b.Points)+len(b.Refusals), 1)
		for _, point := range b.Points {
			point.First += uint32(len(sum.Fields))
			sum.Points = append(sum.Points, point)
		}
		sum.Fields = append(sum.Fields, b.Fields...)
		sum.Refusals = append(sum.Refusals, b.Refusals...)
		sum.Strings += b.Strings
	}
	sum.Raw = raw
	require.Equal(t, show(whole), show(&sum))
}

// checkLimit expects of a limit that it refuses the longer lines and no others.
func checkLimit(t *testing.T, raw []byte, unit time.Duration) {
	if bytes.IndexByte(raw, '"') >= 0 {
		return // text over several lines is one line, or several refused ones
	}
	const limit = 24
	long := map[uint32]bool{}
	for i, line := range bytes.Split(raw, []byte("\n")) {
		line = bytes.TrimLeft(line, " ")
		if bytes.HasPrefix(line, []byte("#")) {
			continue
		}
		long[uint32(i+1)] = len(bytes.TrimRight(line, " \r")) > limit
	}
	free := parse(string(raw), lineproto.Options{Precision: unit})
	limited := parse(string(raw), lineproto.Options{Precision: unit, MaxLine: limit})
	checkShape(t, limited)
	have := map[uint32]bool{}
	for _, p := range limited.Points {
		have[p.Line] = true
	}
	for _, p := range free.Points {
		if have[p.Line] {
			continue
		}
		require.True(t, slices.ContainsFunc(limited.Refusals, func(r reading.Refusal) bool {
			return r.Line == p.Line && r.Reason == reading.ReasonTooLong
		}), "line %d", p.Line)
	}
	for line := range have {
		require.False(t, long[line], "line %d", line)
	}
}

// checkWhole compares the accepted lines with what the decoder makes of raw as a
// whole, where it goes on as a Parser does.
func checkWhole(t *testing.T, raw []byte) {
	if bytes.ContainsAny(raw, "\"#\r_xXpP") {
		return
	}
	var want []string
	for d := lineprotocol.NewDecoderWithBytes(raw); d.Next(); {
		if e, _, err := modelEntry(d, time.Nanosecond); err == nil {
			want = append(want, e)
		}
	}
	var got []string
	b := parse(string(raw), lineproto.Options{})
	byLine := entries(b)
	for _, p := range b.Points {
		got = append(got, byLine[p.Line])
	}
	require.Equal(t, want, got)
}

func TestEveryByteInEveryPlace(t *testing.T) {
	for _, line := range []string{
		`m,t=v f=1.5,g="x\"" 12`,
		`\=m\ e,t\ a=v\=l f=12345678i,g=-0.125e3 -1732350000123456789`,
		`路,路=路 路=t,f=123456789.25`,
	} {
		for at := range len(line) + 1 {
			for c := range 256 {
				put := line[:at] + string([]byte{byte(c)}) + line[at:]
				require.Empty(t, disagreement([]byte(put), time.Nanosecond), "%q", put)
				if at < len(line) {
					instead := line[:at] + string([]byte{byte(c)}) + line[at+1:]
					require.Empty(t, disagreement([]byte(instead), time.Nanosecond), "%q", instead)
				}
			}
		}
		for from := range line {
			for to := from; to <= len(line); to++ {
				without := line[:from] + line[to:]
				require.Empty(t, disagreement([]byte(without), time.Nanosecond), "%q", without)
			}
		}
	}
}
