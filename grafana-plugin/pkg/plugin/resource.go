package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/resource/httpadapter"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// CallResource answers what editors, variables and links ask: paths of Belfry's
// that only read, and /explain.
func (s *source) CallResource(ctx context.Context, req *backend.CallResourceRequest, sender backend.CallResourceResponseSender) error {
	return httpadapter.New(s.routes()).CallResource(ctx, req, sender)
}

func (s *source) routes() http.Handler {
	mux := http.NewServeMux()
	for _, pattern := range []string{
		"/api/v1/labels", "/api/v1/label/{name}/values", "/api/v1/series", "/api/v1/metadata", "/api/v1/format_query", "/api/v1/parse_query",
		"/api/belfry/v1/metrics", "/api/belfry/v1/assets", "/api/belfry/v1/assets/{id}", "/api/belfry/v1/detectors",
		"/api/belfry/v1/hazards", "/api/belfry/v1/hazards/stats", "/api/belfry/v1/hazards/{id}",
		"/api/belfry/v1/events", "/api/belfry/v1/events/{id}",
	} {
		mux.HandleFunc("GET "+pattern, s.pass)
	}
	mux.HandleFunc("GET /api/belfry/v1/events/{id}/snapshot", s.picture)
	mux.HandleFunc("GET /explain", s.explain)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, http.StatusNotFound, wording.Text{EN: "the data source has no such path", ZH: "数据源没有这个路径"}.In(s.asks(r)))
	})
	return mux
}

// pass hands a question on, and its answer back.
func (s *source) pass(w http.ResponseWriter, r *http.Request) {
	if !s.usable(w, r) {
		return
	}
	body, err := s.client.Raw(r.Context(), r.URL.EscapedPath(), r.URL.Query())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // whoever asked may have gone
}

// picture hands on the picture of an event, and nothing that a browser would run.
func (s *source) picture(w http.ResponseWriter, r *http.Request) {
	if !s.usable(w, r) {
		return
	}
	kind, body, err := s.client.Picture(r.Context(), r.PathValue("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Header().Set("Cache-Control", "private, max-age=3600")
	_, _ = w.Write(body)
}

// explanation is what is known of the metrics of an expression.
type explanation struct {
	Metrics []client.Metric `json:"metrics"`
	Unknown []string        `json:"unknown,omitempty"` // read, but not there
}

func (s *source) explain(w http.ResponseWriter, r *http.Request) {
	if !s.usable(w, r) {
		return
	}
	names, err := s.client.MetricNames(r.Context(), r.URL.Query().Get("expr"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	all, err := s.client.Metrics(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	byName := make(map[string]client.Metric, len(all))
	for _, m := range all {
		byName[m.Name] = m
	}
	e := explanation{Metrics: []client.Metric{}}
	for _, name := range names {
		if m, ok := byName[name]; ok {
			e.Metrics = append(e.Metrics, m)
		} else {
			e.Unknown = append(e.Unknown, name)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(e) // whoever asked may have gone
}

// asks is the language of who asks.
func (s *source) asks(r *http.Request) wording.Lang { return s.language(r.Header.Get(acceptLanguage)) }

func (s *source) usable(w http.ResponseWriter, r *http.Request) bool {
	if s.broken != nil {
		s.refuse(w, http.StatusBadRequest, wording.Say(s.broken, s.asks(r)))
	}
	return s.broken == nil
}

func (s *source) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := http.StatusBadGateway
	var known *client.Error
	if errors.As(err, &known) {
		switch known.Kind {
		case client.BadRequest, client.TooLong:
			code = http.StatusBadRequest
		case client.NotFound:
			code = http.StatusNotFound
		case client.Busy:
			code = http.StatusServiceUnavailable
		case client.Timeout:
			code = http.StatusGatewayTimeout
		}
	}
	s.refuse(w, code, wording.Say(err, s.asks(r)))
}

// refuse says it where Grafana's frontend looks for it.
func (s *source) refuse(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": strings.ToValidUTF8(text, "\uFFFD"), "error": text})
}
