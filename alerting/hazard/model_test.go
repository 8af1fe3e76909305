package hazard_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/hazard"
)

// modelled is a hazard in the model.
type modelled struct {
	asset      string
	open       bool
	since      time.Time // when it was last opened
	until      time.Time // when it lapses
	resolved   time.Time
	resolution string
	reopened   int
	story      []hazard.Kind
}

// model is what a store is to do, in the simplest words.
type model struct {
	reopen  time.Duration
	hazards []*modelled // as they were opened
}

func (m *model) last(asset string) *modelled {
	for _, h := range slices.Backward(m.hazards) {
		if h.asset == asset {
			return h
		}
	}
	return nil
}

func (m *model) fire(asset string, now, until time.Time) {
	h := m.last(asset)
	switch {
	case h == nil || !h.open && now.Sub(h.resolved) > m.reopen:
		h = &modelled{asset: asset, open: true, since: now, story: []hazard.Kind{hazard.KindOpened}}
		m.hazards = append(m.hazards, h)
	case !h.open:
		h.open, h.since, h.resolution, h.resolved = true, now, "", time.Time{}
		h.reopened++
		h.story = append(h.story, hazard.KindReopened)
	}
	h.until = until
}

func (m *model) end(asset string, at time.Time, why string) {
	if h := m.last(asset); h != nil && h.open {
		h.open, h.resolved, h.resolution = false, at, why
		h.story = append(h.story, hazard.KindResolved)
	}
}

// pass lets time pass to now.
func (m *model) pass(now time.Time) {
	for _, h := range m.hazards {
		if h.open && !now.Before(h.until) {
			m.end(h.asset, h.until, hazard.Lapsed)
		}
	}
}

// restart gives everything that is open time to be heard of.
func (m *model) restart(until time.Time) {
	for _, h := range m.hazards {
		h.until = until
	}
}

// TestAnySequenceOfAlertsMakesTheHazardsOfTheModel fires, ends, forgets and
// restarts at random.
func TestAnySequenceOfAlertsMakesTheHazardsOfTheModel(t *testing.T) {
	// Every step waits for the disk; more lives by -rapid.checks.
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		require.NoError(t, checks.Value.Set("10"))
		defer func() { require.NoError(t, checks.Value.Set(checks.DefValue)) }()
	}
	rapid.Check(t, func(r *rapid.T) {
		reopen := rapid.SampledFrom([]time.Duration{0, 10 * time.Minute, 30 * time.Minute}).Draw(r, "reopen")
		s := openStore(t, t.TempDir(), func(o *hazard.Options) { o.Reopen = reopen })
		m := &model{reopen: reopen}
		ids := map[string]*modelled{}
		told, last := 0, int64(0)
		name := rapid.SampledFrom([]string{"W1", "W2", "W3"})
		named := func(alerts ...*notifier.Alert) {
			for i, id := range s.send(t, alerts...) {
				h := m.last(alerts[i].Labels.Get("asset"))
				if id == "" {
					require.True(r, h == nil || !h.open, "an open hazard has no id")
					continue // it is over, and forgotten
				}
				if before := ids[id]; before != nil {
					require.Same(r, h, before, "%s is another hazard", id)
				}
				ids[id] = h
			}
		}
		// settle waits until what is over by the clock is over in the store.
		settle := func() {
			events := 0
			for _, h := range m.hazards {
				events += len(h.story)
			}
			require.Eventually(r, func() bool {
				_, newest := s.Extent()
				return told == events || newest > last && len(s.everything(t, 0)) == events
			}, waiting, time.Millisecond, "want %d events", events)
			_, last = s.Extent()
			told = events
		}
		r.Repeat(map[string]func(*rapid.T){
			"fire": func(r *rapid.T) {
				asset := name.Draw(r, "asset")
				a := s.alert("Gas", asset)
				m.fire(asset, s.clock.now(), a.EndsAt)
				named(a)
			},
			"end": func(r *rapid.T) {
				asset := name.Draw(r, "asset")
				m.end(asset, s.clock.now(), hazard.Cleared)
				named(s.over(s.alert("Gas", asset)))
			},
			"pass": func(r *rapid.T) {
				s.clock.advance(time.Duration(rapid.IntRange(1, 900).Draw(r, "seconds")) * time.Second)
				m.pass(s.clock.now())
				settle()
			},
			"restart": func(*rapid.T) {
				s = s.reopened(t)
				m.restart(s.clock.now().Add(5 * time.Minute))
			},
			"": func(r *rapid.T) {
				settle()
				require.Equal(r, m.shown(), shown(t, s, len(m.hazards)))
			},
		})
		require.Len(t, s.everything(t, 0), told)
	})
}

// shown is the model as text, the newest first.
func (m *model) shown() (lines []string) {
	for _, h := range slices.Backward(m.hazards) {
		status := hazard.StatusResolved
		if h.open {
			status = hazard.StatusOpen
		}
		lines = append(lines, fmt.Sprint(h.asset, status, h.since.Unix(), h.resolved.Unix(), h.resolution, h.reopened, h.story))
	}
	return lines
}

func shown(t *testing.T, s *store, n int) (lines []string) {
	for _, h := range s.list(t, hazard.Query{Limit: n + 10}) {
		_, history := s.get(t, h.ID)
		lines = append(lines, fmt.Sprint(h.Asset, h.Status, h.LastOpened.Time().Unix(), h.Resolved.Time().Unix(), h.Resolution, h.Reopened, story(history)))
	}
	return lines
}
