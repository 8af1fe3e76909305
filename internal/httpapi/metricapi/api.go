package metricapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/metric"
	"github.com/belfry-city/belfry/internal/filter"
	"github.com/belfry-city/belfry/internal/httpapi/params"
)

// Store knows the series. tsdb.Store is one.
type Store interface {
	MetricNames(ctx context.Context, yield func(name string, series int)) error
}

// Options of a Handler; both are required.
type Options struct {
	Store   Store
	Metrics *metric.Table
}

// Handler serves metrics. It is safe for concurrent use.
type Handler struct{ opts Options }

// New makes a Handler.
func New(o Options) (*Handler, error) {
	if o.Store == nil || o.Metrics == nil {
		return nil, errors.New("metricapi: all Options are required")
	}
	return &Handler{o}, nil
}

// Routes calls yield for each route with its handler; all only read.
func (h *Handler) Routes(yield func(pattern string, handler http.Handler)) {
	yield("GET /api/belfry/v1/metrics", http.HandlerFunc(h.list))
}

const (
	// timeout bounds one answer.
	timeout = 10 * time.Second
	// retryAfter is what those who were turned away are told, in seconds.
	retryAfter = "2"
)

// shown is a metric in JSON. docs/api.md explains it.
type shown struct {
	metric.Metric
	Series int `json:"series"`
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r.URL.Query())
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	found, err := h.find(ctx, q)
	if err != nil {
		if r.Context().Err() == nil {
			w.Header().Set("Retry-After", retryAfter)
			writeJSON(w, http.StatusServiceUnavailable, map[string]string{"error": fmt.Sprintf("look for metrics: %v", err)})
		}
		return
	}
	answer := struct {
		Metrics []shown `json:"metrics"`
		Total   int     `json:"total"`
		Next    string  `json:"next,omitempty"`
	}{[]shown{}, len(found), ""}
	first, _ := slices.BinarySearchFunc(found, q.after+"\x00", func(m shown, name string) int { return cmp.Compare(m.Name, name) })
	if !q.paging {
		first = 0
	}
	last := min(first+q.limit, len(found))
	answer.Metrics = append(answer.Metrics, found[first:last]...)
	if last < len(found) {
		answer.Next = base64.RawURLEncoding.EncodeToString([]byte(found[last-1].Name))
	}
	writeJSON(w, http.StatusOK, answer)
}

// find are the metrics that are asked for, by name.
func (h *Handler) find(ctx context.Context, q *query) ([]shown, error) {
	var found []shown
	explained := map[string]int{}
	add := func(m metric.Metric, series int) {
		if q.matches(m) {
			found = append(found, shown{m, series})
		}
	}
	err := h.opts.Store.MetricNames(ctx, func(name string, series int) {
		m, known := h.opts.Metrics.Of(name)
		if known {
			explained[m.Name] = series
			return
		}
		m.Name = strings.Clone(name) // it may be in memory of the database
		add(m, series)
	})
	if err != nil {
		return nil, err
	}
	for _, m := range h.opts.Metrics.All() {
		add(m, explained[m.Name])
	}
	slices.SortFunc(found, func(a, b shown) int { return strings.Compare(a.Name, b.Name) })
	if q.stored {
		found = slices.DeleteFunc(found, func(m shown) bool { return m.Series == 0 })
	}
	return found, nil
}

// query is what is asked for.
type query struct {
	names, domains []string
	text           string // in small letters
	stored         bool
	limit          int
	after          string
	paging         bool
}

func readQuery(values url.Values) (*query, error) {
	q := &query{limit: params.MostLimit}
	s := params.New()
	s.List("name", &q.names, nil)
	s.List("domain", &q.domains, params.Words(catalog.Domains()))
	s.Text("q", &q.text)
	s.Bool("stored", &q.stored)
	s.Limit("limit", &q.limit)
	s.One("cursor", func(v string) error {
		raw, err := base64.RawURLEncoding.DecodeString(v)
		if err != nil {
			return fmt.Errorf("want what the page before has as next; got %q", v)
		}
		q.after, q.paging = string(raw), true
		return nil
	})
	if err := s.Read(values); err != nil {
		return nil, err
	}
	q.text = strings.ToLower(q.text)
	return q, nil
}

func (q *query) matches(m metric.Metric) bool {
	return filter.Allows(q.names, m.Name) && filter.Allows(q.domains, m.Domain) &&
		(q.text == "" || strings.Contains(strings.ToLower(m.Name+"\n"+m.Help+"\n"+m.HelpZH+"\n"+m.Unit), q.text))
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
