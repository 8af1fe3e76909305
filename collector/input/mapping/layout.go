package mapping

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/belfry-city/belfry/collector/input/jsontext"
)

// layoutLetters are the letters of layouts such as YYYY-MM-DD HH:mm:ss, and what
// Go has for them.
func layoutLetters() map[string]string {
	return map[string]string{
		"YYYY": "2006", "yyyy": "2006", "YY": "06", "yy": "06", "MMMM": "January", "MMM": "Jan", "MM": "01", "M": "1",
		"DD": "02", "dd": "02", "D": "2", "d": "2", "HH": "15", "H": "15", "hh": "03", "h": "3", "mm": "04", "m": "4", "ss": "05", "s": "5",
		"A": "PM", "a": "pm", "ZZ": "-0700", "Z": "Z07:00", "T": "T",
	}
}

// readLayout translates a layout into Go's way, in which it may be already. One
// that does not say the whole date, or of which a time that was written by it
// reads as another, is refused.
func readLayout(layout string) (string, error) {
	translated := layout
	if !strings.ContainsAny(layout, "0123456789") { // which Go's always have
		var err error
		if translated, err = translateLayout(layout); err != nil {
			return "", err
		}
	}
	// All that a layout can leave out tells these from each other.
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	at := day.Add(14*time.Hour + 5*time.Minute + 9*time.Second)
	read, err := time.Parse(translated, at.Format(translated))
	if err == nil {
		for _, precision := range []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour} {
			if read.Equal(at.Truncate(precision)) {
				return translated, nil
			}
		}
	}
	return "", fmt.Errorf("want year, month and day, and the hour as HH, or as h with A, such as YYYY-MM-DD HH:mm:ss; got %s", jsontext.Show(layout))
}

func translateLayout(layout string) (string, error) {
	var out strings.Builder
	letters := layoutLetters()
	for rest := layout; rest != ""; {
		c := rest[0]
		run := len(rest) - len(strings.TrimLeft(rest, string(c)))
		switch isLetter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'; {
		case c == '.' && strings.HasPrefix(rest, ".S"): // a fraction of the second
			run = len(rest) - len(strings.TrimLeft(rest[1:], "S"))
			out.WriteString("." + strings.Repeat("0", run-1))
		case !isLetter:
			run = 1
			out.WriteByte(c)
		default:
			goes, known := letters[rest[:run]]
			if !known {
				return "", fmt.Errorf("%w; %s is none of them", errLayout, jsontext.Show(rest[:run]))
			}
			out.WriteString(goes)
		}
		rest = rest[run:]
	}
	if strings.Contains(strings.ReplaceAll(out.String(), "_2006", ""), "_2") {
		return "", errUnderscore // Go takes it for a blank
	}
	return out.String(), nil
}

var errUnderscore = errors.New("want DD behind _")

var errLayout = errors.New("want a layout of YYYY, YY, MMMM, MMM, MM, M, DD, D, HH, H, hh, h, mm, m, ss, s, .SSS, A, Z and ZZ, such as YYYY-MM-DD HH:mm:ss")
