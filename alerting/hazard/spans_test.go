package hazard_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/alerting/hazard/response"
)

func (s *store) spans(t testing.TB, q hazard.SpanQuery) (spans []hazard.Span) {
	t.Helper()
	if q.To == 0 {
		q.To = hazard.InstantOf(s.clock.now().Add(time.Hour))
	}
	require.NoError(t, s.Spans(context.Background(), q, func(span *hazard.Span) {
		one := *span
		one.Group = slices.Clone(span.Group)
		spans = append(spans, one)
	}))
	slices.SortFunc(spans, func(a, b hazard.Span) int {
		return slices.Compare([]string{a.Opened.Time().String(), a.Group[0]}, []string{b.Opened.Time().String(), b.Group[0]})
	})
	return spans
}

func TestWhatIsMeasuredOfHazards(t *testing.T) {
	s := openStore(t, t.TempDir())
	began := s.clock.now()
	at := func(d time.Duration) hazard.Instant { return hazard.InstantOf(began.Add(d)) }
	first := s.alert("Gas", "W1")
	id := s.send(t, first, s.alert("Gas", "W2", with("street", "Chaotianmen")), s.alert("Water", "W1"))[0]
	s.paged(t, id, "ops", "webhook[0]")
	s.clock.advance(time.Minute)
	s.send(t, s.over(first))
	s.clock.advance(time.Minute)
	again := s.alert("Gas", "W1")
	require.Equal(t, []string{id}, s.send(t, again), "within the time in which it opens again")
	s.clock.advance(time.Minute)
	s.send(t, s.over(again))
	s.clock.advance(2 * time.Hour)
	s.send(t, s.alert("Gas", "W1"))

	by := []string{"asset", "rule"}
	want := []hazard.Span{
		{Group: []string{"W1", "Gas"}, Opened: at(0), Resolved: at(3 * time.Minute), Reading: at(-time.Second), Paged: at(0), Reopened: 1},
		{Group: []string{"W1", "Water"}, Opened: at(0), Resolved: at(4 * time.Minute), Reading: at(-time.Second)},
		{Group: []string{"W2", "Gas"}, Opened: at(0), Resolved: at(4 * time.Minute), Reading: at(-time.Second)},
		{Group: []string{"W1", "Gas"}, Opened: at(123 * time.Minute), Reading: at(123*time.Minute - time.Second), Previous: at(0)},
	}
	require.Eventually(t, func() bool {
		return len(s.list(t, hazard.Query{Filter: hazard.Filter{Statuses: []string{"open"}}})) == 1
	}, waiting, tick)
	sorted := func(spans []hazard.Span) []hazard.Span {
		slices.SortFunc(spans, func(a, b hazard.Span) int {
			if a.Opened != b.Opened {
				return int(a.Opened - b.Opened)
			}
			return slices.Compare(a.Group, b.Group)
		})
		return spans
	}
	require.Equal(t, want, sorted(s.spans(t, hazard.SpanQuery{By: by})))
	require.Equal(t, want[3:], s.spans(t, hazard.SpanQuery{By: by, From: at(time.Hour)}))
	require.Len(t, s.spans(t, hazard.SpanQuery{By: by, To: at(time.Hour)}), 3)
	require.Empty(t, s.spans(t, hazard.SpanQuery{By: by, To: at(0)}), "the end is exclusive")
	require.Equal(t, want[2:3], s.spans(t, hazard.SpanQuery{By: by, Filter: hazard.Filter{Streets: []string{"Chaotianmen"}}}))
	require.Equal(t, want[1:2], s.spans(t, hazard.SpanQuery{By: by, Text: "Water at"}))
	require.Error(t, s.Spans(t.Context(), hazard.SpanQuery{By: []string{"doc"}}, nil))

	// A file of the version before has none; they are made of what is known.
	require.NoError(t, s.Close())
	db, err := sql.Open("sqlite", filepath.Join(s.opts.Dir, "hazards.db"))
	require.NoError(t, err)
	_, err = db.Exec("DROP TABLE spans; PRAGMA user_version = 1")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	s = openStore(t, s.opts.Dir).on(s.clock)
	require.Equal(t, want, sorted(s.spans(t, hazard.SpanQuery{By: by})))
	require.Empty(t, s.log.String())
}

func TestAnOldFileWithADocumentThatCannotBeReadIsBroughtToTheNewVersion(t *testing.T) {
	s := openStore(t, t.TempDir())
	s.send(t, s.alert("Gas", "W1"), s.alert("Gas", "W2"))
	require.NoError(t, s.Close())
	db, err := sql.Open("sqlite", filepath.Join(s.opts.Dir, "hazards.db"))
	require.NoError(t, err)
	_, err = db.Exec("UPDATE hazards SET doc = '{\"page' WHERE asset = 'W1'; DROP TABLE spans; PRAGMA user_version = 1")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	s = openStore(t, s.opts.Dir).on(s.clock)
	spans := s.spans(t, hazard.SpanQuery{By: []string{"asset"}})
	require.Len(t, spans, 2)
	require.Zero(t, spans[0].Reading)
	require.Equal(t, spans[1].Opened-1000, spans[1].Reading)
}

// BenchmarkSpans is what it takes to measure the last 30 days, and everything, of a
// million hazards, of which 50,000 are open.
func BenchmarkSpans(b *testing.B) {
	const all, open = 1_000_000, 50_000
	s := openStore(b, b.TempDir())
	require.NoError(b, s.Close())
	db, err := sql.Open("sqlite", filepath.Join(s.opts.Dir, "hazards.db"))
	require.NoError(b, err)
	now := s.clock.now()
	_, err = db.Exec(`PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
		WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
		INSERT INTO spans SELECT i, ?2 + i * ?3, CASE WHEN i >= ?1 - ?4 THEN 0 ELSE ?2 + i * ?3 + (i * 7919) % 86400000 END,
			?2 + i * ?3 - 500, ?2 + i * ?3 + 3, 0, 0, 'critical', 'gas', 'team-' || (i % 5), 'GasCombustibleCritical',
			'W' || (i % 20000), 'Yuzhong', 'street-' || (i % 40), 'community-' || (i % 200) FROM n`,
		all, now.Add(-365*24*time.Hour).UnixMilli(), 365*86_400_000/all, open)
	require.NoError(b, err)
	require.NoError(b, db.Close())
	s = openStore(b, s.opts.Dir).on(s.clock)
	for name, days := range map[string]int{"30days": 30, "365days": 366} {
		b.Run(name, func(b *testing.B) {
			q := hazard.SpanQuery{By: []string{"team", "street"}, From: hazard.InstantOf(now.Add(-time.Duration(days) * 24 * time.Hour)), To: hazard.InstantOf(now)}
			groups := 0
			for b.Loop() {
				t := response.New(response.Options{From: int64(q.From), To: int64(q.To)})
				require.NoError(b, s.Spans(b.Context(), q, t.Add))
				groups = len(t.Groups())
			}
			require.Equal(b, 40, groups)
		})
	}
}
