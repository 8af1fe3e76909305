package pager

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
)

// toldOfAsset lists what each message said of an asset that was news of it.
func (p *pagee) toldOfAsset(asset string) (list []string) {
	for _, m := range p.got.all() {
		for _, a := range m.Alerts {
			if a.Labels["asset"] == asset && (len(list) == 0 || list[len(list)-1] != a.Status) {
				list = append(list, a.Status)
			}
		}
	}
	return list
}

// newest lists the assets that the newest message says have a status.
func (p *pagee) newest(status string) []string {
	all := p.got.all()
	if len(all) == 0 {
		return nil
	}
	return assets(all[len(all)-1], status)
}

// summaryOf is what a message says of an asset.
func summaryOf(m webhook.Message, asset string) string {
	for _, a := range m.Alerts {
		if a.Labels["asset"] == asset {
			return a.Annotations["summary"]
		}
	}
	return ""
}

var firedAndEnded = []string{Firing, Resolved}

// TestWhatEndsWhileItsReceiverIsDownIsTold has a receiver that is down while critical alerts fire and end, and others
// of their group that go on.
func TestWhatEndsWhileItsReceiverIsDownIsTold(t *testing.T) {
	for story, between := range map[string]func(*testing.T, *harness) *harness{
		"another joins": func(_ *testing.T, h *harness) *harness {
			h.Send(firing(critical("Flood", "last")...))
			return h
		},
		"a reload": func(t *testing.T, h *harness) *harness {
			require.NoError(t, h.Reload())
			return h
		},
		"a restart": func(t *testing.T, h *harness) *harness {
			h.stop(t)
			return start(t, h.dir, withConfig(h.opts.ConfigFile))
		},
		"a receiver of another name": func(t *testing.T, h *harness) *harness {
			require.NoError(t, rename(h.opts.ConfigFile, "team", "night"))
			require.NoError(t, h.Reload())
			return h
		},
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			team := newPagee(t)
			team.down.Store(true)
			h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_by: [alertname], group_interval: 5m}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, team.URL)))
			one, two, stays := firing(critical("Flood", "one")...), firing(critical("Flood", "two")...), firing(critical("Flood", "stays")...)
			h.Send(one)
			eventually(t, func() bool { return team.met.Load() > 0 }, "an attempt")
			h.Send(two, stays)
			ended := resolved(one)
			h.Send(ended, resolved(two))
			met := team.met.Load()
			eventually(t, func() bool { return team.met.Load() > met }, "another")
			h = between(t, h)
			h.Send(stays)
			team.down.Store(false)
			for _, asset := range []string{"one", "two"} {
				eventually(t, func() bool { return len(team.toldOfAsset(asset)) == 2 }, asset)
				require.Equal(t, firedAndEnded, team.toldOfAsset(asset))
			}
			eventually(t, func() bool { return len(team.toldOfAsset("stays")) == 1 }, "what goes on")
			require.Equal(t, "Methane (ended at "+ended.EndsAt.Local().Format(time.DateTime)+"; this page is late)",
				summaryOf(team.got.all()[0], "one"))
			eventually(t, func() bool { return len(h.owed.Alerts()) == 0 }, "nothing to be left to tell")
			h.stop(t)
			told := team.got.len()

			h = start(t, h.dir, withConfig(h.opts.ConfigFile))
			h.Send(stays, ended)
			h.Send(firing(critical("Flood", "after")...))
			require.Equal(t, []string{"after", "stays"}, team.told(t, told+1), "what was told is not told again")
			require.Empty(t, assets(team.got.all()[told], Resolved))
		})
	}
}

// TestKilledPagerTellsOfWhatEndedBefore kills the process while it tries, and while it waits for an answer.
func TestKilledPagerTellsOfWhatEndedBefore(t *testing.T) {
	for _, story := range []string{"down", "slow"} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			trouble := status(500)
			if story == "slow" {
				trouble = hijacked(func(net.Conn) {})
			}
			team := newTroubled(t, trouble)
			dir, config := t.TempDir(), configFile(t, slowGroups, team.URL)
			flood := firing(critical("Flood", "one")...)
			c := startChild(t, dir, config)
			c.post(t, flood)
			eventually(t, func() bool { return team.met.Load() > 0 }, "an attempt")
			c.post(t, resolved(flood))
			eventually(t, func() bool { return strings.Count(journalOf(t, dir), `"one"`) > 1 }, "its end to be written")
			c.kill()
			team.well.Store(true)

			h := start(t, dir, withConfig(config))
			eventually(t, func() bool { return team.got.len() == 2 }, "the page, and its end")
			require.Equal(t, []string{"one"}, assets(team.got.all()[0], Firing))
			require.Equal(t, []string{"one"}, assets(team.got.all()[1], Resolved))
			h.stop(t)
			h = start(t, dir, withConfig(config))
			h.Send(firing(critical("Fire", "other")...))
			eventually(t, func() bool { return team.got.len() == 3 }, "another page")
			require.Equal(t, []string{"other"}, assets(team.got.all()[2], Firing), "once")
		})
	}
}

// journalOf is what the pager has written of what it is to tell.
func journalOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(dir + "/owed.00000001.journal")
	require.NoError(t, err)
	return string(text)
}

// TestLatePagesWhereEndsAreNotTold has receivers that would hear nothing more of what has ended.
func TestLatePagesWhereEndsAreNotTold(t *testing.T) {
	team := newPagee(t)
	team.down.Store(true)
	h := start(t, t.TempDir(), func(o *Options) {
		o.Language = Chinese
		o.Zone = time.UTC
		o.ConfigFile = configFile(t, `
route: {receiver: team, group_by: [alertname], group_interval: 5m}
receivers: [{name: team, webhook_configs: [{url: %q, send_resolved: false}]}]
`, team.URL)
	})
	flood := firing(critical("Flood", "one")...)
	h.Send(flood)
	eventually(t, func() bool { return team.met.Load() > 0 }, "an attempt")
	ended := resolved(flood)
	h.Send(ended)
	require.NoError(t, h.Reload())
	team.down.Store(false)
	require.Equal(t, []string{"one"}, team.told(t, 1))
	require.Equal(t, "甲烷浓度（已于 "+ended.EndsAt.UTC().Format(time.DateTime)+" 结束，此告警迟到）", summaryOf(team.got.all()[0], "one"))
	require.Equal(t, ended.EndsAt.UTC().Format(time.RFC3339), team.got.all()[0].Alerts[0].Annotations["ended_at"])
	eventually(t, func() bool { return len(h.owed.Alerts()) == 0 }, "nothing to be left to tell")
	require.Equal(t, 1, team.got.len())
	require.Equal(t, 1, h.sent.len())
}

// TestWarningsThatEndWhileTheirReceiverIsDown has the dispatcher give up a notification, after its ten seconds.
func TestWarningsThatEndWhileTheirReceiverIsDown(t *testing.T) {
	t.Parallel()
	team := newPagee(t)
	team.down.Store(true)
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 1s}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, team.URL)))
	leak := firing("alertname", "Leak", "severity", "warning", "asset", "one")
	h.Send(leak)
	eventually(t, func() bool { return team.met.Load() > 0 }, "an attempt")
	h.Send(resolved(leak))
	eventually(t, func() bool { return h.flushes(t) == 2 }, "the next flush")
	team.down.Store(false)
	eventually(t, func() bool { return team.got.len() == 2 }, "the page, and its end")
	require.Equal(t, firedAndEnded, team.toldOfAsset("one"))
	require.Contains(t, summaryOf(team.got.all()[0], "one"), "this page is late")
}

// TestWhatIsSilencedWhileItsReceiverIsDownIsNotTold silences an alert that is still to be told, until after its end.
func TestWhatIsSilencedWhileItsReceiverIsDownIsNotTold(t *testing.T) {
	team := newPagee(t)
	team.down.Store(true)
	dir, config := t.TempDir(), withConfig(configFile(t, slowGroups, team.URL))
	h := start(t, dir, config)
	flood := firing(critical("Flood", "one")...)
	h.Send(flood)
	eventually(t, func() bool { return team.met.Load() > 0 }, "an attempt")
	id := h.silence(t, "asset", "one")
	h.Send(resolved(flood))
	require.NoError(t, h.Reload())
	eventually(t, func() bool { return len(h.owed.Alerts()) == 0 }, "the silence to hold")
	status, _ := h.request(t, "DELETE", fmt.Sprint("/api/v2/silence/", id), "")
	require.Equal(t, 200, status)
	h.stop(t)
	team.down.Store(false)
	h = start(t, dir, config)
	h.Send(firing(critical("Fire", "other")...))
	require.Equal(t, []string{"other"}, team.told(t, 1))
}

// TestAfterARestartWhatWasToldIsKnown tells late of an alert before anybody has sent the other that fires in its group.
func TestAfterARestartWhatWasToldIsKnown(t *testing.T) {
	team := newPagee(t)
	dir, config := t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_by: [alertname], group_interval: 100ms}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, team.URL))
	h := start(t, dir, config)
	one, stays := firing(critical("Flood", "one")...), firing(critical("Flood", "stays")...)
	h.Send(stays)
	team.told(t, 1)
	team.down.Store(true)
	met := team.met.Load()
	h.Send(one)
	eventually(t, func() bool { return team.met.Load() > met }, "an attempt")
	h.Send(resolved(one))
	h.stop(t)
	team.down.Store(false)

	h = start(t, dir, config)
	require.Equal(t, []string{"one"}, team.told(t, 2))
	h.twoMoreFlushes(t)
	require.Equal(t, 2, team.got.len(), "nobody knows yet whether all has ended")
	h.Send(stays)
	require.Equal(t, []string{"stays"}, team.told(t, 3))
	require.Equal(t, []string{"one"}, assets(team.got.all()[2], Resolved))
	h.Send(resolved(stays))
	eventually(t, func() bool { return team.got.len() == 4 }, "the end of the other")
	pages := map[string]int{}
	for _, n := range h.sent.all() {
		for i := range n.Pages {
			pages[n.Pages[i].Asset+" "+n.Pages[i].Status]++
		}
	}
	require.Equal(t, map[string]int{"one firing": 1, "one resolved": 1, "stays resolved": 1}, pages, "each is told once")
}

// interruptions are what may come between two notifications. Each returns the pager that goes on.
func interruptions() map[string]func(*testing.T, *harness) *harness {
	return map[string]func(*testing.T, *harness) *harness{
		"reloaded": func(t *testing.T, h *harness) *harness { require.NoError(t, h.Reload()); return h },
		"restarted": func(t *testing.T, h *harness) *harness {
			h.stop(t)
			return start(t, h.dir, withConfig(h.opts.ConfigFile))
		},
	}
}

// TestEndsAreToldOnce has thousands of alerts of a group end, and others join it before its next turn.
func TestEndsAreToldOnce(t *testing.T) {
	const all = 10_000
	stories := interruptions()
	stories["at once"] = func(_ *testing.T, h *harness) *harness { return h }
	for story, between := range stories {
		t.Run(story, func(t *testing.T) {
			team := newPagee(t)
			h := start(t, t.TempDir(), withConfig(configFile(t, slowGroups, team.URL)))
			begun, ended := make([]*notifier.Alert, all), make([]*notifier.Alert, all)
			for i := range begun {
				begun[i] = firing(critical("Flood", fmt.Sprint("asset-", i))...)
			}
			h.Send(begun...)
			eventually(t, func() bool { return len(team.newest(Firing)) == all }, "all")
			for i, a := range begun {
				ended[i] = resolved(a)
			}
			h.Send(ended...)
			before := team.got.len()
			h.Send(firing(critical("Flood", "first")...))
			require.Equal(t, []string{"first"}, team.told(t, before+1))
			require.Len(t, assets(team.got.all()[before], Resolved), all)
			eventually(t, func() bool { return h.sent.len() == before+1 }, "the log")
			h = between(t, h)
			h.Send(ended...) // senders say it again for a quarter of an hour
			h.Send(firing(critical("Flood", "first")...))
			h.Send(firing(critical("Flood", "second")...))
			require.Equal(t, []string{"first", "second"}, team.told(t, before+2))
			require.Empty(t, assets(team.got.all()[before+1], Resolved), "told before")
			h.Send(begun[0])
			h.Send(resolved(begun[0]))
			h.Send(firing(critical("Flood", "third")...))
			eventually(t, func() bool { return len(team.newest(Resolved)) == 1 }, "an end that is news")
		})
	}
}

// TestEndsThatWereToldAreNoNewsLater has one alert of a group end, and another begin after that, before everything is
// looked at anew.
func TestEndsThatWereToldAreNoNewsLater(t *testing.T) {
	for story, between := range interruptions() {
		t.Run(story, func(t *testing.T) {
			team := newPagee(t)
			h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_by: [alertname], group_interval: 100ms}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, team.URL)))
			one, two := firing(critical("Flood", "one")...), firing(critical("Flood", "two")...)
			h.Send(one)
			team.told(t, 1)
			h.Send(resolved(one))
			eventually(t, func() bool { return team.got.len() == 2 }, "the end")
			h.Send(two)
			require.Equal(t, []string{"two"}, team.told(t, 3))
			h.twoMoreFlushes(t)

			h = between(t, h)
			h.Send(two, resolved(one)) // as rules do after a restart
			h.twoMoreFlushes(t)
			require.Equal(t, 3, team.got.len(), "all of it was told")
			h.Send(resolved(two))
			eventually(t, func() bool { return team.got.len() == 4 }, "the other's end")
			require.Equal(t, []string{"two"}, assets(team.got.all()[3], Resolved))
		})
	}
}
