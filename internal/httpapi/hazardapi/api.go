package hazardapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/internal/filter"
	"github.com/belfry-city/belfry/internal/httpapi/params"
)

// Hazards is what there is to show. hazard.Store is one.
type Hazards interface {
	List(context.Context, hazard.Query) (hazards []hazard.Hazard, next string, err error)
	Get(ctx context.Context, id string) (hazard.Hazard, []hazard.Event, error)
	Spans(ctx context.Context, q hazard.SpanQuery, yield func(*hazard.Span)) error
	Has(ctx context.Context, column, value string) (bool, error)
	Extent() (trimmed, newest int64)
	Changed() <-chan struct{}
	EventsAfter(ctx context.Context, seq int64, most int) ([]hazard.Told, error)
}

const (
	// timeout bounds one look into the database.
	timeout = 10 * time.Second
	// retryAfter is what those who were turned away are told, in seconds.
	retryAfter = "2"
)

// list serves GET /api/belfry/v1/hazards.
func (h *Handler) list(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	q, err := h.query(ctx, r.URL.Query())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	hazards, next, err := h.opts.Hazards.List(ctx, q)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if hazards == nil {
		hazards = []hazard.Hazard{}
	}
	writeJSON(w, http.StatusOK, struct {
		Hazards []hazard.Hazard `json:"hazards"`
		Next    string          `json:"next,omitempty"`
	}{hazards, next})
}

// detailed is a hazard with what has happened to it.
type detailed struct {
	hazard.Hazard
	History []hazard.Event `json:"history"`
}

// get serves GET /api/belfry/v1/hazards/{id}.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	found, history, err := h.opts.Hazards.Get(ctx, hazard.ParseID(r.PathValue("id")))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, detailed{found, history})
}

// badRequest is what is wrong with a question.
type badRequest struct{ error }

func (e badRequest) Unwrap() error { return e.error }

// status is the answer to an error, and what it says; 0: there is nobody to
// answer.
func status(r *http.Request, err error) (int, string) {
	var bad badRequest
	switch {
	case r.Context().Err() != nil:
		return 0, ""
	case errors.As(err, &bad):
		return http.StatusBadRequest, err.Error()
	case errors.Is(err, hazard.ErrNotFound):
		return http.StatusNotFound, "there is no such hazard, or no longer"
	case errors.Is(err, hazard.ErrBadCursor):
		return http.StatusBadRequest, fmt.Sprintf("cursor: want what the page before has as next: %v", err)
	case errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "interrupted"):
		return http.StatusServiceUnavailable, fmt.Sprintf("this takes longer than %s; ask for less time, or without q", timeout)
	}
	return http.StatusServiceUnavailable, err.Error()
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	code, text := status(r, err)
	if code == 0 {
		return
	}
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	writeJSON(w, code, map[string]string{"error": text})
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

// query reads the parameters of a list.
func (h *Handler) query(ctx context.Context, values url.Values) (hazard.Query, error) {
	q := hazard.Query{Limit: params.DefaultLimit}
	s := params.New()
	h.filters(ctx, s, &q.Filter)
	var from, to int64
	s.Instant("from", &from)
	s.Instant("to", &to)
	s.Limit("limit", &q.Limit)
	s.Text("q", &q.Text)
	s.Cursor("cursor", &q.Cursor)
	err := s.Read(values)
	if err == nil {
		err = params.Order(from, to)
	}
	if err != nil {
		return q, asBadRequest(err)
	}
	q.From, q.To = hazard.Instant(from), hazard.Instant(to)
	return q, nil
}

// errLook says that the database did not answer what a parameter means.
var errLook = errors.New("looking for what there is")

func asBadRequest(err error) error {
	if errors.Is(err, errLook) {
		return err
	}
	return badRequest{err}
}

// filters are the parameters that lists and streams have in common.
func (h *Handler) filters(ctx context.Context, s *params.Set, f *hazard.Filter) {
	s.List("status", &f.Statuses, params.Words(statuses()))
	h.placeFilters(ctx, s, f)
}

// placeFilters are all filters but for the status, which statistics count.
func (h *Handler) placeFilters(ctx context.Context, s *params.Set, f *hazard.Filter) {
	s.List("severity", &f.Severities, h.words(ctx, "severity", []string{catalog.Critical, catalog.Warning, "info"}))
	s.List("domain", &f.Domains, h.words(ctx, "domain", catalog.Domains()))
	s.List("team", &f.Teams, h.words(ctx, "team", catalog.Teams()))
	s.List("rule", &f.Rules, nil)
	s.List("asset", &f.Assets, nil)
	s.List("district", &f.Districts, nil)
	s.List("street", &f.Streets, nil)
	s.List("community", &f.Communities, nil)
}

func statuses() (all []string) {
	for _, s := range hazard.Statuses() {
		all = append(all, string(s))
	}
	return all
}

// words refuses what neither Belfry has a word for nor a rule has made one.
func (h *Handler) words(ctx context.Context, column string, there []string) func([]string) error {
	return func(words []string) error {
		for _, word := range words {
			word = strings.TrimPrefix(word, filter.Not)
			if slices.Contains(there, word) {
				continue
			}
			has, err := h.opts.Hazards.Has(ctx, column, word)
			if err != nil {
				return fmt.Errorf("%w: %w", errLook, err)
			}
			if !has {
				return params.OneOf(word, there)
			}
		}
		return nil
	}
}
