package table_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/backtest/table"
)

// line is a row as text: time, values, and ! where it is labelled.
func line(r *table.Row) string {
	s := time.UnixMilli(r.Time).UTC().Format("2006-01-02T15:04:05.999")
	for _, v := range r.Values {
		s += fmt.Sprintf(" %g", v)
	}
	if r.Labelled {
		s += " !"
	}
	return s
}

func read(in io.Reader, o table.Options) (lines []string, seen table.Seen, err error) {
	o.File = "f.csv"
	if o.Time == "" {
		o.Time = "1"
	}
	if o.Values == nil {
		o.Values = []string{"2"}
	}
	r, err := table.New(in, o)
	if err != nil {
		return nil, seen, err
	}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return lines, r.Seen(), nil
		}
		if err != nil {
			return lines, r.Seen(), err
		}
		lines = append(lines, line(row))
	}
}

func TestFilesAsPeopleHaveThem(t *testing.T) {
	for story, test := range map[string]struct {
		file string
		o    table.Options
		want []string
	}{
		"SKAB: semicolons, and labels as decimals": {
			"datetime;Pressure;Volume Flow RateRMS;anomaly\n2020-03-09 10:14:33;0.05;32.0;0.0\n2020-03-09 10:14:34;0.38;32.0;1.0\n",
			table.Options{Time: "datetime", Values: []string{"Volume Flow RateRMS,Pressure"}, Label: "anomaly"},
			[]string{"2020-03-09T10:14:33 32 0.05", "2020-03-09T10:14:34 32 0.38 !"},
		},
		"UCI air quality: two columns of time, the day first, -200 for nothing": {
			"Date,Time,CO\n10/03/2004,18:00:00,2.6\n10/03/2004,19:00:00,-200\n11/03/2004,00:00:00,2.2\n",
			table.Options{Time: "Date,Time", Values: []string{"CO"}, Missing: []string{"-200"}},
			[]string{"2004-03-10T18:00:00 2.6", "2004-03-10T19:00:00 NaN", "2004-03-11T00:00:00 2.2"},
		},
		"UCI's own file: points in times, decimal commas, columns and rows of nothing at the end": {
			"Date;Time;CO(GT);S1;;\r\n10/03/2004;18.00.00;2,6;1360;;\r\n31/03/2004;19.00.00;2;1292;;\r\n;;;;;\r\n",
			table.Options{Time: "Date,Time", Values: []string{"CO(GT)"}},
			[]string{"2004-03-10T18:00:00 2.6", "2004-03-31T19:00:00 2"},
		},
		"Aarhus: one car park of several": {
			",vehiclecount,updatetime,garagecode\n0,0,2014-05-22 09:09:04.145,NORREPORT\n1,7,2014-05-22 09:09:04.145,BRUUNS\n2,3,2014-05-22 09:39:01.803,NORREPORT\n",
			table.Options{Time: "updatetime", Values: []string{"vehiclecount"}, Where: []string{"garagecode=NORREPORT"}},
			[]string{"2014-05-22T09:09:04.145 0", "2014-05-22T09:39:01.803 3"},
		},
		"no header": {
			"2024-01-01T00:00:00Z,3,4\n2024-01-01T00:00:01Z,5,6\n", table.Options{Values: []string{"3"}},
			[]string{"2024-01-01T00:00:00 4", "2024-01-01T00:00:01 6"},
		},
		"names that are numbers, and columns by number all the same": {
			"t,0,7\n2024-01-01T00:00:00Z,3,4\n", table.Options{Time: "t", Values: []string{"7", "2"}},
			[]string{"2024-01-01T00:00:00 4 3"},
		},
		"tabs, Excel's word on the delimiter, quotes, texts for nothing": {
			"sep=\t\n\"time\"\t\"value, \"\"m\"\"\"\n2024/1/2 3:04\t1\n2024/1/2 3:05\tNULL\n2024/1/2 3:06\t\n2024/1/2 3:07\tbad\n",
			table.Options{Time: "time", Values: []string{`value, "m"`}, Missing: []string{"bad"}},
			[]string{"2024-01-02T03:04:00 1", "2024-01-02T03:05:00 NaN", "2024-01-02T03:06:00 NaN", "2024-01-02T03:07:00 NaN"},
		},
		"an old Mac's":             {"t,v\r1,2\r3,4\r", table.Options{}, []string{"1970-01-01T00:00:01 2", "1970-01-01T00:00:03 4"}},
		"infinities are no values": {"t,v\n1,inf\n2,-Inf\n3,1e300\n", table.Options{}, []string{"1970-01-01T00:00:01 NaN", "1970-01-01T00:00:02 NaN", "1970-01-01T00:00:03 1e+300"}},
	} {
		t.Run(story, func(t *testing.T) {
			got, _, err := read(strings.NewReader(test.file), test.o)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestEncodings(t *testing.T) {
	const file = "时间,水位（米）,备注\n2024-01-02 03:04:05,0.5,解放碑化粪池\n2024-01-02 03:04:06,0.6,朝天门\n"
	want := []string{"2024-01-02T03:04:05 0.5", "2024-01-02T03:04:06 0.6"}
	for name, e := range map[string]encoding.Encoding{
		"utf-8": unicode.UTF8, "utf-8 with a mark": unicode.UTF8BOM, "gbk": simplifiedchinese.GBK, "gb18030": simplifiedchinese.GB18030,
		"utf-16le with a mark": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf-16be with a mark": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	} {
		t.Run(name, func(t *testing.T) {
			written, err := e.NewEncoder().String(file)
			require.NoError(t, err)
			got, _, err := read(strings.NewReader(written), table.Options{Time: "时间", Values: []string{"水位（米）"}})
			require.NoError(t, err)
			require.Equal(t, want, got)

			var zipped bytes.Buffer
			z := gzip.NewWriter(&zipped)
			_, err = io.WriteString(z, written)
			require.NoError(t, err)
			require.NoError(t, z.Close())
			got, _, err = read(&zipped, table.Options{Time: "时间", Values: []string{"水位（米）"}})
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	t.Run("utf-16 without a mark", func(t *testing.T) {
		written, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String("time,level\n2024-01-02 03:04:05,0.5\n")
		require.NoError(t, err)
		got, _, err := read(strings.NewReader(written), table.Options{Time: "time", Values: []string{"level"}})
		require.NoError(t, err)
		require.Equal(t, want[:1], got)
	})
	t.Run("western", func(t *testing.T) {
		written, err := charmap.Windows1252.NewEncoder().String("Zeit;Temperatur °C\n02.01.2024 03:04:05;0,5\n")
		require.NoError(t, err)
		got, seen, err := read(strings.NewReader(written), table.Options{Time: "Zeit", Values: []string{"Temperatur °C"}})
		require.NoError(t, err)
		require.Equal(t, want[:1], got)
		require.Contains(t, seen.Guesses, "the encoding is read as windows-1252; --encoding names another")
	})
}

func TestThatACommaMayMeanAnythingIsSaid(t *testing.T) {
	for file, want := range map[string]string{
		"t,v\n1,\"20,386\"\n2,\"21,100\"\n": "20,386 is read as 20386; --decimal , reads it the other way",
		"t;v\n1;20,386\n2;21,100\n":         "20,386 is read as 20.386; --decimal . reads it the other way",
	} {
		_, seen, err := read(strings.NewReader(file), table.Options{})
		require.NoError(t, err)
		require.Equal(t, []string{want}, seen.Guesses)
	}
	_, seen, err := read(strings.NewReader("t,v\n1,\"20,386\"\n2,\"21,1\"\n3,\"−9,5\"\n"), table.Options{})
	require.NoError(t, err)
	require.Empty(t, seen.Guesses)
}

func TestCutGzipIsReadAsFarAsItGoes(t *testing.T) {
	for name, e := range map[string]encoding.Encoding{"utf-8": unicode.UTF8, "gb18030": simplifiedchinese.GB18030} {
		t.Run(name, func(t *testing.T) {
			var file, zipped bytes.Buffer
			file.WriteString("时间,值\n")
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for i := range 2000 {
				fmt.Fprintf(&file, "%s,%d\n", at.Add(time.Duration(i)*time.Minute).Format(time.DateTime), i*i*7919%100003)
			}
			written, err := e.NewEncoder().String(file.String())
			require.NoError(t, err)
			z := gzip.NewWriter(&zipped)
			_, err = io.WriteString(z, written)
			require.NoError(t, err)
			require.NoError(t, z.Close())
			got, _, err := read(bytes.NewReader(zipped.Bytes()[:zipped.Len()*3/4]), table.Options{})
			require.EqualError(t, err, fmt.Sprintf("f.csv:%d: cannot be read from here on: unexpected EOF: the gzip file is cut short; fetch it again", len(got)+2))
			require.Greater(t, len(got), 1000)
		})
	}
}

func TestWhatIsWrongIsSaidWithItsPlaceAndARemedy(t *testing.T) {
	for story, test := range map[string]struct {
		file string
		o    table.Options
		want string
	}{
		"a name that is none": {
			"time,level\n", table.Options{Time: "time", Values: []string{"leval"}},
			`f.csv:1: --value-column leval: no such column; there are 1 "time", 2 "level"; did you mean "level"?`,
		},
		"no header": {
			"2024-01-01 00:00:00,3\n", table.Options{Time: "time"},
			`f.csv:1: --time-column time: no such column, and line 1 has readings instead of names (1 "2024-01-01 00:00:00", 2 "3"); name columns by number, such as --time-column 1 --value-column 2`,
		},
		"two columns of one name": {
			"t,v,v\n", table.Options{Values: []string{"v"}}, `f.csv:1: --value-column v: columns 2 and 3 are called so; name it by its number`,
		},
		"a text for a number": {
			"t,v\n2024-01-01 00:00:00,3\n2024-01-01 00:00:01,broken\n", table.Options{},
			`f.csv:3: column "v": want a number such as 3.2; got "broken"; if it stands for no value, write --missing broken`,
		},
		"no time": {
			"t,v\nsoon,3\n", table.Options{},
			`f.csv:2: column "t": want a time such as 2026-05-01 08:00:00 or 2026-05-01T08:00:00+08:00; got "soon"; --time-format says how times are written`,
		},
		"a day that is not": {
			"t,v\n2023-02-29,3\n", table.Options{},
			`f.csv:2: column "t": want a time such as 2026-05-01 08:00:00 or 2026-05-01T08:00:00+08:00; got "2023-02-29"; --time-format says how times are written`,
		},
		"an empty time": {"t,v\n,3\n", table.Options{}, `f.csv:2: column "t": has no time; correct it, or leave such rows out by --skip-bad-rows`},
		"a row too short": {
			"t,v\n\n2024-01-01\n", table.Options{}, `f.csv:3: has 1 columns where the first row has 2; correct it, or leave such rows out by --skip-bad-rows`,
		},
		"a row too long": {
			"t,v\n2024-01-01,3,5\n", table.Options{},
			`f.csv:2: has 3 columns where the first row has 2; correct it (quote what has a ',' in it), or leave such rows out by --skip-bad-rows`,
		},
		"out of order": {
			"t,v\n2024-01-02,3\n2024-01-01,4\n", table.Options{},
			`f.csv:3: column "t": "2024-01-01" is earlier than "2024-01-02" above it; sort the file, or let --sort do it in memory; of a file with several series choose one by --where COLUMN=VALUE`,
		},
		"a quotation mark too few": {"t,v\n2024-01-01,\"3\n", table.Options{}, `f.csv:2: character 15: extraneous or missing " in quoted-field; write a quotation mark within a cell twice, and the cell between two`},
		"a label that is none":     {"t,v,l\n2024-01-01,3,maybe\n", table.Options{Label: "l"}, `f.csv:2: column "l": want 1 or 0, true or false, or anomaly or normal; got "maybe"; correct it, or leave such rows out by --skip-bad-rows`},
		"a label that is a class":  {"t,v,l\n2024-01-01,3,1.0\n2024-01-02,3,\n2024-01-03,3,2\n", table.Options{Label: "l"}, `f.csv:4: column "l": want 1 or 0, true or false, or anomaly or normal; got "2"; correct it, or leave such rows out by --skip-bad-rows`},
		"nothing":                  {" \n", table.Options{}, `f.csv: is empty; want a row of names and rows of readings`},
		"a workbook":               {"PK\x03\x04", table.Options{}, `f.csv: is a workbook of a spreadsheet, or another ZIP file, not CSV; save it as CSV, in UTF-8`},
		"a program":                {"\x7fELF\x00\x01", table.Options{}, `f.csv: has bytes that no text has; want CSV`},
		"an encoding that is none": {"t,v\n", table.Options{Encoding: "klingon"}, `f.csv: --encoding: want utf-8, gb18030, gbk, utf-16le, utf-16be, big5, windows-1252, or another name that browsers know; got "klingon"`},
		"a layout that is none":    {"t,v\n1,2\n", table.Options{TimeFormat: "ISO"}, `--time-format: want unix, unix_ms, unix_us, unix_ns, excel, rfc3339, dd/mm/yyyy, mm/dd/yyyy, or a layout such as "%d.%m.%Y %H:%M:%S" or "02.01.2006 15:04:05"; got "ISO"`},
		"nanoseconds of which there are no more": {
			"t,v\n1700000000123456789,1\n9223372036854775807,2\n", table.Options{},
			`f.csv:3: column "t": want a time from 1678 to 2261; "9223372036854775807", read in nanoseconds since 1970, is not; correct it, or leave such rows out by --skip-bad-rows; --time-format says how times are written`,
		},
		"more than fits into 64 bits": {
			"t,v\n99999999999999999998,1\n", table.Options{},
			`f.csv:2: column "t": want a time from 1678 to 2261; "99999999999999999998", read in nanoseconds since 1970, is not; correct it, or leave such rows out by --skip-bad-rows; --time-format says how times are written`,
		},
		"a date that stands for none": {
			"t,v\n9999-12-31 23:59:59,1\n", table.Options{},
			`f.csv:2: column "t": want a time from 1678 to 2261; "9999-12-31 23:59:59" is not; correct it, or leave such rows out by --skip-bad-rows; --time-format says how times are written`,
		},
		"not as the layout has it": {
			"t,v\n2025-03-01 08:00,2\n", table.Options{TimeFormat: "%Y年%m月%d日 %H时%M分"},
			`f.csv:2: column "t": want a time as --time-format "%Y年%m月%d日 %H时%M分" has it, such as "2026年12月31日 15时04分"; got "2025-03-01 08:00"; correct it, or leave such rows out by --skip-bad-rows`,
		},
		"a letter that C does not have": {
			"t,v\n1,2\n", table.Options{TimeFormat: "%Y-%k"},
			`--time-format %Y-%k: strftime: unsupported directive: %k ; want unix, unix_ms, unix_us, unix_ns, excel, rfc3339, dd/mm/yyyy, mm/dd/yyyy, or a layout such as "%d.%m.%Y %H:%M:%S" or "02.01.2006 15:04:05"`,
		},
		"cut gzip":                 {"\x1f\x8b\x08", table.Options{}, `f.csv: begins as gzip does, but unexpected EOF`},
		"a condition that is none": {"t,v\n1,2\n", table.Options{Where: []string{"v"}}, `--where: want COLUMN=VALUE; got "v"`},
	} {
		t.Run(story, func(t *testing.T) {
			_, _, err := read(strings.NewReader(test.file), test.o)
			require.EqualError(t, err, test.want)
		})
	}
}

func TestRowsThatCannotBeReadAreLeftOutWhereThatIsAskedFor(t *testing.T) {
	got, seen, err := read(strings.NewReader("t,v\n1,1\n2,x\n3\n4,\"\"4\n5,5\n"), table.Options{SkipBad: true})
	require.NoError(t, err)
	require.Equal(t, []string{"1970-01-01T00:00:01 1", "1970-01-01T00:00:05 5"}, got)
	require.Equal(t, 3, seen.Skipped)
	require.Equal(t, 2, seen.Rows)
}

// endless is a file without an end.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e.text) <= len(p) {
		n += copy(p[n:], e.text)
	}
	if n == 0 {
		n = copy(p, e.text)
	}
	return n, nil
}

func TestAQuotationMarkTooFewDoesNotReadAFileIntoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := read(io.MultiReader(strings.NewReader("t,v\n1,\"1\n"), endless{"2,2\n"}), table.Options{})
	runtime.ReadMemStats(&after)
	require.EqualError(t, err, `f.csv:2: cannot be read from here on: a row is longer than 1 MiB; is a quotation mark missing, or is this no CSV?`)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
}

func TestALogIsReadInBoundedMemory(t *testing.T) {
	const rows = 300_000
	r, err := table.New(io.MultiReader(strings.NewReader("t,v\n"), io.LimitReader(endless{"1700000000,1.5\n"}, rows*15)), table.Options{Time: "t", Values: []string{"v"}})
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for err == nil {
		_, err = r.Next()
	}
	require.ErrorIs(t, err, io.EOF)
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Equal(t, rows, r.Seen().Rows)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(4<<20))
}

// TestWhatIsWrittenIsRead writes readings in a spelling that it draws, and expects them back.
func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		delimiter := rapid.SampledFrom([]string{",", ";", "\t", "|"}).Draw(t, "delimiter")
		comma := rapid.Bool().Draw(t, "decimal comma") && delimiter != ","
		layout := rapid.SampledFrom([]string{
			time.RFC3339, "2006-01-02 15:04:05", "02.01.2006 15:04:05", "2006/01/02 15:04:05", "20060102150405", "Jan 2, 2006 15:04:05", "02-Jan-2006 15:04:05",
		}).Draw(t, "layout")
		values := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 3, 20).Draw(t, "values")
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "start"), 0).UTC()
		step := time.Duration(rapid.IntRange(1, 100000).Draw(t, "step")) * time.Second
		file := "x" + delimiter + "when" + delimiter + "what\n"
		var want []string
		for _, v := range values {
			number := fmt.Sprintf("%.6f", v)
			if comma {
				number = strings.Replace(number, ".", ",", 1)
			}
			when := at.Format(layout)
			if strings.Contains(when, delimiter) {
				when = `"` + when + `"`
			}
			file += "0" + delimiter + when + delimiter + number + "\n"
			want = append(want, fmt.Sprintf("%s %g", at.Format("2006-01-02T15:04:05"), math.Round(v*1e6)/1e6))
			at = at.Add(step)
		}
		if layout == "20060102150405" && !strings.HasPrefix(at.Format(layout), "20") {
			t.Skip("digits only are seconds before this century")
		}
		got, _, err := read(strings.NewReader(file), table.Options{Time: "when", Values: []string{"what"}})
		require.NoError(t, err, file)
		for i := range got { // as numbers
			var a, b float64
			_, err := fmt.Sscan(strings.Fields(got[i])[1], &a)
			require.NoError(t, err)
			_, err = fmt.Sscan(strings.Fields(want[i])[1], &b)
			require.NoError(t, err)
			require.InDelta(t, b, a, 2e-6)
			require.Equal(t, strings.Fields(want[i])[0], strings.Fields(got[i])[0], file)
		}
		require.Len(t, got, len(want))
	})
}

func TestRealFiles(t *testing.T) {
	for _, test := range []struct {
		file string
		o    table.Options
		rows int
	}{
		{"../../../../shared/data/skab/valve1/0.csv", table.Options{Time: "datetime", Values: []string{"Pressure,Current"}, Label: "anomaly"}, 1147},
		{"../../../internal/demo/data/air_quality_uci.csv", table.Options{Time: "Date,Time", Values: []string{"CO_GT"}, Missing: []string{"-200"}}, 0},
	} {
		in, err := os.Open(test.file)
		if errors.Is(err, os.ErrNotExist) {
			t.Logf("%s is not here", test.file)
			continue
		}
		require.NoError(t, err)
		got, _, err := read(in, test.o)
		require.NoError(t, err)
		require.NotEmpty(t, got)
		if test.rows > 0 {
			require.Len(t, got, test.rows)
		}
		require.NoError(t, in.Close())
	}
}
