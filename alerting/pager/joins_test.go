package pager

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/alertmanager/template"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// slowGroups is a configuration in which whoever waits for the dispatcher waits for longer than any test does.
const slowGroups = `
route: {receiver: team, group_by: [alertname], group_wait: 1h, group_interval: 5m, repeat_interval: 12h}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`

func critical(rule, asset string, more ...string) []string {
	return append([]string{"alertname", rule, "severity", "critical", "asset", asset}, more...)
}

// assets lists the assets of a message's alerts that have a status.
func assets(m webhook.Message, status string) []string {
	var list []string
	for _, a := range m.Alerts {
		if a.Status == status {
			list = append(list, a.Labels["asset"])
		}
	}
	slices.Sort(list)
	return list
}

// told waits for the nth message and returns which assets it says are firing.
func (p *pagee) told(t *testing.T, n int) []string {
	t.Helper()
	eventually(t, func() bool { return p.got.len() >= n }, fmt.Sprint("message ", n))
	return assets(p.got.all()[n-1], Firing)
}

func TestCriticalAlertsThatJoinAGroupLeaveAtOnce(t *testing.T) {
	team := newPagee(t)
	h := start(t, t.TempDir(), withConfig(configFile(t, slowGroups, team.URL)))
	h.Send(firing(critical("Flood", "one")...))
	require.Equal(t, []string{"one"}, team.told(t, 1))
	h.Send(firing("alertname", "Flood", "severity", "warning", "asset", "patient"))
	h.Send(firing(critical("Flood", "two")...))
	require.Equal(t, []string{"one", "two"}, team.told(t, 2))
	h.post(t, firing(critical("Flood", "three")...))
	require.Equal(t, []string{"one", "three", "two"}, team.told(t, 3))
	require.Equal(t, "new alerts added", team.got.all()[2].NotificationReason)

	h.Send(resolved(firing(critical("Flood", "two")...)))
	h.Send(firing(critical("Flood", "one")...), firing(critical("Flood", "four")...))
	require.Equal(t, []string{"four", "one", "three"}, team.told(t, 4), "what has ended waits for the next notification")
	require.Equal(t, []string{"two"}, assets(team.got.all()[3], Resolved))
	h.Send(firing(critical("Flood", "one")...), firing(critical("Fire", "other")...))
	require.Equal(t, []string{"other"}, team.told(t, 5), "an alert that is sent again is no news")

	entries, err := h.notifications.Query(
		nflog.QGroupKey(team.got.all()[3].GroupKey), nflog.QReceiver(&nflogpb.Receiver{GroupName: "team", Integration: "webhook"}))
	require.NoError(t, err)
	require.Len(t, entries[0].FiringAlerts, 3)
	require.Len(t, entries[0].ResolvedAlerts, 1)
}

func TestJoiningIsSubjectToSilencesInhibitionAndTimes(t *testing.T) {
	team := newPagee(t)
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route:
  receiver: team
  group_by: [alertname]
  group_interval: 5m
  routes:
    - matchers: ['shift="night"']
      mute_time_intervals: [always]
inhibit_rules:
  - {source_matchers: ['cause="yes"'], target_matchers: ['cause=""'], equal: [street]}
time_intervals: [{name: always, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}]
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, team.URL)))
	suppressed := func() float64 { return h.upstreamMetric(t, "alertmanager_notifications_suppressed_total") }
	h.silence(t, "asset", "quiet")
	h.Send(firing(critical("Flood", "one")...))
	team.told(t, 1)

	h.Send(firing(critical("Flood", "quiet")...))
	eventually(t, func() bool { return suppressed() == 1 }, "the silence")
	// The cause comes last, in the same batch: no effect of it may leave.
	h.Send(firing(critical("Flood", "effect", "street", "大坪街道")...), firing(critical("Power", "cause", "cause", "yes", "street", "大坪街道")...))
	require.Equal(t, []string{"cause"}, team.told(t, 2))
	eventually(t, func() bool { return suppressed() == 3 }, "the inhibition, and the silence once more")
	h.Send(firing(critical("Night", "n1", "shift", "night")...))
	eventually(t, func() bool { return suppressed() == 4 }, "the interval")
	h.Send(firing(critical("Night", "n2", "shift", "night")...))
	eventually(t, func() bool { return suppressed() == 6 }, "the interval, for both")

	h.Send(firing(critical("Flood", "two")...))
	require.Equal(t, []string{"one", "two"}, team.told(t, 3))
	require.Equal(t, 3, team.got.len())
}

func TestJoiningAfterAReloadAndARestart(t *testing.T) {
	team := newPagee(t)
	dir, config := t.TempDir(), withConfig(configFile(t, slowGroups, team.URL))
	one, two, three := firing(critical("Flood", "one")...), firing(critical("Flood", "two")...), firing(critical("Flood", "three")...)
	h := start(t, dir, config)
	h.Send(one)
	team.told(t, 1)
	require.NoError(t, h.Reload())
	h.Send(two)
	require.Equal(t, []string{"one", "two"}, team.told(t, 2))
	h.stop(t)

	h = start(t, dir, config)
	h.Send(one, two)
	eventually(t, func() bool { return h.flushes(t) >= 1 }, "a flush")
	h.Send(three)
	require.Equal(t, []string{"one", "three", "two"}, team.told(t, 3))
}

func TestAThousandThatJoinMakeFewNotifications(t *testing.T) {
	team := newPagee(t)
	h := start(t, t.TempDir(), withConfig(configFile(t, slowGroups, team.URL)))
	h.Send(firing(critical("Flood", "first")...))
	team.told(t, 1)
	for i := range 1000 {
		h.Send(firing(critical("Flood", fmt.Sprint("asset-", i))...))
	}
	eventually(t, func() bool { return len(team.told(t, team.got.len())) == 1001 }, "all of them")
	require.LessOrEqual(t, team.got.len(), 12)
	before := map[string]bool{}
	for _, m := range team.got.all() {
		known := len(before)
		for _, asset := range assets(m, Firing) {
			before[asset] = true
		}
		require.Greater(t, len(before), known, "each has news")
		require.Len(t, m.Alerts, len(before), "each has all so far")
	}
}

// TestJoiningWhileAnIntegrationIsDown has a receiver of two: what works is not held up by what does not, and what does
// not is told everything once it works.
func TestJoiningWhileAnIntegrationIsDown(t *testing.T) {
	up, down := newPagee(t), newPagee(t)
	down.down.Store(true)
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_by: [alertname], group_interval: 5m}
receivers: [{name: team, webhook_configs: [{url: %q}, {url: %q}]}]
`, up.URL, down.URL)))
	for i, asset := range []string{"a", "b", "c"} {
		h.Send(firing(critical("Flood", asset)...))
		require.Len(t, up.told(t, i+1), i+1)
		met := down.met.Load()
		eventually(t, func() bool { return down.met.Load() > met }, "an attempt that fails")
	}
	down.down.Store(false)
	h.Send(firing(critical("Flood", "d")...))
	require.Equal(t, []string{"a", "b", "c", "d"}, up.told(t, 4))
	require.Equal(t, []string{"a", "b", "c", "d"}, down.told(t, 1))
	require.Equal(t, 4, up.got.len())
}

// TestJoiningWhileAnIntegrationTakesLong has a receiver of two, of which one does not answer for a while.
func TestJoiningWhileAnIntegrationTakesLong(t *testing.T) {
	quick, slow := newPagee(t), newPagee(t)
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_by: [alertname], group_interval: 5m}
receivers: [{name: team, webhook_configs: [{url: %q}, {url: %q}]}]
`, quick.URL, slow.URL)))
	arrived, answer := slow.hold()
	defer answer()
	h.Send(firing(critical("Flood", "a")...))
	<-arrived
	b := firing(critical("Flood", "b")...)
	for i, asset := range []string{"b", "c", "d"} {
		h.Send(firing(critical("Flood", asset)...))
		require.Len(t, quick.told(t, i+2), i+2)
	}
	h.Send(resolved(b), firing(critical("Flood", "e")...))
	require.Equal(t, []string{"a", "c", "d", "e"}, quick.told(t, 5))
	require.Zero(t, slow.met.Load(), "one at a time")
	answer()
	require.Equal(t, []string{"a"}, slow.told(t, 1))
	require.Equal(t, []string{"a", "b", "c", "d", "e"}, slow.told(t, 2), "what has ended meanwhile is told too")
	eventually(t, func() bool { return slow.got.len() == 3 }, "its end")
	require.Equal(t, []string{"b"}, assets(slow.got.all()[2], Resolved))
	eventually(t, func() bool { return len(h.owed.Alerts()) == 0 }, "nothing to be left to tell")
	h.Send(firing(critical("Flood", "f")...))
	require.Equal(t, []string{"a", "c", "d", "e", "f"}, slow.told(t, 4))
	require.Equal(t, []string{"a", "c", "d", "e", "f"}, quick.told(t, 6))
}

// TestWhoeverJoinsIsToldOnce draws what happens to a few alerts, from several sides at once and with reloads, with
// flushes that come often; what arrives must have news each time, and in the end be what is.
func TestWhoeverJoinsIsToldOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		team := newPagee(t)
		defer team.Close()
		h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_by: [alertname], group_interval: %s}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, rapid.SampledFrom([]string{"5m", "200ms", "20ms"}).Draw(rt, "interval"), team.URL)))
		var wg sync.WaitGroup
		firingNow := make([]map[string]bool, 3)
		for side := range firingNow {
			steps := rapid.SliceOfN(rapid.IntRange(0, 15), 1, 30).Draw(rt, fmt.Sprint("steps ", side))
			wg.Go(func() { firingNow[side] = h.walk(steps, side) })
		}
		if rapid.Bool().Draw(rt, "reload") {
			wg.Go(func() { require.NoError(t, h.Reload()) })
		}
		wg.Wait()
		h.settled(t, team, firingNow)
		h.stop(t)
		for key, messages := range byGroup(team.got.all()) {
			before := webhook.Message{Data: &template.Data{}}
			for i, m := range messages {
				require.False(t, i > 0 && subset(assets(m, Firing), assets(before, Firing)) && subset(assets(m, Resolved), assets(before, Resolved)),
					"%s: message %d says nothing new: %q %v %v, after %v %v", key, i, m.NotificationReason,
					assets(m, Firing), assets(m, Resolved), assets(before, Firing), assets(before, Resolved))
				before = m
			}
		}
	})
}

// walk raises and ends alerts and returns which of them fire in the end.
func (h *harness) walk(steps []int, side int) map[string]bool {
	now := map[string]bool{}
	for _, step := range steps {
		asset := fmt.Sprint(side, "-", step%8)
		a := firing(critical([]string{"Flood", "Fire"}[step%2], asset)...)
		if now[asset] = step < 8; !now[asset] {
			a = resolved(a)
		}
		h.Send(a)
	}
	return now
}

// settled waits until the newest message of each group says what fires. What has ended is told with a flush.
func (h *harness) settled(t *testing.T, team *pagee, sides []map[string]bool) {
	t.Helper()
	eventually(t, func() bool {
		told := map[string]bool{}
		for _, messages := range byGroup(team.got.all()) {
			for _, asset := range assets(messages[len(messages)-1], Firing) {
				told[asset] = true
			}
		}
		for _, side := range sides {
			for asset, fires := range side {
				if fires && !told[asset] {
					return false
				}
			}
		}
		return true
	}, "everything that fires to be told")
}

func byGroup(messages []webhook.Message) map[string][]webhook.Message {
	groups := map[string][]webhook.Message{}
	for _, m := range messages {
		groups[m.GroupKey] = append(groups[m.GroupKey], m)
	}
	return groups
}

func subset(small, large []string) bool {
	return !slices.ContainsFunc(small, func(s string) bool { return !slices.Contains(large, s) })
}

// TestWhatReturnsBeforeItsEndWasToldIsNoNews has an alert end and come back while its receiver believes that it fires.
func TestWhatReturnsBeforeItsEndWasToldIsNoNews(t *testing.T) {
	team := newPagee(t)
	h := start(t, t.TempDir(), withConfig(configFile(t, slowGroups, team.URL)))
	flood := firing(critical("Flood", "one")...)
	h.Send(flood)
	team.told(t, 1)
	h.Send(resolved(flood), firing(critical("Flood", "one")...))
	h.Send(firing(critical("Flood", "two")...)) // by then, what was to be told of the first has been
	require.Equal(t, []string{"one", "two"}, team.told(t, 2))
	require.Empty(t, assets(team.got.all()[1], Resolved))

	// Once its end is told, its return is.
	h.Send(resolved(flood))
	h.Send(firing(critical("Flood", "three")...))
	require.Equal(t, []string{"three", "two"}, team.told(t, 3))
	require.Equal(t, []string{"one"}, assets(team.got.all()[2], Resolved))
	h.Send(firing(critical("Flood", "one")...))
	require.Equal(t, []string{"one", "three", "two"}, team.told(t, 4))
	require.Equal(t, 4, team.got.len())
}
