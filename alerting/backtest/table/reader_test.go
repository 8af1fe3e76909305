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
		"an old Mac's":            {"t,v\r1,2\r3,4\r", table.Options{}, []string{"1970-01-01T00:00:01 2", "1970-01-01T00:00:03 4"}},
		"seconds since 1970":      {"t,v\n1700000000,1\n1700000000.5,2\n", table.Options{}, []string{"2023-11-14T22:13:20 1", "2023-11-14T22:13:20.5 2"}},
		"milliseconds since 1970": {"t,v\n1700000000123,1\n", table.Options{}, []string{"2023-11-14T22:13:20.123 1"}},
		"microseconds since 1970": {"t,v\n1700000000123456,1\n", table.Options{}, []string{"2023-11-14T22:13:20.123 1"}},
		"nanoseconds since 1970":  {"t,v\n1700000000123456789,1\n", table.Options{}, []string{"2023-11-14T22:13:20.123 1"}},
		"a spreadsheet's, by the clock of the zone": {
			"t;v\n45658,5;1\n45658,5104166667;2\n45659;3\n", table.Options{Zone: time.FixedZone("+08:00", 8*3600)},
			[]string{"2025-01-01T04:00:00 1", "2025-01-01T04:15:00 2", "2025-01-01T16:00:00 3"},
		},
		"a spreadsheet's, long ago, as is said": {"t,v\n61,1\n62.25,2\n", table.Options{TimeFormat: "Excel"}, []string{"1900-03-01T00:00:00 1", "1900-03-02T06:00:00 2"}},
		"seconds of a first day, as is said":    {"t,v\n45658.5,1\n", table.Options{TimeFormat: "unix"}, []string{"1970-01-01T12:40:58.5 1"}},
		"seconds from the beginning of a test":  {"t,v\n19990,1\n20010,2\n", table.Options{}, []string{"1970-01-01T05:33:10 1", "1970-01-01T05:33:30 2"}},
		"milliseconds that are said": {
			"t,v\n5,1\n1000,2\n", table.Options{TimeFormat: "unix_ms"}, []string{"1970-01-01T00:00:00.005 1", "1970-01-01T00:00:01 2"},
		},
		"the month first, as only a later row shows": {
			"t,v\n3/4/2024 1:00:00 PM,1\n3/13/2024 12:30:00 AM,2\n", table.Options{}, []string{"2024-03-04T13:00:00 1", "2024-03-13T00:30:00 2"},
		},
		"the month first, as days that follow each other show": {
			"t,v\n01/02/2024 00:00,1\n01/03/2024 00:00,2\n01/04/2024 00:00,3\n", table.Options{},
			[]string{"2024-01-02T00:00:00 1", "2024-01-03T00:00:00 2", "2024-01-04T00:00:00 3"},
		},
		"Chinese": {"时间,数值\n2024年1月2日 3时04分05秒,1\n2024年1月2日 03:05,2\n", table.Options{Time: "时间", Values: []string{"数值"}}, []string{"2024-01-02T03:04:05 1", "2024-01-02T03:05:00 2"}},
		"Chinese, as hands and spreadsheets write it": {
			"时间,数值\n2025年3月1日 0时0分,1\n2025年3月1日8时,2\n2025年3月1日 星期六 8点5分7秒,3\n２０２５年3月1日 8：30,4\n2025/3/1 上午11:30,5\n2025/3/1 中午,6\n" +
				"2025/3/1 下午3:30,7\n2025年3月1日 下午 03时40分,8\n2025-3-1 3:50 下午,9\n2025-3-1 下午15:55,10\n",
			table.Options{SkipBad: true},
			[]string{
				"2025-03-01T00:00:00 1", "2025-03-01T08:00:00 2", "2025-03-01T08:05:07 3", "2025-03-01T08:30:00 4", "2025-03-01T11:30:00 5",
				"2025-03-01T15:30:00 7", "2025-03-01T15:40:00 8", "2025-03-01T15:50:00 9", "2025-03-01T15:55:00 10",
			},
		},
		"a program that writes no zeros, and a browser with its narrow spaces": {
			"t,v\n2025/3/1 8:5,1\n2025/3/1 8:5:7,2\n\"3/13/2025, 12:30:00\u202fAM\",3\n", table.Options{TimeFormat: "mdy"},
			[]string{"2025-03-01T08:05:00 1", "2025-03-01T08:05:07 2", "2025-03-13T00:30:00 3"},
		},
		"midnight at the end of a day": {
			"t;v\n31.12.2023 23:00;1\n31.12.2023 24:00;1.234,5\n", table.Options{}, []string{"2023-12-31T23:00:00 1", "2024-01-01T00:00:00 1234.5"},
		},
		"offsets, names of months, digits only": {
			"t,v\n2024-01-02T03:04:05+08:00,1\n\"Tue, 02 Jan 2024 03:04:05 GMT\",2\n20240102040506,3\n20240102T050607Z,\"1,234,567.5\"\n02-Jan-2024 06:00,5\n", table.Options{},
			[]string{"2024-01-01T19:04:05 1", "2024-01-02T03:04:05 2", "2024-01-02T04:05:06 3", "2024-01-02T05:06:07 1.2345675e+06", "2024-01-02T06:00:00 5"},
		},
		"a layout of C, and one of Go": {
			"t,v\n24-02/01 03h,1\n", table.Options{TimeFormat: "%y-%d/%m %Hh"}, []string{"2024-01-02T03:00:00 1"},
		},
		"a layout of C, with one digit where two are usual": {
			"t,v\n2025年3月1日 0时0分,1\n2025年11月12日 13时14分,2\n", table.Options{TimeFormat: "%Y年%m月%d日 %H时%M分"},
			[]string{"2025-03-01T00:00:00 1", "2025-11-12T13:14:00 2"},
		},
		"a layout of C, its figures next to each other": {
			"t,v\n250301080910,1\n", table.Options{TimeFormat: "%y%m%d%H%M%S"}, []string{"2025-03-01T08:09:10 1"},
		},
		"layouts with offsets and names of zones, of which CST is China's here": {
			"t,v\n2025-03-01 08:00 +0200,1\n2025-03-01 08:00 -0530,2\n", table.Options{TimeFormat: "%Y-%m-%d %H:%M %z", Zone: time.FixedZone("CST", 8*3600)},
			[]string{"2025-03-01T06:00:00 1", "2025-03-01T13:30:00 2"},
		},
		"a name of a zone says nothing but Greenwich's": {
			"t,v\n2025-03-01 08:00 CST,1\n2025-03-01 08:00 GMT,2\n", table.Options{TimeFormat: "%Y-%m-%d %H:%M %Z", Zone: time.FixedZone("CST", 8*3600)},
			[]string{"2025-03-01T00:00:00 1", "2025-03-01T08:00:00 2"},
		},
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

func TestThatTimesAreTakenForASpreadsheetsIsSaid(t *testing.T) {
	_, seen, err := read(strings.NewReader("t,v\n45658.5,1\n45658.75,2\n"), table.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"times such as 45658.5 are read as a spreadsheet's (2025-01-01 12:00:00), as by --time-format excel; with --time-format unix they are seconds since 1970"}, seen.Guesses)
	_, _, err = read(strings.NewReader("t,v\n45658.5,1\nnoon,2\n"), table.Options{TimeFormat: "excel"})
	require.EqualError(t, err, `f.csv:3: column "t": want a time as spreadsheets count days, such as 45658.5; got "noon"; correct it, or leave such rows out by --skip-bad-rows`)
}

func TestNumbersThatRanOverAreLeftOutWhereThatIsAskedFor(t *testing.T) {
	got, seen, err := read(strings.NewReader("t,v\n1700000000123456789,1\n9223372036854775807,2\n9223372036854775908,3\n1e30,4\n-9223372036854775808,5\n1700000001123456789,6\n"), table.Options{SkipBad: true})
	require.NoError(t, err)
	require.Equal(t, []string{"2023-11-14T22:13:20.123 1", "2023-11-14T22:13:21.123 6"}, got)
	require.Equal(t, 4, seen.Skipped)
}

func TestAClockThatIsSet(t *testing.T) {
	copenhagen, err := time.LoadLocation("Europe/Copenhagen")
	require.NoError(t, err)
	o := table.Options{Zone: copenhagen}
	t.Run("back: an hour comes twice, and each row comes after the one above", func(t *testing.T) {
		got, seen, err := read(strings.NewReader("t,v\n2014-10-26 01:30:00,1\n2014-10-26 02:00:00,2\n2014-10-26 02:30:00,3\n2014-10-26 02:00:00,4\n2014-10-26 02:30:00,5\n2014-10-26 03:00:00,6\n"), o)
		require.NoError(t, err)
		require.Equal(t, []string{
			"2014-10-25T23:30:00 1", "2014-10-26T00:00:00 2", "2014-10-26T00:30:00 3", "2014-10-26T01:00:00 4", "2014-10-26T01:30:00 5", "2014-10-26T02:00:00 6",
		}, got)
		require.Equal(t, 4, seen.Overlap)
	})
	t.Run("forward: what never was is read as the clock before", func(t *testing.T) {
		got, seen, err := read(strings.NewReader("t,v\n2014-03-30 01:30:00,1\n2014-03-30 02:15:00,2\n2014-03-30 03:30:00,3\n"), o)
		require.NoError(t, err)
		require.Equal(t, []string{"2014-03-30T00:30:00 1", "2014-03-30T01:15:00 2", "2014-03-30T01:30:00 3"}, got)
		require.Equal(t, 1, seen.Gap)
	})
	t.Run("a logger that nobody sets", func(t *testing.T) {
		file := "t,v\n2014-03-30 01:00,1\n2014-03-30 02:30,2\n2014-03-30 03:00,3\n"
		_, _, err := read(strings.NewReader(file), o)
		require.EqualError(t, err, `f.csv:4: column "t": "2014-03-30 03:00" is earlier than the row above; "2014-03-30 02:30" never was in Europe/Copenhagen, where clocks were put forward. `+
			`If the logger keeps the same time all year, write it as --timezone=+01:00`)
		got, _, err := read(strings.NewReader(file), table.Options{Zone: time.FixedZone("+01:00", 3600)})
		require.NoError(t, err)
		require.Len(t, got, 3)
	})
	t.Run("a logger that nobody sets, in America", func(t *testing.T) {
		file := "t,v\n2025-03-09 01:30,1\n2025-03-09 02:45,2\n2025-03-09 03:00,3\n"
		newYork, err := time.LoadLocation("America/New_York")
		require.NoError(t, err)
		_, _, err = read(strings.NewReader(file), table.Options{Zone: newYork})
		require.ErrorContains(t, err, `"2025-03-09 02:45" never was in America/New_York, where clocks were put forward. If the logger keeps the same time all year, write it as --timezone=-05:00`)
		own, err := table.Zone("-05:00")
		require.NoError(t, err)
		got, _, err := read(strings.NewReader(file), table.Options{Zone: own})
		require.NoError(t, err)
		require.Equal(t, []string{"2025-03-09T06:30:00 1", "2025-03-09T07:45:00 2", "2025-03-09T08:00:00 3"}, got)
	})
	t.Run("rows out of order months later have nothing to do with it", func(t *testing.T) {
		_, _, err := read(strings.NewReader("t,v\n2014-03-30 02:30,1\n2014-06-02 00:00,2\n2014-06-01 00:00,3\n"), o)
		require.ErrorContains(t, err, `f.csv:4: column "t": "2014-06-01 00:00" is earlier than "2014-06-02 00:00" above it; sort the file`)
	})
}

func TestTheSameTimeAgain(t *testing.T) {
	r, err := table.New(strings.NewReader("t,v\n1,1\n1,2\n2,3\n"), table.Options{Time: "t", Values: []string{"v"}})
	require.NoError(t, err)
	var again []bool
	for row, err := r.Next(); err == nil; row, err = r.Next() {
		again = append(again, row.Again)
	}
	require.Equal(t, []bool{false, true, false}, again)
	require.Equal(t, 1, r.Seen().Again)
}

func TestAClockThatIsPutBackInAZoneThatNobodyNames(t *testing.T) {
	const file = "t,v\n2014-10-26 02:00,1\n2014-10-26 02:50,2\n2014-10-26 02:00,3\n2014-10-26 02:50,4\n2014-10-26 03:00,5\n"
	got, seen, err := read(strings.NewReader(file), table.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"2014-10-26T02:00:00 1", "2014-10-26T02:50:00 2", "2014-10-26T02:50:00 3", "2014-10-26T02:50:00 4", "2014-10-26T03:00:00 5"}, got)
	require.Equal(t, 1, seen.Late)
	_, _, err = read(strings.NewReader("t,v\n2014-10-26 03:00,1\n2014-10-26 02:30,2\n2014-10-26 02:00,3\n2014-10-26 01:30,4\n"), table.Options{})
	require.ErrorContains(t, err, `f.csv:5: column "t": "2014-10-26 01:30" is earlier than "2014-10-26 03:00" above it; sort`, "the newest first")
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
