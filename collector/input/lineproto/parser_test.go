package lineproto_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

// now is the time of lines without a timestamp in these tests.
const now = 1700000000123

func parse(raw string, opt lineproto.Options) *reading.Batch {
	var p lineproto.Parser
	var b reading.Batch
	opt.Now = now
	p.Parse(&b, []byte(raw), 1, opt)
	return &b
}

// show writes a batch down: `line: key field=value ... @milliseconds` for a
// point, `line: reason: detail` for a refusal.
func show(b *reading.Batch) string {
	var s strings.Builder
	for _, p := range b.Points {
		fmt.Fprintf(&s, "%d: %s", p.Line, b.Bytes(p.Key))
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			fmt.Fprintf(&s, " %s=%s", b.Bytes(f.Name), strconv.FormatFloat(f.Value, 'g', -1, 64))
		}
		fmt.Fprintf(&s, " @%d\n", p.Time)
	}
	for _, r := range b.Refusals {
		fmt.Fprintf(&s, "%d: %s: %s\n", r.Line, r.Reason, r.Detail)
	}
	if b.Strings > 0 {
		fmt.Fprintf(&s, "strings: %d\n", b.Strings)
	}
	return s.String()
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a bay with three fields",
			"parking,asset=YZ-P012-B0345,lot=YZ-P012,source=geomagnetic occupied=1,battery=3.61,rssi=-71i 1732350000123000000",
			"1: parking,asset=YZ-P012-B0345,lot=YZ-P012,source=geomagnetic occupied=1 battery=3.61 rssi=-71 @1732350000123\n"},
		{"Chinese names and tags",
			"井盖,街道=解放碑,位置=民权路\\ 12号 倾角=2.5,水位=0.31 1732350000123000000\n",
			"1: 井盖,街道=解放碑,位置=民权路\\ 12号 倾角=2.5 水位=0.31 @1732350000123\n"},
		{"several lines, blank lines and comments count",
			"a f=1 1000000\n\n   \n# a comment, with=anything \x01 in=it\n  # another\nb f=2 2000000\r\n\r\nc f=3 3000000",
			"1: a f=1 @1\n6: b f=2 @2\n8: c f=3 @3\n"},
		{"without a timestamp, with spaces around",
			"  a   f=1   \n  b,t=x   f=2   7000000   \r\nc f=3\r",
			"1: a f=1 @1700000000123\n2: b,t=x f=2 @7\n3: c f=3 @1700000000123\n"},
		{"escapes stay as they are",
			`we\ ather\,x=y,lo\,c\=a\ t=a\\b\=\,\ c fi\ e\,l\=d=1`,
			`1: we\ ather\,x=y,lo\,c\=a\ t=a\\b\=\,\ c fi\ e\,l\=d=1 @1700000000123` + "\n"},
		{"punctuation that means nothing",
			`m!"#$%&'()*+-./:;<>?@[]^_{|}~,t!"#$%&'()*+-./:;<>?@[]^_{|}~="v" f!"#$%&'()*+-./:;<>?@[]^_{|}~=1`,
			`1: m!"#$%&'()*+-./:;<>?@[]^_{|}~,t!"#$%&'()*+-./:;<>?@[]^_{|}~="v" f!"#$%&'()*+-./:;<>?@[]^_{|}~=1 @1700000000123` + "\n"},
		{"numbers",
			"m a=1.,b=.5,c=-0.25,d=1e3,e=-1.5E-07,f=0012.50,g=-.5e+2,h=123456789012345678901234567890",
			"1: m a=1 b=0.5 c=-0.25 d=1000 e=-1.5e-07 f=12.5 g=-50 h=1.2345678901234568e+29 @1700000000123\n"},
		{"integers",
			"m a=0i,b=-1i,c=9223372036854775807i,d=-9223372036854775808i,e=18446744073709551615u,f=9007199254740993i,g=-0i,h=007u",
			"1: m a=0 b=-1 c=9.223372036854776e+18 d=-9.223372036854776e+18 e=1.8446744073709552e+19 f=9.007199254740992e+15 g=0 h=7 @1700000000123\n"},
		{"booleans",
			"m a=t,b=T,c=true,d=True,e=TRUE,f=f,g=F,h=false,i=False,j=FALSE",
			"1: m a=1 b=1 c=1 d=1 e=1 f=0 g=0 h=0 i=0 j=0 @1700000000123\n"},
		{"text is no sample",
			`m state="open, really \"so\" \\",level=2,note="" 5000000`,
			"1: m level=2 @5\nstrings: 2\n"},
		{"a line with only text is a success",
			`m uptime_format="1 day,  3:25" 5000000`,
			"strings: 1\n"},
		{"text over several lines",
			"m note=\"one\n\ntwo\\\n\",f=1 5000000\nn f=2 6000000\n",
			"1: m f=1 @5\n5: n f=2 @6\nstrings: 1\n"},
		{"text in another encoding does not cost the reading",
			"m note=\"\xce\xc2\xb6\xc8\",f=1 5000000",
			"1: m f=1 @5\nstrings: 1\n"},
		{"the last of equal field keys wins",
			"m f=1,g=2,f=3 5000000\nm f=1,f=\"text\",g=2 5000000\nm f=1,f=\"text\" 5000000\nm f=1,f=\"text\",f=4 5000000\n",
			"1: m f=3 g=2 @5\n2: m g=2 @5\n4: m f=4 @5\nstrings: 3\n"},
		{"the same key and time again is another point",
			"m f=1 5000000\nm f=2 5000000\n",
			"1: m f=1 @5\n2: m f=2 @5\n"},
		{"times before the epoch are rounded down",
			"m f=1 -1\nm f=1 -1000000\nm f=1 -1000001\nm f=1 0\nm f=1 999999",
			"1: m f=1 @-1\n2: m f=1 @-1\n3: m f=1 @-2\n4: m f=1 @0\n5: m f=1 @0\n"},
		{"an empty input", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, show(parse(c.in, lineproto.Options{})))
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"m", "syntax: column 2: want a space and fields, got the end of the input"},
		{"m\n", "syntax: column 2: want a space and fields, got the end of the line"},
		{"m ", "syntax: column 3: want a field key, got the end of the input"},
		{",a=b f=1", `syntax: column 1: want a measurement, got ","`},
		{"m, f=1", `syntax: column 3: want a tag key, got a space`},
		{"m,a f=1", `syntax: column 4: want = and a value behind the tag key, got a space`},
		{"m,=b f=1", `syntax: column 3: want a tag key, got "="`},
		{"m,a= f=1", `syntax: column 5: want a tag value, got a space`},
		{"m,a=,b=c f=1", `syntax: column 5: want a tag value, got ","`},
		{"m,a=b=c f=1", `syntax: column 6: want a comma or a space behind the tag value, or \= in it, got "="`},
		{"m,a=b, f=1", `syntax: column 7: want a tag key, got a space`},
		{"m,a=b", "syntax: column 6: want a space and fields, got the end of the input"},
		{"m,a=b\tc f=1", `syntax: column 6: control character "\t" in the series key`},
		{"m\x7f f=1", `syntax: column 2: control character "\x7f" in the series key`},
		{"m,a=b f\x00=1", `syntax: column 8: control character "\x00" in a field key`},
		{"\rm f=1", `syntax: column 1: want a measurement, got "\rm"`},
		{"m =1", `syntax: column 3: want a field key, got "="`},
		{"m f", "syntax: column 4: want = and a value behind the field key, got the end of the input"},
		{"m f 5", `syntax: column 4: want = and a value behind the field key, got a space`},
		{"m f=", "syntax: column 5: want a field value, got the end of the input"},
		{"m f=,g=1", `syntax: column 5: want a field value, got ","`},
		{"m f=1,", "syntax: column 7: want a field key, got the end of the input"},
		{"m f=1, g=2", `syntax: column 7: want a field key, got a space`},
		{"m f=1 5 x", `syntax: column 9: want the end of the line, got "x"`},
		{"m f=1\rx", `bad_timestamp: column 6: want a whole number as the timestamp, got "\rx"`},
		{"m f=1 5\rx", `syntax: column 8: want the end of the line, got "\rx"`},
		{`m f="a"b`, `syntax: column 8: want a comma, a space or the end of the line behind the string, got "b"`},
		{`m f="a\" 5`, `syntax: column 5: the string "\"a\\\"" is not closed`},
		{"m f=abc", `bad_number: column 5: want a number, a boolean or a quoted string, got "abc"`},
		{"m f=长长长长长长长长长长长长长,g=1", `bad_number: column 5: want a number, a boolean or a quoted string, got "长长长长长长长长长长"...`},
		{"m f=truE", `bad_number: column 5: want a number, a boolean or a quoted string, got "truE"`},
		{"m f=1x,g=1", `bad_number: column 5: want a number, a boolean or a quoted string, got "1x"`},
		{"m f=1.5i", `bad_number: column 5: want a number, a boolean or a quoted string, got "1.5i"`},
		{"m f=-1u", `bad_number: column 5: want a number, a boolean or a quoted string, got "-1u"`},
		{"m f=+1", `bad_number: column 5: want a number, a boolean or a quoted string, got "+1"`},
		{"m f=.", `bad_number: column 5: want a number, a boolean or a quoted string, got "."`},
		{"m f=-", `bad_number: column 5: want a number, a boolean or a quoted string, got "-"`},
		{"m f=1.2.3", `bad_number: column 5: want a number, a boolean or a quoted string, got "1.2.3"`},
		{"m f=1e", `bad_number: column 5: want a number, a boolean or a quoted string, got "1e"`},
		{"m f=0x1p4", `bad_number: column 5: want a number, a boolean or a quoted string, got "0x1p4"`},
		{"m f=0x_1p4", `bad_number: column 5: want a number, a boolean or a quoted string, got "0x_1p4"`},
		{"m f=9223372036854775808i", `bad_number: column 5: "9223372036854775808i" is out of range`},
		{"m f=18446744073709551616u", `bad_number: column 5: "18446744073709551616u" is out of range`},
		{"m f=1e999", `bad_number: column 5: "1e999" is out of range`},
		{"m f=NaN", `not_finite: column 5: "NaN" is no finite number`},
		{"m g=1,f=-Inf 5", `not_finite: column 9: "-Inf" is no finite number`},
		{"m f=+infinity", `not_finite: column 5: "+infinity" is no finite number`},
		{"m f=1 5,g=2", `syntax: column 8: want the end of the line, got ","`},
		{`m f=1,t="text" x`, `bad_timestamp: column 16: want a whole number as the timestamp, got "x"`},
		{"m f=1 x", `bad_timestamp: column 7: want a whole number as the timestamp, got "x"`},
		{"m f=1 1.5", `bad_timestamp: column 7: want a whole number as the timestamp, got "1.5"`},
		{"m f=1 -", `bad_timestamp: column 7: want a whole number as the timestamp, got "-"`},
		{"m f=1 1-2", `bad_timestamp: column 7: want a whole number as the timestamp, got "1-2"`},
		{"m f=1 9223372036854775808", `bad_timestamp: column 7: the timestamp "9223372036854775808" is out of range`},
		{"m\xff f=1", `invalid_utf8: column 2: "\xff" is no valid UTF-8`},
		{"m,t=路\xe8\xb7 f=1", `invalid_utf8: column 8: "\xe8" is no valid UTF-8`},
		{"m f\xc0\x80=1", `invalid_utf8: column 4: "\xc0" is no valid UTF-8`},
	} {
		t.Run(c.in, func(t *testing.T) {
			b := parse(c.in, lineproto.Options{})
			require.Equal(t, "1: "+c.want+"\n", show(b))
			require.Equal(t, strings.TrimRight(c.in, "\n"), string(b.Refusals[0].Raw))

			require.Equal(t, "1: before f=1 @1700000000123\n3: after f=2 @1700000000123\n",
				points(parse("before f=1\n"+strings.TrimRight(c.in, "\n")+"\nafter f=2\n", lineproto.Options{})),
				"its neighbours")
			b = parse("m good=1,"+strings.TrimPrefix(c.in, "m "), lineproto.Options{})
			require.Len(t, b.Refusals, 1)
			require.Empty(t, b.Points, "nothing of the line remains")
			require.Empty(t, b.Fields)
			require.Zero(t, b.Strings)
		})
	}
}

// points is what show writes of the points.
func points(b *reading.Batch) string {
	only := reading.Batch{Raw: b.Raw, Points: b.Points, Fields: b.Fields}
	return show(&only)
}

func TestMissingQuoteCostsOneLine(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"and there is no other quote",
			"a f=1\nbad note=\"cut off\nb f=2\nc f=3\n",
			"1: a f=1 @1700000000123\n3: b f=2 @1700000000123\n4: c f=3 @1700000000123\n" +
				"2: syntax: column 10: the string \"\\\"cut\" is not closed\n"},
		{"and the next text closes it",
			"a f=1\nbad note=\"cut off\nb f=2\nc note=\"fine\",f=3\nd f=4\n",
			"1: a f=1 @1700000000123\n3: b f=2 @1700000000123\n4: c f=3 @1700000000123\n5: d f=4 @1700000000123\n" +
				"2: syntax: column 33: want a comma, a space or the end of the line behind the string, got \"fine\\\"\"" +
				" (is the string at column 10 closed? it goes on over the end of the line)\nstrings: 1\n"},
		{"and what follows the next quote looks right at first",
			"bad note=\"cut off\nb note=\" fine\",f=2\nc f=3\n",
			"2: b f=2 @1700000000123\n3: c f=3 @1700000000123\n" +
				"1: bad_timestamp: column 28: want a whole number as the timestamp, got \"fine\\\"\"" +
				" (is the string at column 10 closed? it goes on over the end of the line)\nstrings: 1\n"},
		{"and the input ends",
			"a f=1\nbad f=1,note=\"",
			"1: a f=1 @1700000000123\n2: syntax: column 14: the string \"\\\"\" is not closed\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, show(parse(c.in, lineproto.Options{})))
		})
	}
}

func TestMaxLine(t *testing.T) {
	opt := lineproto.Options{MaxLine: 12}
	tooLong := "too_long: column 13: the line is longer than 12 bytes\n"

	require.Equal(t, "1: m abcdefgh=1 @1700000000123\n3: n f=1 @1700000000123\n2: "+tooLong,
		show(parse("m abcdefgh=1\nm abcdefghi=1\nn f=1\n", opt)))
	require.Equal(t, "1: m abcdefgh=1 @1700000000123\n", show(parse("m abcdefgh=1\r\n", opt)), "the line break does not count")
	require.Equal(t, "1: "+tooLong, show(parse("nonsense and more of it", opt)), "whatever else is wrong")
	require.Equal(t, "1: "+tooLong, show(parse(`m f=1,t="abcdef"`, opt)))
	require.Equal(t, "strings: 1\n", show(parse(`m t="abcdef"`, opt)))
	require.Equal(t, "3: n f=1 @1700000000123\n"+
		"1: syntax: column 5: the string \"\\\"abcd\" is not closed\n"+
		"2: syntax: column 4: want a space and fields, got the end of the line\n",
		show(parse("m t=\"abcd\nef\"\nn f=1", opt)), "text over several lines")
}

func TestALongLineDoesNotFillTheBatch(t *testing.T) {
	b := parse(strings.Repeat("m a=1,b=2 0\n", 100)+"m "+manyFields(1<<16), lineproto.Options{MaxLine: 100})
	require.Len(t, b.Fields, 200)
	require.Less(t, cap(b.Fields), 1000)
	require.Equal(t, reading.ReasonTooLong, b.Refusals[0].Reason)
}

func manyFields(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "f%d=1,", i)
	}
	return s.String()
}

func TestPrecision(t *testing.T) {
	for _, c := range []struct {
		precision time.Duration
		in        string
		want      int64
	}{
		{0, "1732350000123999999", 1732350000123},
		{time.Nanosecond, "1732350000123999999", 1732350000123},
		{time.Microsecond, "1732350000123999", 1732350000123},
		{time.Microsecond, "-1", -1},
		{time.Millisecond, "1732350000123", 1732350000123},
		{time.Second, "1732350000", 1732350000000},
		{time.Second, "-1", -1000},
		{time.Minute, "28872500", 1732350000000},
		{time.Hour, "481208", 1732348800000},
		{time.Hour, "2562047788015", 2562047788015 * 3600000},
		{time.Millisecond, "9223372036854775807", 9223372036854775807},
		{time.Millisecond, "-9223372036854775808", -9223372036854775808},
		{time.Nanosecond, "-9223372036854775808", -9223372036855},
		{time.Millisecond, "000000000000000000000007", 7},
	} {
		b := parse("m f=1 "+c.in, lineproto.Options{Precision: c.precision})
		require.Empty(t, b.Refusals, "%s in %v", c.in, c.precision)
		require.Equal(t, c.want, b.Points[0].Time, "%s in %v", c.in, c.precision)
	}
	for precision, in := range map[time.Duration]string{
		time.Second: "9223372036854776",
		time.Minute: "1732350000123000000",
		time.Hour:   "-2562047788016",
	} {
		require.Equal(t, fmt.Sprintf("1: bad_timestamp: column 7: the timestamp %q is out of range\n", in),
			show(parse("m f=1 "+in, lineproto.Options{Precision: precision})))
	}
	require.Panics(t, func() { parse("", lineproto.Options{Precision: 7}) })
}

func TestParsePrecision(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"": time.Nanosecond, "n": time.Nanosecond, "ns": time.Nanosecond,
		"u": time.Microsecond, "us": time.Microsecond, "µ": time.Microsecond, "μ": time.Microsecond,
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	} {
		got, err := lineproto.ParsePrecisionV1(s)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for s, want := range map[string]time.Duration{
		"": time.Nanosecond, "ns": time.Nanosecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
	} {
		got, err := lineproto.ParsePrecisionV2(s)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := lineproto.ParsePrecisionV1("fortnight")
	require.EqualError(t, err, `precision "fortnight": want n, ns, u, us, ms, s, m or h; or leave it out for nanoseconds`)
	_, err = lineproto.ParsePrecisionV2("h")
	require.EqualError(t, err, `precision "h": want ns, us, ms or s; or leave it out for nanoseconds`)
}
