package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"golang.org/x/sync/semaphore"
)

const (
	// lagQueries is how late rule evaluation may be before queries are turned
	// away.
	lagQueries = 3 * time.Second
	// retryAfter is what those who were turned away are told, in seconds.
	retryAfter = "2"
)

// admission lets queries give way when there is more work than the machine can
// do; the intake does the same for writes, later. Rules and pages never pass
// through here.
type admission struct {
	running *semaphore.Weighted
	places  int64
	timeout time.Duration
	lag     func() time.Duration
	waiting func() int // writes
	refused *metrics.Counter
}

func newAdmission(o Options) *admission {
	places := int64(max(o.Queries, 1))
	return &admission{
		running: semaphore.NewWeighted(places),
		places:  places,
		timeout: o.QueryTimeout,
		lag:     o.EvaluationLag,
		waiting: o.Intake.Waiting,
		refused: o.Metrics.NewCounter(`belfry_queries_turned_away_total`),
	}
}

// queries bounds how many run at once. While writes wait for their turn a query
// takes all places, so that only one runs; while rules are late none begins.
func (a *admission) queries(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), a.timeout)
		defer cancel()
		if a.lag() > lagQueries {
			a.refuse(w, "rules are late, and queries give way to them")
			return
		}
		places := int64(1)
		if a.waiting() > 0 {
			places = a.places
		}
		if err := a.running.Acquire(ctx, places); err != nil {
			a.refuse(w, "too many queries are running")
			return
		}
		qw := &queryWriter{ResponseWriter: w, leave: sync.OnceFunc(func() { a.running.Release(places) })}
		defer qw.leave()
		h.ServeHTTP(qw, r.WithContext(ctx))
	})
}

// queryWriter gives a query's place back when its answer begins to be written,
// and ends an answer of which the client has read nothing for a while: who asks
// and does not read must not keep others from asking.
type queryWriter struct {
	http.ResponseWriter
	leave func()
}

const (
	writePiece   = 64 << 10
	writePatient = 30 * time.Second // for each piece
)

func (w *queryWriter) WriteHeader(status int) {
	w.leave()
	w.ResponseWriter.WriteHeader(status)
}

func (w *queryWriter) Write(p []byte) (n int, err error) {
	w.leave()
	conn := http.NewResponseController(w.ResponseWriter)
	defer func() { _ = conn.SetWriteDeadline(time.Time{}) }()
	for err == nil && len(p) > 0 {
		_ = conn.SetWriteDeadline(time.Now().Add(writePatient))
		piece := p[:min(len(p), writePiece)]
		var wrote int
		wrote, err = w.ResponseWriter.Write(piece)
		n, p = n+wrote, p[wrote:]
	}
	return n, err
}

// Flush is for answers in frames, as those of remote read.
func (w *queryWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (a *admission) refuse(w http.ResponseWriter, why string) {
	a.refused.Inc()
	w.Header().Set("Retry-After", retryAfter)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(`{"status":"error","errorType":"unavailable","error":` + strconv.Quote(why) + `}`))
}
