package hazardapi

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"golang.org/x/sync/semaphore"
)

// Options of a Handler. Hazards, Values, Metrics and Logger are required.
type Options struct {
	Hazards Hazards
	// Values are the newest of series, for streams that ask for them.
	Values Values
	// Language is "en" or "zh-CN": that of pages whose reader does not ask for
	// another.
	Language string
	// Zone is the time zone of times on pages; nil: the machine's own.
	Zone    *time.Location
	Logger  *slog.Logger
	Metrics *metrics.Set

	// heartbeat and patience are the constants, for tests that have less time.
	heartbeat, patience time.Duration
	followers           int
}

// Handler serves hazards. It is safe for concurrent use.
type Handler struct {
	opts    Options
	refused *metrics.Counter
	cutOff  *metrics.Counter
	// counting are places for those who ask for statistics.
	counting *semaphore.Weighted

	mu     sync.Mutex
	ended  bool
	cut    chan struct{} // closed when those who follow are to come again
	places int           // that are left
}

// New makes a Handler.
func New(o Options) (*Handler, error) {
	if o.Hazards == nil || o.Values == nil || o.Logger == nil || o.Metrics == nil {
		return nil, errors.New("hazardapi: Options.Hazards, Values, Logger and Metrics are required")
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.heartbeat == 0 {
		o.heartbeat = heartbeat
	}
	if o.patience == 0 {
		o.patience = patience
	}
	if o.followers == 0 {
		o.followers = mostFollowers
	}
	h := &Handler{
		opts: o, cut: make(chan struct{}), places: o.followers, counting: semaphore.NewWeighted(mostCounting),
		refused: o.Metrics.NewCounter(`belfry_stream_refused_total`),
		cutOff:  o.Metrics.NewCounter(`belfry_stream_cut_off_total`),
	}
	o.Metrics.NewGauge(`belfry_stream_clients`, func() float64 {
		h.mu.Lock()
		defer h.mu.Unlock()
		return float64(h.opts.followers - h.places)
	})
	return h, nil
}

// Routes calls yield for each route with its handler; all only read.
func (h *Handler) Routes(yield func(pattern string, handler http.Handler)) {
	yield("GET /api/belfry/v1/hazards", http.HandlerFunc(h.list))
	yield("GET /api/belfry/v1/hazards/stats", http.HandlerFunc(h.stats))
	yield("GET /api/belfry/v1/hazards/{id}", http.HandlerFunc(h.get))
	yield("GET /api/belfry/v1/stream", http.HandlerFunc(h.stream))
	yield("GET /hazards", http.HandlerFunc(h.listPage))
	yield("GET /hazards/{id}", http.HandlerFunc(h.hazardPage))
}

// Cut ends the streams there are: their clients come again, and are asked again
// for their tokens.
func (h *Handler) Cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.cut)
	h.cut = make(chan struct{})
}

// End ends all streams, for good.
func (h *Handler) End() {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	h.Cut()
}

// enter takes a place among those who follow.
func (h *Handler) enter() (cut <-chan struct{}, leave func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended || h.places == 0 {
		return nil, nil, false
	}
	h.places--
	return h.cut, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.places++
	}, true
}
