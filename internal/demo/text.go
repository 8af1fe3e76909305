package demo

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"
)

// columns is how wide a terminal shows s: Chinese takes two columns a character.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens s to at most so many columns, and marks that.
func cut(s string, most int) string {
	if columns(s) <= most {
		return s
	}
	n := 0
	for i, r := range s {
		if n += columnsOf(r); n > most-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// left and right fill s with blanks up to a width in columns.
func left(s string, to int) string  { return s + strings.Repeat(" ", max(0, to-columns(s))) }
func right(s string, to int) string { return strings.Repeat(" ", max(0, to-columns(s))) + s }

// plain leaves out what could move the cursor or change its colour.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, s)
}

// grouped writes a whole number with its thousands set apart.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// figure writes a measured value with three significant digits, and with all
// that stand before its point.
func figure(v float64) string {
	decimals := 2
	if a := math.Abs(v); a >= 1 {
		decimals = max(0, 2-int(math.Log10(a)))
	} else if a > 0 {
		decimals = min(12, 2-int(math.Floor(math.Log10(a))))
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// milliseconds writes a latency.
func milliseconds(ms float64) string {
	if ms < 10_000 {
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(ms/1000, 'f', 1, 64) + " s"
}

// lasting writes a duration in whole seconds, such as 37s or 4m12s.
func lasting(d time.Duration) string { return d.Round(time.Second).String() }

// clock writes how long something has been running, as 0:42 or 1:02:03.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	two := func(n int) string { return right0(strconv.Itoa(n)) }
	if s < 3600 {
		return strconv.Itoa(s/60) + ":" + two(s%60)
	}
	return strconv.Itoa(s/3600) + ":" + two(s/60%60) + ":" + two(s%60)
}

func right0(s string) string { return strings.Repeat("0", max(0, 2-len(s))) + s }
