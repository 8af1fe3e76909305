package table

import (
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// date is what a text says of a time. Where it is slashed, a and b are day and month in an order that the text does not
// tell.
type date struct {
	slashed     bool
	year, a, b  int // otherwise a is the month
	hour        int
	minute, sec int
	nanos       int
	offset      *int // seconds east of Greenwich; nil: local time
}

// in is the time on a wall that has the order; the zero time where there is no such day.
func (d *date) in(o order) time.Time {
	month, day := d.a, d.b
	if d.slashed && o == dayFirst {
		month, day = d.b, d.a
	}
	t := time.Date(d.year, time.Month(month), day, d.hour, d.minute, d.sec, d.nanos, time.UTC)
	if shown := t.Add(-time.Duration(d.hour/24) * 24 * time.Hour); shown.Day() != day || int(shown.Month()) != month {
		return time.Time{}
	}
	return t
}

// parseDate reads the date and time of any of the usual spellings.
func parseDate(text string) (date, bool) {
	var d date
	text = narrow(text)
	if layout := compact(text); layout != "" {
		t, err := time.Parse(layout, text)
		d.year, d.a, d.b, d.hour, d.minute, d.sec = t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second()
		return d, err == nil
	}
	s := scanner{rest: text}
	if !s.day(&d) {
		return d, false
	}
	s.between()
	if s.rest == "" {
		return d, true
	}
	return d, s.clock(&d)
}

// narrow makes what is as wide as a Chinese character, such as 8：30, and spaces of other kinds what ASCII has.
func narrow(text string) string { return strings.TrimSpace(norm.NFKC.String(text)) }

// scanner takes a text apart from its beginning.
type scanner struct{ rest string }

// number takes up to most digits.
func (s *scanner) number(most int) (n, length int) {
	for length < len(s.rest) && length < most && s.rest[length] >= '0' && s.rest[length] <= '9' {
		n = n*10 + int(s.rest[length]-'0')
		length++
	}
	s.rest = s.rest[length:]
	return n, length
}

// one takes one of some bytes, and tells which; 0: none.
func (s *scanner) one(of string) byte {
	if s.rest == "" || strings.IndexByte(of, s.rest[0]) < 0 {
		return 0
	}
	c := s.rest[0]
	s.rest = s.rest[1:]
	return c
}

// word takes one of some words, with spaces before it, and tells whether it was there.
func (s *scanner) word(of ...string) bool {
	from := strings.TrimLeft(s.rest, " ")
	for _, w := range of {
		if rest, ok := strings.CutPrefix(from, w); ok {
			s.rest = rest
			return true
		}
	}
	return false
}

func (s *scanner) letters() string {
	n := 0
	for n < len(s.rest) && (s.rest[n]|0x20) >= 'a' && (s.rest[n]|0x20) <= 'z' {
		n++
	}
	word := s.rest[:n]
	s.rest = s.rest[n:]
	return word
}

// month takes a month's name, in English.
func (s *scanner) month() int {
	from := s.rest
	word := strings.ToLower(s.letters())
	if len(word) >= 3 {
		for m := time.January; m <= time.December; m++ {
			if full := strings.ToLower(m.String()); strings.HasPrefix(full, word) || word == "sept" && m == time.September {
				s.one(".")
				return int(m)
			}
		}
	}
	s.rest = from
	return 0
}

// day takes a date.
func (s *scanner) day(d *date) bool {
	s.weekday()
	if m := s.month(); m > 0 { // Jan 2, 2006
		d.a = m
		s.spaces()
		day, n := s.number(2)
		d.b = day
		s.one(",")
		s.spaces()
		year, digits := s.number(4)
		d.year = year
		return n > 0 && digits == 4
	}
	if len(s.rest) > 8 && (s.rest[8] < '0' || s.rest[8] > '9') { // 20140522T090904
		if t, err := time.Parse("20060102", s.rest[:8]); err == nil {
			d.year, d.a, d.b = t.Year(), int(t.Month()), t.Day()
			s.rest = s.rest[8:]
			return true
		}
	}
	first, n := s.number(4)
	if s.word("年") {
		d.year = century(first, n)
		return (n == 4 || n == 2) && s.chineseDay(d)
	}
	mark := s.one("-/. ")
	if n == 0 || mark == 0 {
		return false
	}
	if m := s.month(); m > 0 { // 2-Jan-2006, 2 January 2006
		d.a, d.b = m, first
		s.one("-/. ")
		year, digits := s.number(4)
		d.year = century(year, digits)
		return n <= 2 && (digits == 4 || digits == 2)
	}
	second, n2 := s.number(2)
	if n2 == 0 || mark == ' ' || s.one(string(mark)) == 0 {
		return false
	}
	third, n3 := s.number(4)
	switch {
	case n == 4:
		d.year, d.a, d.b = first, second, third
		return n3 == 1 || n3 == 2
	case n > 2 || n3 != 2 && n3 != 4:
		return false
	case mark == '.': // only where the day comes first
		d.year, d.a, d.b = century(third, n3), second, first
	default:
		d.slashed = true
		d.year, d.a, d.b = century(third, n3), first, second
	}
	return true
}

// chineseDay takes what comes after the year of 2025年3月1日.
func (s *scanner) chineseDay(d *date) bool {
	var n, n2 int
	s.spaces()
	d.a, n = s.number(2)
	if !s.word("月") {
		return false
	}
	s.spaces()
	d.b, n2 = s.number(2)
	s.word("日", "号")
	return n > 0 && n2 > 0
}

// century completes a year of two digits, as POSIX does.
func century(year, digits int) int {
	switch {
	case digits != 2:
		return year
	case year < 69:
		return 2000 + year
	}
	return 1900 + year
}

func (s *scanner) weekday() {
	from := s.rest
	word := strings.ToLower(s.letters())
	if len(word) >= 3 {
		for w := time.Sunday; w <= time.Saturday; w++ {
			if strings.HasPrefix(strings.ToLower(w.String()), word) {
				s.one(",.")
				s.spaces()
				return
			}
		}
	}
	s.rest = from
}

func (s *scanner) spaces() { s.rest = strings.TrimLeft(s.rest, " ") }

// between takes what stands between date and time.
func (s *scanner) between() {
	if s.one("Tt_:,") == 0 {
		s.one(" ")
	}
	s.spaces()
	if s.word("星期", "周") {
		s.word("一", "二", "三", "四", "五", "六", "日", "天")
		s.spaces()
	}
}

// clock takes a time of day, with all that may belong to it, to the end.
func (s *scanner) clock(d *date) bool {
	half := s.half()
	if !s.time(d) {
		return false
	}
	if half == "" {
		half = s.half()
	}
	return d.halve(half) && s.zone(d) && s.rest == ""
}

// time takes 15:04:05.000, 15:04, 15:4, 15.04.05, 150405, 15时04分05秒 or 15时.
func (s *scanner) time(d *date) bool {
	var n int
	if d.hour, n = s.number(2); n == 0 {
		return false
	}
	if s.word("时", "時", "点") {
		return s.chineseMinutes(d) && d.onClock()
	}
	mark := s.one(":.")
	if d.minute, n = s.number(2); n != 2 && (n == 0 || mark != ':') {
		return false
	}
	if mark == 0 || s.one(string(mark)) != 0 {
		if d.sec, n = s.number(2); n != 2 && (mark != 0 || n != 0) && (mark != ':' || n == 0) {
			return false
		}
		if s.one(".,") != 0 && !s.fraction(d) {
			return false
		}
	}
	return d.onClock()
}

// chineseMinutes takes what comes after the hour of 15时04分05秒.
func (s *scanner) chineseMinutes(d *date) bool {
	var n int
	s.spaces()
	if d.minute, n = s.number(2); n == 0 {
		return true
	}
	if !s.word("分") {
		return true
	}
	s.spaces()
	if d.sec, n = s.number(2); n == 0 {
		return true
	}
	if s.one(".") != 0 && !s.fraction(d) {
		return false
	}
	s.word("秒")
	return true
}

// onClock tells whether clocks show such a time.
func (d *date) onClock() bool {
	midnight := d.hour == 24 && d.minute == 0 && d.sec == 0
	return (d.hour < 24 || midnight) && d.minute < 60 && d.sec <= 60
}

func (s *scanner) fraction(d *date) bool {
	var n int
	d.nanos, n = s.number(9)
	for range 9 - n {
		d.nanos *= 10
	}
	_, _ = s.number(len(s.rest))
	return n > 0
}

// half takes AM or PM, before the time or after it, as in 下午3:30; "": it is not there.
func (s *scanner) half() string {
	half := ""
	switch {
	case s.word("上午", "AM", "am", "Am", "a.m.", "A.M."):
		half = "am"
	case s.word("下午", "PM", "pm", "Pm", "p.m.", "P.M."):
		half = "pm"
	}
	s.spaces()
	return half
}

// halve counts hours from noon on where a half of the day is named. 下午15:30 says it twice.
func (d *date) halve(half string) bool {
	switch {
	case half == "" || half == "pm" && d.hour > 12 && d.hour < 24:
		return true
	case d.hour > 12:
		return false
	}
	d.hour %= 12
	if half == "pm" {
		d.hour += 12
	}
	return true
}

// zone takes Z, UTC, +08, +0800 or +08:00.
func (s *scanner) zone(d *date) bool {
	s.spaces()
	for _, utc := range []string{"Z", "z", "UTC", "GMT"} {
		if rest, ok := strings.CutPrefix(s.rest, utc); ok {
			s.rest = rest
			d.offset = new(int)
			break
		}
	}
	mark := s.one("+-")
	if mark == 0 {
		return true
	}
	hours, n := s.number(2)
	s.one(":")
	minutes, _ := s.number(2)
	offset := hours*3600 + minutes*60
	if mark == '-' {
		offset = -offset
	}
	d.offset = &offset
	return n == 2 && hours < 24 && minutes < 60
}
