package hazardcli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"golang.org/x/text/width"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/internal/config"
)

func ago(text string) (time.Duration, error) {
	d, err := model.ParseDuration(text)
	return time.Duration(d), err
}

// screen writes for people.
type screen struct {
	out   io.Writer
	zone  *time.Location
	zh    bool
	words map[string]string
}

func newScreen(o Options) *screen {
	s := &screen{out: o.Out, zone: o.Zone, zh: o.Language == config.LanguageChinese}
	if s.zone == nil {
		s.zone = time.Local
	}
	s.words = english()
	if s.zh {
		s.words = chinese()
	}
	return s
}

func (s *screen) say(word string) string {
	if text, ok := s.words[word]; ok {
		return text
	}
	return plain(word)
}

func (s *screen) word(kind, word string) string {
	if text, ok := s.words[kind+" "+word]; ok {
		return text
	}
	return plain(word)
}

func (s *screen) pick(english, chinese string) string {
	if s.zh && chinese != "" || english == "" {
		return plain(chinese)
	}
	return plain(english)
}

func (s *screen) time(i hazard.Instant) string {
	if i == 0 {
		return "-"
	}
	return i.Time().In(s.zone).Format("2006-01-02 15:04:05")
}

// table shows hazards, one a line.
func (s *screen) table(hazards []hazard.Hazard) error {
	rows := [][]string{{s.say("id"), s.say("status"), s.say("severity"), s.say("opened"), s.say("team"), s.say("street"), s.say("what")}}
	for i := range hazards {
		h := &hazards[i]
		rows = append(rows, []string{h.ID, s.word("status", string(h.Status)), s.word("severity", h.Severity), s.time(h.LastOpened),
			s.word("team", h.Team), plain(h.Street), s.pick(h.Summary, h.SummaryZH)})
	}
	return s.columns(rows)
}

// columns writes rows whose cells, but for the last, stand below each other.
func (s *screen) columns(rows [][]string) error {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	var out strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			out.WriteString(cell)
			if i < len(row)-1 {
				out.WriteString(strings.Repeat(" ", widths[i]-columns(cell)+2))
			}
		}
		out.WriteString("\n")
	}
	_, err := io.WriteString(s.out, out.String())
	return err
}

// event shows what has happened, in a line.
func (s *screen) event(t told) error {
	if t.Hazard == nil {
		_, err := fmt.Fprintln(s.out, s.say("gap"))
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s  %s  %s  %s  %s\n", s.time(t.Time), t.Hazard.ID, s.word("severity", t.Hazard.Severity),
		s.happened(t.Event, t.Hazard.Unit), s.pick(t.Hazard.Summary, t.Hazard.SummaryZH))
	return err
}

// happened is an event in words.
func (s *screen) happened(e hazard.Event, unit string) string {
	text := s.word("event", string(e.Kind))
	switch {
	case e.Kind == hazard.KindPaged:
		return text + " " + plain(e.Receiver) + " (" + plain(e.Integration) + ")"
	case e.Kind == hazard.KindResolved:
		return text + " (" + s.say(e.Resolution) + ")"
	case e.Value != nil:
		return text + " " + number(e.Value, unit)
	}
	return text
}

// detailed shows one hazard, line by line, and its history.
func (s *screen) detailed(d Detailed) error {
	h := &d.Hazard
	place := []string{s.pick(h.Name, h.NameZH), plain(h.Community), plain(h.Street), plain(h.District)}
	rows := [][]string{
		{s.say("id"), h.ID},
		{s.say("what"), s.pick(h.Summary, h.SummaryZH)},
		{s.say("status"), s.word("status", string(h.Status))},
		{s.say("severity"), s.word("severity", h.Severity)},
		{s.say("value"), number(h.Value, h.Unit)},
		{s.say("worst"), number(h.Worst, h.Unit)},
		{s.say("limit"), number(h.Limit, h.Unit)},
		{s.say("asset"), plain(h.Asset)},
		{s.say("where"), strings.Join(filled(place), ", ")},
		{s.say("team"), s.word("team", h.Team)},
		{s.say("rule"), plain(h.Rule)},
		{s.say("first reading"), s.time(h.FirstReading)},
		{s.say("opened"), s.time(h.Opened)},
		{s.say("page sent"), s.time(h.PageSent)},
		{s.say("resolved"), s.time(h.Resolved)},
		{s.say("reopened"), strconv.Itoa(h.Reopened)},
		{s.say("runbook"), plain(h.RunbookURL)},
		{s.say("link"), plain(h.URL)},
	}
	if err := s.columns(rows); err != nil {
		return err
	}
	lines := s.say("history") + "\n"
	for _, e := range d.History {
		lines += "  " + s.time(e.Time) + "  " + s.happened(e, h.Unit) + "\n"
	}
	_, err := io.WriteString(s.out, lines)
	return err
}

func filled(texts []string) (some []string) {
	for _, text := range texts {
		if text != "" {
			some = append(some, text)
		}
	}
	return some
}

func number(v *float64, unit string) string {
	if v == nil {
		return "-"
	}
	return strings.TrimSpace(strconv.FormatFloat(*v, 'f', -1, 64) + " " + plain(unit))
}

// plain leaves out what could move the cursor.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, text)
}

// columns is how wide a terminal shows text: Chinese takes two columns a character.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n++
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n++
		}
	}
	return n
}
