package lineproto_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

var update = flag.Bool("update", false, "write the golden files")

// decoded shows what the decoder makes of a message, one reading a line.
func decoded(d input.Decoder, m *input.Message) []string {
	var w reading.Builder
	var b reading.Batch
	w.Reset(&b)
	w.Message(m.Body)
	for _, l := range m.Labels {
		w.Common(l.Name, l.Value)
	}
	d.Decode(m, &w)
	w.Done()
	return spelledBatch(&b, reading.LabelSpeller{})
}

func spelledBatch(b *reading.Batch, sp reading.Speller) (lines []string) {
	for _, p := range b.Points {
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			metric, labels, err := sp.Spell(b.Bytes(p.Key), b.Bytes(f.Name), nil)
			if err != nil {
				lines = append(lines, fmt.Sprintf("%d: refused", p.Line))
				break
			}
			var pairs []string
			for _, l := range labels {
				pairs = append(pairs, fmt.Sprintf("%q=%q", l.Name, l.Value))
			}
			slices.Sort(pairs)
			lines = append(lines, fmt.Sprintf("%d: %q{%s} %v @%d", p.Line, metric, strings.Join(pairs, ","), f.Value, p.Time))
		}
	}
	for _, r := range b.Refusals {
		lines = append(lines, fmt.Sprintf("%d: refused: %s: %s [%s]", r.Line, r.Reason, r.Detail, r.Raw))
	}
	if b.Strings > 0 {
		lines = append(lines, fmt.Sprintf("%d texts", b.Strings))
	}
	return lines
}

func TestMessagesOfLinesAreDecodedAsTheGoldenFilesSay(t *testing.T) {
	files, err := filepath.Glob("testdata/messages/*.line")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			got := strings.Join(decoded(lineproto.NewDecoder(0, 120), &input.Message{
				Body: body, Received: 1_700_000_000_000,
				Labels: []input.Label{{Name: "district", Value: "yuzhong"}, {Name: "asset", Value: "of the topic"}},
			}), "\n") + "\n"
			golden := strings.TrimSuffix(file, ".line") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o666))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func TestTimestampsOfMessagesHaveTheDecodersPrecision(t *testing.T) {
	m := &input.Message{Body: []byte("m v=1 1732350000")}
	require.Equal(t, []string{`1: "m_v"{} 1 @1732350000000`}, decoded(lineproto.NewDecoder(time.Second, 0), m))
	require.Equal(t, []string{`1: "m_v"{} 1 @1732350000`}, decoded(lineproto.NewDecoder(time.Millisecond, 0), m))
}

func TestLinesInGBKAreTakenToo(t *testing.T) {
	d := lineproto.NewDecoder(0, 0)
	in := func(text string) *input.Message {
		body, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(text))
		require.NoError(t, err)
		return &input.Message{Body: body, Received: now}
	}
	// The second byte of 乗 is a backslash.
	for _, text := range []string{"gas,asset=井17,street=較場口乗 液位=1.5,备注=\"好\" 1732350000123000000\ngas v=2", "gas,street=乗,asset=A note=\"乗\",v=1"} {
		require.Equal(t, decoded(d, &input.Message{Body: []byte(text), Received: now}), decoded(d, in(text)), text)
	}
	require.Contains(t, strings.Join(decoded(d, in("gas,asset=井17 v=x\ngas,asset=井18 v=1")), "\n"), `1: refused: bad_number: column 19: want a number, a boolean or a quoted string, got "x" [gas,asset=井17 v=x]`)
	cut := decoded(d, &input.Message{Body: []byte("gas,asset=井17 v=1\ngas,asset=井\xe4"), Received: now})
	require.Contains(t, cut[0], `"asset"="井17"`, "what is UTF-8 but for one place is not GBK")
	require.Contains(t, cut[1], "2: refused: ")
}

// FuzzDecoder compares the decoder with the parser and the speller that serve
// lines over HTTP.
func FuzzDecoder(f *testing.F) {
	files, err := filepath.Glob("testdata/messages/*.line")
	require.NoError(f, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(body)
	}
	f.Add([]byte(`a\ b,c\=d=e\,f,g=h\ i value=1,j\ k=2i 1`))
	f.Add([]byte("m,a=1,a=2 v=1\nm,__name__=x v=1\nm,a=\"\" v=t\n\nm v=\"\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := decoded(lineproto.NewDecoder(0, 0), &input.Message{Body: raw, Received: now})
		var b reading.Batch
		new(lineproto.Parser).Parse(&b, raw, 1, lineproto.Options{Now: now})
		if len(b.Refusals) > 0 && !utf8.Valid(raw) {
			return // the decoder may find that it is in GBK
		}
		want := spelledBatch(&b, lineproto.Speller{})
		require.Equal(t, accepted(want), accepted(got))
		require.Equal(t, refusedLines(want), refusedLines(got))
	})
}

func accepted(lines []string) (taken []string) {
	for _, line := range lines {
		if !strings.Contains(line, ": refused") {
			taken = append(taken, line)
		}
	}
	return taken
}

// refusedLines are the numbers of the lines that were refused.
func refusedLines(lines []string) (numbers []string) {
	for _, line := range lines {
		if n, _, refused := strings.Cut(line, ": refused"); refused && !strings.Contains(line, "the message has no line") {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// BenchmarkDecoder measures messages of one reading and of ten.
func BenchmarkDecoder(b *testing.B) {
	for name, m := range decoderLoads() {
		b.Run(name, func(b *testing.B) {
			d := lineproto.NewDecoder(0, 1<<16)
			var w reading.Builder
			var batch reading.Batch
			samples := 0
			b.ReportAllocs()
			for b.Loop() {
				batch.Reset()
				w.Reset(&batch)
				w.Message(m.Body)
				w.Common("district", "yuzhong")
				d.Decode(m, &w)
				samples += batch.Samples()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(samples), "ns/sample")
		})
	}
}

func decoderLoads() map[string]*input.Message {
	ten := "well,asset=W17,lot=P9 "
	for i := range 10 {
		ten += fmt.Sprintf("f%d=%d.25,", i, i)
	}
	return map[string]*input.Message{
		"one": {Body: []byte("gas,asset=W17 ch4_lel_percent=12.5 1732350000123000000"), Received: now},
		"ten": {Body: []byte(strings.TrimSuffix(ten, ",") + " 1732350000123000000"), Received: now},
	}
}
