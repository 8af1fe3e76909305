package hazard

import (
	"fmt"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// mostPlaces bounds how many combinations of domain, team and street have counts
// of their own; those that come later share one, whose street is "other".
const mostPlaces = 300

// place is what hazards are counted by.
type place struct{ domain, team, street string }

// counts are those of one place.
type counts struct {
	opened, reopened, cleared, lapsed *metrics.Counter
	open                              *metrics.Gauge
	resolve                           *metrics.PrometheusHistogram
}

// ownMetrics counts; count and restored are called with the book's lock held, or
// by one alone.
type ownMetrics struct {
	set    *metrics.Set
	places map[place]*counts

	damaged, lost, overtaken, failures, deleted, commits *metrics.Counter
	duration                                             *metrics.PrometheusHistogram
}

func newMetrics(s *Store) *ownMetrics {
	set := s.opts.Metrics
	set.NewGauge(`belfry_hazard_store_bytes`, func() float64 { return float64(s.bytes.Load()) })
	set.NewGauge(`belfry_hazard_events_waiting`, func() float64 { return float64(s.queue.waiting.Load()) })
	return &ownMetrics{
		set: set, places: map[place]*counts{},
		damaged:   set.NewCounter(`belfry_hazard_store_damaged_total`),
		lost:      set.NewCounter(`belfry_hazard_events_lost_total`),
		overtaken: set.NewCounter(`belfry_hazard_pages_before_disk_total`),
		failures:  set.NewCounter(`belfry_hazard_commit_failures_total`),
		deleted:   set.NewCounter(`belfry_hazards_deleted_total`),
		commits:   set.NewCounter(`belfry_hazard_commits_total`),
		duration: set.NewPrometheusHistogramExt(`belfry_hazard_commit_duration_seconds`,
			[]float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1}),
	}
}

func (m *ownMetrics) committed(began time.Time, err error) {
	if err == nil {
		m.commits.Inc()
		m.duration.UpdateDuration(began)
	}
}

func (m *ownMetrics) of(h *Hazard) *counts {
	p := place{h.Domain, h.Team, h.Street}
	c, ok := m.places[p]
	if !ok && len(m.places) >= mostPlaces {
		p = place{street: "other"}
		c, ok = m.places[p]
	}
	if !ok {
		c = m.newCounts(p)
		m.places[p] = c
	}
	return c
}

func (m *ownMetrics) newCounts(p place) *counts {
	by := fmt.Sprintf(`domain="%s",team="%s",street="%s"`, escape(p.domain), escape(p.team), escape(p.street))
	counter := func(name, more string) *metrics.Counter {
		return m.set.GetOrCreateCounter(name + "{" + by + more + "}")
	}
	return &counts{
		opened:   counter("belfry_hazards_opened_total", ""),
		reopened: counter("belfry_hazards_reopened_total", ""),
		cleared:  counter("belfry_hazards_resolved_total", `,resolution="`+Cleared+`"`),
		lapsed:   counter("belfry_hazards_resolved_total", `,resolution="`+Lapsed+`"`),
		open:     m.set.GetOrCreateGauge("belfry_hazards_open{"+by+"}", nil),
		resolve: m.set.GetOrCreatePrometheusHistogramExt("belfry_hazard_time_to_resolve_seconds{"+by+"}",
			[]float64{60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 3 * 24 * 3600}),
	}
}

func escape(v string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(v) }

func (m *ownMetrics) count(e *Event) {
	c := m.of(e.Hazard)
	switch e.Kind {
	case KindOpened:
		c.opened.Inc()
		c.open.Inc()
	case KindReopened:
		c.reopened.Inc()
		c.open.Inc()
	case KindResolved:
		if e.Resolution == Lapsed {
			c.lapsed.Inc()
		} else {
			c.cleared.Inc()
		}
		c.open.Dec()
		c.resolve.Update(e.Hazard.Resolved.Time().Sub(e.Hazard.LastOpened.Time()).Seconds())
	}
}

// restored counts the hazards that are open from before.
func (m *ownMetrics) restored(b *book) {
	for _, e := range b.byID {
		if e.Status == StatusOpen {
			m.of(&e.Hazard).open.Inc()
		}
	}
}
