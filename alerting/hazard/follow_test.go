package hazard_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/hazard"
)

func TestFollowersMissNoneAndGetNoneTwiceOverRestarts(t *testing.T) {
	s := openStore(t, t.TempDir())
	_, after := s.Extent()
	var got []string
	follow := func() {
		for _, e := range s.everything(t, after) {
			require.Greater(t, e.Seq, after)
			after = e.Seq
			got = append(got, fmt.Sprint(e.Hazard.Asset, " ", e.Kind, " ", e.Hazard.Status))
			var shown struct {
				Type   hazard.Kind
				Hazard hazard.Hazard
			}
			require.NoError(t, json.Unmarshal(e.JSON, &shown))
			require.Equal(t, e.Kind, shown.Type)
			require.Equal(t, *e.Hazard, shown.Hazard)
			require.Equal(t, s.opts.ExternalURL.String()+"/hazards/"+e.Hazard.ID, shown.Hazard.URL)
		}
	}
	var want []string
	for n := range 6 {
		a := s.alert("Gas", fmt.Sprint(n))
		s.send(t, a)
		if n%2 == 0 {
			follow() // from memory; else after the restart, from the database
		}
		changed := s.Changed()
		s.send(t, s.over(a))
		<-changed
		want = append(want, fmt.Sprint(n, " opened open"), fmt.Sprint(n, " resolved resolved"))
		s = s.reopened(t)
		follow()
	}
	require.Equal(t, want, got)
	require.Empty(t, s.everything(t, after))
	require.Empty(t, s.everything(t, after+1000))
}

// TestWhoIsFarBehindReadsFromTheDatabase has more events than memory holds.
func TestWhoIsFarBehindReadsFromTheDatabase(t *testing.T) {
	s := openStore(t, t.TempDir())
	_, after := s.Extent()
	fill(t, s, 3000)
	var n int
	for {
		some, err := s.EventsAfter(context.Background(), after, 500)
		require.NoError(t, err)
		if len(some) == 0 {
			break
		}
		require.Equal(t, after+1, some[0].Seq)
		n, after = n+len(some), some[len(some)-1].Seq
	}
	require.Equal(t, 3000, n)
}

func TestOldEventsAndHazardsAreDeleted(t *testing.T) {
	s := openStore(t, t.TempDir(), func(o *hazard.Options) { o.KeepTime, o.KeepEvents = 24*time.Hour, time.Hour })
	begin, _ := s.Extent()
	var alerts, ends []*notifier.Alert
	for _, asset := range assets(350) {
		alerts = append(alerts, s.alert("Old", asset))
		ends = append(ends, s.over(alerts[len(alerts)-1]))
	}
	old := s.send(t, alerts...)
	s.send(t, ends...)
	s.clock.advance(2 * time.Hour)
	s.send(t, s.alert("New", "W1", func(a *notifier.Alert) { a.EndsAt = a.EndsAt.Add(100 * time.Hour) }))
	require.Eventually(t, func() bool { return len(s.everything(t, begin)) == 1 }, waiting, tick)
	trimmed, newest := s.Extent()
	require.Equal(t, newest-1, trimmed)
	_, history := s.get(t, old[0])
	require.Len(t, history, 2, "its history is there as long as the hazard is")
	s.clock.advance(23 * time.Hour)
	require.Eventually(t, func() bool { return len(s.list(t, hazard.Query{})) == 1 }, waiting, tick)
	require.EqualValues(t, 350, s.counter("belfry_hazards_deleted_total"))
	s = s.reopened(t)
	again, _ := s.Extent()
	require.Equal(t, newest, again, "a day later the newest is gone as well")
}

func TestTheSizeIsBounded(t *testing.T) {
	const most = 1 << 20
	s := openStore(t, t.TempDir(), func(o *hazard.Options) { o.KeepBytes = most })
	open := s.send(t, s.alert("Open", "W1", func(a *notifier.Alert) { a.EndsAt = a.EndsAt.Add(100 * time.Hour) }))[0]
	for n := range 4 {
		for _, asset := range assets(300) {
			a := s.alert(fmt.Sprint("Rule", n), asset)
			s.Send(a, s.over(a))
		}
		s.clock.advance(time.Hour)
	}
	s.settle(t)
	require.Eventually(t, func() bool {
		info, err := os.Stat(filepath.Join(s.opts.Dir, "hazards.db"))
		return err == nil && info.Size() <= most && s.set.GetOrCreateGauge("belfry_hazard_store_bytes", nil).Get() <= most
	}, waiting, tick)
	h, _ := s.get(t, open)
	require.Equal(t, hazard.StatusOpen, h.Status, "what is open is never deleted")
	all := s.list(t, hazard.Query{})
	require.Greater(t, len(all), 50)
	require.Equal(t, "Rule3", all[0].Rule, "the oldest go")
}

// TestTheHistoryOfWhatFlapsForeverIsBounded has one hazard that returns again and
// again.
func TestTheHistoryOfWhatFlapsForeverIsBounded(t *testing.T) {
	s := openStore(t, t.TempDir(), func(o *hazard.Options) { o.KeepEvents = time.Hour })
	begin, _ := s.Extent()
	a := s.alert("Gas", "W1")
	var flaps []*notifier.Alert
	for range hazard.MostHistory/2 + 100 {
		flaps = append(flaps, a, s.over(a))
	}
	id := s.send(t, flaps...)[0]
	_, history := s.get(t, id)
	require.Len(t, history, hazard.MostHistory)
	require.Len(t, s.everything(t, begin), hazard.MostHistory+200, "who follows gets all")
	s.clock.advance(2 * time.Hour)
	_, newest := s.Extent()
	require.Eventually(t, func() bool { trimmed, _ := s.Extent(); return trimmed == newest }, waiting, tick)
	_, history = s.get(t, id)
	require.Len(t, history, hazard.MostHistory)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.opts.Dir, "hazards.db")+"?mode=ro")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	var n int
	require.NoError(t, db.QueryRow("SELECT count(*) FROM events").Scan(&n))
	require.Equal(t, hazard.MostHistory, n)
}
