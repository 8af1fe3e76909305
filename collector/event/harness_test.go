package event_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/telemetry/logged"
)

func TestMain(m *testing.M) {
	if dir := writerDir(); dir != "" {
		writeUntilKilled(dir)
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

const (
	waiting = 20 * time.Second
	tick    = 10 * time.Millisecond
)

type store struct {
	*event.Store
	clock *clock
	log   *logged.Text
	set   *metrics.Set
	opts  event.Options
}

func openStore(t testing.TB, dir string, change ...func(*event.Options)) *store {
	t.Helper()
	s := &store{clock: newClock(), log: &logged.Text{}, set: metrics.NewSet()}
	s.opts = event.Options{
		Dir: dir, MaxRaw: 1 << 10, MaxPicture: 1 << 20, Logger: slog.New(slog.NewTextHandler(s.log, nil)), Metrics: s.set,
		Now: s.clock.now, TrimEvery: 10 * time.Millisecond,
	}
	for _, c := range change {
		c(&s.opts)
	}
	var err error
	s.Store, err = event.Open(s.opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func (s *store) add(t testing.TB, events ...reading.Event) {
	t.Helper()
	require.NoError(t, s.Add(context.Background(), events))
}

func (s *store) list(t testing.TB, q event.Query) []event.Record {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	records, next, err := s.List(context.Background(), q)
	require.NoError(t, err)
	require.Empty(t, next)
	return records
}

// one is the only event there is, with its message.
func (s *store) one(t testing.TB) (event.Record, string) {
	t.Helper()
	all := s.list(t, event.Query{})
	require.Len(t, all, 1)
	record, raw, err := s.Get(context.Background(), all[0].ID)
	require.NoError(t, err)
	require.Equal(t, all[0], record)
	return record, string(raw)
}

// at is a time in seconds after 2026-05-04T08:00:00Z, in milliseconds.
func at(seconds int64) int64 {
	return newClock().t.UnixMilli() + seconds*1000
}

func seen(change ...func(*reading.Event)) reading.Event {
	e := reading.Event{
		ID: "e1", Vendor: "frigate", Asset: "CAM-1", Kind: "fire_smoke", VendorKind: "fire", Domain: "road", Severity: "critical",
		Team: "urban_management", Time: at(0), Confidence: 0.5, Raw: []byte(`{"n":1}`),
	}
	for _, c := range change {
		c(&e)
	}
	return e
}
