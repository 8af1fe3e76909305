package hazardapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/httpapi/valuefeed"
)

// write stores a value of a metric of some assets, some seconds after a minute ago.
func (s *site) write(t *testing.T, second int, metric string, v float64, assets ...string) {
	t.Helper()
	app := s.series.Appender(t.Context())
	for _, asset := range assets {
		at := time.Now().Add(-time.Minute).Truncate(time.Minute).Add(time.Duration(second) * time.Second)
		if _, err := app.Append(0, labels.FromStrings("__name__", metric, "asset", asset), at.UnixMilli(), v); err != nil {
			require.NoError(t, errors.Join(err, app.Rollback()))
		}
	}
	require.NoError(t, app.Commit())
}

// told is the data of an event of values.
type told struct {
	Time   time.Time
	Cut    bool
	Values []struct {
		Labels map[string]string
		Value  *float64
		Time   time.Time
	}
}

// values waits for the next event of values.
func (r *reader) values(t *testing.T) (all []string, data told) {
	t.Helper()
	for {
		m, ok := r.next()
		require.True(t, ok)
		if m.event != "values" {
			continue
		}
		require.Empty(t, m.id, "they are not resumed")
		require.NoError(t, json.Unmarshal([]byte(m.data), &data), m.data)
		for _, v := range data.Values {
			text := "null"
			if v.Value != nil {
				text = fmt.Sprint(*v.Value)
			}
			all = append(all, v.Labels["__name__"]+" "+v.Labels["asset"]+" "+text)
		}
		slices.Sort(all)
		return all, data
	}
}

func query(name string, values ...string) string { return "?" + url.Values{name: values}.Encode() }

func TestAStreamHasTheNewestValuesOfSeries(t *testing.T) {
	s := open(t, t.TempDir())
	s.write(t, 1, "gas", 1.5, "W1", "W2")
	s.write(t, 1, "level", 7, "W1")
	r := s.follow(t, query("values", `gas{asset=~"W1|W2,x"}`, `level`)+"&every=200ms")
	first, data := r.values(t)
	require.Equal(t, []string{"gas W1 1.5", "level W1 7"}, first)
	require.WithinDuration(t, time.Now(), data.Time, time.Minute)
	s.write(t, 2, "gas", 2, "W1", "W2")
	next, _ := r.values(t)
	require.Equal(t, []string{"gas W1 2"}, next)

	s.raise(t, "W1") // and what happens to hazards
	r.want(t, "W1", "opened")

	only := s.follow(t, query("values", "level")+"&hazards=false")
	first, _ = only.values(t)
	require.Equal(t, []string{"level W1 7"}, first)
	s.raise(t, "W2")
	s.write(t, 3, "level", 8, "W1")
	m, ok := only.next()
	for ok && m.event == "" {
		m, ok = only.next()
	}
	require.Equal(t, "values", m.event)

	none := s.follow(t, query("values", "nothing_yet")+"&every=200ms")
	first, _ = none.values(t)
	require.Empty(t, first, "the stream says that there are none")
	s.write(t, 1, "nothing_yet", 1, "W1")
	next, _ = none.values(t)
	require.Equal(t, []string{"nothing_yet W1 1"}, next)
}

func TestEventsOfManyValuesAreOfABoundedLength(t *testing.T) {
	s := open(t, t.TempDir())
	assets := make([]string, 3000)
	for i := range assets {
		assets[i] = fmt.Sprint("W", i)
	}
	s.write(t, 1, "gas", 1, assets...)
	r := s.follow(t, query("values", "gas")+"&hazards=false")
	seen := 0
	for seen < len(assets) {
		_, data := r.values(t)
		require.NotEmpty(t, data.Values)
		require.Less(t, len(data.Values), 1000)
		seen += len(data.Values)
	}
	require.Equal(t, len(assets), seen)
}

func TestSelectorsThatCannotBeFollowedAreRefused(t *testing.T) {
	s := open(t, t.TempDir())
	assets := make([]string, valuefeed.MostSeries+1)
	for i := range assets {
		assets[i] = fmt.Sprint("W", i)
	}
	s.write(t, 1, "gas", 1, assets...)
	for query, want := range map[string]string{
		query("values", "gas"):                                           "values: the selectors find 10001 series; want at most 10000: select fewer",
		query("values", "rate(gas[5m])"):                                 "values: want a selector of series, such as",
		query("values", "{}"):                                            "values: want a selector with a name, or a matcher that is not of everything",
		query("values", strings.Repeat("a", 5000)):                       "values: want a selector of at most 4096 bytes; got 5000",
		query("values", strings.Split(strings.Repeat("a ", 33), " ")...): "values: want at most 32 selectors",
		"?values=x&every=100ms":                                          `every: want 200ms to 1m; got "100ms"`,
		"?hazards=false":                                                 "hazards: without them want values of series, values=SELECTOR",
		"?hazards=no":                                                    `hazards: want one of true, false; got "no"`,
	} {
		status, text, _ := s.get(t, "/api/belfry/v1/stream"+query)
		require.Equal(t, 400, status, query)
		var a answer
		require.NoError(t, json.Unmarshal([]byte(text), &a))
		require.True(t, strings.HasPrefix(a.Error, want), "%s: %s", query, a.Error)
	}
	require.Zero(t, s.set.GetOrCreateGauge("belfry_stream_clients", nil).Get())
	require.NoError(t, s.values.Close())
	status, _, _ := s.get(t, "/api/belfry/v1/stream?values=x")
	require.Equal(t, 503, status)
}
