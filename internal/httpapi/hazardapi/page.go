package hazardapi

import (
	"bytes"
	"context"
	_ "embed" // the template
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/hazard"
)

//go:embed page.html
var pageText string

// chinese is the language that pages have besides English.
const chinese = "zh-CN"

// template is that of pages in a language.
func (h *Handler) template(language string) (*template.Template, error) {
	words := phrasesOf(language)
	return template.New("page").Funcs(template.FuncMap{
		"say":      words.say,
		"pick":     func(english, chinese string) string { return pick(language, english, chinese) },
		"time":     h.time,
		"number":   number,
		"span":     func(from, to hazard.Instant) string { return words.span(to.Time().Sub(from.Time())) },
		"how":      words.how,
		"word":     words.word,
		"where":    where,
		"position": position,
		"labels":   func(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) },
		"safeLink": safeLink,
	}).Parse(pageText)
}

// screen is what a template gets.
type screen struct {
	Language, Other string // the one that is shown, and the address of the other
	Title           string
	Hazard          *hazard.Hazard
	History         []hazard.Event
	Hazards         []hazard.Hazard
	All             bool   // also what is resolved
	Next            string // the address of the following page
	Problem         string
	Refresh         int    // seconds
	Up              string // to where /hazards is
}

// hazardPage serves GET /hazards/{id}.
func (h *Handler) hazardPage(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	s := h.screen(r)
	s.Up = "../"
	id := hazard.ParseID(r.PathValue("id"))
	found, history, err := h.opts.Hazards.Get(ctx, id)
	code := http.StatusOK
	if err != nil {
		if code, _ = status(r, err); code == 0 {
			return
		}
		s.Problem = "not found"
		if code != http.StatusNotFound {
			s.Problem = "unavailable"
		}
		s.Title = id
	} else {
		s.Hazard, s.History = &found, history
		s.Title = pick(s.Language, found.Summary, found.SummaryZH)
		if found.Status == hazard.StatusOpen {
			s.Refresh = 20
		}
	}
	h.show(w, code, s)
}

// listPage serves GET /hazards: what is open, or, with all, everything. It takes
// the filters of the API.
func (h *Handler) listPage(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	s := h.screen(r)
	s.Title = phrasesOf(s.Language).say("hazards")
	values := r.URL.Query()
	s.All = values.Has("all")
	values.Del("all")
	values.Del("lang")
	q, err := h.query(ctx, values)
	if len(q.Statuses) == 0 && !s.All {
		q.Statuses = []string{string(hazard.StatusOpen)}
	}
	var next string
	if err == nil {
		s.Hazards, next, err = h.opts.Hazards.List(ctx, q)
	}
	code := http.StatusOK
	if err != nil {
		if code, s.Problem = status(r, err); code == 0 {
			return
		}
	}
	if next != "" {
		s.Next = address(r, "cursor", next)
	} else if !r.URL.Query().Has("cursor") {
		s.Refresh = 20
	}
	h.show(w, code, s)
}

func (h *Handler) screen(r *http.Request) screen {
	language := h.opts.Language
	if asked := r.URL.Query().Get("lang"); asked != "" {
		language = asked
	}
	if language == chinese {
		return screen{Language: chinese, Other: address(r, "lang", "en")}
	}
	return screen{Language: "en", Other: address(r, "lang", chinese)}
}

// address is that of the request with another parameter, relative, so that it
// also leads there behind a proxy.
func address(r *http.Request, name, value string) string {
	q := r.URL.Query()
	q.Set(name, value)
	return "?" + q.Encode()
}

func (h *Handler) show(w http.ResponseWriter, code int, s screen) {
	var page bytes.Buffer
	t, err := h.template(s.Language)
	if err == nil {
		err = t.Execute(&page, s)
	}
	if err != nil {
		h.opts.Logger.Error("a page about hazards cannot be shown", "err", err)
		http.Error(w, "internal error; it has been logged", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", s.Language)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'")
	w.WriteHeader(code)
	_, _ = page.WriteTo(w) // the client may be gone
}

func (h *Handler) time(i hazard.Instant) string {
	if i == 0 {
		return "–"
	}
	return i.Time().In(h.opts.Zone).Format("2006-01-02 15:04:05")
}

func number(v *float64, unit string) string {
	if v == nil {
		return "–"
	}
	return strings.TrimSpace(strconv.FormatFloat(*v, 'f', -1, 64) + " " + unit)
}

func pick(language, english, zh string) string {
	if language == chinese && zh != "" || english == "" {
		return zh
	}
	return english
}

// where is the place in words, from the narrowest.
func where(hz *hazard.Hazard) string {
	var parts []string
	for _, s := range []string{hz.Community, hz.Street, hz.District} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}

// position is latitude and longitude, as geo: has them (RFC 5870); "": unknown.
func position(hz *hazard.Hazard) string {
	if hz.Lat == nil || hz.Lon == nil {
		return ""
	}
	return fmt.Sprintf("%.6f,%.6f", *hz.Lat, *hz.Lon)
}

// safeLink is a link that a rule has given, or "": html/template would show what is
// none as a broken one.
func safeLink(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return link
}

// span is a duration as people say it.
func (p phrases) span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf(p.seconds, int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf(p.minutes, int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf(p.hours, int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf(p.days, int(d.Hours()/24))
}

// how is an event in words.
func (p phrases) how(e hazard.Event, unit string) string {
	text := p.say("event " + string(e.Kind))
	switch e.Kind {
	case hazard.KindPaged:
		return text + " " + e.Receiver + p.open + e.Integration + p.close
	case hazard.KindResolved:
		return text + p.open + p.say(e.Resolution) + p.close
	}
	if e.Value != nil {
		return text + p.colon + number(e.Value, unit)
	}
	return text
}
