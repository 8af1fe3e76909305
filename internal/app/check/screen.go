package check

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

// sampleScreen is what an engineer reads who connects a device.
type sampleScreen struct {
	text   strings.Builder
	words  words
	zone   *time.Location
	now    int64
	limits config.Limits
}

// shown is how many lines of a kind are written out.
const shown = 40

func (s *sampleScreen) line(format string, args ...any) {
	_, _ = fmt.Fprintf(&s.text, format+"\n", args...)
}

func (s *sampleScreen) head(file string, size int) { s.line(s.words.head, file, size) }

func (s *sampleScreen) show(name string, f findings) {
	s.line("")
	s.line("%s: %s", name, s.summary(f))
	s.readings(f)
	s.events(f)
	s.refusals(f)
	s.notes(f)
}

func (s *sampleScreen) summary(f findings) string {
	var parts []string
	add := func(n int, what string) {
		switch {
		case n == 1:
			parts = append(parts, strings.TrimSuffix(fmt.Sprintf(what, n), "s"))
		case n > 1:
			parts = append(parts, fmt.Sprintf(what, n))
		}
	}
	add(len(f.readings), s.words.readings)
	add(len(f.events), s.words.events)
	add(len(f.refused), s.words.refused)
	if len(f.readings)+len(f.events) == 0 {
		parts = append([]string{s.words.nothing}, parts...)
	}
	return strings.Join(parts, s.words.and)
}

func (s *sampleScreen) readings(f findings) {
	if len(f.readings) == 0 {
		return
	}
	rows := [][3]string{{s.words.time, s.words.value, s.words.series}}
	for _, r := range f.readings[:min(shown, len(f.readings))] {
		rows = append(rows, [3]string{s.stamp(r.time), number(r.value), r.series})
	}
	wide := [2]int{}
	for _, row := range rows {
		for i := range wide {
			wide[i] = max(wide[i], width(row[i]))
		}
	}
	for _, row := range rows {
		s.line("  %s%s  %s%s  %s", row[0], pad(row[0], wide[0]), pad(row[1], wide[1]), row[1], row[2])
	}
	s.more(len(f.readings))
	late, early := 0, 0
	for _, r := range f.readings {
		switch {
		case r.time < s.now-s.limits.Late.Milliseconds():
			late++
		case r.time > s.now+s.limits.Early.Milliseconds():
			early++
		}
	}
	if late > 0 {
		s.line("  "+s.words.late, late)
	}
	if early > 0 {
		s.line("  "+s.words.early, early)
	}
}

func (s *sampleScreen) stamp(ms int64) string {
	if ms == s.now {
		return s.words.arrival
	}
	return time.UnixMilli(ms).In(s.zone).Format("2006-01-02 15:04:05.999 -07:00")
}

func (s *sampleScreen) more(n int) {
	if n > shown {
		s.line("  "+s.words.more, n-shown)
	}
}

func (s *sampleScreen) events(f findings) {
	for _, e := range f.events[:min(shown, len(f.events))] {
		kind := e.Kind
		if kind == "" {
			kind = e.VendorKind
		}
		s.line("  %s  %s: %s  %s %s", s.stamp(e.Time), s.words.event, kind, e.Asset, e.Phase)
	}
	s.more(len(f.events))
}

func (s *sampleScreen) refusals(f findings) {
	for _, r := range f.refused[:min(shown, len(f.refused))] {
		where := ""
		if r.Line > 1 || f.several() {
			where = fmt.Sprintf(s.words.part, r.Line)
		}
		s.line("  ✗ %s%s: %s", where, s.words.reason(r.Reason), r.Detail)
	}
	s.more(len(f.refused))
}

// several says whether the file holds more than one message.
func (f *findings) several() bool {
	return slices.ContainsFunc(f.readings, func(r foundReading) bool { return r.part > 1 }) ||
		slices.ContainsFunc(f.refused, func(r reading.Refusal) bool { return r.Line > 1 })
}

// notes says each omission once, with how often it was.
func (s *sampleScreen) notes(f findings) {
	count := map[input.Note]int{}
	var order []input.Note
	for _, n := range f.notes {
		n.Part = 0
		if n.Why == input.OmittedText {
			n.Detail = "" // differs from message to message
			for _, first := range f.notes {
				if first.Why == n.Why && first.Field == n.Field {
					n.Detail = first.Detail
					break
				}
			}
		}
		if count[n]++; count[n] == 1 {
			order = append(order, n)
		}
	}
	for _, n := range order[:min(shown, len(order))] {
		text := fmt.Sprintf(s.words.omitted(n.Why), n.Field, n.Detail)
		if count[n] > 1 {
			text += fmt.Sprintf(" ×%d", count[n])
		}
		s.line("  – %s", text)
	}
	s.more(len(order))
	if f.strings > 0 {
		s.line("  – "+s.words.texts, f.strings)
	}
}

// width is how many columns a terminal needs: two for a Chinese character.
func width(text string) (n int) {
	for _, r := range text {
		n++
		if r >= 0x1100 && utf8.RuneLen(r) >= 3 && r != '…' {
			n++
		}
	}
	return n
}

func pad(text string, wide int) string { return strings.Repeat(" ", max(0, wide-width(text))) }
