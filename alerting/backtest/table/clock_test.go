package table_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/backtest/table"
)

func TestTimesAsPeopleWriteThem(t *testing.T) {
	for story, test := range map[string]struct {
		file string
		o    table.Options
		want []string
	}{
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
	} {
		t.Run(story, func(t *testing.T) {
			got, _, err := read(strings.NewReader(test.file), test.o)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
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

func TestAClockThatIsPutBackInAZoneThatNobodyNames(t *testing.T) {
	const file = "t,v\n2014-10-26 02:00,1\n2014-10-26 02:50,2\n2014-10-26 02:00,3\n2014-10-26 02:50,4\n2014-10-26 03:00,5\n"
	got, seen, err := read(strings.NewReader(file), table.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"2014-10-26T02:00:00 1", "2014-10-26T02:50:00 2", "2014-10-26T02:50:00 3", "2014-10-26T02:50:00 4", "2014-10-26T03:00:00 5"}, got)
	require.Equal(t, 1, seen.Late)
	_, _, err = read(strings.NewReader("t,v\n2014-10-26 03:00,1\n2014-10-26 02:30,2\n2014-10-26 02:00,3\n2014-10-26 01:30,4\n"), table.Options{})
	require.ErrorContains(t, err, `f.csv:5: column "t": "2014-10-26 01:30" is earlier than "2014-10-26 03:00" above it; sort`, "the newest first")
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
