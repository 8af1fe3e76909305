package pager

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

func TestAlertsForNobodyGoWhereARouteNamesThem(t *testing.T) {
	const receivers = "\nreceivers: [{name: team}, {name: devices}, {name: switch}, {name: wall}]\n"
	for story, test := range map[string]struct {
		routes string
		want   []string
	}{
		"no route":                       {``, []string{unaddressed}},
		"routes for people":              {`{matchers: ['domain="device"'], receiver: devices}, {matchers: ['severity!="critical"'], receiver: team}`, []string{unaddressed}},
		"a route by name":                {`{matchers: ['alertname="Watchdog"'], receiver: switch}`, []string{"switch"}},
		"a route by severity":            {`{match: {severity: none}, receiver: switch}`, []string{"switch"}},
		"severities, of which it is one": {`{match_re: {severity: 'none|info'}, receiver: wall}`, []string{"wall"}},
		"severities, of which it is not": {`{matchers: ['severity=~"critical|warning"'], receiver: team}`, []string{unaddressed}},
		"another name":                   {`{matchers: ['alertname="Other"'], receiver: switch}`, []string{unaddressed}},
		"behind a route for people":      {`{matchers: ['domain="device"'], receiver: devices}, {matchers: ['alertname="Watchdog"'], receiver: switch}`, []string{"switch"}},
		"below a route for people":       {`{matchers: ['domain="device"'], receiver: devices, routes: [{matchers: ['alertname="Watchdog"'], continue: true}, {matchers: ['severity="none"'], receiver: switch}]}`, []string{"devices", "switch"}},
	} {
		conf, err := config.Load("route: {receiver: team, routes: [" + test.routes + "]}" + receivers)
		require.NoError(t, err, story)
		tree, err := routing(conf.Route, nil)
		require.NoError(t, err)
		var got []string
		for _, r := range dispatch.NewRoute(tree, nil).Match(model.LabelSet{"alertname": "Watchdog", "severity": "none", "domain": "device"}) {
			got = append(got, r.RouteOpts.Receiver)
		}
		require.Equal(t, test.want, got, story)
	}
}

func TestWhoIsToldOfFailingReceivers(t *testing.T) {
	for route, want := range map[string]bool{
		`{matchers: ['alertname="Watchdog"'], receiver: switch}`:                                          false,
		`{match: {alertname: Watchdog}, receiver: switch}`:                                                false,
		`{matchers: ['alertname=~"Watchdog"'], receiver: switch}`:                                         false,
		`{matchers: ['severity="none"', 'domain="device"'], receiver: switch}`:                            false,
		`{matchers: ['severity="none"'], routes: [{receiver: switch}]}`:                                   false,
		`{match_re: {severity: 'none|info'}, receiver: switch}`:                                           true,
		`{matchers: ['severity!="critical"'], receiver: switch}`:                                          true,
		`{matchers: ['alertname=~".+"'], receiver: switch}`:                                               true,
		`{matchers: ['alertname=~"Watchdog.*"'], receiver: switch}`:                                       true,
		`{matchers: ['alertname="Watchdog"'], receiver: switch}, {matchers: ['a="b"'], receiver: switch}`: true,
		`{matchers: ['domain="device"'], routes: [{matchers: ['severity="none"'], receiver: switch}]}`:    false,
	} {
		conf, err := config.Load("route: {receiver: team, routes: [" + route + "]}\nreceivers: [{name: team}, {name: switch}]\n")
		require.NoError(t, err, route)
		tree, err := routing(conf.Route, []string{"switch", "team"})
		require.NoError(t, err)
		var got []string
		for _, r := range dispatch.NewRoute(tree, nil).Match(model.LabelSet{"alertname": "ReceiverFailing", "severity": "critical"}) {
			got = append(got, r.RouteOpts.Receiver)
		}
		require.Equal(t, want, slices.Contains(got, "switch"), route)
		require.Contains(t, got, "team", route)
	}
}

// TestDeadMansSwitch is the example of docs/paging.md, with shorter times: the switch hears of the watchdog again and
// again, and the people never.
func TestDeadMansSwitch(t *testing.T) {
	page, err := os.ReadFile("../../docs/paging.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), "## Watching Belfry itself")
	require.True(t, found)
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(section)[1]
	away, people := newPagee(t), newPagee(t)
	for old, fresh := range map[string]string{
		"https://switch.example.org/ping/UUID": away.URL, "https://duty.example.org/page": people.URL,
		"group_interval: 10s": "group_interval: 10ms", "repeat_interval: 1m": "repeat_interval: 60ms",
	} {
		require.Contains(t, example, old)
		example = strings.ReplaceAll(example, old, fresh)
	}
	h := start(t, t.TempDir(), withConfig(configFile(t, "%s", example)))
	h.Send(firing("alertname", "Watchdog", "severity", "none", "domain", "device"))
	h.Send(firing(critical("Flood", "one")...))
	eventually(t, func() bool { return away.got.len() >= 5 }, "the switch to hear of it again and again")
	eventually(t, func() bool { return people.got.len() == 1 }, "the page")
	require.Equal(t, []string{Firing}, people.toldOf("Flood"))
	require.Empty(t, people.toldOf("Watchdog"))
	require.NotContains(t, h.log.String(), "repeat_interval")

	entries := h.upstreamMetric(t, "alertmanager_receivers")
	require.Equal(t, strings.Count(example, "- name:"), int(entries))
}

func TestTheTerminalIsNotTroubledByTheWatchdog(t *testing.T) {
	h := start(t, t.TempDir(), nil)
	h.Send(firing("alertname", "Watchdog", "severity", "none", "domain", "device"))
	for i := range 3 {
		h.Send(firing(critical("Flood", strconv.Itoa(i))...))
	}
	eventually(t, func() bool { return h.pages.len() == 3 }, "the pages")
	require.False(t, slices.ContainsFunc(h.pages.all(), func(p Page) bool { return p.Rule == "Watchdog" }))
	require.Contains(t, h.amtool(t, "alert", "query"), "Watchdog")
}
