package jsontext_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestValuesKeepTheirDigits(t *testing.T) {
	got, err := jsontext.Decode([]byte(`{"int": 42, "neg": -7, "float": 1.5, "exp": 1e3, "whole": 2.0, "zero": -0,
		"card": 89860012345678901234, "huge": 1e999, "true": true, "null": null, "list": [1, [], {}], "text": "水位\u00b0"}`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"int": 42, "neg": -7, "float": 1.5, "exp": 1000.0, "whole": 2.0, "zero": 0.0,
		"card": json.Number("89860012345678901234"), "huge": math.Inf(1), "true": true, "null": nil,
		"list": []any{1, []any{}, map[string]any{}}, "text": "水位°",
	}, got)
}

func TestChineseDevicesAreReadInTheirEncodings(t *testing.T) {
	const text = `{"设备": "较场口3号井\\", "水位": 1.25}`
	want := map[string]any{"设备": "较场口3号井\\", "水位": 1.25}
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	require.NoError(t, err)
	encodings := map[string]string{"UTF-8": text, "UTF-8 with a mark": "\ufeff" + text, "a NUL behind": text + "\x00", "GB 18030": gb}
	for name, endian := range map[string]unicode.Endianness{"UTF-16LE": unicode.LittleEndian, "UTF-16BE": unicode.BigEndian} {
		for mark, policy := range map[string]unicode.BOMPolicy{"": unicode.IgnoreBOM, " with a mark": unicode.UseBOM} {
			encodings[name+mark], err = unicode.UTF16(endian, policy).NewEncoder().String(text)
			require.NoError(t, err)
		}
	}
	for name, body := range encodings {
		got, err := jsontext.Decode([]byte(body))
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
}

func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	for body, want := range map[string]string{
		"":                        "syntax: line 1, column 1: the JSON ends in the middle",
		" \n":                     "syntax: line 2, column 1: the JSON ends in the middle",
		`{"a": [1, 2`:             "syntax: line 1, column 12: the JSON ends in the middle (in /a)",
		"{\n\"水位\": 1,\n\"b\" 2}": "syntax: line 3, column 5: no JSON: invalid character '2' after object name (expecting ':') (in /b)",
		`{"a":1} x`:               "syntax: line 1, column 9: more follows the end of the JSON",
		`{"a":1}{"a":2}`:          "syntax: line 1, column 8: more follows the end of the JSON",
		`{"a":1,"a":2}`:           `syntax: line 1, column 13: the name "a" is there twice, with two values (in /a)`,
		`{'a':1}`:                 `syntax: line 1, column 2: no JSON: invalid character '\'' at start of value`,
		`{"a":01}`:                "syntax: line 1, column 7: no JSON: invalid character '1' after object value (expecting ',' or '}')",
		`{"a":1,}`:                "",
		"\"\xe6\xb0\xb4\xe4":      "syntax: line 1, column 3: the JSON ends in the middle",
		"\"\xe6\xb0\xb4\xe4\"":    "invalid_utf8: line 1, column 3: the text is not valid UTF-8 from here on",
		"\"\xff\xff\"":            "invalid_utf8: the text is neither in UTF-8 nor in GB 18030 (GBK)",
		strings.Repeat("[", 1000): "too_deep: line 1, column 66: nested more than 64 levels deep " +
			"(in " + strings.Repeat("/0", 60) + "...)",
		strings.Repeat(`{"a":`, 1000): "too_deep: ",
		"]":                           "syntax: line 1, column 1: no JSON: ",
		"hello":                       "syntax: line 1, column 1: no JSON: invalid character 'h' at start of value",
		"[" + strings.Repeat("0,", 200_000) + "0]": "body_too_large: line 1, column 399999: more than 200000 values in one message",
	} {
		_, err := jsontext.Decode([]byte(body))
		var e *jsontext.Error
		require.ErrorAs(t, err, &e, body)
		require.Contains(t, fmt.Sprintf("%s: %v", e.Reason, e), want, "%.50s", body)
	}
}

func TestOneNameTwiceWithOneValueIsHarmless(t *testing.T) {
	got, err := jsontext.Decode([]byte(`{"a":[1],"a":[1]}`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": []any{1}}, got)
}

func TestWhatPythonWritesForNoNumberCostsOnlyThatValue(t *testing.T) {
	got, err := jsontext.Decode([]byte(`{"a": NaN, "b": -Infinity, "NaN": "a \"NaN, Infinity", "c": [Infinity]}`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": "NaN", "b": "-Infinity", "NaN": `a "NaN, Infinity`, "c": []any{"Infinity"}}, got)
	n, ok := jsontext.Number(jsontext.At(got, "a"))
	require.True(t, ok)
	require.True(t, math.IsNaN(n))
}

// parts shows what Each gives, one part a line.
func parts(body string) (lines []string) {
	jsontext.Each([]byte(body), func(p jsontext.Part) bool {
		if p.Err != nil {
			var e *jsontext.Error
			errors.As(p.Err, &e)
			lines = append(lines, fmt.Sprintf("%d: %s %v <%s>", p.N, e.Reason, e, p.Raw))
			return true
		}
		lines = append(lines, fmt.Sprintf("%d: %v <%s>", p.N, p.Value, p.Raw))
		return true
	})
	return lines
}

func TestManyMessagesInOneBody(t *testing.T) {
	for body, want := range map[string][]string{
		`{"a":1}`:                {`1: map[a:1] <{"a":1}>`},
		`[{"a":1}, {"a":2}]`:     {`1: map[a:1] <{"a":1}>`, `2: map[a:2] <{"a":2}>`},
		"{\"a\":1}\n{\"a\":2}\n": {`1: map[a:1] <{"a":1}>`, `2: map[a:2] <{"a":2}>`},
		"{\"a\":1}{\"a\":2}":     {`1: map[a:1] <{"a":1}>`, `2: map[a:2] <{"a":2}>`},
		"[1]\n[2, [3]]":          {"1: 1 <1>", "2: 2 <2>", "3: [3] <[3]>"},
		"[]":                     nil,
		"":                       {"1: missing the message is empty <>"},
		"{\"a\":1}\n{\"a\":\n{\"a\":3}\n\n{\"a\":4}": {
			`1: map[a:1] <{"a":1}>`, `2: syntax line 2, column 6: the JSON ends in the middle (in /a) <{"a":>`,
			`3: map[a:3] <{"a":3}>`, `4: map[a:4] <{"a":4}>`,
		},
		"{\"r\":[\n{\"a\":1},\n{\"a\":2 3}\n]}": {
			`1: syntax line 3, column 8: no JSON: invalid character '3' after object value (expecting ',' or '}') (in /r/1) <{"r":[` + "\n" + `{"a":1},` + "\n" + `{"a":2 3}` + "\n" + `]}>`,
		},
		`[{"a":1}, {"a":`: {`1: map[a:1] <{"a":1}>`, `2: syntax line 1, column 16: the JSON ends in the middle (in /1/a) <{"a":>`},
		`{"a":1} rubbish`: {`1: map[a:1] <{"a":1}>`, `2: syntax line 1, column 9: no JSON: invalid character 'r' at start of value <rubbish>`},
	} {
		require.Equal(t, want, parts(body), body)
	}
}

func TestABodyHoldsABoundedNumberOfMessages(t *testing.T) {
	got := parts(strings.Repeat("1\n", 100_002))
	require.Len(t, got, 100_001)
	require.Contains(t, got[100_000], "100001: body_too_large ")
	require.Contains(t, got[100_000], "more than 100000 messages in one body; the rest is not taken")
}

func TestReadingStopsWhenNoMoreIsWanted(t *testing.T) {
	for _, body := range []string{"1 2 3", "[1, 2, 3]", "[1] [2] [3]"} {
		n := 0
		jsontext.Each([]byte(body), func(jsontext.Part) bool { n++; return n < 2 })
		require.Equal(t, 2, n, body)
	}
}

func TestNumbersAndTextsOfValues(t *testing.T) {
	for _, c := range []struct {
		v      any
		number float64
		is     bool
		text   string
	}{
		{12, 12, true, "12"}, {1234567.0, 1234567, true, "1234567"}, {0.5, 0.5, true, "0.5"}, {1e20, 1e20, true, "1e+20"},
		{true, 1, true, "true"}, {" 12.5 ", 12.5, true, " 12.5 "}, {"1e3", 1000, true, "1e3"}, {"0x1F", 0, false, "0x1F"},
		{"OPEN", 0, false, "OPEN"}, {"", 0, false, ""}, {json.Number("89860012345678901234"), 89860012345678901234, true, "89860012345678901234"},
		{nil, 0, false, ""}, {[]any{}, 0, false, ""}, {"1e999", math.Inf(1), true, "1e999"},
	} {
		n, ok := jsontext.Number(c.v)
		require.Equal(t, c.is, ok, c.v)
		require.Equal(t, c.number, n, c.v)
		text, _ := jsontext.Text(c.v)
		require.Equal(t, c.text, text, c.v)
	}
}

func TestRefusalsHaveTheReasonAndTheText(t *testing.T) {
	var b reading.Batch
	var out reading.Builder
	out.Reset(&b)
	_, err := jsontext.Decode([]byte(`{"a`))
	jsontext.Refuse(&out, err, []byte(`{"a`))
	require.Equal(t, []reading.Refusal{{
		Line: 1, Reason: reading.ReasonSyntax, Detail: "line 1, column 4: the JSON ends in the middle", Raw: []byte(`{"a`),
	}}, b.Refusals)
}

// FuzzDecode compares with the standard library, which takes the same texts
// but for those that this package refuses or repairs on purpose.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"a":[1,-2.5e3,"x",true,false,null],"b":{"c":{}}}`))
	f.Add([]byte("\xb5\xa5"))
	f.Add([]byte("{\"a\":1}\n{\"a\":NaN}\n"))
	f.Add([]byte("{\"a\":1}\n{\"a\":\n{\"a\":3}"))
	f.Add([]byte("\xff\xfe{\x00}\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		n := 0
		jsontext.Each(body, func(p jsontext.Part) bool {
			n++
			require.Equal(t, n, p.N)
			if p.Err != nil {
				require.ErrorAs(t, p.Err, new(*jsontext.Error))
			}
			return true
		})
		got, err := jsontext.Decode(body)
		if err != nil {
			require.ErrorAs(t, err, new(*jsontext.Error))
			return
		}
		text, err := jsontext.UTF8(body)
		require.NoError(t, err)
		var want any
		if json.Unmarshal(text, &want) != nil {
			return // quoted NaN, numbers beyond float64
		}
		same(t, want, got)
	})
}

// same compares with what encoding/json makes of a text.
func same(t *testing.T, want, got any) {
	switch want := want.(type) {
	case float64:
		n, ok := jsontext.Number(got)
		require.True(t, ok)
		require.Equal(t, want, n)
	case []any:
		require.Len(t, got, len(want))
		for i := range want {
			same(t, want[i], got.([]any)[i])
		}
	case map[string]any:
		require.Len(t, got, len(want))
		for k := range want {
			same(t, want[k], got.(map[string]any)[k])
		}
	default:
		require.Equal(t, want, got)
	}
}

func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"deviceInfo":{"tenantId":"52f14cd4-c6f1-4fbd-8f87-4025e1d49242","devEui":"70b3d57ed0001234"},` +
		`"time":"2026-11-23T08:00:00.123Z","fCnt":10,"rxInfo":[{"gatewayId":"0016c001f153a14c","rssi":-57,"snr":10.5}],"object":{"level":1.25,"battery":3.6}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsontext.Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}
