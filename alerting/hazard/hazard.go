package hazard

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
)

// Hazard is what is known of one. Its JSON is a public form: names stay.
type Hazard struct {
	ID       string `json:"id"`
	URL      string `json:"url,omitempty"` // its page for people; not kept
	Status   Status `json:"status"`
	Severity string `json:"severity"`
	Rule     string `json:"rule"`
	Domain   string `json:"domain"`
	Team     string `json:"team"`
	Asset    string `json:"asset"`

	Name      string   `json:"name,omitempty"`
	NameZH    string   `json:"name_zh,omitempty"`
	Street    string   `json:"street,omitempty"`
	District  string   `json:"district,omitempty"`
	Community string   `json:"community,omitempty"`
	Lat       *float64 `json:"lat,omitempty"` // degrees in WGS 84
	Lon       *float64 `json:"lon,omitempty"`

	Summary       string `json:"summary"`
	SummaryZH     string `json:"summary_zh,omitempty"`
	Description   string `json:"description,omitempty"`
	DescriptionZH string `json:"description_zh,omitempty"`
	RunbookURL    string `json:"runbook_url,omitempty"`

	Value *float64 `json:"value"` // the newest that is known, in Unit
	Worst *float64 `json:"worst"` // the furthest beyond Limit
	Limit *float64 `json:"limit"`
	Unit  string   `json:"unit,omitempty"`

	FirstReading Instant `json:"first_reading"` // the reading that broke the limit
	Opened       Instant `json:"opened"`
	LastOpened   Instant `json:"last_opened"` // later than Opened where it was reopened
	PageSent     Instant `json:"page_sent"`   // when a receiver first accepted a page
	Updated      Instant `json:"updated"`     // when something of all this changed
	Resolved     Instant `json:"resolved"`
	Resolution   string  `json:"resolution,omitempty"`
	Reopened     int     `json:"reopened"` // how many times
	// Pages are the first that each receiver accepted since LastOpened.
	Pages []Sent `json:"pages"`

	Labels map[string]string `json:"labels"`
}

// Sent is a page that a receiver accepted.
type Sent struct {
	Receiver    string  `json:"receiver"`
	Integration string  `json:"integration"` // such as webhook[0]
	Time        Instant `json:"time"`
}

// Instant is a time in milliseconds since 1970; 0: not yet, or not known.
type Instant int64

// InstantOf is t in milliseconds; the zero time is none.
func InstantOf(t time.Time) Instant {
	if t.IsZero() {
		return 0
	}
	return Instant(t.UnixMilli())
}

// Time is i in UTC; the zero time where it is none.
func (i Instant) Time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(i)).UTC()
}

const instantLayout = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON implements json.Marshaler.
func (i Instant) MarshalJSON() ([]byte, error) {
	if i == 0 {
		return []byte("null"), nil
	}
	return i.Time().AppendFormat(nil, `"`+instantLayout+`"`), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *Instant) UnmarshalJSON(text []byte) error {
	var t *time.Time
	if err := json.Unmarshal(text, &t); err != nil {
		return fmt.Errorf("time: %w", err)
	}
	*i = 0
	if t != nil {
		*i = InstantOf(*t)
	}
	return nil
}

// describe takes over what an alert says of a hazard. Numbers that do not parse
// are left out.
func (h *Hazard) describe(a *notifier.Alert) {
	h.Rule, h.Asset = a.Labels.Get(model.AlertNameLabel), a.Labels.Get("asset")
	h.Severity, h.Domain, h.Team = a.Labels.Get("severity"), a.Labels.Get("domain"), a.Labels.Get("team")
	h.Street, h.District, h.Community = a.Labels.Get("street"), a.Labels.Get("district"), a.Labels.Get("community")
	h.Name, h.NameZH = a.Annotations.Get("name"), a.Annotations.Get("name_zh")
	h.Summary, h.SummaryZH = a.Annotations.Get("summary"), a.Annotations.Get("summary_zh")
	if h.Summary == "" && h.SummaryZH == "" {
		h.Summary = h.Rule
	}
	h.Description, h.DescriptionZH = a.Annotations.Get("description"), a.Annotations.Get("description_zh")
	h.RunbookURL, h.Unit = a.Annotations.Get("runbook_url"), a.Annotations.Get("unit")
	h.Limit = number(a.Annotations.Get("limit"))
	if v := number(a.Annotations.Get("value")); v != nil {
		h.Value = v
		h.Worst = worse(h.Worst, v, h.Limit)
	}
}

// worse is which of two values is further beyond a limit; nil where it cannot be
// told.
func worse(before, now, limit *float64) *float64 {
	switch {
	case limit == nil || now == nil:
		return before
	case before == nil:
		return now
	case beyond(*before, *limit) == beyond(*now, *limit) && math.Abs(*now-*limit) > math.Abs(*before-*limit):
		return now
	}
	return before
}

func beyond(v, limit float64) bool { return v >= limit }

func number(text string) *float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return nil // JSON has neither
	}
	return &v
}

func instant(text string) Instant {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0
	}
	return InstantOf(t)
}

// identity is what an alert is known by: its labels.
func identity(ls labels.Labels) string { return string(ls.Bytes(nil)) }
