package response_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/alerting/hazard/response"
)

func ms(d time.Duration) int64 { return d.Milliseconds() }

func TestAWeekOfTwoTeams(t *testing.T) {
	const day = 24 * time.Hour
	at := func(d time.Duration) hazard.Instant { return hazard.Instant(ms(1000*day + d)) }
	tally := response.New(response.Options{From: int64(at(0)), To: int64(at(7 * day)), Step: ms(2 * day)})
	for _, s := range []hazard.Span{
		{Group: []string{"sanitation"}, Opened: at(time.Hour), Resolved: at(2 * time.Hour), Reading: at(time.Hour - time.Second), Paged: at(time.Hour + time.Second), Reopened: 2},
		{Group: []string{"sanitation"}, Opened: at(3 * day), Resolved: at(3*day + 3*time.Hour), Previous: at(time.Hour)},
		{Group: []string{"sanitation"}, Opened: at(6 * day), Paged: at(6*day + time.Minute), Previous: at(-40 * day)},
		{Group: []string{"sanitation"}, Opened: at(-10 * day), Resolved: at(day), Paged: at(-10 * day)},
		{Group: []string{"municipal"}, Opened: at(-40 * day)},
		{Group: []string{"municipal"}, Opened: at(7*day - time.Minute), Resolved: at(7 * day)},
	} {
		tally.Add(&s)
	}
	require.Equal(t, 2, tally.Len())
	groups := tally.Groups()
	require.Equal(t, []string{"municipal"}, groups[0].Values)
	municipal, sanitation := groups[0], groups[1]

	require.Equal(t, []int{1, 0, 2, 0, 0}, []int{municipal.Opened, municipal.Resolved, municipal.Open, municipal.Reopened, municipal.Repeats})
	require.Nil(t, municipal.ToResolve)
	require.Nil(t, municipal.ToPage)
	require.Equal(t, [7]int{1, 0, 0, 0, 0, 0, 1}, municipal.Ages)
	require.Equal(t, &response.Counts{Opened: []int{0, 0, 0, 1}, Resolved: []int{0, 0, 0, 0}, Open: []int{1, 1, 1, 2}}, municipal.Counts)

	require.Equal(t, []int{3, 3, 1, 2, 1}, []int{sanitation.Opened, sanitation.Resolved, sanitation.Open, sanitation.Reopened, sanitation.Repeats})
	require.Equal(t, [7]int{0, 0, 1, 0, 0, 0, 0}, sanitation.Ages)
	require.Equal(t, &response.Durations{Count: 3, P50: 3 * 3600, P90: 11 * 86400, Mean: (3600 + 3*3600 + 11*86400) / 3.0, Max: 11 * 86400}, sanitation.ToResolve)
	require.Equal(t, &response.Durations{Count: 2, P50: 2, P90: 60, Mean: 31, Max: 60}, sanitation.ToPage, "from the reading, where it is known")
	require.Equal(t, &response.Counts{Opened: []int{1, 1, 0, 1}, Resolved: []int{2, 1, 0, 0}, Open: []int{0, 0, 0, 1}}, sanitation.Counts)
}

// TestCountsAddUp draws hazards and compares with counting one by one.
func TestCountsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := response.Options{From: rapid.Int64Range(1, 50).Draw(t, "from"), Step: rapid.Int64Range(0, 20).Draw(t, "step")}
		o.To = o.From + rapid.Int64Range(1, 100).Draw(t, "length")
		tally := response.New(o)
		var all []hazard.Span
		for range rapid.IntRange(0, 40).Draw(t, "hazards") {
			opened := rapid.Int64Range(1, o.To-1).Draw(t, "opened")
			resolved := int64(0)
			if rapid.Bool().Draw(t, "ends") {
				resolved = max(opened, o.From) + rapid.Int64Range(0, 100).Draw(t, "takes")
			}
			s := hazard.Span{Group: []string{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "group"), ""}, Opened: hazard.Instant(opened), Resolved: hazard.Instant(resolved)}
			all = append(all, s)
			tally.Add(&s)
		}
		open := func(group []string, at int64) (n int) {
			for _, s := range all {
				if slices.Equal(s.Group, group) && int64(s.Opened) < at && (s.Resolved == 0 || int64(s.Resolved) >= at) {
					n++
				}
			}
			return n
		}
		for _, g := range tally.Groups() {
			require.Equal(t, open(g.Values, o.To), g.Open)
			sum := 0
			for _, n := range g.Ages {
				sum += n
			}
			require.Equal(t, g.Open, sum)
			if o.Step == 0 {
				require.Nil(t, g.Counts)
				continue
			}
			opened, resolved := 0, 0
			for i := range o.Steps() {
				opened, resolved = opened+g.Counts.Opened[i], resolved+g.Counts.Resolved[i]
				require.Equal(t, open(g.Values, min(o.From+int64(i+1)*o.Step, o.To)), g.Counts.Open[i], "step %d", i)
			}
			require.Equal(t, g.Opened, opened)
			require.Equal(t, g.Resolved, resolved)
		}
	})
}
