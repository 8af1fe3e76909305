package pager

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// FormatOption changes how FormatPage writes.
type FormatOption func(*formatting)

type formatting struct {
	colour bool
	zone   *time.Location
}

// WithColour marks severities by ANSI colours.
func WithColour() FormatOption { return func(f *formatting) { f.colour = true } }

// InZone writes times in a time zone other than that of the page's Time.
func InZone(zone *time.Location) FormatOption { return func(f *formatting) { f.zone = zone } }

// indent is where a page's text begins; the first line has the severity before it.
const indent = 10

// FormatPage writes a page for a terminal, in lines without a newline at the end: what and how bad; where; who answers
// for it, by which rule, when, and how fast; and, if there is one, the link to its hazard. Language is English or Chinese. Control characters in labels are
// left out, so that no name can move the cursor.
func FormatPage(p Page, language string, options ...FormatOption) string {
	var f formatting
	for _, o := range options {
		o(&f)
	}
	words := phrasesOf(language)
	lines := []string{f.headline(&p, language, words), where(&p, language, words), f.footer(&p, words)}
	if p.HazardURL != "" {
		lines = append(lines, plain(p.HazardURL))
	}
	gap := "\n" + strings.Repeat(" ", indent)
	return strings.Join(lines, gap)
}

// headline is severity, what, and value against threshold.
func (f *formatting) headline(p *Page, language string, words phrases) string {
	label := words.labelOf(p)
	pad := strings.Repeat(" ", max(1, indent-columns(label)))
	if f.colour {
		label = colourOf(p) + label + "\x1b[0m"
	}
	what := plain(p.summary(language))
	if measured := comparison(p, what, words); measured != "" {
		what += "  " + measured
	}
	return label + pad + what
}

func colourOf(p *Page) string {
	switch {
	case p.Status == Resolved:
		return "\x1b[32m"
	case p.Severity == "critical":
		return "\x1b[1;31m"
	case p.Severity == "warning":
		return "\x1b[33m"
	}
	return "\x1b[36m"
}

// comparison is `52.3 %LEL > 50 %LEL`, or what of it is known and not in the summary already.
func comparison(p *Page, summary string, words phrases) string {
	if p.Value == nil {
		return ""
	}
	value, limit := quantity(*p.Value, p.Unit), ""
	if p.Limit != nil {
		limit = quantity(*p.Limit, p.Unit)
	}
	if says(summary, *p.Value) {
		if limit == "" || says(summary, *p.Limit) {
			return ""
		}
		return strings.TrimSpace(words.open + words.limit + " " + limit + words.close)
	}
	if p.Status == Resolved {
		value = words.was + " " + value
	}
	switch {
	case limit == "":
		return value
	case *p.Value > *p.Limit:
		return value + " > " + limit
	case *p.Value < *p.Limit:
		return value + " < " + limit
	}
	return value + " = " + limit
}

// says reports whether a text has v in it, rounded as the text pleases.
func says(text string, v float64) bool {
	for _, number := range regexp.MustCompile(`-?\d+(?:\.\d+)?`).FindAllString(text, -1) {
		_, fraction, _ := strings.Cut(number, ".")
		if strconv.FormatFloat(v, 'f', len(fraction), 64) == number {
			return true
		}
	}
	return false
}

// nowhere stands where no place is known.
const nowhere = "-"

func where(p *Page, language string, words phrases) string {
	name := plain(pick(language, p.Name, p.NameZH, p.Asset))
	asset := plain(p.Asset)
	if asset != "" && asset != name {
		name += words.open + asset + words.close
	}
	var parts []string
	for _, s := range []string{name, plain(p.Community), plain(p.Street), plain(p.District)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return nowhere
	}
	return strings.Join(parts, words.comma)
}

func (f *formatting) footer(p *Page, words phrases) string {
	at := p.Time
	if f.zone != nil {
		at = at.In(f.zone)
	}
	parts := []string{words.teamOf(p), plain(p.Rule), at.Format("15:04:05")}
	switch {
	case p.Status == Resolved && !p.EndsAt.IsZero():
		parts = append(parts, fmt.Sprintf(words.after, span(p.EndsAt.Sub(p.StartsAt))))
	case p.Repeat:
		parts = append(parts, fmt.Sprintf(words.still, span(p.Time.Sub(p.StartsAt))))
	case !p.ReadingTime.IsZero():
		parts = append(parts, fmt.Sprintf(words.latency, latency(p.LatencyMS)))
	}
	return strings.Join(parts, " · ")
}

// latency writes milliseconds up to ten seconds, and seconds above.
func latency(ms float64) string {
	switch {
	case ms < 10:
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	case ms < 10_000:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	}
	return span(time.Duration(ms * float64(time.Millisecond)))
}

func span(d time.Duration) string {
	if d < time.Minute {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	s := d.Truncate(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	return s
}

func quantity(v float64, unit string) string {
	if unit == "" {
		return figure(v)
	}
	return figure(v) + " " + plain(unit)
}

// figure writes a number with four significant digits, more if it needs them before the point.
func figure(v float64) string {
	decimals := 3
	if a := math.Abs(v); a >= 1 {
		decimals = max(0, 3-int(math.Log10(a)))
	} else if a > 0 {
		decimals = min(12, 3-int(math.Floor(math.Log10(a))))
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s)
}

// columns is how wide a terminal shows s: Chinese takes two columns a character.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n++
		if unicode.Is(unicode.Han, r) || r >= 0xFF01 && r <= 0xFF60 {
			n++
		}
	}
	return n
}
