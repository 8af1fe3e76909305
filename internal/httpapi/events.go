package httpapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/internal/config/strict"
)

// Events is what there is to look at.
type Events interface {
	List(context.Context, event.Query) (events []event.Record, next string, err error)
	Get(ctx context.Context, id string) (event.Record, []byte, error)
	Picture(ctx context.Context, id string) (data []byte, contentType string, err error)
}

// KindNames are the names of kinds of events.
type KindNames interface {
	Names(kind string) (name, nameZH string)
	// Resolve returns the kind that a word is a name of; the error says what there is.
	Resolve(word string) (kind string, err error)
	// Matching are the kinds with text in one of their names.
	Matching(text string) (kinds []string)
}

// eventsAPI serves /api/belfry/v1/events.
type eventsAPI struct {
	events  Events
	kinds   func() KindNames
	catalog func() *catalog.Catalog
}

const (
	eventsPath    = "/api/belfry/v1/events"
	defaultEvents = 100
	mostEvents    = 1000
	// mostValues bounds how many values a filter may have.
	mostValues = 500
	// eventsTimeout bounds one look into the database.
	eventsTimeout = 10 * time.Second
)

// shownEvent is an event in JSON. docs/api.md explains it.
type shownEvent struct {
	ID          string   `json:"id"`
	Asset       string   `json:"asset"`
	AssetName   string   `json:"asset_name,omitempty"`
	AssetNameZH string   `json:"asset_name_zh,omitempty"`
	District    string   `json:"district,omitempty"`
	Street      string   `json:"street,omitempty"`
	Community   string   `json:"community,omitempty"`
	Lat         *float64 `json:"lat,omitempty"`
	Lon         *float64 `json:"lon,omitempty"`

	Kind       string `json:"kind"`
	KindName   string `json:"kind_name"`
	KindNameZH string `json:"kind_name_zh"`
	Vendor     string `json:"vendor"`
	VendorKind string `json:"vendor_kind"`
	Domain     string `json:"domain"`
	Severity   string `json:"severity"`
	Team       string `json:"team"`

	Time        string    `json:"time"`
	Updated     string    `json:"updated"`
	End         *string   `json:"end"`
	Received    string    `json:"received"`
	Confidence  *float64  `json:"confidence"`
	Box         *shownBox `json:"box"`
	Description string    `json:"description"`
	// Snapshot is the path of the picture kept here; SnapshotRef is what the
	// sender says of where one is.
	Snapshot    string `json:"snapshot,omitempty"`
	SnapshotRef string `json:"snapshot_ref,omitempty"`

	Raw *string `json:"raw,omitempty"`
}

type shownBox struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

func (a *eventsAPI) show(r event.Record) shownEvent {
	s := shownEvent{
		ID: r.ID, Asset: r.Asset, Kind: r.Kind, Vendor: r.Vendor, VendorKind: r.VendorKind, Domain: r.Domain, Severity: r.Severity, Team: r.Team,
		Time: instant(r.Time), Updated: instant(r.Updated), Received: instant(r.Received), Description: r.Description, SnapshotRef: r.Snapshot,
	}
	s.KindName, s.KindNameZH = a.kinds().Names(r.Kind)
	if r.End > 0 {
		end := instant(r.End)
		s.End = &end
	}
	if r.Confidence >= 0 {
		s.Confidence = &r.Confidence
	}
	if r.Box != nil {
		s.Box = &shownBox{r.Box.X, r.Box.Y, r.Box.Width, r.Box.Height}
	}
	if r.HasPicture {
		s.Snapshot = eventsPath + "/" + r.ID + "/snapshot"
	}
	if asset, ok := a.catalog().Asset(r.Asset); ok {
		s.AssetName, s.AssetNameZH = asset.Name, asset.NameZH
		s.District, s.Street, s.Community = asset.District, asset.Street, asset.Community
		if asset.Located() {
			s.Lat, s.Lon = &asset.Lat, &asset.Lon
		}
	}
	return s
}

func instant(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

func (a *eventsAPI) list(w http.ResponseWriter, r *http.Request) {
	q, err := a.query(r.URL.Query())
	if err != nil {
		answerIn{}.fail(w, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), eventsTimeout)
	defer cancel()
	records, next, err := a.events.List(ctx, q)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	shown := make([]shownEvent, len(records))
	for i, record := range records {
		shown[i] = a.show(record)
	}
	answer := map[string]any{"events": shown}
	if next != "" {
		answer["next"] = next
	}
	writeJSON(w, http.StatusOK, answer)
}

func (a *eventsAPI) get(w http.ResponseWriter, r *http.Request) {
	record, raw, err := a.events.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	shown := a.show(record)
	text := strings.ToValidUTF8(string(raw), "\ufffd")
	shown.Raw = &text
	writeJSON(w, http.StatusOK, shown)
}

// snapshot gives the picture, which is a stranger's: no browser may take it for
// anything else.
func (a *eventsAPI) snapshot(w http.ResponseWriter, r *http.Request) {
	data, contentType, err := a.events.Picture(r.Context(), r.PathValue("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, max-age=3600")
	if r.Method != http.MethodHead {
		_, _ = w.Write(data)
	}
}

func (a *eventsAPI) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, event.ErrNotFound):
		answerIn{}.fail(w, http.StatusNotFound, errors.New("there is no such event, or none with a picture"))
	case errors.Is(err, event.ErrBadCursor):
		answerIn{}.fail(w, http.StatusBadRequest, fmt.Errorf("cursor: want what the page before has as next: %w", err))
	case r.Context().Err() != nil: // the client has gone
	case errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "interrupted"):
		answerIn{}.fail(w, http.StatusServiceUnavailable, fmt.Errorf("this takes longer than %s; ask for less time, or without q", eventsTimeout))
	default:
		w.Header().Set("Retry-After", retryAfter)
		answerIn{}.fail(w, http.StatusServiceUnavailable, err)
	}
}

// query reads the parameters. One that is not known is refused, because a
// misspelt filter would seem to find everything.
func (a *eventsAPI) query(values url.Values) (event.Query, error) {
	q := event.Query{Limit: defaultEvents}
	lists := map[string]*[]string{
		"asset": &q.Assets, "kind": &q.Kinds, "domain": &q.Domains, "team": &q.Teams, "severity": &q.Severities, "vendor": &q.Vendors,
	}
	single := map[string]func(string) error{
		"from":  func(v string) (err error) { q.From, err = parseInstant(v); return err },
		"to":    func(v string) (err error) { q.To, err = parseInstant(v); return err },
		"limit": func(v string) error { return parseLimit(v, &q.Limit) },
		"q":     func(v string) error { q.Text = v; return textFits(v) },
		"cursor": func(v string) error {
			q.Cursor = v
			return nil
		},
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		given := values[name]
		if into, ok := lists[name]; ok {
			for _, v := range given {
				for one := range strings.SplitSeq(v, ",") {
					if one != "" {
						*into = append(*into, one)
					}
				}
			}
			if len(*into) > mostValues {
				return q, fmt.Errorf("%s: want at most %d values; got %d", name, mostValues, len(*into))
			}
			if err := a.resolve(name, *into); err != nil {
				return q, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		read, ok := single[name]
		if !ok {
			known := append(slices.Collect(maps.Keys(lists)), slices.Collect(maps.Keys(single))...)
			return q, fmt.Errorf("unknown parameter %q; there are %s", name, strings.Join(slices.Sorted(slices.Values(known)), ", "))
		}
		if len(given) > 1 {
			return q, fmt.Errorf("%s: want it once; got it %d times", name, len(given))
		}
		if given[0] == "" {
			continue
		}
		if err := read(given[0]); err != nil {
			return q, fmt.Errorf("%s: %w", name, err)
		}
	}
	if q.From != 0 && q.To != 0 && q.From >= q.To {
		return q, errors.New("from: want a time before to, which is exclusive; nothing can be between them")
	}
	if q.Text != "" {
		q.KindsOfText = a.kinds().Matching(q.Text)
	}
	return q, nil
}

// resolve puts kinds by their names, and refuses words that no event can have:
// a misspelt one would seem to find nothing.
func (a *eventsAPI) resolve(name string, words []string) error {
	there, ok := map[string][]string{
		"domain": catalog.Domains(), "team": catalog.Teams(), "severity": {catalog.Critical, catalog.Warning, "info"},
	}[name]
	for i, word := range words {
		if name == "kind" {
			kind, err := a.kinds().Resolve(word)
			if err != nil {
				return err
			}
			words[i] = kind
		}
		if !ok || slices.Contains(there, word) {
			continue
		}
		hint := ""
		if near := strict.Nearest(word, there); near != "" {
			hint = fmt.Sprintf(" (did you mean %q?)", near)
		}
		return fmt.Errorf("want one of %s%s; got %q", strings.Join(there, ", "), hint, word)
	}
	return nil
}

func textFits(v string) error {
	if len(v) > 200 || !utf8.ValidString(v) {
		return errors.New("want a text of at most 200 bytes")
	}
	return nil
}

func parseLimit(v string, into *int) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > mostEvents {
		return fmt.Errorf("want a number from 1 to %d; got %q", mostEvents, v)
	}
	*into = n
	return nil
}

// parseInstant reads what the Prometheus API takes, RFC 3339 or seconds, and
// milliseconds as well.
func parseInstant(v string) (ms int64, err error) {
	if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
		return t.UnixMilli(), nil
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > 1e15 {
		return 0, fmt.Errorf("want a time such as 2026-05-01T08:00:00+08:00, or seconds since 1970; got %q", v)
	}
	if math.Abs(n) >= 1e11 {
		return int64(n), nil
	}
	return int64(n * 1000), nil
}
