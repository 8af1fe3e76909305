package pager

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/pager/failing"
)

// toldOf lists the status of each message that a rule had.
func (p *pagee) toldOf(rule string) (statuses []string) {
	for _, m := range p.got.all() {
		if m.CommonLabels["alertname"] == rule {
			statuses = append(statuses, m.Status)
		}
	}
	return statuses
}

// TestAReceiverThatKeepsFailingIsToldOfByTheOthers has a receiver of two integrations, of which one fails, another
// receiver, and the terminal.
func TestAReceiverThatKeepsFailingIsToldOfByTheOthers(t *testing.T) {
	phone, chat, team, unused, away := newPagee(t), newPagee(t), newPagee(t), newPagee(t), newPagee(t)
	phone.down.Store(true)
	h := start(t, t.TempDir(), func(o *Options) {
		o.failingAfter = 50 * time.Millisecond
		o.ExternalLabels = labels.FromStrings("district", "yuzhong")
		o.ConfigFile = configFile(t, `
route:
  receiver: duty
  group_by: [alertname]
  group_interval: 5m
  routes:
    - {matchers: ['team="municipal"'], receiver: team}
    - {matchers: ['team="nobody"'], receiver: nobody}
    - {matchers: ['shown="yes"'], receiver: belfry-terminal}
    - {matchers: ['alertname="Watchdog"'], receiver: away}
receivers:
  - {name: away, webhook_configs: [{url: %q}]}
  - {name: duty, webhook_configs: [{url: %q}, {url: %q}]}
  - {name: team, webhook_configs: [{url: %q}]}
  - {name: unused, webhook_configs: [{url: %q}]}
  - {name: nobody}
  - {name: belfry-terminal}
`, away.URL, phone.URL, chat.URL, team.URL, unused.URL)
	})
	h.Send(firing(critical("Flood", "one")...))
	eventually(t, func() bool {
		return len(chat.toldOf(failing.AlertName)) == 1 && len(team.toldOf(failing.AlertName)) == 1 && h.pages.len() == 1
	}, "the alert at the others")
	m := team.got.all()[0]
	require.Equal(t, "duty", m.CommonLabels["receiver"])
	require.Equal(t, "webhook[0]", m.CommonLabels["integration"])
	require.Equal(t, "yuzhong", m.CommonLabels["district"])
	require.Equal(t, failing.AlertName, h.pages.all()[0].Rule)
	require.NotContains(t, h.amtool(t, "config", "show"), failing.AlertName)
	require.NotContains(t, h.amtool(t, "config", "routes"), failing.AlertName)

	phone.down.Store(false)
	eventually(t, func() bool { return len(phone.toldOf("Flood")) == 1 }, "the page that waited")
	eventually(t, func() bool {
		return len(chat.toldOf(failing.AlertName)) == 2 && len(team.toldOf(failing.AlertName)) == 2 && h.pages.len() == 2
	}, "the end")
	for _, p := range []*pagee{chat, team} {
		require.Equal(t, []string{Firing, Resolved}, p.toldOf(failing.AlertName))
	}
	require.Equal(t, Resolved, h.pages.all()[1].Status)
	require.Empty(t, phone.toldOf(failing.AlertName), "never by whom it is about")
	require.Zero(t, unused.got.len())
	require.Zero(t, away.got.len(), "a dead man's switch takes all for a sign of life")
	require.Equal(t, []string{Firing}, chat.toldOf("Flood"))
}

func TestTheAlertAboutAReceiverGoesWhereItIsRaised(t *testing.T) {
	phone := newPagee(t)
	phone.down.Store(true)
	raised := make(chan *notifier.Alert, 10)
	path := configFile(t, `
route: {receiver: duty, group_by: [alertname], group_interval: 5m}
receivers: [{name: duty, webhook_configs: [{url: %q}]}]
`, phone.URL)
	h := start(t, t.TempDir(), func(o *Options) {
		o.failingAfter, o.ConfigFile = 50*time.Millisecond, path
		o.Raise = func(alerts ...*notifier.Alert) { raised <- alerts[0] }
	})
	h.Send(firing(critical("Flood", "one")...))
	require.False(t, (<-raised).Resolved())
	require.NoError(t, rename(path, "duty", "night"))
	require.NoError(t, h.Reload())
	end := <-raised
	require.True(t, end.Resolved(), "who is gone does not fail")
	require.Equal(t, "duty", end.Labels.Get("receiver"))
}

// TestTheAlertAboutAReceiverOverARestart restarts while a receiver fails.
func TestTheAlertAboutAReceiverOverARestart(t *testing.T) {
	for story, test := range map[string]struct {
		change func(o *Options)
		down   bool // still, after the restart
		page   bool // there is one, after the restart
		ends   bool
	}{
		"it works again":                     {page: true, ends: true},
		"it fails still":                     {down: true, page: true},
		"nothing is sent to it":              {down: true, ends: true, change: func(o *Options) { o.failingDoubt = 50 * time.Millisecond }},
		"it is gone":                         {ends: true, change: func(o *Options) { _ = rename(o.ConfigFile, "phone", "pager") }},
		"nothing has been sent to it so far": {},
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			phone, team := newPagee(t), newPagee(t)
			phone.down.Store(true)
			path := configFile(t, `
route:
  receiver: team
  group_interval: 50ms
  routes: [{matchers: ['alertname="Flood"'], receiver: phone, group_by: [asset], group_interval: 50ms}]
receivers: [{name: phone, webhook_configs: [{url: %q}]}, {name: team, webhook_configs: [{url: %q}]}]
`, phone.URL, team.URL)
			h := start(t, t.TempDir(), func(o *Options) { o.ConfigFile, o.failingAfter = path, time.Millisecond })
			flood := firing(critical("Flood", "one")...)
			h.Send(flood)
			eventually(t, func() bool { return len(team.toldOf(failing.AlertName)) == 1 }, "the alert")
			h.Send(resolved(flood))
			h.silence(t, "alertname", "Flood")
			require.NoError(t, h.Reload())
			eventually(t, func() bool { return len(h.owed.Alerts()) == 0 }, "nothing to be left to tell")
			h.stop(t)

			phone.down.Store(test.down)
			who := failing.Subject{Receiver: "phone", Integration: "webhook[0]"}
			since := team.got.all()[0].Alerts[0].StartsAt
			h = start(t, h.dir, func(o *Options) {
				o.ConfigFile, o.failingAfter = path, time.Millisecond
				o.Failing = []failing.Raised{{Subject: who, Since: since}}
				if test.change != nil {
					test.change(o)
				}
			})
			for id := range h.silenceStates(t) {
				status, _ := h.request(t, "DELETE", "/api/v2/silence/"+id, "")
				require.Equal(t, 200, status)
			}
			if test.page {
				met := phone.met.Load()
				h.Send(firing(critical("Flood", "two")...))
				eventually(t, func() bool { return phone.met.Load() >= met+2 || !test.down && phone.got.len() == 1 }, "attempts")
			}
			want := []string{Firing}
			if test.ends {
				want = append(want, Resolved)
			}
			eventually(t, func() bool { return len(team.toldOf(failing.AlertName)) == len(want) && h.flushes(t) > 0 }, "what is told")
			require.Equal(t, want, team.toldOf(failing.AlertName), "and not again")
			_, active := h.request(t, "GET", "/api/v2/alerts?filter=alertname=ReceiverFailing", "")
			require.Equal(t, !test.ends, strings.Contains(active, "phone"), active)
		})
	}
}
