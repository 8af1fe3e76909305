package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
)

const pumpMapping = `
inputs:
  mqtt: {listen: "127.0.0.1:0", topics: [{match: "pumps/+street/+asset", decoder: json/pump}]}
  json:
    - name: pump
      asset: deviceId ?? $labels.asset
      time: ts
      metrics:
        pump_speed_rpm: data.rpm
        well_level_m: data.level / 100
`

func TestAMappingTakesMessagesOverHTTPAndMQTT(t *testing.T) {
	r := run(t, t.TempDir(), "rules: []\n"+pumpMapping)
	message := fmt.Sprintf(`{"deviceId": "P-7", "ts": %d, "data": {"rpm": "1450", "level": 152.5}}`, time.Now().UnixMilli())
	for range 2 { // repeated, it is the same
		status, text := r.do(t, "POST", "/api/belfry/v1/in/json/pump?site=east", message)
		require.Equal(t, 200, status, text)
		require.JSONEq(t, `{"samples":2,"events":0}`, text)
	}
	host, port, _ := strings.Cut(r.mqtt.addr.String(), ":")
	output(t, "mosquitto_pub", "-h", host, "-p", port, "-q", "1", "-t", "pumps/east/P-8", "-m", `{"data": {"rpm": 3}}`)
	require.Equal(t, []string{
		`pump_speed_rpm{"asset":"P-7","site":"east"} 1450`, `pump_speed_rpm{"asset":"P-8","street":"east"} 3`, `well_level_m{"asset":"P-7","site":"east"} 1.525`,
	}, r.newest(t, `{__name__=~"pump_speed_rpm|well_level_m"}`))

	status, text := r.do(t, "POST", "/api/belfry/v1/in/json/pump", `[{"deviceId": "P-9", "data": {"rpm": "fast", "level": 100}}, {"data": {"rpm": 1}}] x`)
	require.Equal(t, 400, status)
	for _, part := range []string{
		`"samples":1`, `"line":1,"reason":"bad_type"`, `metrics.pump_speed_rpm: data.rpm: want a number; got \"fast\"`,
		`"line":2,"reason":"missing"`, `asset: there is no deviceId ?? $labels.asset`, `"line":3,"reason":"syntax"`,
	} {
		require.Contains(t, text, part)
	}
	status, text = r.do(t, "POST", "/api/belfry/v1/in/json/pmup", `{}`)
	require.Equal(t, 404, status)
	require.Contains(t, text, "json/pump")
}

func TestAReloadAppliesChangedMappings(t *testing.T) {
	dir, text := t.TempDir(), pumpMapping
	r := run(t, dir, "rules: []\n"+text)
	r.opts.Read = func() (*config.Config, error) {
		return config.Parse("belfry.yml", []byte("listen: 127.0.0.1:0\ndata_dir: "+dir+"/data\nrules: []\n"+text))
	}
	text = strings.ReplaceAll(pumpMapping, "level / 100", "level / 1000")
	needRestart, err := r.Reload(t.Context())
	require.NoError(t, err)
	require.Empty(t, needRestart)
	status, answer := r.do(t, "POST", "/api/belfry/v1/in/json/pump", `{"deviceId": "P-7", "data": {"level": 1500}}`)
	require.Equal(t, 200, status, answer)
	require.Equal(t, []string{`well_level_m{"asset":"P-7"} 1.5`}, r.newest(t, "well_level_m"))

	text = strings.ReplaceAll(pumpMapping, "level / 100", "level /")
	_, err = r.Reload(t.Context())
	require.EqualError(t, err, `belfry.yml:13: inputs.json[0].metrics.well_level_m: want an expression; got "data.level /": unexpected token EOF at column 12`)
	status, answer = r.do(t, "POST", "/api/belfry/v1/in/json/pump", `{"deviceId": "P-7", "data": {"level": 1600}}`)
	require.Equal(t, 200, status, answer)
	require.Equal(t, []string{`well_level_m{"asset":"P-7"} 1.6`}, r.newest(t, "well_level_m"))
}
