package remotewrite_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gogo/protobuf/proto"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/collector/input/remotewrite"
	"github.com/belfry-city/belfry/collector/reading"
)

// both returns a request in both versions.
func both(series []sent) map[remotewrite.Version][]byte {
	return map[remotewrite.Version][]byte{remotewrite.V1: marshal(requestV1(series)), remotewrite.V2: marshal(requestV2(series))}
}

func TestBothVersionsReadAsUpstreamReadsThem(t *testing.T) {
	for v, body := range both(usual()) {
		want, err := upstream(body, v)
		require.NoError(t, err)
		require.Len(t, want, 14)
		for _, part := range []int{1, 3, 1000} {
			got, refusals, err := read(body, v, part)
			require.NoError(t, err)
			require.Empty(t, refusals)
			require.Equal(t, want.sorted(), got.sorted(), "version %d", v)
		}
	}
}

func TestWhateverIsSentReadsAsUpstreamReadsIt(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		for v, body := range both(drawSeries(r)) {
			want, err := upstream(body, v)
			require.NoError(r, err)
			got, refusals, err := read(body, v, rapid.IntRange(1, 10).Draw(r, "part"))
			require.NoError(r, err)
			for _, x := range refusals {
				require.Equal(r, reading.ReasonMissing, x.Reason, "only a series without a value: %s", x.Detail)
			}
			require.Equal(r, want.sorted(), got.sorted())
		}
	})
}

// Fields may come in any order, in pieces, and between fields of other
// programs: all of that is the same message.
func TestTheOrderOfFieldsDoesNotMatter(t *testing.T) {
	for v, body := range both(usual()) {
		want, err := upstream(body, v)
		require.NoError(t, err)
		for seed := range uint64(200) {
			shuffled := shuffle(body, v, rand.New(rand.NewPCG(seed, 1)))
			model, err := upstream(shuffled, v)
			require.NoError(t, err)
			got, refusals, err := read(shuffled, v, 1+int(seed%5))
			require.NoError(t, err)
			require.Empty(t, refusals)
			require.Equal(t, model.sorted(), got.sorted())
			require.Len(t, got, len(want))
		}
	}
}

// shuffle reorders the fields of all series, adds strange ones, and moves the
// symbols behind the series; the order within one kind stays.
func shuffle(body []byte, v remotewrite.Version, rnd *rand.Rand) []byte {
	series := uint64(1)
	if v == remotewrite.V2 {
		series = 5
	}
	var front, back []byte
	for _, f := range fieldsOf(body) {
		if f.number != series {
			back = append(back, f.raw...)
			continue
		}
		inner := fieldsOf(f.content)
		if v == remotewrite.V2 && rnd.IntN(2) == 0 {
			inner = unpacked(inner)
		}
		kinds := map[uint64][][]byte{}
		var order []uint64
		for _, g := range inner {
			kinds[g.number] = append(kinds[g.number], g.raw)
			order = append(order, g.number)
		}
		rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		var message []byte
		for _, n := range order {
			if rnd.IntN(3) == 0 {
				message = append(message, 0xf8, 0x01, 0x96, 0x01)             // field 31, a number
				message = append(message, 0xfb, 0x01, 0x0b, 0x0c, 0xfc, 0x01) // field 31, a group with a group in it
			}
			message = append(message, kinds[n][0]...)
			kinds[n] = kinds[n][1:]
		}
		front = append(binary.AppendUvarint(append(front, byte(series<<3|2)), uint64(len(message))), message...)
	}
	return append(front, back...)
}

type testField struct {
	number       uint64
	raw, content []byte
}

func fieldsOf(m []byte) (fields []testField) {
	for len(m) > 0 {
		tag, n := binary.Uvarint(m)
		f := testField{number: tag >> 3}
		switch tag & 7 {
		case 0:
			_, k := binary.Uvarint(m[n:])
			n += k
		case 1:
			n += 8
		case 2:
			size, k := binary.Uvarint(m[n:])
			f.content = m[n+k : n+k+int(size)]
			n += k + int(size)
		}
		f.raw = m[:n]
		fields, m = append(fields, f), m[n:]
	}
	return fields
}

// unpacked writes the references of labels one by one, with a tag longer than
// needed.
func unpacked(fields []testField) (out []testField) {
	for _, f := range fields {
		if f.number != 1 {
			out = append(out, f)
			continue
		}
		for m := f.content; len(m) > 0; {
			_, n := binary.Uvarint(m)
			out = append(out, testField{number: 1, raw: append([]byte{0x88, 0x00}, m[:n]...)})
			m = m[n:]
		}
	}
	return out
}

func TestASeriesOfManySamplesIsReadInParts(t *testing.T) {
	const n = 50_000
	s := sent{labels: pairs("__name__", "long", "a", "b")}
	for i := range int64(n) {
		s.times, s.values = append(s.times, 1700000000000+i), append(s.values, float64(i))
	}
	for v, body := range both([]sent{s, usual()[0]}) {
		want, err := upstream(body, v)
		require.NoError(t, err)
		got, refusals, err := read(body, v, 1000)
		require.NoError(t, err)
		require.Empty(t, refusals)
		require.Equal(t, want, got)

		late := append([]testField{}, fieldsOf(body)...)
		message := late[len(late)-2].content // the long one
		if v == remotewrite.V2 {
			message = message[len(fieldsOf(message)[0].raw):]
			message = append(append([]byte{}, message...), fieldsOf(late[len(late)-2].content)[0].raw...)
		} else {
			labels := len(fieldsOf(message)[0].raw) + len(fieldsOf(message)[1].raw)
			message = append(append([]byte{}, message[labels:]...), message[:labels]...)
		}
		moved := []byte{}
		for i, f := range late {
			if i == len(late)-2 {
				moved = append(binary.AppendUvarint(append(moved, byte(f.number<<3|2)), uint64(len(message))), message...)
				continue
			}
			moved = append(moved, f.raw...)
		}
		got, refusals, err = read(moved, v, 1000)
		require.NoError(t, err)
		require.Empty(t, refusals)
		require.Equal(t, want, got, "with the labels behind 50,000 samples")
	}
}

// A part is bounded however large the request is.
func TestAPartOfARequestIsBounded(t *testing.T) {
	for v, body := range both(district(20_000, 1)) {
		var p remotewrite.Parser
		require.NoError(t, p.Begin(body, v, remotewrite.Options{MaxSeries: generous}))
		var b reading.Batch
		total, parts := 0, 0
		for more := true; more; parts++ {
			b.Reset()
			more = p.Some(&b, 1000)
			require.LessOrEqual(t, b.Samples(), 1000)
			total += b.Samples()
		}
		require.Equal(t, 20_000, total)
		require.LessOrEqual(t, parts, 22)
	}
}

// bad is a series that cannot be taken, between two that can.
func between(v remotewrite.Version, bad []byte) []byte {
	var parts [][]byte
	var raw []byte
	for _, f := range fieldsOf(both(usual()[:2])[v]) {
		if f.number == 3 { // metadata
			continue
		}
		if f.number == 4 {
			raw = append(raw, f.raw...)
			continue
		}
		parts = append(parts, f.raw)
	}
	tag := byte(0x0a)
	if v == remotewrite.V2 {
		tag = 0x2a
	}
	raw = append(raw, parts[0]...)
	raw = append(append(append(raw, tag), binary.AppendUvarint(nil, uint64(len(bad)))...), bad...)
	return append(raw, parts[1]...)
}

func TestABrokenSeriesIsRefusedAndItsNeighboursAreTaken(t *testing.T) {
	sample := "\x12\x10\x09\x00\x00\x00\x00\x00\x00\xf0\x3f\x10\x80\xd0\x95\xff\xbc\x31"
	label := "\x0a\x0d\x0a\x08__name__\x12\x01m"
	for _, c := range []struct {
		name     string
		v        remotewrite.Version
		bad      string
		reason   reading.Reason
		contains string
	}{
		{"label cut off", 1, "\x0a\x50\x0a\x08__name__", reading.ReasonSyntax, "ends in the middle"},
		{"sample cut off", 1, label + sample[:9], reading.ReasonSyntax, "ends in the middle"},
		{"value in the wrong type", 1, label + "\x12\x02\x08\x01", reading.ReasonSyntax, "wrong wire type"},
		{"time in the wrong type", 1, label + "\x12\x05\x15abcd", reading.ReasonSyntax, "wrong wire type"},
		{"samples in the wrong type", 1, label + "\x10\x01", reading.ReasonSyntax, "wrong wire type"},
		{"labels in the wrong type", 1, label + "\x08\x01", reading.ReasonSyntax, "wrong wire type"},
		{"wire type 6", 1, label + "\x16", reading.ReasonSyntax, "does not exist"},
		{"field 0", 1, label + "\x02\x00", reading.ReasonSyntax, "without a number"},
		{"endless number", 1, label + "\x12\x0c\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", reading.ReasonSyntax, "ten bytes"},
		{"length beyond all", 1, label + "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", reading.ReasonSyntax, "ends in the middle"},
		{"group that only ends", 1, label + "\x1c", reading.ReasonSyntax, "did not begin"},
		{"groups a thousand deep", 1, label + strings.Repeat("\xfb\x01", 1000), reading.ReasonSyntax, "ends in the middle"},
		{"histogram with half a number", 1, label + "\x22\x05\x6a\x03abc", reading.ReasonSyntax, "middle of one"},
		{"references odd", 2, "\x0a\x01\x01" + sample, reading.ReasonSyntax, "without a value"},
		{"reference to nowhere", 2, "\x0a\x02\x01\x63" + sample, reading.ReasonSyntax, "symbol 99 of 9"},
		{"giant reference", 2, "\x0a\x06\x01\xff\xff\xff\xff\x0f" + sample, reading.ReasonSyntax, "symbol 4294967295 of 9"},
		{"too many references", 2, "\x0a\x82\x08" + strings.Repeat("\x01", 1026) + sample, reading.ReasonBadSeries, "more than 256 labels"},
		{"far too many references", 2, "\x0a\x80\xa0\x01" + strings.Repeat("\x01", 20480) + sample, reading.ReasonBadSeries, "more than 256 labels"},
		{"nothing in it", 2, "\x0a\x02\x01\x02", reading.ReasonMissing, "neither a sample nor a histogram"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := between(c.v, []byte(c.bad))
			got, refusals, err := read(body, c.v, 1000)
			require.NoError(t, err)
			require.Len(t, got, 2, "the neighbours")
			require.Len(t, refusals, 1)
			require.Equal(t, c.reason, refusals[0].Reason)
			require.EqualValues(t, 2, refusals[0].Line)
			require.Contains(t, refusals[0].Detail, c.contains)
		})
	}
}

func TestABrokenFrameIsAnErrorAndNoPanic(t *testing.T) {
	for v, body := range both(usual()) {
		for i := range body {
			_, _, _ = read(body[:i], v, 5)
		}
		for i := range body {
			for _, c := range []byte{0x00, 0x7f, 0x80, 0xff} {
				broken := append([]byte{}, body...)
				broken[i] = c
				_, _, _ = read(broken, v, 5)
			}
		}
		_, _, err := read(body[:len(body)-3], v, 5)
		require.ErrorContains(t, err, "ends in the middle of a field")
	}
	_, _, err := read([]byte{0x08, 0x01}, remotewrite.V1, 5)
	require.ErrorContains(t, err, "wrong wire type")
	_, _, err = read([]byte{0x20, 0x01}, remotewrite.V2, 5)
	require.ErrorContains(t, err, "wrong wire type")
}

// Otherwise it would be an empty request, answered with a 204 and lost.
func TestAMessageOfTheOtherVersionIsAnError(t *testing.T) {
	bodies := both(usual())
	_, _, err := read(bodies[remotewrite.V2], remotewrite.V1, 5)
	require.ErrorContains(t, err, "not of the version")
	_, _, err = read(bodies[remotewrite.V1], remotewrite.V2, 5)
	require.ErrorContains(t, err, "not of the version")
}

func TestLimits(t *testing.T) {
	long := []sent{{labels: pairs("__name__", "m", "a", strings.Repeat("x", 500)), times: []int64{1}, values: []float64{1}}}
	for v, body := range both(append(long, usual()[0])) {
		var p remotewrite.Parser
		require.NoError(t, p.Begin(body, v, remotewrite.Options{MaxSeries: 500}))
		var b reading.Batch
		require.False(t, p.Some(&b, 10))
		require.Len(t, b.Refusals, 1)
		require.Equal(t, reading.ReasonTooLong, b.Refusals[0].Reason)
		require.Equal(t, 1, b.Samples())
	}
	many := []byte{}
	for range 1<<20 + 1 {
		many = append(many, 0x22, 0)
	}
	_, _, err := read(many, remotewrite.V2, 1)
	require.ErrorContains(t, err, "more than 1048576 symbols")

	// A symbol of 1 MiB, used by a thousand series, must not become 1 GiB.
	req := &writev2.Request{Symbols: []string{"", "__name__", "m", "x", strings.Repeat("y", 1<<20)}}
	for range 1000 {
		req.Timeseries = append(req.Timeseries, writev2.TimeSeries{LabelsRefs: []uint32{1, 2, 3, 4}, Samples: []writev2.Sample{{Timestamp: 1}}})
	}
	var p remotewrite.Parser
	require.NoError(t, p.Begin(marshal(req), remotewrite.V2, remotewrite.Options{MaxSeries: 64 << 10}))
	var b reading.Batch
	require.False(t, p.Some(&b, 10_000))
	require.Len(t, b.Refusals, 1000)

	huge := &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels:     pairs("__name__", "h"),
		Histograms: []prompb.Histogram{{PositiveDeltas: make([]int64, 1<<16+1)}},
	}}}
	_, refusals, err := read(marshal(huge), remotewrite.V1, 1)
	require.NoError(t, err)
	require.Len(t, refusals, 1)
	require.Equal(t, reading.ReasonTooLong, refusals[0].Reason)
}

// A part of huge histograms is small in number.
func TestHistogramsEndAPartByTheirSize(t *testing.T) {
	req := &prompb.WriteRequest{}
	for i := range 100 {
		req.Timeseries = append(req.Timeseries, prompb.TimeSeries{
			Labels:     pairs("__name__", "h", "i", fmt.Sprint(i)),
			Histograms: []prompb.Histogram{{PositiveDeltas: make([]int64, 1<<16)}},
		})
	}
	var p remotewrite.Parser
	require.NoError(t, p.Begin(marshal(req), remotewrite.V1, remotewrite.Options{MaxSeries: generous}))
	total := 0
	for more := true; more; {
		var b reading.Batch
		more = p.Some(&b, 8192)
		require.LessOrEqual(t, b.Samples(), 9)
		total += b.Samples()
	}
	require.Equal(t, 100, total)
}

func TestSpelling(t *testing.T) {
	spelled := func(ls ...string) (string, error) {
		req := requestV1([]sent{{labels: pairs(ls...), times: []int64{1}, values: []float64{1}}})
		var p remotewrite.Parser
		require.NoError(t, p.Begin(marshal(req), remotewrite.V1, remotewrite.Options{MaxSeries: generous}))
		var b reading.Batch
		p.Some(&b, 1)
		metric, found, err := remotewrite.Speller{}.Spell(b.Bytes(b.Points[0].Key), nil, nil)
		return fmt.Sprintf("%s %s", metric, found), err
	}
	got, err := spelled("__name__", "名 of a.metric", "b", "2", "empty", "", "a", "1")
	require.NoError(t, err)
	require.Equal(t, "名 of a.metric [{b 2} {a 1}]", got)
	for want, ls := range map[string][]string{
		"no label __name__":        {"a", "b"},
		`label "a" is given twice`: {"__name__", "m", "a", "1", "a", "1"},
		"a label without a name":   {"__name__", "m", "", "x"},
		"not valid UTF-8":          {"__name__", "m", "a", "\xb2\xe2"},
		"more than 256 labels":     manyLabels(300),
	} {
		_, err := spelled(ls...)
		require.ErrorContains(t, err, want)
	}
	_, err = spelled("__name__", "")
	require.ErrorContains(t, err, "no label __name__")
	require.NotEmpty(t, remotewrite.Speller{}.Space())
}

func manyLabels(n int) []string {
	ls := []string{"__name__", "m"}
	for i := range n {
		ls = append(ls, fmt.Sprintf("l%d", i), "v")
	}
	return ls
}

// What is refused later can be read without the table of symbols.
func TestAPointOfVersion2CarriesItsSeriesInTheWordsOfVersion1(t *testing.T) {
	body := both(usual()[:4])[remotewrite.V2]
	var p remotewrite.Parser
	require.NoError(t, p.Begin(body, remotewrite.V2, remotewrite.Options{MaxSeries: generous}))
	var b reading.Batch
	p.Some(&b, 100)
	for i, point := range b.Points[:3] {
		var ts prompb.TimeSeries
		require.NoError(t, proto.Unmarshal(b.Bytes(point.Whole), &ts))
		require.Equal(t, usual()[i].labels, ts.Labels)
		require.Len(t, ts.Samples, 1)
		require.Equal(t, math.Float64bits(usual()[i].values[0]), math.Float64bits(ts.Samples[0].Value))
		require.EqualValues(t, i+1, point.Line)
	}
}
