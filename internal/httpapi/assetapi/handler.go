package assetapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/metric"
)

// Store has the series. tsdb.Store is one.
type Store interface {
	storage.Queryable
	storage.ChunkQueryable
}

// Hazards says which are open. hazard.Store is one.
type Hazards interface {
	// OpenAt counts the hazards that were open, by asset and severity.
	OpenAt(ctx context.Context, at hazard.Instant, yield func(asset, severity string, count int)) error
	// Extent says by newest whether something has changed.
	Extent() (trimmed, newest int64)
}

// Options of a Handler; all are required.
type Options struct {
	Catalog func() *catalog.Catalog
	Hazards Hazards
	Store   Store
	Metrics *metric.Table
}

const (
	// timeout bounds one answer.
	timeout = 10 * time.Second
	// retryAfter is what those who were turned away are told, in seconds.
	retryAfter = "2"
)

// Handler serves assets. It is safe for concurrent use.
type Handler struct {
	opts  Options
	known *directory
	now   *states
}

// New makes a Handler.
func New(o Options) (*Handler, error) {
	if o.Catalog == nil || o.Hazards == nil || o.Store == nil || o.Metrics == nil {
		return nil, errors.New("assetapi: all Options are required")
	}
	return &Handler{opts: o, known: newDirectory(o), now: &states{hazards: o.Hazards}}, nil
}

// Routes calls yield for each route with its handler; all only read.
func (h *Handler) Routes(yield func(pattern string, handler http.Handler)) {
	yield("GET /api/belfry/v1/assets", http.HandlerFunc(h.list))
	yield("GET /api/belfry/v1/assets/{id...}", http.HandlerFunc(h.get))
}

// badRequest is what is wrong with a question.
type badRequest struct{ error }

func (e badRequest) Unwrap() error { return e.error }

var errNotFound = errors.New("there is no such asset, neither in the catalog nor in the series of the last hours")

func fail(w http.ResponseWriter, r *http.Request, err error) {
	var bad badRequest
	code, text := http.StatusServiceUnavailable, err.Error()
	switch {
	case errors.As(err, &bad):
		code = http.StatusBadRequest
	case errors.Is(err, errNotFound):
		code = http.StatusNotFound
	case r.Context().Err() != nil && !errors.Is(r.Context().Err(), context.DeadlineExceeded):
		return // nobody is there
	case errors.Is(err, context.DeadlineExceeded):
		text = fmt.Sprintf("this takes longer than %s; ask for fewer assets, or fewer metrics", timeout)
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
