package pager

import (
	_ "embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/alerting/pager/language"
)

// texts are upstream's default texts in our words.
//
//go:embed texts.tmpl
var texts string

// maxTold is how many alerts of a group are told of one by one.
const maxTold = 20

// speech is how receivers are spoken to.
type speech struct {
	language string
	zone     *time.Location // never nil
}

// readTemplates returns upstream's templates, ours over them, and the user's over these.
func (s speech) readTemplates(globs []string) (*template.Template, error) {
	funcs := map[string]any{"belfrySubject": s.subject, "belfryAlerts": s.tell}
	t, err := template.FromGlobs(nil, func(text *texttemplate.Template, html *htmltemplate.Template) {
		text.Funcs(funcs)
		html.Funcs(funcs)
	})
	if err != nil {
		return nil, fmt.Errorf("read upstream's templates: %w", err)
	}
	if err := t.Parse(strings.NewReader(texts)); err != nil {
		return nil, fmt.Errorf("read texts.tmpl: %w", err)
	}
	for _, glob := range globs {
		if err := t.FromGlob(glob); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// translated returns alerts that say in this language what rules say in several.
func (s speech) translated(alerts []*alert.Alert) []*alert.Alert {
	if s.language != Chinese {
		return alerts
	}
	all := make([]*alert.Alert, len(alerts))
	for i, a := range alerts {
		c := *a
		c.Annotations = a.Annotations.Clone()
		note := func(name string) string { return string(a.Annotations[model.LabelName(name)]) }
		for name, value := range language.Annotations(s.language, note) {
			c.Annotations[model.LabelName(name)] = model.LabelValue(value)
		}
		all[i] = &c
	}
	return all
}

// told is an alert in words.
type told struct {
	Label, Colour          string // how bad it is; the colour as #rrggbb
	What, Where, Who, When string
	Advice                 string
	HazardURL, RunbookURL  string
}

// telling is what a notification says; the templates are written for it.
type telling struct {
	Alerts                  []told
	More                    string // how many are left out; "" for none
	HazardWord, RunbookWord string
}

// page makes a page of an alert as templates have it.
func (s speech) page(a template.Alert) Page {
	p := pageFrom(func(name string) string { return a.Labels[name] }, func(name string) string { return a.Annotations[name] })
	p.StartsAt = a.StartsAt
	if a.Status == Resolved {
		p.Status, p.EndsAt = Resolved, a.EndsAt
	}
	return p
}

// inOrder returns what fires, the worst first, and then what has ended.
func (s speech) inOrder(alerts []template.Alert) []Page {
	var ranks [4][]Page
	for _, a := range alerts {
		p := s.page(a)
		switch {
		case p.Status == Resolved:
			ranks[3] = append(ranks[3], p)
		case p.Severity == "critical":
			ranks[0] = append(ranks[0], p)
		case p.Severity == "warning":
			ranks[1] = append(ranks[1], p)
		default:
			ranks[2] = append(ranks[2], p)
		}
	}
	return append(append(append(ranks[0], ranks[1]...), ranks[2]...), ranks[3]...)
}

// subject is a notification in one line: the worst of what fires, and how many there are.
func (s speech) subject(alerts []template.Alert) string {
	pages := s.inOrder(alerts)
	if len(pages) == 0 {
		return ""
	}
	words := phrasesOf(s.language)
	first := &pages[0]
	what := s.what(first, words)
	others := 0
	for i := range pages[1:] {
		if pages[i+1].Status == first.Status {
			others++
		}
	}
	if others > 0 {
		what = fmt.Sprintf(words.others, what, others)
	}
	return "[" + words.labelOf(first) + "] " + what
}

func (s speech) what(p *Page, words phrases) string {
	what := plain(p.summary(s.language))
	if measured := comparison(p, what, words); measured != "" {
		what += " " + measured
	}
	return what
}

// tell puts alerts into words, so many at most as a person reads.
func (s speech) tell(alerts []template.Alert) telling {
	words := phrasesOf(s.language)
	t := telling{HazardWord: words.hazard, RunbookWord: words.runbook}
	pages := s.inOrder(alerts)
	if left := len(pages) - maxTold; left > 0 {
		pages = pages[:maxTold]
		t.More = fmt.Sprintf(words.more, left)
	}
	for i := range pages {
		p := &pages[i]
		when := fmt.Sprintf(words.since, p.StartsAt.In(s.zone).Format(time.DateTime))
		if p.Status == Resolved {
			when = fmt.Sprintf(words.after, span(p.EndsAt.Sub(p.StartsAt)))
		}
		place := where(p, s.language, words)
		if place == nowhere {
			place = ""
		}
		t.Alerts = append(t.Alerts, told{
			Label: words.labelOf(p), Colour: inHTML(p), What: s.what(p, words), Where: place,
			Who: words.teamOf(p), When: when,
			Advice:    plain(pick(s.language, p.Description, p.DescriptionZH, "")),
			HazardURL: plain(p.HazardURL), RunbookURL: plain(p.RunbookURL),
		})
	}
	return t
}

func inHTML(p *Page) string {
	switch {
	case p.Status == Resolved:
		return "#2e7d32"
	case p.Severity == "critical":
		return "#c62828"
	case p.Severity == "warning":
		return "#ef6c00"
	}
	return "#1565c0"
}
