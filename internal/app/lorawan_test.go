package app

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const lorawanCatalog = `assets:
- {id: W17, domain: drainage, name: Well 17, external: {dev_eui: 24-E1-24-13-6A-00-00-01}}
- {id: P5, domain: parking, name: Bay 5, external: {dev_eui: 70B3D5FFFE000005}}
`

// newest asks for the newest value of each series of a selector.
func (r *running) newest(t *testing.T, selector string) (all []string) {
	t.Helper()
	status, text := r.do(t, "GET", "/api/v1/query?query="+url.QueryEscape(selector), "")
	require.Equal(t, 200, status, text)
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &answer))
	for _, s := range answer.Data.Result {
		name := s.Metric["__name__"]
		delete(s.Metric, "__name__")
		labels, err := json.Marshal(s.Metric)
		require.NoError(t, err)
		all = append(all, fmt.Sprintf("%s%s %s", name, labels, s.Value[1]))
	}
	sort.Strings(all)
	return all
}

func chirpstackUplink(eui string, count int, at time.Time, object string) string {
	return fmt.Sprintf(`{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":%q,"deviceInfo":{"devEui":%q,"deviceProfileName":"p"},
		"devAddr":"00189440","fCnt":%d,"fPort":85,"data":"AQ==","object":%s,
		"rxInfo":[{"gatewayId":"0016c001f153a14c","rssi":-57,"snr":10.5}],"txInfo":{"modulation":{"lora":{"spreadingFactor":9}}}}`,
		at.UTC().Format(time.RFC3339Nano), eui, count, object)
}

func TestChirpStackPostsItsEventsAndPublishesThem(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "catalog.yml", lorawanCatalog)
	r := run(t, dir, `
catalog: [catalog.yml]
rules: []
devices: {max: 0}
inputs:
  mqtt: {listen: "127.0.0.1:0", topics: [{match: "application/+application/device/+/event/+", decoder: chirpstack}]}
`)
	now := time.Now()
	// HTTP integration, and the same once more, as a proxy may send it.
	for range 2 {
		status, text := r.do(t, "POST", "/api/belfry/v1/in/chirpstack?event=up", chirpstackUplink("24e124136a000001", 10, now, `{"depth":152,"battery":90}`))
		require.Equal(t, 200, status, text)
	}
	publish := func(event, body string) {
		host, port, _ := strings.Cut(r.mqtt.addr.String(), ":")
		output(t, "mosquitto_pub", "-V", "5", "-h", host, "-p", port, "-q", "1",
			"-t", "application/17c82e96/device/24e124136a000001/event/"+event, "-m", body)
	}
	publish("up", chirpstackUplink("24e124136a000001", 13, now.Add(time.Second), `{"depth":152}`))
	publish("up", chirpstackUplink("24e124136a000001", 14, now.Add(1500*time.Millisecond), `{"depth":153}`))
	publish("status", fmt.Sprintf(`{"time":%q,"deviceInfo":{"devEui":"24e124136a000001"},"margin":7,"batteryLevel":88.5}`, now.Add(2*time.Second).UTC().Format(time.RFC3339Nano)))
	publish("join", fmt.Sprintf(`{"time":%q,"deviceInfo":{"devEui":"24e124136a000001"},"devAddr":"00189441"}`, now.Add(3*time.Second).UTC().Format(time.RFC3339Nano)))
	require.Equal(t, []string{
		`device_battery_percent{"application":"17c82e96","asset":"W17"} 88.5`, `device_battery_percent{"asset":"W17"} 90`,
		`device_rssi_dbm{"application":"17c82e96","asset":"W17"} -57`, `device_rssi_dbm{"asset":"W17"} -57`,
		`device_snr_db{"application":"17c82e96","asset":"W17"} 10.5`, `device_snr_db{"asset":"W17"} 10.5`,
		`lorawan_gateways{"application":"17c82e96","asset":"W17"} 1`, `lorawan_gateways{"asset":"W17"} 1`,
		`lorawan_margin_db{"application":"17c82e96","asset":"W17"} 7`,
		`lorawan_spreading_factor{"application":"17c82e96","asset":"W17"} 9`, `lorawan_spreading_factor{"asset":"W17"} 9`,
		`lorawan_uplinks_lost_total{"application":"17c82e96","asset":"W17"} 2`, `lorawan_uplinks_lost_total{"asset":"W17"} 0`,
		`well_level_m{"application":"17c82e96","asset":"W17"} 1.53`, `well_level_m{"asset":"W17"} 1.52`,
	}, r.newest(t, fmt.Sprintf(`last_over_time({__name__=~"well_.*|device_.*|lorawan_.*"}[1h] @ %d)`, now.Unix()+60)))

	// What is wrong is refused by its place, and the rest is taken.
	good := chirpstackUplink("70b3d5fffe000005", 1, now, `{"parking_status":"OCCUPIED"}`)
	status, text := r.do(t, "POST", "/api/belfry/v1/in/chirpstack", "["+good+`,{"deviceInfo":{}},{"deviceInfo":{"devEui":"24e1"},"fCnt":1}]`)
	require.Equal(t, 400, status)
	require.JSONEq(t, `{"error":"partial write: 2 refused, 6 samples stored; line 2: missing: deviceInfo.devEui is missing; line 3: bad_type: deviceInfo.devEui: want 16 hexadecimal digits; got \"24e1\"","events":0,"samples":6,"refused":[
		{"line":2,"reason":"missing","detail":"deviceInfo.devEui is missing"},
		{"line":3,"reason":"bad_type","detail":"deviceInfo.devEui: want 16 hexadecimal digits; got \"24e1\""}]}`, text)
	require.Equal(t, []string{`parking_bay_occupied{"asset":"P5","source":"geomagnetic"} 1`}, r.newest(t, "parking_bay_occupied"))
}

func TestTheThingsStackPostsItsMessages(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "catalog.yml", lorawanCatalog)
	r := run(t, dir, "catalog: [catalog.yml]\nrules: []\n")
	body, err := os.ReadFile("../../collector/input/lorawan/testdata/tts/up_milesight.json")
	require.NoError(t, err)
	now := time.Now().UTC()
	text := strings.NewReplacer("2026-11-23T08:00:00.700Z", now.Format(time.RFC3339Nano), "24E124136A000011", "24E124136A000001").Replace(string(body))
	status, answer := r.do(t, "POST", "/api/belfry/v1/in/tts", text)
	require.Equal(t, 200, status, answer)
	require.JSONEq(t, `{"samples":7,"events":0}`, answer)
	require.Equal(t, []string{`well_level_m{"asset":"W17"} 1.52`}, r.newest(t, "well_level_m"))
}
