package hazardapi

import (
	"context"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type statsReply struct {
	From, To time.Time
	Times    []time.Time
	Groups   []map[string]any
	Total    int
	Next     string
	Error    string
}

func (s *site) stats(t *testing.T, query string) (int, statsReply) {
	t.Helper()
	status, text, _ := s.get(t, "/api/belfry/v1/hazards/stats"+query)
	var a statsReply
	require.NoError(t, json.Unmarshal([]byte(text), &a), text)
	return status, a
}

func TestHazardsAreCountedByTeamAndStreet(t *testing.T) {
	s := open(t, t.TempDir())
	status, a := s.stats(t, "")
	require.Equal(t, 200, status)
	require.Empty(t, a.Groups)
	require.Equal(t, 30*24*time.Hour, a.To.Sub(a.From))

	s.raise(t, "W1")
	s.raise(t, "W2")
	s.raise(t, "W3", "street", "朝天门街道")
	s.raise(t, "P1", "team", "urban_management", "domain", "parking")
	s.resolve(t, "W2")
	_, a = s.stats(t, "?by=team,street")
	require.Equal(t, 3, a.Total)
	require.Len(t, a.Groups, 3)
	well := a.Groups[1]
	require.Equal(t, []any{"sanitation", "解放碑街道", 2.0, 1.0, 1.0, 0.0, 0.0},
		[]any{well["team"], well["street"], well["opened"], well["resolved"], well["open"], well["reopened"], well["repeats"]})
	took := well["time_to_resolve_seconds"].(map[string]any)
	require.InDelta(t, 60, took["p50"], 30)
	require.Nil(t, well["time_to_page_seconds"])
	require.Equal(t, []any{map[string]any{"up_to_seconds": 3600.0, "count": 1.0}, map[string]any{"up_to_seconds": nil, "count": 0.0}},
		[]any{well["open_by_age"].([]any)[0], well["open_by_age"].([]any)[6]})
	require.NotContains(t, well, "counts")

	_, a = s.stats(t, "")
	require.Len(t, a.Groups, 1)
	require.Equal(t, 4.0, a.Groups[0]["opened"])
	for query, want := range map[string]int{"?domain=parking": 1, "?q=W1": 1, "?street=" + url.QueryEscape("解放碑街道"): 3, "?asset=W1,W2": 2, "?from=2020-01-01T00:00:00Z&to=2099-01-01T00:00:00Z": 4} {
		_, a = s.stats(t, query)
		require.Len(t, a.Groups, 1, query)
		require.EqualValues(t, want, a.Groups[0]["opened"], query)
	}
	_, a = s.stats(t, "?from=0&to=1000")
	require.Empty(t, a.Groups)
}

func TestCountsOverTimeAreOfEachGroup(t *testing.T) {
	s := open(t, t.TempDir())
	s.raise(t, "W1")
	s.raise(t, "P1", "team", "urban_management")
	to := time.Now().Add(time.Hour).UTC().Truncate(time.Hour)
	from := to.Add(-6 * time.Hour)
	_, a := s.stats(t, "?by=team&step=2h&from="+from.Format(time.RFC3339)+"&to="+to.Format(time.RFC3339))
	require.Equal(t, []time.Time{from, from.Add(2 * time.Hour), from.Add(4 * time.Hour)}, a.Times)
	require.Len(t, a.Groups, 2)
	for _, g := range a.Groups {
		require.Equal(t, map[string]any{"opened": []any{0.0, 0.0, 1.0}, "resolved": []any{0.0, 0.0, 0.0}, "open": []any{0.0, 0.0, 1.0}}, g["counts"])
	}
}

func TestGroupsArePaged(t *testing.T) {
	s := open(t, t.TempDir())
	for _, asset := range []string{"W1", "W2", "W3", "W4", "W5"} {
		s.raise(t, asset)
	}
	var seen []any
	query := "?by=asset,rule&limit=2"
	for cursor := ""; ; {
		_, a := s.stats(t, query+"&cursor="+cursor)
		require.Equal(t, 5, a.Total)
		for _, g := range a.Groups {
			seen = append(seen, g["asset"])
		}
		if cursor = a.Next; cursor == "" {
			break
		}
		require.Len(t, a.Groups, 2)
	}
	require.Equal(t, []any{"W1", "W2", "W3", "W4", "W5"}, seen)
}

func TestWhatCannotBeCountedIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	for query, want := range map[string]string{
		"?status=open":         `unknown parameter "status"; there are asset, by, community, cursor, district, domain, from, limit, q, rule, severity, step, street, team, to`,
		"?by=staet":            `by: want one of severity, domain, team, rule, asset, district, street, community; got "staet"`,
		"?by=team,street,rule": "by: want at most 2 columns; got 3",
		"?by=team,team":        "by: want each column once; got team, team again",
		"?from=2000&to=1000":   "from: want a time before to, which is exclusive; nothing can be between them",
		"?step=often":          `step: want a duration such as 5m or 1d, or seconds; got "often"`,
		"?step=0":              `step: want more than 0; got "0"`,
		"?step=1s":             "step: want at most 2000 steps between from and to; got one of 1s",
		"?cursor=%21":          "cursor: want what the page before has as next, with the same by",
		"?cursor=WyJ4Il0":      "cursor: want what the page before has as next, with the same by",
		"?team=nobody":         `team: want one of sanitation, municipal, landscape, urban_management, volunteers; got "nobody"`,
		"?limit=1001":          `limit: want a number from 1 to 1000; got "1001"`,
	} {
		status, a := s.stats(t, query)
		require.Equal(t, 400, status, query)
		require.Equal(t, want, a.Error, query)
	}
	require.NoError(t, s.Store.Close())
	status, _ := s.stats(t, "")
	require.Equal(t, 503, status)
}

func FuzzStatsQuery(f *testing.F) {
	for _, seed := range []string{"", "by=team,street&step=1d", "from=-1e15&to=1e15&step=0.001", "cursor=WyJ4Il0&by=rule", "step=9e8&from=NaN", "step=1h&step=2h"} {
		f.Add(seed)
	}
	h := &Handler{opts: Options{Hazards: nothing{}}}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		q, err := h.statsQuery(t.Context(), values)
		if err != nil {
			return
		}
		require.Less(t, q.From, q.To)
		require.LessOrEqual(t, len(q.By), mostBy)
		require.True(t, q.step == 0 || int64(q.To-q.From)/q.step.Milliseconds() < mostSteps)
	})
}

// nothing has no hazards.
type nothing struct{ Hazards }

func (nothing) Has(context.Context, string, string) (bool, error) { return false, nil }
