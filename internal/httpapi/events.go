package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/internal/filter"
	"github.com/belfry-city/belfry/internal/httpapi/params"
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
	eventsPath = "/api/belfry/v1/events"
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

// query reads the parameters.
func (a *eventsAPI) query(values url.Values) (event.Query, error) {
	q := event.Query{Limit: params.DefaultLimit}
	s := params.New()
	s.List("asset", &q.Assets, nil)
	s.List("vendor", &q.Vendors, nil)
	s.List("kind", &q.Kinds, a.resolve)
	s.List("domain", &q.Domains, params.Words(catalog.Domains()))
	s.List("team", &q.Teams, params.Words(catalog.Teams()))
	s.List("severity", &q.Severities, params.Words(severities()))
	s.Instant("from", &q.From)
	s.Instant("to", &q.To)
	s.Limit("limit", &q.Limit)
	s.Text("q", &q.Text)
	s.Cursor("cursor", &q.Cursor)
	if err := s.Read(values); err != nil {
		return q, err
	}
	if err := params.Order(q.From, q.To); err != nil {
		return q, err
	}
	if q.Text != "" {
		q.KindsOfText = a.kinds().Matching(q.Text)
	}
	return q, nil
}

func severities() []string { return []string{catalog.Critical, catalog.Warning, "info"} }

// resolve puts kinds by their names.
func (a *eventsAPI) resolve(words []string) error {
	for i, word := range words {
		name, not := strings.CutPrefix(word, filter.Not)
		kind, err := a.kinds().Resolve(name)
		if err != nil {
			return err
		}
		words[i] = kind
		if not {
			words[i] = filter.Not + kind
		}
	}
	return nil
}
