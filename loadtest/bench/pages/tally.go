package pages

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// tally follows what is sent and what comes. It is safe for concurrent use.
type tally struct {
	mu      sync.Mutex
	flights map[page]*flight
	// others counts pages that no reading of the benchmark was to cause, by alert.
	others map[string]int
	left   int
	none   chan struct{} // closed when all pages have come
}

// flight is one cause on its way to its page.
type flight struct {
	cause *cause
	// due, begun and sent are of the request: when it was to be sent, when sending
	// began, and when its last byte was written. received is of its page.
	due, begun, sent, received time.Time
	again                      int
	err                        error
}

func newTally(all []*cause) *tally {
	t := &tally{flights: make(map[page]*flight, len(all)), others: map[string]int{}, left: len(all), none: make(chan struct{})}
	for _, c := range all {
		t.flights[c.page] = &flight{cause: c}
	}
	if t.left == 0 {
		close(t.none)
	}
	return t
}

// was notes how a request was sent, once it was.
func (t *tally) was(c *cause, due, begun, sent time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.flights[c.page]
	f.due, f.begun, f.sent, f.err = due, begun, sent, err
}

// came notes that a page was received and returns what caused it, the first
// time.
func (t *tally) came(p page, now time.Time) *cause {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, ok := t.flights[p]
	switch {
	case !ok:
		t.others[p.alert]++
		return nil
	case !f.received.IsZero():
		f.again++
		return nil
	}
	f.received = now
	if t.left--; t.left == 0 {
		close(t.none)
	}
	return f.cause
}

// Times are how long pages of one class took. A page that did not come within
// the patience counts as long as that, so that it is in the percentiles.
type Times struct {
	Class  Class `json:"class"`
	Caused int   `json:"caused"`
	// Lost pages did not come within the patience, Twice came more than once.
	Lost  int     `json:"lost"`
	Twice int     `json:"twice"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// latency counts from the last byte of the request. When sending began after it
// was due, that time counts, too.
func (f *flight) latency(patience time.Duration) (took time.Duration, lost bool) {
	if f.received.IsZero() || f.sent.IsZero() {
		return patience, true
	}
	took = f.received.Sub(f.sent) + max(0, f.begun.Sub(f.due))
	return took, took >= patience
}

// times puts the classes together.
func (t *tally) times(name Class, classes []Class, patience time.Duration) Times {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := map[Class]bool{}
	for _, c := range classes {
		of[c] = true
	}
	h := newHistogram(patience)
	r := Times{Class: name}
	for _, f := range t.flights {
		if !of[f.cause.class] {
			continue
		}
		took, lost := f.latency(patience)
		r.Caused++
		if lost {
			r.Lost++
			took = patience
		}
		if f.again > 0 {
			r.Twice++
		}
		record(h, took)
	}
	ms := func(v int64) float64 { return float64(v) / 1000 }
	r.P50, r.P90 = ms(h.ValueAtQuantile(50)), ms(h.ValueAtQuantile(90))
	r.P99, r.Max = ms(h.ValueAtQuantile(99)), ms(h.Max())
	return r
}

// late is by how much requests began after they were due, at the percentile.
func (t *tally) late(percentile float64) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := newHistogram(time.Minute)
	for _, f := range t.flights {
		record(h, max(0, f.begun.Sub(f.due)))
	}
	return float64(h.ValueAtQuantile(percentile)) / 1000
}

// failed counts the requests that were not acknowledged, and says why one was
// not.
func (t *tally) failed() (n int, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.flights {
		if f.err != nil {
			n++
			why = f.err.Error()
		}
	}
	return n, why
}

// newHistogram measures microseconds, to three digits.
func newHistogram(most time.Duration) *hdrhistogram.Histogram {
	return hdrhistogram.New(1, max(most.Microseconds(), 2), 3)
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	// Clamped to the range, so it cannot fail.
	_ = h.RecordValue(min(max(d.Microseconds(), 1), h.HighestTrackableValue()))
}
