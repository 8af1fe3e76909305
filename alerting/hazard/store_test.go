package hazard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/collector/catalog"
)

func TestAnAlertBecomesAHazardBeforeItGoesOn(t *testing.T) {
	assets, err := catalog.Parse("c.yml", []byte("assets: [{id: W1, lat: 29.5, lon: 106.5}]"))
	require.NoError(t, err)
	s := openStore(t, t.TempDir(), func(o *hazard.Options) { o.Catalog = func() *catalog.Catalog { return assets } })
	a := s.alert("Gas", "W1")
	s.Send(a)
	got := s.inbox.take()
	require.Len(t, got, 1)
	s.settle(t)
	id := got[0].Annotations.Get("hazard")
	require.Regexp(t, `^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`, id)
	require.Equal(t, "http://belfry.example/hazards/"+id, got[0].Annotations.Get("hazard_url"))
	require.Equal(t, a.Labels, got[0].Labels, "an alert keeps its identity")
	require.Empty(t, a.Annotations.Get("hazard"), "the sender's alert is the sender's")

	h, history := s.get(t, id)
	text, err := json.Marshal(h)
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"`+id+`","url":"http://belfry.example/hazards/`+id+`","status":"open","severity":"critical","rule":"Gas","domain":"gas",
		"team":"sanitation","asset":"W1","name":"Well W1","name_zh":"W1号井","street":"Jiefangbei","district":"Yuzhong","lat":29.5,"lon":106.5,
		"summary":"Gas at W1","summary_zh":"W1告警","runbook_url":"https://runbooks.example/Gas","value":60,"worst":60,"limit":50,"unit":"%LEL",
		"first_reading":"2026-05-04T07:59:59.000Z","opened":"2026-05-04T08:00:00.000Z","last_opened":"2026-05-04T08:00:00.000Z",
		"page_sent":null,"updated":"2026-05-04T08:00:00.000Z","resolved":null,"reopened":0,"pages":[],
		"labels":{"alertname":"Gas","asset":"W1","severity":"critical","domain":"gas","team":"sanitation","street":"Jiefangbei","district":"Yuzhong"}}`, string(text))
	text, err = json.Marshal(history)
	require.NoError(t, err)
	require.JSONEq(t, `[{"type":"opened","time":"2026-05-04T08:00:00.000Z","by":"belfry","value":60}]`, string(text))
}

func TestWhatFlapsIsOneHazardAndLaterANewOne(t *testing.T) {
	s := openStore(t, t.TempDir())
	a := s.alert("Gas", "W1")
	first := s.send(t, a)[0]
	for range 3 {
		s.clock.advance(time.Minute)
		require.Equal(t, first, s.send(t, s.over(a))[0], "its end has its id")
		s.clock.advance(time.Minute)
		a = s.alert("Gas", "W1", noted("value", "75"))
		require.Equal(t, first, s.send(t, a)[0])
	}
	h, history := s.get(t, first)
	require.Equal(t, 3, h.Reopened)
	require.InDelta(t, 75, *h.Worst, 0)
	require.Equal(t, s.clock.now().Add(-6*time.Minute), h.Opened.Time())
	require.Equal(t, s.clock.now(), h.LastOpened.Time())
	require.Equal(t, []hazard.Kind{"opened", "resolved", "reopened", "resolved", "reopened", "resolved", "reopened"}, story(history))

	require.Equal(t, first, s.send(t, s.over(a))[0])
	s.clock.advance(31 * time.Minute)
	second := s.send(t, s.alert("Gas", "W1"))[0]
	require.NotEqual(t, first, second)
	require.Less(t, first, second, "ids sort by time")
	require.NotEqual(t, second, s.send(t, s.alert("Gas", "W2"))[0])
	require.NotEqual(t, second, s.send(t, s.alert("Gas", "W1", with("severity", "warning")))[0], "another severity is another alert")
	require.Len(t, s.list(t, hazard.Query{}), 4)
}

func TestAnAlertWithoutSeverityIsNoHazard(t *testing.T) {
	s := openStore(t, t.TempDir())
	require.Equal(t, []string{""}, s.send(t, s.alert("Watchdog", "", with("severity", "none"))))
	require.Equal(t, []string{""}, s.send(t, s.over(s.alert("Gas", "W1"))), "the end of nothing")
	require.Empty(t, s.list(t, hazard.Query{}))
}

func TestCriticalAlertsGoFirst(t *testing.T) {
	s := openStore(t, t.TempDir())
	s.Send(s.alert("A", "W1", with("severity", "warning")), s.alert("B", "W1"), s.alert("C", "W1", with("severity", "info")), s.alert("D", "W1"))
	var rules []string
	for _, a := range s.inbox.take() {
		rules = append(rules, a.Labels.Get("alertname"))
	}
	require.Equal(t, []string{"B", "D", "A", "C"}, rules)
}

func TestWhatIsNotHeardOfAnyMoreLapses(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := s.send(t, s.alert("Gas", "W1"))[0]
	s.clock.advance(3 * time.Minute)
	s.send(t, s.alert("Gas", "W1")) // holds for four minutes more
	s.clock.advance(3 * time.Minute)
	other := s.send(t, s.alert("Gas", "W2"))[0]
	lapses := s.clock.now().Add(time.Minute)
	s.clock.advance(2 * time.Minute)
	require.Eventually(t, func() bool { h, _ := s.get(t, id); return h.Status == hazard.StatusResolved }, waiting, tick)
	h, history := s.get(t, id)
	require.Equal(t, hazard.Lapsed, h.Resolution)
	require.Equal(t, lapses, h.Resolved.Time())
	require.Equal(t, hazard.Lapsed, history[1].Resolution)
	h, _ = s.get(t, other)
	require.Equal(t, hazard.StatusOpen, h.Status)
}

// TestARuleThatIsGoneAfterARestart is open before, and nobody will ever end it.
func TestARuleThatIsGoneAfterARestart(t *testing.T) {
	s := openStore(t, t.TempDir())
	gone, stays := s.send(t, s.alert("Gone", "W1"))[0], s.send(t, s.alert("Stays", "W1"))[0]
	s.clock.advance(time.Hour) // without Belfry
	c := s.clock
	require.NoError(t, s.Close())
	s = openStore(t, s.opts.Dir, func(o *hazard.Options) { o.Now = c.now }).on(c)
	h, _ := s.get(t, gone)
	require.Equal(t, hazard.StatusOpen, h.Status, "rules have a while to tell of their alerts")
	require.Equal(t, stays, s.send(t, s.alert("Stays", "W1"))[0])
	c.advance(2 * time.Minute)
	s.send(t, s.alert("Stays", "W1"))
	c.advance(3 * time.Minute)
	require.Eventually(t, func() bool { h, _ := s.get(t, gone); return h.Resolution == hazard.Lapsed }, waiting, tick)
	h, history := s.get(t, stays)
	require.Equal(t, hazard.StatusOpen, h.Status)
	require.Equal(t, []hazard.Kind{hazard.KindOpened}, story(history))
}

func TestPagesAreNotedOncePerReceiver(t *testing.T) {
	s := openStore(t, t.TempDir())
	a := s.alert("Gas", "W1")
	id := s.send(t, a)[0]
	for range 2 {
		s.clock.advance(time.Second)
		s.paged(t, id, "ops", "webhook[0]")
		s.paged(t, id, "ops", "email[0]")
	}
	s.paged(t, "0000-0000", "ops", "webhook[0]")
	h, history := s.get(t, id)
	sent := hazard.InstantOf(s.clock.now().Add(-time.Second))
	require.Equal(t, sent, h.PageSent)
	require.Equal(t, []hazard.Sent{{Receiver: "ops", Integration: "webhook[0]", Time: sent}, {Receiver: "ops", Integration: "email[0]", Time: sent}}, h.Pages)
	require.Equal(t, []hazard.Kind{"opened", "paged", "paged"}, story(history))
	require.Equal(t, "webhook[0]", history[1].Integration)

	s = s.reopened(t)
	s.paged(t, id, "ops", "webhook[0]")
	s.send(t, s.over(a))
	s.send(t, s.alert("Gas", "W1"))
	s.clock.advance(time.Second)
	s.paged(t, id, "ops", "webhook[0]")
	h, history = s.get(t, id)
	require.Equal(t, sent, h.PageSent, "the first of all")
	require.Len(t, h.Pages, 1)
	require.Equal(t, []hazard.Kind{"opened", "paged", "paged", "resolved", "reopened", "paged"}, story(history))
}

func TestAValueThatGetsClearlyWorseIsToldOnce(t *testing.T) {
	s := openStore(t, t.TempDir())
	value := func(v string) { s.send(t, s.alert("Gas", "W1", noted("value", v))) }
	for _, v := range []string{"51", "52", "55.9", "40", "56.1", "57", "nonsense", "NaN", "62"} {
		value(v)
	}
	h := s.list(t, hazard.Query{})[0]
	require.Eventually(t, func() bool { h, _ = s.get(t, h.ID); return *h.Value == 62 }, waiting, tick)
	require.InDelta(t, 62, *h.Worst, 0)
	_, history := s.get(t, h.ID)
	require.Equal(t, []hazard.Kind{"opened", "updated", "updated"}, story(history))
	require.InDelta(t, 56.1, *history[1].Value, 0)
	// What is no event is written as well, a little later.
	value("63")
	require.Eventually(t, func() bool { h, _ = s.get(t, h.ID); return *h.Value == 63 }, waiting, tick)
	// Oxygen is bad below its limit.
	id := s.send(t, s.alert("Oxygen", "W1", noted("limit", "18"), noted("value", "17")))[0]
	s.send(t, s.alert("Oxygen", "W1", noted("limit", "18"), noted("value", "12")))
	s.send(t, s.alert("Oxygen", "W1", noted("limit", "18"), noted("value", "16")))
	h, _ = s.get(t, id)
	require.InDelta(t, 12, *h.Worst, 0)
	// Of a limit of 0 there is no tenth.
	silent := s.alert("DeviceSilent", "W1", noted("limit", "0"), noted("value", "1"))
	id = s.send(t, silent)[0]
	s.send(t, silent)
	_, history = s.get(t, id)
	require.Equal(t, []hazard.Kind{"opened"}, story(history))
}

func TestHazardsAreFilteredAndGivenInPages(t *testing.T) {
	s := openStore(t, t.TempDir())
	var all []string
	for i := range 100 {
		s.clock.advance(time.Second)
		a := s.alert([]string{"Gas", "Level"}[i%2], fmt.Sprint("W", i%10), with("n", fmt.Sprint(i)), with("street", fmt.Sprint("S", i%5)),
			with("severity", []string{"critical", "warning", "info"}[i%3]), noted("summary", fmt.Sprintf("no. %d 100%%_\\ done", i)))
		all = append(all, s.send(t, a)[0])
		if i%4 == 0 {
			s.send(t, s.over(a))
		}
	}
	slices.Reverse(all)
	var got []string
	for cursor, n := "", 0; ; n++ {
		hazards, next, err := s.List(context.Background(), hazard.Query{Limit: 7, Cursor: cursor})
		require.NoError(t, err)
		for _, h := range hazards {
			got = append(got, h.ID)
		}
		s.send(t, s.alert("Gas", "meanwhile", with("n", fmt.Sprint("later ", n)))) // changes nothing of the pages that follow
		if cursor = next; next == "" {
			break
		}
	}
	require.Equal(t, all, got)

	at := func(seconds int) hazard.Instant {
		return hazard.InstantOf(newClock().t.Add(time.Duration(seconds) * time.Second))
	}
	filter := func(f hazard.Filter) hazard.Query { return hazard.Query{Filter: f, To: at(1000)} }
	for _, c := range []struct {
		q    hazard.Query
		want int
	}{
		{filter(hazard.Filter{Statuses: []string{"resolved"}}), 25},
		{filter(hazard.Filter{Severities: []string{"critical", "info"}}), 67},
		{filter(hazard.Filter{Rules: []string{"Level"}, Streets: []string{"S1"}}), 10},
		{filter(hazard.Filter{Assets: []string{"W1", "W3"}}), 20},
		{filter(hazard.Filter{Domains: []string{"gas"}, Teams: []string{"sanitation"}, Districts: []string{"Yuzhong"}}), 100},
		{filter(hazard.Filter{Domains: []string{"water"}}), 0},
		{filter(hazard.Filter{Communities: []string{"x"}}), 0},
		{hazard.Query{From: at(11), To: at(21)}, 10},
		{hazard.Query{Text: "no. 7"}, 11},
		{hazard.Query{Text: `100%_\ D`}, 100},
		{hazard.Query{Text: "W1告警"}, 10},
		{hazard.Query{Text: "'; DROP TABLE hazards; --"}, 0},
	} {
		if c.q.To == 0 {
			c.q.To = at(1000)
		}
		found := s.list(t, c.q)
		if c.q.Text == "" || c.want == 0 {
			require.Len(t, notMeanwhile(found), c.want, "%+v", c.q)
		} else {
			require.Len(t, found, c.want, "%+v", c.q)
		}
	}
	for _, bad := range []string{"x", "!!", "LS4uLQ", "LTE"} {
		_, _, err := s.List(context.Background(), hazard.Query{Limit: 1, Cursor: bad})
		require.ErrorIs(t, err, hazard.ErrBadCursor, bad)
	}
	for _, id := range []string{"", "0000-0000", "x", "0000-00000000000000000000", strings.Repeat("Z", 4) + "-ZZZZ"} {
		_, _, err := s.Get(context.Background(), id)
		require.ErrorIs(t, err, hazard.ErrNotFound, id)
	}
	has, err := s.Has(context.Background(), "team", "sanitation")
	require.NoError(t, err)
	require.True(t, has)
	has, err = s.Has(context.Background(), "team", "army")
	require.NoError(t, err)
	require.False(t, has)
	_, err = s.Has(context.Background(), "doc", "x")
	require.Error(t, err)
}

func notMeanwhile(all []hazard.Hazard) []hazard.Hazard {
	return slices.DeleteFunc(all, func(h hazard.Hazard) bool { return h.Asset == "meanwhile" })
}

func TestIDsAreUniqueAndReadAsPeopleWriteThem(t *testing.T) {
	s := openStore(t, t.TempDir())
	var alerts []*notifier.Alert
	for _, asset := range assets(3000) {
		alerts = append(alerts, s.alert("Gas", asset))
	}
	ids := s.send(t, alerts...)
	require.True(t, slices.IsSorted(ids))
	require.Len(t, slices.Compact(slices.Clone(ids)), 3000)
	s = s.reopened(t)
	s.clock.advance(-time.Hour) // a clock that is set back makes no id twice
	later := s.send(t, s.alert("Level", "W1"))[0]
	require.Greater(t, later, ids[len(ids)-1])
	for written, want := range map[string]string{
		"3kta-9q7m": "3KTA-9Q7M", "3KTA9Q7M": "3KTA-9Q7M", "3kta 9q7m": "3KTA-9Q7M", "OIL0-9Q7M": "0110-9Q7M",
		"": "", "3KTA-9Q7": "3KTA-9Q7", "3KTA-9Q7U": "3KTA-9Q7U", "井KTA-9Q7M": "井KTA-9Q7M",
	} {
		require.Equal(t, want, hazard.ParseID(written), written)
	}
}

// TestManyAtOnce has senders that send at the same time, as rules do.
func TestManyAtOnce(t *testing.T) {
	s := openStore(t, t.TempDir())
	var senders sync.WaitGroup
	for n := range 8 {
		senders.Go(func() {
			for _, asset := range assets(100) {
				a := s.alert(fmt.Sprint("Rule", n), asset)
				s.Send(a)
				s.Send(a, s.over(a))
			}
		})
	}
	senders.Wait()
	require.Len(t, s.inbox.take(), 8*300)
	s.settle(t)
	require.Len(t, s.list(t, hazard.Query{}), 800)
	require.Len(t, s.everything(t, 0), 1600)
	for _, h := range s.list(t, hazard.Query{}) {
		require.Equal(t, hazard.StatusResolved, h.Status)
	}
}

func TestCountsAndTimesToResolve(t *testing.T) {
	s := openStore(t, t.TempDir())
	a := s.alert("Gas", "W1", with("street", `解放碑 "street"`))
	s.send(t, a)
	s.clock.advance(10 * time.Minute)
	s.send(t, s.over(a))
	s.clock.advance(time.Minute)
	s.send(t, s.alert("Gas", "W1", with("street", `解放碑 "street"`)), s.alert("Gas", "W2"), s.alert("Gas", "W3"))
	var text strings.Builder
	s.set.WritePrometheus(&text)
	for _, line := range []string{
		`belfry_hazards_opened_total{domain="gas",team="sanitation",street="Jiefangbei"} 2`,
		`belfry_hazards_opened_total{domain="gas",team="sanitation",street="解放碑 \"street\""} 1`,
		`belfry_hazards_reopened_total{domain="gas",team="sanitation",street="解放碑 \"street\""} 1`,
		`belfry_hazards_resolved_total{domain="gas",team="sanitation",street="解放碑 \"street\"",resolution="cleared"} 1`,
		`belfry_hazards_open{domain="gas",team="sanitation",street="Jiefangbei"} 2`,
		`belfry_hazard_time_to_resolve_seconds_bucket{domain="gas",team="sanitation",street="解放碑 \"street\"",le="300"} 0`,
		`belfry_hazard_time_to_resolve_seconds_bucket{domain="gas",team="sanitation",street="解放碑 \"street\"",le="900"} 1`,
		`belfry_hazard_time_to_resolve_seconds_sum{domain="gas",team="sanitation",street="解放碑 \"street\""} 600`,
	} {
		require.Contains(t, text.String(), line+"\n")
	}
	s = s.reopened(t)
	text.Reset()
	s.set.WritePrometheus(&text)
	require.Contains(t, text.String(), `belfry_hazards_open{domain="gas",team="sanitation",street="Jiefangbei"} 2`+"\n")
	for i := range 400 { // streets are bounded
		s.send(t, s.alert("Gas", "W1", with("street", fmt.Sprint(i))))
	}
	text.Reset()
	s.set.WritePrometheus(&text)
	require.Equal(t, 301, strings.Count(text.String(), "\nbelfry_hazards_opened_total{"))
	require.Regexp(t, `belfry_hazards_opened_total{domain="",team="",street="other"} 102\n`, text.String())
}

func TestAnAlertWithoutAnEndAndWithOddLabelsIsTaken(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := s.send(t, &notifier.Alert{Labels: labels.FromStrings("alertname", "A\x00\n<b>", "street", strings.Repeat("长", 5000))})[0]
	h, _ := s.get(t, id)
	require.Equal(t, "A\x00\n<b>", h.Rule)
	require.Equal(t, h.Rule, h.Summary, "there is always something to read")
	require.Equal(t, s.clock.now(), h.Opened.Time())
	s = s.reopened(t)
	require.Equal(t, id, s.send(t, &notifier.Alert{Labels: labels.FromStrings("alertname", "A\x00\n<b>", "street", strings.Repeat("长", 5000))})[0])
	s.clock.advance(6 * time.Minute)
	require.Eventually(t, func() bool { h, _ := s.get(t, id); return h.Resolution == hazard.Lapsed }, waiting, tick)
}
