package hazard_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/internal/telemetry/logged"
)

func TestMain(m *testing.M) {
	if dir := raiserDir(); dir != "" {
		raiseUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// clock is set by tests.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// inbox is who gets the alerts after the store.
type inbox struct {
	mu     sync.Mutex
	alerts []*notifier.Alert
}

func (i *inbox) Send(alerts ...*notifier.Alert) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.alerts = append(i.alerts, alerts...)
}

// take empties the inbox.
func (i *inbox) take() []*notifier.Alert {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := i.alerts
	i.alerts = nil
	return all
}

const (
	waiting = 20 * time.Second
	tick    = 5 * time.Millisecond
)

type store struct {
	*hazard.Store
	hazard.Sender
	clock *clock
	log   *logged.Text
	set   *metrics.Set
	opts  hazard.Options
	inbox *inbox
}

func openStore(t testing.TB, dir string, change ...func(*hazard.Options)) *store {
	t.Helper()
	s := &store{clock: newClock(), log: &logged.Text{}, set: metrics.NewSet(), inbox: &inbox{}}
	s.opts = hazard.Options{
		Dir: dir, Reopen: 30 * time.Minute, ExternalURL: &url.URL{Scheme: "http", Host: "belfry.example"},
		Logger: slog.New(slog.NewTextHandler(s.log, nil)), Metrics: s.set, Now: s.clock.now, SweepEvery: tick,
	}
	for _, c := range change {
		c(&s.opts)
	}
	var err error
	s.Store, err = hazard.Open(s.opts)
	require.NoError(t, err)
	s.Sender = s.Before(s.inbox)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// reopened is the store after a restart, on the same clock.
func (s *store) reopened(t testing.TB) *store {
	t.Helper()
	require.NoError(t, s.Close())
	return openStore(t, s.opts.Dir, func(o *hazard.Options) { o.Now, o.Reopen = s.clock.now, s.opts.Reopen }).on(s.clock)
}

func (s *store) on(c *clock) *store {
	s.clock = c
	return s
}

// alert is one of a rule about an asset, which holds for four minutes.
func (s *store) alert(rule, asset string, change ...func(*notifier.Alert)) *notifier.Alert {
	a := &notifier.Alert{
		Labels: labels.FromStrings("alertname", rule, "asset", asset, "severity", "critical", "domain", "gas", "team", "sanitation",
			"street", "Jiefangbei", "district", "Yuzhong"),
		Annotations: labels.FromStrings("summary", rule+" at "+asset, "summary_zh", asset+"告警", "value", "60", "limit", "50", "unit", "%LEL",
			"reading_time", s.clock.now().Add(-time.Second).Format(time.RFC3339Nano), "name", "Well "+asset, "name_zh", asset+"号井",
			"runbook_url", "https://runbooks.example/"+rule),
		StartsAt: s.clock.now(), EndsAt: s.clock.now().Add(4 * time.Minute),
	}
	for _, c := range change {
		c(a)
	}
	return a
}

// over ends an alert.
func (s *store) over(a *notifier.Alert) *notifier.Alert {
	ended := *a
	ended.EndsAt = s.clock.now()
	return &ended
}

func with(name, value string) func(*notifier.Alert) {
	return func(a *notifier.Alert) { a.Labels = labels.NewBuilder(a.Labels).Set(name, value).Labels() }
}

func noted(name, value string) func(*notifier.Alert) {
	return func(a *notifier.Alert) { a.Annotations = labels.NewBuilder(a.Annotations).Set(name, value).Labels() }
}

// send sends alerts, and returns the ids that they went on with.
func (s *store) send(t testing.TB, alerts ...*notifier.Alert) (ids []string) {
	t.Helper()
	s.Send(alerts...)
	got := s.inbox.take()
	require.Len(t, got, len(alerts))
	s.settle(t)
	for _, a := range got {
		ids = append(ids, a.Annotations.Get("hazard"))
	}
	return ids
}

// settle waits until the disk has what was sent: on a machine that has much to do
// pages overtake it.
func (s *store) settle(t testing.TB) {
	t.Helper()
	waiting := s.set.GetOrCreateGauge(`belfry_hazard_events_waiting`, nil)
	require.Eventually(t, func() bool { return waiting.Get() == 0 }, time.Minute, time.Millisecond)
}

// paged is Paged, on disk.
func (s *store) paged(t testing.TB, id, receiver, integration string) {
	t.Helper()
	s.Paged(id, receiver, integration, s.clock.now())
	s.settle(t)
}

func (s *store) list(t testing.TB, q hazard.Query) []hazard.Hazard {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100_000
	}
	hazards, next, err := s.List(context.Background(), q)
	require.NoError(t, err)
	require.Empty(t, next)
	return hazards
}

func (s *store) get(t testing.TB, id string) (hazard.Hazard, []hazard.Event) {
	t.Helper()
	h, history, err := s.Get(context.Background(), id)
	require.NoError(t, err)
	return h, history
}

// story is the kinds of what has happened.
func story(history []hazard.Event) (kinds []hazard.Kind) {
	for _, e := range history {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func (s *store) counter(name string) uint64 { return s.set.GetOrCreateCounter(name).Get() }

// everything are all events there are, in order.
func (s *store) everything(t testing.TB, after int64) (events []hazard.Told) {
	t.Helper()
	for {
		some, err := s.EventsAfter(context.Background(), after, 7)
		require.NoError(t, err)
		if len(some) == 0 {
			require.True(t, slices.IsSortedFunc(events, func(a, b hazard.Told) int { return int(a.Seq - b.Seq) }))
			return events
		}
		events, after = append(events, some...), some[len(some)-1].Seq
	}
}

func assets(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("W%05d", i))
	}
	return names
}
