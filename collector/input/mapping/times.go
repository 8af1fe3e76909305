package mapping

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-city/belfry/collector/input/jsontext"
)

// times reads the times of devices.
type times struct {
	zone    *time.Location // of those that do not say theirs
	layouts []string       // tried in turn, after RFC 3339
}

// usual are ways in which devices write local times. A fraction of the second
// is read behind any of them.
func usual() []string {
	return []string{
		time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006/01/02 15:04:05", "2006-01-02 15:04:05Z07:00",
		"2006-01-02 15:04:05 Z0700", "2006-01-02T15:04:05Z0700", "20060102150405", "2006年01月02日 15:04:05",
		"2006年1月2日 15:04:05", "2006年01月02日 15时04分05秒", "2006-1-2 15:04:05", "2006/1/2 15:04:05", "2006-01-02 15:04", "2006/01/02 15:04",
		time.RFC1123, time.RFC1123Z,
	}
}

func newTimes(zone *time.Location, layout string) (times, error) {
	t := times{zone: zone, layouts: usual()}
	if layout == "" {
		return t, nil
	}
	read, err := readLayout(layout)
	t.layouts = []string{read}
	return t, err
}

// call is the function time of expressions: time(text, layout, zone), of which
// the last two may be left out.
func (t times) call(args ...any) (any, error) {
	if err := count("time", args, 1, 3); err != nil {
		return nil, err
	}
	if args[0] == nil {
		return nil, nil
	}
	for i, a := range args[1:] {
		text, ok := a.(string)
		switch {
		case !ok:
			return nil, errors.New(`time: want layout and zone as text, such as time(t, "YYYY-MM-DD HH:mm", "UTC")`)
		case i == 0:
			layout, err := readLayout(text)
			if err != nil {
				return nil, fmt.Errorf("time: layout: %w", err)
			}
			t.layouts = []string{layout}
		default:
			zone, err := time.LoadLocation(text)
			if err != nil {
				return nil, fmt.Errorf("time: %s is no time zone", jsontext.Show(text))
			}
			t.zone = zone
		}
	}
	ms, err := t.read(args[0])
	if err != nil {
		return nil, err
	}
	return time.UnixMilli(ms).In(t.zone), nil
}

// read returns milliseconds. Numbers are seconds, milliseconds, microseconds or
// nanoseconds since 1970, whichever lies between 1970 and 5138.
func (t times) read(v any) (int64, error) {
	if at, ok := v.(time.Time); ok {
		return at.UnixMilli(), nil
	}
	text, isText := v.(string)
	text = strings.TrimSpace(text)
	if isText {
		// 14 digits are a date, not a number.
		for _, layout := range t.layouts {
			if at, err := time.ParseInLocation(layout, text, t.zone); err == nil {
				return at.UnixMilli(), nil
			}
		}
	}
	if _, isBool := v.(bool); !isBool {
		if n, ok := jsontext.Number(v); ok {
			if at, is := t.digits(n); is {
				return at.UnixMilli(), nil
			}
			return epoch(n)
		}
	}
	return 0, fmt.Errorf("%s is no time that is known here; say how it is written: layout: YYYY-MM-DD HH:mm:ss", jsontext.Show(v))
}

// digits reads a number that is a date written as YYYYMMDDhhmmss. As milliseconds
// it would be one that is centuries away.
func (t times) digits(n float64) (at time.Time, is bool) {
	const first, last = 19000101000000, 21991231235959
	if n < first || n > last || n != math.Trunc(n) {
		return at, false
	}
	at, err := time.ParseInLocation("20060102150405", strconv.FormatInt(int64(n), 10), t.zone)
	return at, err == nil
}

func epoch(n float64) (int64, error) {
	size := math.Abs(n)
	switch {
	case math.IsNaN(n), size >= 1e20:
		return 0, fmt.Errorf("%v is no time", n)
	case size < 1e11:
		return int64(math.Round(n * 1e3)), nil
	case size < 1e14:
		return int64(math.Round(n)), nil
	case size < 1e17:
		return int64(math.Round(n / 1e3)), nil
	}
	return int64(math.Round(n / 1e6)), nil
}
