package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The broker that a city has already is told to pass on what it gets, with
// nothing but its defaults.
func TestAMosquittoIsABridgeToBelfry(t *testing.T) {
	for name, more := range map[string]string{
		"as it comes": "", "MQTT 5": "bridge_protocol_version mqttv50\n", "MQTT 3.1": "bridge_protocol_version mqttv31\n", "it says nothing": "try_private false\nnotifications false\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, t.TempDir(), "inputs:\n  mqtt:\n    listen: 127.0.0.1:0"+mqttTopicsText)
			said, code := publish(t, r.MQTTAddr().String(), "-q", "1", "-r", "-t", "city/yuzhong/W18/reading", "-m", "gas ch4=7")
			require.Zero(t, code, said)
			m := &mosquitto{addr: freeTCP(t), dir: t.TempDir(), more: fmt.Sprintf("connection belfry\naddress %s\ntopic city/# both 1\n%s", r.MQTTAddr(), more)}
			startMosquitto(t, m)
			for i := range 5 { // those of QoS 1 wait for the bridge
				said, code := publish(t, m.addr, "-q", "1", "-t", "city/yuzhong/W17/reading", "-m", fmt.Sprintf("gas ch4=%d", i))
				require.Zero(t, code, said)
			}
			require.Eventually(t, func() bool { return storedCount(t, r.URL(), `gas_ch4{asset="W17"}`) == 5 }, 20*time.Second, 10*time.Millisecond)
			host, port, _ := strings.Cut(m.addr, ":")
			got := output(t, "mosquitto_sub", "-h", host, "-p", port, "-t", "city/yuzhong/W18/reading", "-C", "1", "-W", "20")
			require.Equal(t, "gas ch4=7\n", got, "and the other way round")
			require.Equal(t, 6, storedCount(t, r.URL(), "gas_ch4"), "no message goes round in circles")
		})
	}
}
