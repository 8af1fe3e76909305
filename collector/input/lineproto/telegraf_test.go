package lineproto_test

import (
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
)

// testdata/telegraf.influx is three rounds of what Telegraf writes of a host.
func TestTelegrafBatch(t *testing.T) {
	raw, err := os.ReadFile("testdata/telegraf.influx")
	require.NoError(t, err)
	require.Empty(t, disagreement(raw, time.Nanosecond))

	b := parse(string(raw), lineproto.Options{MaxLine: 4096})
	require.Empty(t, b.Refusals)
	require.Equal(t, 9, b.Strings, "uptime_format, result_type, body")
	samples := spell(t, b)
	require.Equal(t, 3*240, len(samples))
	host := func(labels ...string) map[string]string {
		all := map[string]string{"host": "yz-edge-01"}
		for i := 0; i < len(labels); i += 2 {
			all[labels[i]] = labels[i+1]
		}
		return all
	}
	disk := host("device", "sdb1", "fstype", "xfs", "label", "belfry,sdb1", "mode", "rw", "path", "/data pool")
	for _, want := range []sample{
		{"cpu_usage_guest_nice", host("cpu", "cpu-total"), math.Float64bits(0), 1732350000000},
		{"mem_vmalloc_total", host(), math.Float64bits(35184372087808), 1732350010000},
		{"disk_total", disk, math.Float64bits(1999421014016), 1732350020000},
		{"net_tcp_maxconn", host("interface", "all"), math.Float64bits(-1), 1732350020000},
		{"system_uptime", host(), math.Float64bits(1203751), 1732350010000},
		{"ping_reachable", host("url", "10.12.0.1"), math.Float64bits(1), 1732350000000},
	} {
		require.Contains(t, samples, want)
	}
}
