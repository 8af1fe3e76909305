package table_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/backtest/table"
)

func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"t,v\n1,2\n", "datetime;v\n2020-03-09 10:14:33;0,5\n", "\xff\xfet\x00,\x00v\x00\n\x00", "t\tv\n10/03/2004 18:00\t-200\n", "t,v\n\"1\n\n\",3",
		"sep=;\nt;v\n2024年1月2日;1", "t;v\n2025年3月1日8时;1\n2025/3/1 下午3:30;2", "t,v\n45658.5,1\n45658.75,2", "t,v\n99999999999999999998,1\n9223372036854775807,2", "t|v\nJan 2, 2006 3:04 PM|1,234.5", "\x1f\x8b\x08\x00", "t,v\n1e30,1\n-9223372036854775808,2", "1,2\n3,4",
	} {
		f.Add([]byte(seed), "", "")
	}
	f.Add([]byte("t,v\n2025年3月1日 0时0分,1\n"), "%Y年%m月%d日 %H时%M分", "")
	f.Add([]byte("t,v\n2025-03-09 02:30 -0500,1\n"), "2006-01-02 15:04 -0700", "")
	f.Add([]byte("t,v\n45658,1\n"), "excel", "")
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(f, err)
	first, last := time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	f.Fuzz(func(t *testing.T, file []byte, format, encoding string) {
		r, err := table.New(bytes.NewReader(file), table.Options{File: "f", Time: "1", Values: []string{"2"}, TimeFormat: format, Encoding: encoding, Zone: zone})
		if err != nil {
			return
		}
		before := int64(math.MinInt64)
		for {
			row, err := r.Next()
			if err != nil {
				return
			}
			require.GreaterOrEqual(t, row.Time, before)
			require.GreaterOrEqual(t, row.Time, first)
			require.Less(t, row.Time, last)
			require.False(t, math.IsInf(row.Values[0], 0))
			before = row.Time
		}
	})
}

// TestTimesOfHandsAreReadAsTheyAreMeant writes times as hands and spreadsheets do, with zeros and spaces or without.
func TestTimesOfHandsAreReadAsTheyAreMeant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("+08:00", 8*3600), time.FixedZone("-03:30", -12600)}).Draw(t, "zone")
		at := time.UnixMilli(rapid.Int64Range(-9214560000, 9214646399).Draw(t, "seconds") * 1000).In(zone)
		if y := at.Year(); y < 1679 || y > 2260 {
			at = at.AddDate(2000-y, 0, 0)
		}
		pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
		figure := func(name string, n int) string {
			return fmt.Sprintf(pick(name, "%d", "%02d"), n)
		}
		between := pick("between", "", " ", "  ", "\u3000", " 周六 ")
		year, month, day := fmt.Sprintf("%04d", at.Year()), figure("month", int(at.Month())), figure("day", at.Day())
		text := year + "年" + month + "月" + day + pick("day's", "日", "号")
		if mark := pick("mark", "年", "-", "/"); mark != "年" {
			text = year + mark + month + mark + day
			between = pick("apart", " ", "  ", "\u3000", " 周六 ") // 2025/3/18:30 could be anything
		}
		hour := at.Hour()
		before, after := "", ""
		if half := pick("half", "", "before", "after"); half != "" {
			word := []string{"上午", "下午"}[hour/12]
			if hour %= 12; hour == 0 {
				hour = 12
			}
			if half == "before" {
				before = word + pick("space", "", " ")
			} else {
				after = pick("space", "", " ") + word
			}
		}
		text += between + before + figure("hour", hour)
		switch minute, second := figure("minute", at.Minute()), figure("second", at.Second()); pick("time", "15:04:05", "15时04分05秒", "15点04分05秒") {
		case "15:04:05":
			text += ":" + minute + pick("colon", ":", "：") + second
		case "15时04分05秒":
			text += "时" + minute + "分" + second + "秒"
		default:
			text += "点 " + minute + " 分 " + second + " 秒"
		}
		text += after
		got, _, err := read(strings.NewReader("t;v\n"+text+";1\n"), table.Options{Zone: zone})
		require.NoError(t, err)
		require.Equal(t, []string{at.UTC().Format("2006-01-02T15:04:05") + " 1"}, got, text)
	})
}
