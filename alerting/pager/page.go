package pager

import (
	"math"
	"strconv"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/alerting/pager/language"
)

// Statuses of a Page.
const (
	Firing   = "firing"
	Resolved = "resolved"
)

// Page is one alert as one notification tells of it. Its JSON is a public form: names stay.
type Page struct {
	Type          string    `json:"type"` // always "page"
	Time          time.Time `json:"time"` // when it was handed to the receiver
	Status        string    `json:"status"`
	Rule          string    `json:"rule"`
	Severity      string    `json:"severity"`
	Domain        string    `json:"domain,omitempty"`
	Asset         string    `json:"asset,omitempty"`
	Name          string    `json:"name,omitempty"`
	NameZH        string    `json:"name_zh,omitempty"`
	Street        string    `json:"street,omitempty"`
	District      string    `json:"district,omitempty"`
	Community     string    `json:"community,omitempty"`
	Team          string    `json:"team,omitempty"`
	Value         *float64  `json:"value,omitempty"` // of the reading, in Unit
	Limit         *float64  `json:"limit,omitempty"` // the threshold, in Unit
	Unit          string    `json:"unit,omitempty"`
	ReadingTime   time.Time `json:"reading_time,omitzero"`
	LatencyMS     float64   `json:"latency_ms"` // from when the rule's condition was due to fire to Time
	Hazard        string    `json:"hazard"`     // the id of its hazard, or, without one, the same in all pages of the alert
	HazardURL     string    `json:"hazard_url,omitempty"`
	Repeat        bool      `json:"repeat,omitempty"` // told before, and firing still
	StartsAt      time.Time `json:"starts_at,omitzero"`
	EndsAt        time.Time `json:"ends_at,omitzero"` // set when resolved
	Summary       string    `json:"summary,omitempty"`
	SummaryZH     string    `json:"summary_zh,omitempty"`
	Description   string    `json:"description,omitempty"`
	DescriptionZH string    `json:"description_zh,omitempty"`
	RunbookURL    string    `json:"runbook_url,omitempty"`
	Receiver      string    `json:"receiver,omitempty"`

	due time.Time // latency counts from here; zero when the alert does not say
}

// newPage makes a page of an alert's labels and annotations. Annotations that do not parse are left out: a page with
// a gap is better than none.
func newPage(a *alert.Alert, receiver string, repeat bool) Page {
	p := pageFrom(
		func(name string) string { return string(a.Labels[model.LabelName(name)]) },
		func(name string) string { return string(a.Annotations[model.LabelName(name)]) })
	if p.Hazard == "" { // one that makes no hazard
		p.Hazard = a.Fingerprint().String()
	}
	p.Repeat, p.Receiver, p.StartsAt = repeat, receiver, a.StartsAt
	if a.Resolved() {
		p.Status, p.EndsAt = Resolved, a.EndsAt
	}
	return p
}

// pageFrom makes a page of one that fires.
func pageFrom(label, note func(string) string) Page {
	p := Page{
		Type: "page", Status: Firing,
		Rule: label(model.AlertNameLabel), Severity: label("severity"), Domain: label("domain"),
		Asset: label("asset"), Name: note("name"), NameZH: note("name_zh"),
		Street: label("street"), District: label("district"), Community: label("community"), Team: label("team"),
		Value: number(note("value")), Limit: number(note("limit")), Unit: note("unit"),
		ReadingTime: instant(note("reading_time")),
		Hazard:      note("hazard"), HazardURL: note("hazard_url"),
		Summary: language.EnglishOf("summary", note), SummaryZH: note("summary_zh"),
		Description: language.EnglishOf("description", note), DescriptionZH: note("description_zh"),
		RunbookURL: note("runbook_url"),
	}
	p.due = instant(note("due_time"))
	if p.due.IsZero() {
		p.due = p.ReadingTime
	}
	return p
}

// timed reports whether the page's latency says how fast Belfry was: it does for the first page of an alert.
func (p *Page) timed() bool { return p.Status == Firing && !p.Repeat && !p.due.IsZero() }

// stamp sets the time at which pages go out, and what follows from it.
func stamp(pages []Page, now time.Time) {
	for i := range pages {
		p := &pages[i]
		p.Time = now
		if p.timed() {
			p.LatencyMS = float64(now.Sub(p.due).Microseconds()) / 1000
		}
	}
}

func number(s string) *float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return nil // JSON has neither NaN nor infinity
	}
	return &v
}

func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
