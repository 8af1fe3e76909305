package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/internal/config"
)

// Colours of a terminal.
const (
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	green  = "\x1b[32m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	reset  = "\x1b[0m"
)

// speech is how pages and figures are worded.
type speech struct {
	phrases
	language config.Language
	zone     *time.Location
	colour   bool
}

func (s *speech) paint(colour, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return colour + text + reset
}

// margin is where the text of a page begins; severity and time stand before it.
const margin = 10

// page writes what somebody on call needs, in three lines: how bad and what;
// where; who answers for it, value against limit, and how fast this came. A
// resolved one needs two.
func (s *speech) page(p *pager.Page) []string {
	at := s.paint(dim, left(p.Time.In(s.zone).Format(time.TimeOnly), margin))
	if p.Status == pager.Resolved {
		return []string{
			s.paint(green, left(s.resolved, margin)) + s.where(p),
			at + joined(s.teamOf(p), s.what(p), fmt.Sprintf(s.over, lasting(p.EndsAt.Sub(p.StartsAt)))),
		}
	}
	how := fmt.Sprintf(s.latency, milliseconds(p.LatencyMS))
	if held := held(p); held > 0 {
		how = fmt.Sprintf(s.heldLatency, lasting(held), milliseconds(p.LatencyMS))
	}
	switch {
	case p.Repeat:
		how = fmt.Sprintf(s.still, lasting(p.Time.Sub(p.StartsAt)))
	case p.ReadingTime.IsZero():
		how = ""
	}
	label := wordFor(s.severity, p.Severity)
	return []string{
		s.paint(severityColour(p.Severity), left(label, margin)) + s.paint(bold, s.what(p)),
		at + s.where(p),
		strings.Repeat(" ", margin) + joined(s.teamOf(p), comparison(p), how),
	}
}

// held is how long the rule's condition had to last before it could fire.
func held(p *pager.Page) time.Duration {
	latency := time.Duration(p.LatencyMS * float64(time.Millisecond))
	return (p.Time.Sub(p.ReadingTime) - latency).Round(time.Second)
}

func severityColour(severity string) string {
	if severity == "critical" {
		return red
	}
	return yellow
}

// what is the rule's summary; a resolved page's holds a value of the past, so
// there it is the rule's name.
func (s *speech) what(p *pager.Page) string {
	first, second := p.Summary, p.SummaryZH
	if s.language == config.LanguageChinese {
		first, second = second, first
	}
	switch {
	case p.Status == pager.Resolved:
	case first != "":
		return plain(first)
	case second != "":
		return plain(second)
	}
	return plain(p.Rule)
}

func (s *speech) nameOf(p *pager.Page) string {
	first, second := p.Name, p.NameZH
	if s.language == config.LanguageChinese {
		first, second = second, first
	}
	for _, name := range []string{first, second, p.Asset} {
		if name != "" {
			return plain(name)
		}
	}
	return "-"
}

func (s *speech) where(p *pager.Page) string {
	parts := []string{s.nameOf(p)}
	for _, slug := range []string{p.Community, p.Street} {
		if slug != "" {
			parts = append(parts, placeName(slug, s.language))
		}
	}
	return strings.Join(parts, s.comma)
}

func (s *speech) teamOf(p *pager.Page) string {
	if p.Team == "" {
		return s.noTeam
	}
	return wordFor(s.team, p.Team)
}

// comparison is such as `63.1 > 50 %LEL`.
func comparison(p *pager.Page) string {
	if p.Value == nil {
		return ""
	}
	text := figure(*p.Value)
	if p.Limit != nil {
		sign := " = "
		switch {
		case *p.Value > *p.Limit:
			sign = " > "
		case *p.Value < *p.Limit:
			sign = " < "
		}
		text += sign + figure(*p.Limit)
	}
	if p.Unit != "" {
		text += " " + plain(p.Unit)
	}
	return text
}

func joined(parts ...string) string {
	var some []string
	for _, part := range parts {
		if part != "" {
			some = append(some, part)
		}
	}
	return strings.Join(some, " · ")
}
