package httpapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"net/url"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"

	"github.com/belfry-city/belfry/alerting/anomaly/watch"
	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/otlp"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/internal/httpapi/access"
)

// Options are what the routes are made of; all are required unless it says
// otherwise.
type Options struct {
	Intake *intake.Intake
	// Input returns the decoder for what is posted to /api/belfry/v1/in/NAME,
	// and InputNames those that there are. Both may be nil.
	Input      func(name string) (input.Decoder, bool)
	InputNames func() []string
	// OTLP returns the decoder for OpenTelemetry's metrics; nil refuses them.
	OTLP func() *otlp.Decoder
	// BucketLabel names a label for Influx' db or bucket; empty ignores them.
	BucketLabel string
	// MaxBody and MaxLine bound a write, in bytes after decompression.
	MaxBody, MaxLine int64
	// BodyTime is how long a client may take to send a request.
	BodyTime time.Duration
	// InFlight bounds the bytes of all write requests being worked on.
	InFlight int64

	// Events, KindNames and Catalog are what /api/belfry/v1/events shows; nil
	// Events: there are none.
	Events    Events
	KindNames func() KindNames
	Catalog   func() *catalog.Catalog

	// Detectors lists those that run; nil: there is no such route.
	Detectors func() []watch.Shown

	// Hazards are routes that only read, Inventory such that read as much as queries do;
	// nil: there are none.
	Hazards   Routes
	Inventory []Routes

	Store    Store
	Engine   promql.QueryEngine
	Lookback time.Duration
	// Queries is how many queries run at once; more wait.
	Queries int
	// QueryTimeout bounds a query together with its wait.
	QueryTimeout time.Duration
	Rules        RulesRetriever
	// Targets are what is scraped; may be nil.
	Targets Targets
	// EvaluationLag is how late rule evaluation is. Beyond a few seconds queries
	// and then writes give way to it.
	EvaluationLag func() time.Duration

	// Alertmanager serves /api/v2 except for the write endpoint.
	Alertmanager http.Handler
	// Guard demands tokens.
	Guard *access.Guard
	// Ready says why Belfry is not ready to serve, or nil.
	Ready func() error
	// Reload reads the configuration's files again.
	// It returns the keys whose change needs a restart.
	Reload func(context.Context) (needRestart []string, err error)
	// WriteMetrics writes the exposition for /metrics.
	WriteMetrics func(io.Writer) error

	// Listen and DBDir are shown by the Prometheus API's status endpoints.
	Listen string
	DBDir  string

	Metrics    *metrics.Set
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
	Logger     *slog.Logger
}

// Routes are of a part of their own.
type Routes interface {
	Routes(yield func(pattern string, h http.Handler))
}

// New returns the handler for all routes.
func New(o Options) http.Handler {
	gates := newAdmission(o)
	door := newWriteDoor(o)
	influx := newInfluxWriter(door)
	mux := http.NewServeMux()
	open := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, h) }
	guarded := func(pattern string, scope access.Scope, h http.Handler) {
		mux.Handle(pattern, o.Guard.Require(scope, h))
	}

	guarded("/write", access.Write, http.HandlerFunc(influx.writeV1))
	guarded("/api/v2/write", access.Write, http.HandlerFunc(influx.writeV2))
	guarded("/api/v1/write", access.Write, http.HandlerFunc(newRemoteWriter(door).write))
	guarded("/api/belfry/v1/in/{input...}", access.Write, http.HandlerFunc(door.take))
	if o.OTLP != nil {
		guarded("/api/v1/otlp/v1/metrics", access.Write, http.HandlerFunc(newOTLPWriter(door).write))
	}
	guarded("/query", access.Write, http.HandlerFunc(influxQuery))
	open("/ping", influx.ping)
	open("/health", influx.health)
	guarded("/ready", access.Read, http.HandlerFunc(influx.health))

	if o.Events != nil {
		events := &eventsAPI{events: o.Events, kinds: o.KindNames, catalog: o.Catalog}
		guarded("GET /api/belfry/v1/events", access.Read, http.HandlerFunc(events.list))
		guarded("GET /api/belfry/v1/events/{id}", access.Read, http.HandlerFunc(events.get))
		guarded("GET /api/belfry/v1/events/{id}/snapshot", access.Read, http.HandlerFunc(events.snapshot))
	}

	if o.Detectors != nil {
		guarded("GET /api/belfry/v1/detectors", access.Read, listDetectors(o.Detectors))
	}

	if o.Hazards != nil {
		o.Hazards.Routes(func(pattern string, h http.Handler) { guarded(pattern, access.Read, h) })
	}

	for _, r := range o.Inventory {
		r.Routes(func(pattern string, h http.Handler) { guarded(pattern, access.Read, gates.queries(h)) })
	}

	open(ownAPI, elsewhere(mux))

	prom := newPrometheusAPI(o)
	guarded("/api/v1/", access.Read, gates.queries(http.StripPrefix("/api/v1", prom)))
	guarded("/api/v2/", access.Read, byMethod(o.Guard, o.Alertmanager))
	guarded("/metrics", access.Read, metricsHandler(o))

	open("/-/healthy", func(w http.ResponseWriter, _ *http.Request) { say(w, "Belfry is healthy.\n") })
	open("/-/ready", readyHandler(o))
	guarded("POST /-/reload", access.Admin, reloadHandler(o))
	guarded("/debug/pprof/", access.Admin, http.HandlerFunc(pprof.Index))
	guarded("/debug/pprof/profile", access.Admin, http.HandlerFunc(pprof.Profile))
	guarded("/debug/pprof/trace", access.Admin, http.HandlerFunc(pprof.Trace))
	guarded("/graph", access.Read, http.HandlerFunc(graph))
	guarded("/{$}", access.Read, http.HandlerFunc(index))
	return withRecovery(o, mux)
}

const ownAPI = "/api/belfry/v1/"

// elsewhere answers what no route of Belfry's own API takes, as that API does: the
// mux would answer in plain text.
func elsewhere(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		read := r.Clone(r.Context())
		read.Method = http.MethodGet
		if _, pattern := mux.Handler(read); pattern != ownAPI {
			w.Header().Set("Allow", "GET, HEAD")
			writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"error": "this is read by GET; got " + r.Method})
			return
		}
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "there is no such path; docs/api.md has those that there are"})
	}
}

// byMethod asks for more than reading where a request changes something:
// silences and alerts of the Alertmanager API.
func byMethod(g *access.Guard, h http.Handler) http.Handler {
	admin := g.Require(access.Admin, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
			h.ServeHTTP(w, r)
			return
		}
		admin.ServeHTTP(w, r)
	})
}

func metricsHandler(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		if err := o.WriteMetrics(w); err != nil {
			o.Logger.Warn("writing metrics", "err", err)
		}
	})
}

func readyHandler(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := o.Ready(); err != nil {
			http.Error(w, "Belfry is not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		say(w, "Belfry is ready.\n")
	}
}

func reloadHandler(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		needRestart, err := o.Reload(r.Context())
		if err != nil {
			http.Error(w, "not reloaded, the running configuration stays:\n"+err.Error(), http.StatusInternalServerError)
			return
		}
		say(w, "reloaded\n")
		if len(needRestart) > 0 {
			say(w, "changed, and in force only after a restart: "+strings.Join(needRestart, ", ")+"\n")
		}
	})
}

// graph is where the links of alerts lead, as they do in Prometheus: to the
// alert's expression.
func graph(w http.ResponseWriter, r *http.Request) {
	to := url.URL{Path: "api/v1/query", RawQuery: url.Values{"query": {r.FormValue("g0.expr")}}.Encode()}
	w.Header().Set("Location", to.String()) // relative, so that it also works behind a proxy
	w.WriteHeader(http.StatusFound)
}

func index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	say(w, `Belfry 钟楼

POST /write, /api/v2/write     InfluxDB line protocol
POST /api/v1/write             Prometheus remote write 1 and 2
POST /api/belfry/v1/in/INPUT   cameras, LoRaWAN, parking, any JSON
POST /api/v1/otlp/v1/metrics   OpenTelemetry metrics
GET  /api/belfry/v1/events     what cameras and people reported
GET  /api/belfry/v1/hazards    what alerts have become; /hazards to read
GET  /api/belfry/v1/assets     what stands where, how it is, its newest values
GET  /api/belfry/v1/metrics    which metrics there are, and what they mean
GET  /api/belfry/v1/detectors  what is watched for anomalies
GET  /api/belfry/v1/stream     what happens to hazards, as server-sent events
GET  /api/v1/query, …          Prometheus API: queries, rules, alerts
     /api/v2/alerts, …         Alertmanager API: alerts, silences
GET  /metrics                  Belfry's own metrics
GET  /-/healthy, /-/ready      for probes
POST /-/reload                 read rules, catalog and pager configuration again
GET  /debug/pprof/             where time and memory go, for go tool pprof
`)
}

// withRecovery keeps one request's panic from ending the program, and says so
// where people look.
func withRecovery(o Options, h http.Handler) http.Handler {
	panics := o.Metrics.NewCounter(`belfry_http_panics_total`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			panics.Inc()
			o.Logger.Error("a request panicked", "path", r.URL.Path, "panic", p)
			http.Error(w, "internal error; it has been logged", http.StatusInternalServerError)
		}()
		h.ServeHTTP(w, r)
	})
}

// say writes to a client; one that has gone needs no answer.
func say(w io.Writer, text string) { _, _ = io.WriteString(w, text) }
