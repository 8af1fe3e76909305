package pager

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAmtool is an evening with the real amtool: look at the routes, raise an alert, silence it, end the silence.
func TestAmtool(t *testing.T) {
	h := start(t, t.TempDir(), withConfig(configFile(t, `
route:
  receiver: duty
  group_by: [alertname]
  group_interval: 100ms
  routes:
    - matchers: ['team="municipal"']
      receiver: belfry-terminal
receivers:
  - name: duty
  - name: belfry-terminal
`)))
	routes := h.amtool(t, "config", "routes")
	require.Contains(t, routes, `{team="municipal"}  receiver: belfry-terminal`)
	require.NotContains(t, routes, "severity", "the routes are the user's")
	require.Equal(t, "belfry-terminal\n", h.amtool(t, "config", "routes", "test", "team=municipal", "severity=critical"))
	require.Contains(t, h.amtool(t, "config", "show"), "group_interval: 100ms")

	h.amtool(t, "alert", "add", "GasMethaneCritical", "severity=critical", "team=municipal", "asset=well-17",
		"--annotation=summary=Methane")
	eventually(t, func() bool { return h.pages.len() == 1 }, "the page")
	require.Equal(t, "Methane", h.pages.all()[0].Summary)
	require.Contains(t, h.amtool(t, "alert", "query"), "GasMethaneCritical")

	id := strings.TrimSpace(h.amtool(t, "silence", "add", "asset=well-17", "--comment=检修", "--author=李", "--duration=1h"))
	require.Contains(t, h.amtool(t, "silence", "query"), id)
	require.NotContains(t, h.amtool(t, "alert", "query"), "GasMethaneCritical")
	require.Contains(t, h.amtool(t, "alert", "query", "--silenced"), "GasMethaneCritical")

	require.Contains(t, h.amtool(t, "silence", "update", "--duration=2h", id), id)
	h.amtool(t, "silence", "expire", id)
	require.NotContains(t, h.amtool(t, "silence", "query"), id)
	require.Contains(t, h.amtool(t, "silence", "query", "--expired"), id)
	require.Contains(t, h.amtool(t, "alert", "query"), "GasMethaneCritical")

	var groups []struct {
		Receiver struct{ Name string }
		Alerts   []json.RawMessage
	}
	_, body := h.request(t, "GET", "/api/v2/alerts/groups", "")
	require.NoError(t, json.Unmarshal([]byte(body), &groups))
	require.Len(t, groups, 1)
	require.Equal(t, "belfry-terminal", groups[0].Receiver.Name)
	require.Len(t, groups[0].Alerts, 1)
	_, body = h.request(t, "GET", "/api/v2/receivers", "")
	require.Contains(t, body, `"duty"`)
}
