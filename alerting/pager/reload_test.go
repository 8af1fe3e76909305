package pager

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReload(t *testing.T) {
	before, after := newPagee(t), newPagee(t)
	const form = "route: {receiver: team, group_by: [asset], group_wait: 0s, group_interval: 50ms}\n" +
		"receivers: [{name: team, webhook_configs: [{url: %q}]}]\n"
	path := configFile(t, form, before.URL)
	h := start(t, t.TempDir(), withConfig(path))
	h.Send(firing("alertname", "Flood", "asset", "one"))
	eventually(t, func() bool { return h.sent.len() == 1 }, "the first page")

	require.NoError(t, os.WriteFile(path, []byte("route:\n  receiver: nobody\n"), 0o600))
	require.EqualError(t, h.Reload(), path+":2: undefined receiver \"nobody\" used in route")
	require.Zero(t, h.upstreamMetric(t, "alertmanager_config_last_reload_successful"))
	h.Send(firing("alertname", "Flood", "asset", "two"))
	eventually(t, func() bool { return h.sent.len() == 2 }, "a page by the old configuration")
	require.Equal(t, 2, before.got.len())

	good, err := os.ReadFile(configFile(t, form, after.URL))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, good, 0o600))
	require.NoError(t, h.Reload())
	require.EqualValues(t, 1, h.upstreamMetric(t, "alertmanager_config_last_reload_successful"))
	h.Send(firing("alertname", "Flood", "asset", "three"))
	eventually(t, func() bool { return h.sent.len() == 3 }, "a page by the new configuration")
	h.twoMoreFlushes(t)
	require.Equal(t, 2, before.got.len())
	require.Equal(t, 1, after.got.len(), "what the group was told before is not told again")
}

func TestReloadWaitsForANotificationUnderWay(t *testing.T) {
	team := newPagee(t)
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route: {receiver: team, group_wait: 0s, group_interval: 50ms}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`, team.URL)))
	arrived, answer := team.hold()
	defer answer()
	h.Send(firing("alertname", "Flood"))
	<-arrived
	reloaded := make(chan error, 1)
	go func() { reloaded <- h.Reload() }()
	eventually(t, func() bool { return !h.live.Load().attempts.enterable() }, "the reload to begin")
	answer()
	require.NoError(t, <-reloaded)
	h.twoMoreFlushes(t)
	require.Equal(t, 1, h.sent.len(), "neither lost nor told twice")
}

func TestStartReloadStopInAnyOrder(t *testing.T) {
	h := start(t, t.TempDir(), nil)
	require.NoError(t, h.Start())
	h.stop(t)
	h.stop(t)
	require.Error(t, h.Reload())
	require.Error(t, h.Start())

	p, err := New(h.opts)
	require.NoError(t, err)
	require.NoError(t, p.Reload())
	require.NoError(t, p.Stop(t.Context()))
}
