package parking

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// parseTime reads a time: of RFC 3339, with a blank or a slash here and there,
// without a zone (then it is of zone), or as a number of seconds, milli-, micro-
// or nanoseconds since 1970, by its size. The result is in milliseconds.
func parseTime(text []byte, zone *time.Location) (ms int64, ok bool) {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	const compact = 14 // 20060102150405
	switch {
	case digits == len(text) && digits == compact:
		return compactTime(text, zone)
	case digits == len(text) && digits >= 9, digits >= 9 && digits < len(text) && text[digits] == '.':
		n, err := strconv.ParseFloat(view(text), 64)
		if err != nil {
			return 0, false
		}
		if digits < len(text) || digits > 15 {
			return epoch(n)
		}
		whole, err := strconv.ParseInt(view(text), 10, 64)
		if err != nil {
			return 0, false
		}
		return epochWhole(whole)
	}
	return calendarTime(text, zone)
}

// epoch takes a number for seconds, milli-, micro- or nanoseconds.
func epoch(n float64) (int64, bool) {
	for _, unit := range []float64{1e3, 1, 1e-3, 1e-6} {
		if ms := n * unit; ms >= 1e11/10 && ms < 1e13 { // 1970-04-26 to 2286
			return int64(math.Round(ms)), true
		}
	}
	return 0, false
}

func epochWhole(n int64) (int64, bool) {
	switch {
	case n < 1e10:
		return n * 1000, n >= 1e8
	case n < 1e13:
		return n, n >= 1e11
	}
	return epoch(float64(n))
}

func compactTime(text []byte, zone *time.Location) (int64, bool) {
	var part [6]int
	at := 0
	for i, n := range [6]int{4, 2, 2, 2, 2, 2} {
		for _, c := range text[at : at+n] {
			part[i] = part[i]*10 + int(c-'0')
		}
		at += n
	}
	return date(part, 0, zone)
}

// calendarTime reads 2006-01-02T15:04:05.999+08:00 and its relatives.
func calendarTime(text []byte, zone *time.Location) (ms int64, ok bool) {
	s := timeText{rest: text}
	var part [6]int
	part[0] = s.digits(4, 4)
	sep := s.one('-', '/')
	part[1] = s.digits(1, 2)
	s.one(sep, sep)
	part[2] = s.digits(1, 2)
	if len(s.rest) == 0 {
		return 0, false // a day is no time
	}
	s.one('T', ' ')
	s.rest = bytes.TrimLeft(s.rest, " ")
	part[3] = s.digits(1, 2)
	s.one(':', ':')
	part[4] = s.digits(2, 2)
	ns := 0
	if len(s.rest) > 0 && s.rest[0] == ':' {
		s.one(':', ':')
		part[5] = s.digits(2, 2)
		ns = s.fraction()
	}
	offset, given := s.offset()
	if given {
		zone = time.UTC
	}
	if s.bad || len(s.rest) > 0 {
		return 0, false
	}
	ms, ok = date(part, ns, zone)
	return ms - offset, ok
}

func date(part [6]int, ns int, zone *time.Location) (int64, bool) {
	if part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 || part[3] > 23 || part[4] > 59 || part[5] > 60 {
		return 0, false
	}
	if part[1] == 2 && part[2] > 29 {
		return 0, false
	}
	return time.Date(part[0], time.Month(part[1]), part[2], part[3], part[4], part[5], ns, zone).UnixMilli(), true
}

type timeText struct {
	rest []byte
	bad  bool
}

func (s *timeText) digits(least, most int) (n int) {
	i := 0
	for ; i < most && i < len(s.rest) && s.rest[i] >= '0' && s.rest[i] <= '9'; i++ {
		n = n*10 + int(s.rest[i]-'0')
	}
	s.bad = s.bad || i < least
	s.rest = s.rest[i:]
	return n
}

// one takes one of two bytes.
func (s *timeText) one(a, b byte) byte {
	if len(s.rest) == 0 || s.rest[0] != a && s.rest[0] != b {
		s.bad = true
		return 0
	}
	c := s.rest[0]
	s.rest = s.rest[1:]
	return c
}

func (s *timeText) fraction() (ns int) {
	if len(s.rest) == 0 || s.rest[0] != '.' && s.rest[0] != ',' {
		return 0
	}
	s.rest = s.rest[1:]
	unit := 100_000_000
	before := len(s.rest)
	for len(s.rest) > 0 && s.rest[0] >= '0' && s.rest[0] <= '9' {
		ns += int(s.rest[0]-'0') * unit
		unit /= 10
		s.rest = s.rest[1:]
	}
	s.bad = s.bad || len(s.rest) == before
	return ns
}

// offset takes Z, +08:00, +0800 or +08, in milliseconds.
func (s *timeText) offset() (ms int64, given bool) {
	for len(s.rest) > 0 && s.rest[0] == ' ' {
		s.rest = s.rest[1:]
	}
	if len(s.rest) == 0 {
		return 0, false
	}
	if s.rest[0] == 'Z' || s.rest[0] == 'z' {
		s.rest = s.rest[1:]
		return 0, true
	}
	sign := s.one('+', '-')
	hours := s.digits(2, 2)
	minutes := 0
	if len(s.rest) > 0 {
		if s.rest[0] == ':' {
			s.rest = s.rest[1:]
		}
		minutes = s.digits(2, 2)
	}
	s.bad = s.bad || hours > 23 || minutes > 59
	ms = int64(hours*60+minutes) * 60_000
	if sign == '-' {
		ms = -ms
	}
	return ms, true
}
