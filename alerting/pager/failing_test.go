package pager

import (
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
