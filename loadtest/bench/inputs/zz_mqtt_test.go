package inputs

import (
	"os"
	"testing"
	"time"

	"github.com/belfry-city/belfry/loadtest/bench/server"
	"github.com/stretchr/testify/require"
)

func TestZZ(t *testing.T) {
	var rows []Row
	for range 2 {
		for _, n := range []int{1, 10} {
			o := MQTTOptions{Publishers: 50, Window: 20, Readings: n, During: 6 * time.Second}
			if n == 1 {
				row, err := Mosquitto(t.Context(), "/usr/sbin/mosquitto", o)
				require.NoError(t, err)
				rows = append(rows, row)
			}
			row, err := MQTT(t.Context(), server.Belfry{Binary: "/tmp/belfry-mq"}, t.TempDir(), o)
			require.NoError(t, err)
			rows = append(rows, row)
		}
	}
	require.NoError(t, WriteTable(os.Stdout, rows))
}
