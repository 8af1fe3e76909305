package external

import (
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAClusterOfTwo has real Alertmanagers that gossip, of which one is killed and comes back: whatever fires is told
// once, by whichever of them.
func TestAClusterOfTwo(t *testing.T) {
	hook, told := newHook(t)
	one := newAlertmanager(t, hook)
	two := newAlertmanager(t, hook, one)
	eventually(t, func() bool {
		return one.metric("alertmanager_cluster_members") == 2 && two.metric("alertmanager_cluster_members") == 2
	}, "the cluster")
	s := start(t, "http://"+one.address, "http://"+two.address)

	s.Send(firing("alertname", "First", "severity", "critical"))
	eventually(t, func() bool { return told("First") == 1 }, "the first page")

	eventually(t, func() bool {
		const heard = "alertmanager_nflog_gossip_messages_propagated_total"
		return one.metric(heard)+two.metric(heard) >= 1
	}, "the other to hear of it")

	one.kill()
	s.Send(firing("alertname", "Second", "severity", "critical"))
	eventually(t, func() bool { return told("Second") == 1 }, "a page while one is down")
	require.Contains(t, s.queryByAmtool(t, "alert", "query"), "Second", "the API is answered by the other")
	lag := s.set.GetOrCreateGauge(`belfry_alertmanager_queue_length{target="`+one.address+`"}`, nil)
	require.InDelta(t, 1, lag.Get(), 0)

	one.start(t)
	eventually(t, func() bool { return lag.Get() == 0 }, "what was kept for the one that was down")
	require.Contains(t, one.get("/api/v2/alerts"), "Second")
	before := one.metric("alertmanager_nflog_queries_total")
	eventually(t, func() bool { return one.metric("alertmanager_nflog_queries_total") >= before+3 }, "it to look at its groups")
	s.Send(firing("alertname", "Third", "severity", "critical"))
	eventually(t, func() bool { return told("Third") == 1 }, "a page of the cluster")
	for _, rule := range []string{"First", "Second", "Third"} {
		require.Equal(t, 1, told(rule), rule)
	}
	require.Equal(t, 1, strings.Count(s.log.String(), "does not take alerts; trying again"))
}

// queryByAmtool asks the Fleet's API by the real amtool.
func (s *stand) queryByAmtool(t *testing.T, args ...string) string {
	t.Helper()
	api := httptest.NewServer(s.Handler())
	defer api.Close()
	out, err := exec.CommandContext(t.Context(), toolPath(t, "amtool"), append([]string{"--alertmanager.url=" + api.URL}, args...)...).CombinedOutput()
	require.NoError(t, err, "amtool %v: %s", args, out)
	return string(out)
}
