package demo

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/belfry-city/belfry/alerting/pager"
)

// remembered is how many pages the summary can list.
const remembered = 50

// tally counts what goes in and what comes out. It is safe for concurrent use.
type tally struct {
	mu              sync.Mutex
	stored, refused int
	last            error
	pages           int
	resolved        int
	by              map[kindOfPage]int
	open            map[string]string // severity by hazard
	recent          []*listed
	latencies       map[string][]float64 // ms, by severity
}

// kindOfPage is what pages are counted by.
type kindOfPage struct {
	Domain   string `json:"domain"`
	Severity string `json:"severity"`
}

// listed is a page in the summary's list, and when its hazard was over.
type listed struct {
	pager.Page
	over time.Time
}

func newTally() *tally {
	return &tally{by: map[kindOfPage]int{}, open: map[string]string{}, latencies: map[string][]float64{}}
}

// wrote counts values that were acknowledged and values that were refused.
func (t *tally) wrote(stored, refused int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stored += stored
	t.refused += refused
}

// trouble notes why readings are not taken at present; nil for nothing.
func (t *tally) trouble(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = err
}

// page counts a page. Repeats of a page are none.
func (t *tally) page(p pager.Page) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case p.Status == pager.Resolved:
		t.resolved++
		delete(t.open, p.Hazard)
		for _, l := range t.recent {
			if l.Hazard == p.Hazard && l.over.IsZero() {
				l.over = p.EndsAt
			}
		}
	case !p.Repeat:
		t.pages++
		t.by[kindOfPage{p.Domain, p.Severity}]++
		t.open[p.Hazard] = p.Severity
		if !p.ReadingTime.IsZero() {
			t.latencies[p.Severity] = append(t.latencies[p.Severity], p.LatencyMS)
		}
		if len(t.recent) == remembered {
			t.recent = slices.Delete(t.recent, 0, 1)
		}
		t.recent = append(t.recent, &listed{Page: p})
	}
}

// status is how things stand.
type status struct {
	stored, refused int
	trouble         error
	pages           int
	openBy          map[string]int // by severity
}

func (s status) open() int {
	n := 0
	for _, k := range s.openBy {
		n += k
	}
	return n
}

func (t *tally) status() status {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := status{stored: t.stored, refused: t.refused, trouble: t.last, pages: t.pages, openBy: map[string]int{}}
	for _, severity := range t.open {
		s.openBy[severity]++
	}
	return s
}

// totals are what the summary says.
type totals struct {
	status
	resolved   int
	by         []countedPages
	recent     []listed
	latencies  latencies
	bySeverity map[string]latencies
}

type countedPages struct {
	kindOfPage
	Pages int `json:"pages"`
}

// latencies are those from a reading to its page, in milliseconds.
type latencies struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func (t *tally) totals() totals {
	out := totals{status: t.status()}
	t.mu.Lock()
	defer t.mu.Unlock()
	out.resolved = t.resolved
	for kind, n := range t.by {
		out.by = append(out.by, countedPages{kind, n})
	}
	slices.SortFunc(out.by, func(a, b countedPages) int {
		return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Severity, b.Severity))
	})
	for _, l := range t.recent {
		out.recent = append(out.recent, *l)
	}
	out.bySeverity = map[string]latencies{}
	var all []float64
	for severity, some := range t.latencies {
		out.bySeverity[severity] = latenciesOf(some)
		all = append(all, some...)
	}
	out.latencies = latenciesOf(all)
	return out
}

func latenciesOf(ms []float64) latencies {
	sorted := slices.Sorted(slices.Values(ms))
	n := len(sorted)
	if n == 0 {
		return latencies{}
	}
	return latencies{Count: n, P50: quantile(sorted, 0.5), P99: quantile(sorted, 0.99), Max: sorted[n-1]}
}

// quantile is the smallest value that at least a share q of all are not above.
func quantile(sorted []float64, q float64) float64 {
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[max(0, i)]
}
