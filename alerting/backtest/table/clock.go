package table

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-strftime"
)

// spelling is how a file writes its times.
type spelling struct {
	unit   time.Duration // of times that are numbers since 1970; 0: they are not
	serial bool          // times are numbers as spreadsheets count them: days since the end of 1899, by the clock on the wall
	order  order         // of the numbers of a date such as 10/03/2004
	format string        // that was asked for: as C has it where it has a %, or else as package time has; "" for any of those that are known
}

type order int

const (
	unknown order = iota
	dayFirst
	monthFirst
)

// spellings that --time-format names.
func namedSpelling(format string) (spelling, bool) {
	s, ok := map[string]spelling{
		"unix": {unit: time.Second}, "unix_s": {unit: time.Second}, "unix_ms": {unit: time.Millisecond},
		"unix_us": {unit: time.Microsecond}, "unix_ns": {unit: time.Nanosecond}, "excel": {serial: true},
		"dd/mm/yyyy": {order: dayFirst}, "dmy": {order: dayFirst}, "mm/dd/yyyy": {order: monthFirst}, "mdy": {order: monthFirst},
		"rfc3339": {format: time.RFC3339Nano},
	}[strings.ToLower(format)]
	return s, ok
}

const knownFormats = `want unix, unix_ms, unix_us, unix_ns, excel, rfc3339, dd/mm/yyyy, mm/dd/yyyy, or a layout such as "%d.%m.%Y %H:%M:%S" or "02.01.2006 15:04:05"`

// asked is the spelling that somebody asked for.
func asked(format string) (spelling, error) {
	if s, ok := namedSpelling(format); ok || format == "" {
		return s, nil
	}
	asked := spelling{format: format}
	a, b := time.Date(1999, 11, 28, 22, 58, 59, 0, time.UTC), time.Date(2001, 3, 4, 5, 6, 7, 0, time.UTC)
	if _, err := asked.parse(asked.show(a)); err != nil {
		return spelling{}, fmt.Errorf("--time-format %s: %w; %s", format, err, knownFormats)
	}
	// A layout without anything of a time in it shows every time alike.
	if asked.show(a) == asked.show(b) {
		return spelling{}, fmt.Errorf("--time-format: %s; got %q", knownFormats, format)
	}
	return asked, nil
}

// parse reads a time of the format. One digit where two are usual will do for those of C, as in C.
func (s *spelling) parse(text string) (time.Time, error) {
	if s.ofC() {
		return strftime.Parse(s.format, text)
	}
	return time.ParseInLocation(s.format, text, time.UTC)
}

// show writes a time in the format.
func (s *spelling) show(t time.Time) string {
	if s.ofC() {
		return strftime.Format(s.format, t)
	}
	return t.Format(s.format)
}

func (s *spelling) ofC() bool { return strings.Contains(s.format, "%") }

// instant tells whether a time that was read says how far it is from Greenwich. Of names of zones only that of Greenwich does: CST
// is China's and Chicago's.
func (s *spelling) instant(t time.Time) bool {
	offset, name := strings.Contains(s.format, "Z07") || strings.Contains(s.format, "-07"), strings.Contains(s.format, "MST")
	if s.ofC() {
		offset, name = strings.Contains(s.format, "%z") || strings.Contains(s.format, "%:z"), strings.Contains(s.format, "%Z") || strings.Contains(s.format, "%+")
	}
	called, _ := t.Zone()
	return offset || name && (called == "UTC" || called == "GMT")
}

// learn finds the spelling of a file by the times at its beginning. said is what it had to guess.
func learn(texts []string) (s spelling, said string) {
	first := ""
	for _, t := range texts {
		if t != "" {
			first = t
			break
		}
	}
	if _, ok := digits(first); ok && compact(first) == "" {
		if serials(texts) {
			wall, _ := ofSerial(first)
			return spelling{serial: true}, "times such as " + first + " are read as a spreadsheet's (" + wall.Format("2006-01-02 15:04:05") +
				"), as by --time-format excel; with --time-format unix they are seconds since 1970"
		}
		v, _ := strconv.ParseFloat(first, 64)
		switch v = math.Abs(v); {
		case v < 1e11:
			s.unit = time.Second
		case v < 1e14:
			s.unit = time.Millisecond
		case v < 1e17:
			s.unit = time.Microsecond
		default:
			s.unit = time.Nanosecond
		}
		return s, ""
	}
	either := false
	var widest [3]time.Duration // between two times, by order
	var before [3]time.Time
	for _, t := range texts {
		d, ok := parseDate(t)
		if !ok || !d.slashed {
			continue
		}
		switch {
		case d.a > 12 && d.b <= 12:
			return spelling{order: dayFirst}, ""
		case d.b > 12 && d.a <= 12:
			return spelling{order: monthFirst}, ""
		}
		either = true
		for _, o := range []order{dayFirst, monthFirst} {
			now := d.in(o)
			if gap := now.Sub(before[o]).Abs(); !before[o].IsZero() {
				widest[o] = max(widest[o], gap)
			}
			before[o] = now
		}
	}
	if !either {
		return s, ""
	}
	// Days follow each other more closely where they are read as they are meant.
	if widest[monthFirst] < widest[dayFirst] {
		return spelling{order: monthFirst}, "dates such as " + first + " are read as month/day/year; with --time-format dd/mm/yyyy the day comes first"
	}
	return spelling{order: dayFirst}, "dates such as " + first + " are read as day/month/year; with --time-format mm/dd/yyyy the month comes first"
}

// serials tells whether all numbers are such as spreadsheets have for times: as seconds since 1970 they would all be of its
// first day, while as days they are of the years from 1954 to 2119.
func serials(texts []string) bool {
	const from, to = 20_000, 80_000
	for _, t := range texts {
		if v, ok := decimal(t); t != "" && !(ok && v >= from && v < to) {
			return false
		}
	}
	return true
}

// ofSerial is what a clock on the wall showed, as a UTC time, at a number of a spreadsheet.
func ofSerial(text string) (time.Time, bool) {
	const upTo1970, day, most = 25569, 24 * 60 * 60 * 1000, 1e6
	v, ok := decimal(text)
	if !ok || v < 0 || v > most {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(math.Round((v - upTo1970) * day))).UTC(), true
}

// decimal reads a number with a decimal point or comma.
func decimal(text string) (float64, bool) {
	if _, ok := digits(text); !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	return v, err == nil
}

// digits tells whether a text is a number, and whether it is a whole one.
func digits(text string) (whole, ok bool) {
	if text == "" || strings.ContainsAny(text, ":/ _xXpPiInNTtZ") {
		return false, false
	}
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return true, true
	}
	_, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	return false, err == nil
}

// compact returns the layout of dates that have digits only, such as 20140522090904, "" where the text is none.
func compact(text string) string {
	if !strings.HasPrefix(text, "19") && !strings.HasPrefix(text, "20") {
		return ""
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(text) != len(layout) {
			continue
		}
		if _, err := time.Parse(layout, text); err == nil {
			return layout
		}
	}
	return ""
}

// Times are of the years for which there are nanoseconds since 1970: what is beyond is a number that ran over, or stands for none.
func earliest() int64 { return time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() }
func latest() int64   { return time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() }

// since1970 reads a number in a unit, in milliseconds.
func since1970(text string, unit time.Duration) (int64, bool) {
	if whole, ok := digits(text); !ok {
		return 0, false
	} else if whole {
		n, _ := strconv.ParseInt(text, 10, 64)
		if unit == time.Second {
			return n * 1000, n > -1e15 && n < 1e15
		}
		per := int64(time.Millisecond / unit)
		ms := n / per
		if n%per < 0 {
			ms--
		}
		return ms, ms > -1e18 && ms < 1e18
	}
	v, _ := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	ms := math.Floor(v*float64(unit)/float64(time.Millisecond) + 1e-6)
	return int64(ms), math.Abs(ms) < 1e15
}

// clock makes instants of the times of a file, in order.
type clock struct {
	spelling
	zone *time.Location
	// gap and overlap count local times that there were not, or twice.
	gap, overlap int
	firstGap     string
	// lastGap is the newest that there was not, gapAt its instant, and gapOffset that of the clock before, in seconds east of Greenwich.
	lastGap   string
	gapAt     int64
	gapOffset int
}

// read makes milliseconds since 1970 of a text; before is the instant of the row above, where there is one.
func (c *clock) read(text string, before int64, follows bool) (int64, bool) {
	switch {
	case c.format != "":
		t, err := c.parse(text)
		if err != nil {
			return 0, false
		}
		if c.instant(t) {
			return t.UnixMilli(), true
		}
		wall := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		return c.local(wall, text, before, follows), true
	case c.serial:
		wall, ok := ofSerial(text)
		if !ok {
			return 0, false
		}
		return c.local(wall, text, before, follows), true
	case c.unit != 0:
		return since1970(text, c.unit)
	}
	d, ok := parseDate(text)
	if !ok {
		return 0, false
	}
	if d.slashed && c.order == unknown {
		return 0, false
	}
	t := d.in(c.order)
	if t.IsZero() {
		return 0, false
	}
	if d.offset != nil {
		return t.UnixMilli() - int64(*d.offset)*1000, true
	}
	return c.local(t, text, before, follows), true
}

// local finds the instant of what a clock on the wall showed; the wall is a UTC time with its figures. Of two instants it
// is the first that comes after the row above. What the clock never showed, because it was put forward, is read by the
// time before that, as a clock would show it that nobody has put forward yet.
func (c *clock) local(wall time.Time, text string, before int64, follows bool) int64 {
	const day = 24 * 60 * 60
	s := wall.Unix()
	offset := func(at int64) int64 {
		_, o := time.Unix(at, 0).In(c.zone).Zone()
		return int64(o)
	}
	early, late := offset(s-day), offset(s+day)
	ms := wall.UnixMilli()
	first, second := ms-early*1000, ms-late*1000
	if early == late {
		if o := offset(s - early); o == early {
			return first
		}
		return ms - offset(s-early)*1000 // a change and its reverse within two days
	}
	isFirst, isSecond := offset(s-early) == early, offset(s-late) == late
	switch {
	case isFirst && isSecond:
		c.overlap++
		first, second = min(first, second), max(first, second)
		if follows && first <= before {
			return second
		}
		return first
	case isSecond:
		return second
	case !isFirst:
		if c.gap == 0 {
			c.firstGap = text
		}
		c.gap++
		c.lastGap, c.gapAt, c.gapOffset = text, first, int(early)
	}
	return first
}

// unset tells whether an instant comes so soon after a local time that there was not that its clock may not have been put forward at all.
func (c *clock) unset(at int64) bool {
	return c.gap > 0 && at >= c.gapAt && at-c.gapAt <= late.Milliseconds()
}

// offset writes seconds east of Greenwich as --timezone reads them.
func offset(east int) string {
	return time.Time{}.In(time.FixedZone("", east)).Format("-07:00")
}

// Zone finds a time zone: a name such as Asia/Shanghai, an offset such as +08:00, or Local for the machine's.
func Zone(name string) (*time.Location, error) {
	if name != "" && (name[0] == '+' || name[0] == '-') {
		s, d := scanner{rest: name}, date{}
		if s.zone(&d) && s.rest == "" {
			return time.FixedZone(name, *d.offset), nil
		}
	} else if zone, err := time.LoadLocation(name); err == nil {
		return zone, nil
	}
	return nil, fmt.Errorf("--timezone: want a name such as Asia/Shanghai, or an offset such as +08:00; got %q", name)
}

// Instant reads a time as people write it: in any spelling that leaves nothing open, or as seconds since 1970. Without a
// zone it is one of zone.
func Instant(text string, zone *time.Location) (time.Time, bool) {
	c := clock{zone: zone}
	if _, ok := digits(text); ok && compact(text) == "" {
		c.unit = time.Second
	}
	ms, ok := c.read(strings.TrimSpace(text), 0, false)
	return time.UnixMilli(ms).In(zone), ok
}
