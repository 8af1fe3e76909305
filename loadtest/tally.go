package loadtest

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Snapshot is how far a run has come.
type Snapshot struct {
	Elapsed      time.Duration
	Acknowledged int64
	// PerSecond and P99 are of the time since the snapshot before.
	PerSecond     float64
	P99           time.Duration
	Retries, Lost int64
	Refused       int64
}

// tally counts what became of requests. It is safe for concurrent use.
type tally struct {
	mu        sync.Mutex
	attempted int64 // samples
	requests  int64
	bytes     int64
	prepare   time.Duration
	acked     int64   // samples
	parts     []int64 // acknowledged requests of each part
	lostN     int64   // samples
	refusedN  int64   // samples
	retries   map[string]int64
	errors    map[string]int64
	first     time.Time
	last      time.Time
	fromDue   *hdrhistogram.Histogram
	fromSent  *hdrhistogram.Histogram
	recent    *hdrhistogram.Histogram
}

// newHistogram measures microseconds up to ten minutes, to three digits.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, (10 * time.Minute).Microseconds(), 3)
}

func newTally(parts int) *tally {
	return &tally{
		parts: make([]int64, parts), retries: map[string]int64{}, errors: map[string]int64{},
		fromDue: newHistogram(), fromSent: newHistogram(), recent: newHistogram(),
	}
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	// Clamped to the range, so it cannot fail.
	_ = h.RecordValue(min(max(d.Microseconds(), 1), h.HighestTrackableValue()))
}

func (t *tally) attempt(samples, bytes int, at time.Time, prepare time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attempted += int64(samples)
	t.requests++
	t.bytes += int64(bytes)
	t.prepare += prepare
	if t.first.IsZero() || at.Before(t.first) {
		t.first = at
	}
	if at.After(t.last) {
		t.last = at
	}
}

func (t *tally) acknowledged(part, samples int, fromDue, fromSent time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.acked += int64(samples)
	t.parts[part]++
	record(t.fromDue, fromDue)
	record(t.fromSent, fromSent)
	record(t.recent, fromDue)
}

func (t *tally) refused(samples int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refusedN += int64(samples)
	t.errors[err.Error()]++
}

func (t *tally) lost(samples int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lostN += int64(samples)
	t.errors[err.Error()]++
}

func (t *tally) again(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	why := "no answer"
	var busy *Busy
	if errors.As(err, &busy) {
		why = strconv.Itoa(busy.Status)
	}
	t.retries[why]++
}

func (t *tally) snapshot(elapsed time.Duration, last Snapshot) Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Snapshot{
		Elapsed: elapsed, Acknowledged: t.acked, Lost: t.lostN, Refused: t.refusedN,
		P99: time.Duration(t.recent.ValueAtQuantile(99)) * time.Microsecond,
	}
	for _, n := range t.retries {
		s.Retries += n
	}
	if span := (elapsed - last.Elapsed).Seconds(); span > 0 {
		s.PerSecond = float64(s.Acknowledged-last.Acknowledged) / span
	}
	t.recent.Reset()
	return s
}
