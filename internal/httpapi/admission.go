package httpapi

import (
	"context"
	"net/http"
	"strconv"
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
		defer a.running.Release(places)
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (a *admission) refuse(w http.ResponseWriter, why string) {
	a.refused.Inc()
	w.Header().Set("Retry-After", retryAfter)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(`{"status":"error","errorType":"unavailable","error":` + strconv.Quote(why) + `}`))
}
