package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"
	"github.com/stretchr/testify/require"

	decode "github.com/belfry-city/belfry/collector/input/parking"
	"github.com/belfry-city/belfry/internal/config"
)

// values are those of an instant query, by asset and source.
func (r *running) values(t *testing.T, expr string) map[string]string {
	t.Helper()
	status, text := r.do(t, http.MethodGet, "/api/v1/query?query="+url.QueryEscape(expr), "")
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
	got := map[string]string{}
	for _, x := range answer.Data.Result {
		got[strings.TrimSpace(x.Metric["asset"]+" "+x.Metric["source"])] = x.Value[1].(string)
	}
	return got
}

func (r *running) post(t *testing.T, path, body string) (status int, text string) {
	t.Helper()
	return r.do(t, http.MethodPost, "/api/belfry/v1/in/"+path, body, "Content-Type", "application/json")
}

func TestABayIsTimedOverARestart(t *testing.T) {
	dir := t.TempDir()
	began := time.Now().Add(-3 * time.Hour).Truncate(time.Second)
	t.Run("first life", func(t *testing.T) {
		r := run(t, dir, "")
		status, text := r.post(t, "parking", fmt.Sprintf(`[{"asset":"B1","occupied":true,"time":%d},{"asset":"B2","occupied":false,"time":%d}]`, began.Unix(), began.Unix()))
		require.Equal(t, 200, status, text)
		require.JSONEq(t, `{"samples":2,"events":0}`, text)
		require.Eventually(t, func() bool { return len(r.values(t, "parking_bay_occupied_since_timestamp_seconds")) == 1 }, time.Minute, 50*time.Millisecond,
			"what a late reading says is there after a refresh")
	})
	r := run(t, dir, "")
	since := fmt.Sprint(began.Unix())
	require.Eventually(t, func() bool {
		return r.values(t, "parking_bay_occupied_since_timestamp_seconds")["B1 geomagnetic"] == since
	}, time.Minute, 50*time.Millisecond)
	freed := time.Now()
	status, text := r.post(t, "parking?asset=B1", fmt.Sprintf(`{"state":"free","time":%d}`, freed.UnixMilli()))
	require.Equal(t, 200, status, text)
	require.Empty(t, r.values(t, "parking_bay_occupied_since_timestamp_seconds"))
	require.Equal(t, map[string]string{"B1 geomagnetic": fmt.Sprint(float64(freed.UnixMilli()-began.UnixMilli()) / 1000)}, r.values(t, "parking_stay_seconds"))
	require.Equal(t, "1", r.values(t, "parking_bay_stays_total")["B1 geomagnetic"])
}

func TestParkingOfManyFormatsOverHTTP(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "catalog.yml", "assets:\n- {id: P-north, domain: parking, external: {ngsi: 'urn:ngsi-ld:OffStreetParking:7'}}\n")
	r := run(t, dir, `
timezone: Asia/Shanghai
catalog: [DIR/catalog.yml]
inputs: {parking: {grace: 1s, source: radar, columns: {biler: occupied, pladser: capacity, hus: lot}}}
`)
	local := time.Now().In(r.cfg.Timezone).Add(-time.Minute).Format("2006-01-02 15:04:05.000")
	for _, c := range []struct{ path, body string }{
		{"ngsi", `{"subscriptionId":"s","data":[{"id":"urn:ngsi-ld:OffStreetParking:7","type":"OffStreetParking","totalSpotNumber":{"type":"Property","value":200},"availableSpotNumber":{"type":"Property","value":50}}]}`},
		{"parking", "garagecode,vehiclecount,totalspaces,updatetime\nBRUUNS,477,954," + local + "\n"},
		{"parking", "hus;biler;pladser\nsouth;1;4\n"},
		{"parking", `{"id":"apds","hierarchyElementReference":{"elementId":{"id":"apds","version":1},"supply":[{"supplyQuantity":10}],"demandTable":[{"demandType":[{"count":9}]}]}}`},
	} {
		status, text := r.post(t, c.path, c.body)
		require.Equal(t, 200, status, text)
		require.JSONEq(t, `{"samples":2,"events":0}`, text)
	}
	require.Equal(t, map[string]string{"P-north": "0.75", "BRUUNS": "0.5", "south": "0.25", "apds": "0.9"}, r.values(t, "parking_lot_occupancy_ratio"))

	status, text := r.post(t, "parking", `[{"asset":"B1","occupied":0},{"asset":"B1","occupied":1,"source":"handheld"},{"asset":"B2","occupied":"x"},{"asset":"B3","occupied":1,"time":"2014-05-22 09:09:04"}]`)
	require.Equal(t, 400, status)
	require.Contains(t, text, `"samples":2`)
	require.Contains(t, text, `{"line":3,"reason":"bad_type"`)
	require.Contains(t, text, `{"line":4,"reason":"too_old"`)
	require.Equal(t, map[string]string{"B1 radar": "0", "B1 handheld": "1"}, r.values(t, "parking_bay_occupied"))
	require.Eventually(t, func() bool { return r.values(t, "parking_bay_disagreement")["B1"] == "1" }, time.Minute, 50*time.Millisecond)
	_, text = r.do(t, http.MethodGet, "/metrics", "")
	require.Contains(t, text, `belfry_input_refused_total{input="parking",reason="bad_type"} 1`)
}

func TestAWrongColumnIsSaidWithItsLine(t *testing.T) {
	_, err := config.Parse("x.yml", []byte("inputs:\n  parking:\n    columns: {biler: ocupied}\n    grace: soon\n"))
	require.ErrorContains(t, err, "x.yml:3: inputs.parking.columns.biler: want one of asset, ")
	require.ErrorContains(t, err, "x.yml:4: inputs.parking.grace: want a duration such as 2m")
	require.Equal(t, decode.Columns(), config.ParkingColumns())
}

// Whatever is sent, and however it is refused: no plate gets to the disk.
func TestNoPlateIsOnDisk(t *testing.T) {
	dir := t.TempDir()
	const chinese, foreign = "渝A8X3K6", "QX17ZKJ"
	t.Run("a day with plates", func(t *testing.T) {
		r := run(t, dir, "")
		for _, c := range []struct{ path, body string }{
			{"parking", `{"asset":"B1","occupied":true,"plate":"P1"}`},
			{"parking", `{"asset":"bay of P0","occupied":true,"source":"P0","lot":"P0"}`},
			{"parking", `{"asset":"B2","occupied":"P0"}`},
			{"parking", "asset,occupied,plate\nB3,1,P1\nB4,P0,P1\n"},
			{"parking?plate=P1&license_plate=P0", `{"asset":"B5","occupied":1}`},
			{"ngsi", `{"id":"urn:P0","type":"ParkingSpot","status":"occupied","licensePlate":{"type":"Property","value":"P1"}}`},
			{"camera", `{"id":"e1 P0","camera":"gate 1","event":"illegal_parking","plate":"P1","description":"P1 and P0","snapshot":"http://h/P1_P0.jpg"}`},
			{"camera", `{"id":"e2","camera":"P0","event":"P0","licensePlate":"P1"}`},
			{"hikvision", `<EventNotificationAlert version="2.0"><ipAddress>10.0.0.7</ipAddress><channelID>1</channelID><dateTime>NOW</dateTime><activePostCount>1</activePostCount>` +
				`<eventType>ANPR</eventType><eventState>active</eventState><eventDescription>ANPR P0</eventDescription><channelName>gate</channelName>` +
				`<ANPR><licensePlate>P1</licensePlate><originalLicensePlate>P0</originalLicensePlate></ANPR><picName>1_P1_P0.jpg</picName></EventNotificationAlert>`},
			{"parking", `{"asset":"B6","note":"P0`},
		} {
			body := strings.NewReplacer("P0", chinese, "P1", foreign, "NOW", time.Now().Format(time.RFC3339)).Replace(c.body)
			path := strings.NewReplacer("P0", url.QueryEscape(chinese), "P1", foreign).Replace(c.path)
			status, text := r.post(t, path, body)
			require.Contains(t, []int{200, 400}, status, text)
		}
		status, text := r.do(t, http.MethodPost, "/write", "gate,asset=G1,plate="+foreign+",cam=g1,car="+chinese+",渝A66X66=1 cars=1\n")
		require.Equal(t, 204, status, text)
		status, text = r.do(t, http.MethodPost, "/write", "gate,asset="+chinese+",cam=g2 cars=1\n"+chinese+",asset=x v=1\n")
		require.Equal(t, 400, status)
		require.Equal(t, 2, strings.Count(text, `"reason":"bad_series"`), text)
		require.Equal(t, map[string]string{"G1": "1"}, r.values(t, `gate_cars{cam="g1",asset="G1",car="[removed]"}`))
		require.Empty(t, r.values(t, `gate_cars{cam="g2"}`))
		require.Eventually(t, func() bool { return len(r.values(t, "parking_bay_stays_total")) > 2 }, time.Minute, 50*time.Millisecond)
		require.Empty(t, r.values(t, `{asset=~".*removed.*",__name__=~"parking.*"}`))
		_, events := r.do(t, http.MethodGet, "/api/belfry/v1/events", "")
		require.Contains(t, events, "gate 1")
		require.NotContains(t, events, chinese)
		require.NotContains(t, events, foreign)
	})
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, plate := range []string{chinese, foreign, url.QueryEscape(chinese), "A8X3K6"} {
			at := bytes.Index(data, []byte(plate))
			require.Negative(t, at, "%s is in %s: %q", plate, path, data[max(0, at-80):max(0, min(at+80, len(data)))])
		}
		return nil
	}))
}

// Senders and proxies log what they are answered.
func TestNoAnswerRepeatsAPlate(t *testing.T) {
	r := run(t, t.TempDir(), "")
	const chinese, foreign = "渝A8K3X7", "KA66ZZ6666"
	series := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels:  []prompb.Label{{Name: "__name__", Value: "a"}, {Name: "asset", Value: chinese}, {Name: "z", Value: chinese}},
		Samples: []prompb.Sample{{Value: 1, Timestamp: time.Now().UnixMilli()}},
	}}}
	raw, err := series.Marshal()
	require.NoError(t, err)
	const in = "/api/belfry/v1/in/"
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{in + "parking", `{"asset":"B1","occupied":"渝A8K3X7"}`, 400},
		{in + "parking", "asset,occupied\nB1,渝A8K3X7\n", 400},
		{in + "parking?asset=B1&plate_no=KA66ZZ6666", "KA66ZZ6666", 400},
		{in + url.PathEscape(chinese), "{}", 404},
		{in + "parking?" + url.QueryEscape(chinese) + "=1", "{}", 400},
		{"/write?precision=" + url.QueryEscape(chinese), "a v=1", 400},
		{"/write", "a,asset=渝A8K3X7 v=1\na v=渝A8K3X7\n", 400},
		{"/api/v2/write?bucket=b", "a,asset=渝A8K3X7 v=1\n", 400},
		{"/api/v1/write", string(snappy.Encode(nil, raw)), 400},
		{"/api/v1/otlp/v1/metrics", `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"渝A8K3X7","gauge":{"dataPoints":[{"asDouble":1}]}}]}]}]}`, 200},
		{"/api/v1/otlp/v1/metrics", `{"resourceMetrics":"渝A8K3X7"}`, 400},
	} {
		header := []string{"Content-Type", "application/json"}
		if c.path == "/api/v1/write" {
			header = []string{"Content-Encoding", "snappy"}
		}
		status, text := r.do(t, http.MethodPost, c.path, c.body, header...)
		require.Equal(t, c.status, status, "%s: %s", c.path, text)
		require.NotEmpty(t, text)
		require.NotContains(t, text, "8K3X7", c.path)
		require.NotContains(t, text, foreign, c.path)
	}
}
