package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/httpapi/access"
)

// curl posts as cameras do, and returns status and answer.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(tool(t, "curl"), append([]string{"-s", "-w", " %{http_code}"}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// alert is an EventNotificationAlert of now.
func alert(eventType string, more ...string) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">
<ipAddress>10.20.0.64</ipAddress><macAddress>c0:56:e3:01:02:03</macAddress><channelID>1</channelID>
<dateTime>%s</dateTime><activePostCount>1</activePostCount><eventType>%s</eventType><eventState>active</eventState>%s
</EventNotificationAlert>`, time.Now().Format(time.RFC3339), eventType, strings.Join(more, ""))
}

type shown struct {
	ID, Asset, Kind, Domain, Severity, Team, Time, Snapshot, Vendor, Raw string
	KindName                                                             string `json:"kind_name"`
	KindNameZH                                                           string `json:"kind_name_zh"`
	AssetNameZH                                                          string `json:"asset_name_zh"`
	End                                                                  *string
}

func (r *running) events(t *testing.T, query string) (events []shown, next string) {
	t.Helper()
	status, text := r.do(t, http.MethodGet, "/api/belfry/v1/events"+query, "")
	require.Equal(t, 200, status, text)
	var answer struct {
		Events []shown
		Next   string
	}
	require.NoError(t, json.Unmarshal([]byte(text), &answer))
	return answer.Events, answer.Next
}

// sampleOf is the value of the only series that a query finds, or "".
func (r *running) sampleOf(t *testing.T, query string) string {
	t.Helper()
	status, text := r.do(t, http.MethodGet, "/api/v1/query?query="+url.QueryEscape(query), "")
	require.Equal(t, 200, status, text)
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	require.NoError(t, json.Unmarshal([]byte(text), &answer))
	if len(answer.Data.Result) != 1 {
		return ""
	}
	return answer.Data.Result[0].Value[1].(string)
}

func testJPEG(n int) []byte {
	return bytes.Join([][]byte{[]byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"), bytes.Repeat([]byte("x"), n), []byte("\xff\xd9")}, nil)
}

func TestACameraPostsWhatItSeesAndPeopleLookAtIt(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "catalog.yml", `assets:
- {id: CAM-7, domain: camera, name: Camera 7, name_zh: 七号摄像机, street: 解放碑街道, external: {mac: "C0:56:E3:01:02:03"}}
`)
	r := run(t, dir, "catalog: [DIR/catalog.yml]\ninputs: {camera: {heartbeat_timeout: 2s, mappings: {hikvision: {regionEntrance: fire_lane_blocked}}}}")
	put(t, dir, "alert.xml", alert("regionEntrance"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "picture.jpg"), testJPEG(20_000), 0o600))
	in := r.URL() + "/api/belfry/v1/in/hikvision"

	said := curl(t, "-F", "regionEntrance=@"+dir+"/alert.xml;type=application/xml", "-F", "detectionPicture=@"+dir+"/picture.jpg;type=image/jpeg", in)
	require.Equal(t, "{\"events\":1,\"samples\":2}\n 200", said)
	require.Equal(t, said, curl(t, "--data-binary", "@"+dir+"/alert.xml", in), "sent again")
	events, next := r.events(t, "")
	require.Empty(t, next)
	require.Len(t, events, 1)
	got := events[0]
	require.Equal(t, []string{"CAM-7", "七号摄像机", "fire_lane_blocked", "Blocked fire lane", "消防通道占用", "parking", "critical", "urban_management", "hikvision"},
		[]string{got.Asset, got.AssetNameZH, got.Kind, got.KindName, got.KindNameZH, got.Domain, got.Severity, got.Team, got.Vendor})
	_, picture := r.do(t, http.MethodGet, got.Snapshot, "")
	require.True(t, picture == string(testJPEG(20_000)))
	_, whole := r.do(t, http.MethodGet, "/api/belfry/v1/events/"+got.ID, "")
	require.Contains(t, whole, `"raw":"\u003cEventNotificationAlert`)
	require.Equal(t, "1", r.sampleOf(t, `camera_event_confidence{asset="CAM-7",kind="fire_lane_blocked"}`))
	require.Equal(t, "1", r.sampleOf(t, `camera_up{asset="CAM-7"}`))
	require.Eventually(t, func() bool { return r.sampleOf(t, `camera_up{asset="CAM-7"}`) == "0" }, time.Minute, 50*time.Millisecond)
	require.Equal(t, "{\"events\":0,\"samples\":1}\n 200", curl(t, "-d", alert("heartBeat"), in), "as a form, as curl calls it")
	require.Equal(t, "1", r.sampleOf(t, `camera_up{asset="CAM-7"}`))

	status, text := r.do(t, http.MethodGet, "/api/belfry/v1/events?kind=fire_lane_blocked,noise&q=消防&team=urban_management&from=2026-01-01T00:00:00Z", "")
	require.Equal(t, 200, status)
	require.Contains(t, text, got.ID)
	events, _ = r.events(t, "?asset=CAM-8")
	require.Empty(t, events)
}

func TestFrigateReportsOverMQTT(t *testing.T) {
	r := run(t, t.TempDir(), `inputs: {mqtt: {listen: "127.0.0.1:0", topics: [{match: "frigate/#", decoder: frigate}]}}`)
	now := float64(time.Now().Add(-10*time.Second).UnixMilli()) / 1000
	message := func(kind string, end any) string {
		after := map[string]any{
			"id": "1.5-abc", "camera": "gate", "label": "person", "top_score": 0.75, "start_time": now, "frame_time": now + 0.2, "end_time": end,
			"entered_zones": []string{"no_entry"}, "false_positive": false,
		}
		text, err := json.Marshal(map[string]any{"type": kind, "before": after, "after": after})
		require.NoError(t, err)
		return string(text)
	}
	for _, m := range [][2]string{
		{"frigate/available", "online"}, {"frigate/stats", `{"cameras":{"gate":{"camera_fps":5.0}}}`}, {"frigate/gate/person", "1"},
		{"frigate/events", message("new", nil)}, {"frigate/events", message("update", nil)}, {"frigate/events", message("end", now+5)},
	} {
		said, code := publish(t, r.mqtt.addr.String(), "-q", "1", "-t", m[0], "-m", m[1])
		require.Zero(t, code, said)
	}
	events, _ := r.events(t, "")
	require.Len(t, events, 1)
	require.Equal(t, "gate intrusion frigate", events[0].Asset+" "+events[0].Kind+" "+events[0].Vendor)
	require.NotNil(t, events[0].End)
	require.Equal(t, "0.75", r.sampleOf(t, `camera_event_confidence{asset="gate",kind="intrusion"}`))
	require.Equal(t, "1", r.sampleOf(t, `camera_up{asset="gate"}`))
	_, code := publish(t, r.mqtt.addr.String(), "-q", "1", "-t", "frigate/available", "-m", "offline")
	require.Zero(t, code)
	require.Equal(t, "0", r.sampleOf(t, `camera_up{asset="gate"}`))
}

func TestBadMessagesOfCamerasAreRefusedOneByOne(t *testing.T) {
	r := run(t, t.TempDir(), "limits: {body: 100KiB}\n")
	good := alert("VMD")
	for _, c := range []struct{ name, input, body, contentType, reason string }{
		{"truncated", "hikvision", good[:300], "application/xml", "syntax"},
		{"entities", "hikvision", `<!DOCTYPE a [<!ENTITY x "x"><!ENTITY y "&x;&x;">]><EventNotificationAlert><eventType>&y;</eventType></EventNotificationAlert>`, "", "unsupported"},
		{"deep", "hikvision", strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000), "", "too_deep"},
		{"deep", "camera", strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "", "too_deep"},
		{"another boundary", "hikvision", "--a\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n--a--\r\n", "multipart/form-data; boundary=b", "syntax"},
		{"wrong types", "camera", `{"camera":{"a":1},"kind":7.5}`, "", "missing"},
		{"wrong types", "camera", `{"camera":"C","kind":"fire","time":[1]}`, "", "bad_timestamp"},
		{"binary", "camera", "\x00\x01\x02\xff\xfe", "", "invalid_utf8"},
		{"too large", "camera", `{"camera":"` + strings.Repeat("x", 200_000) + `"}`, "", "body_too_large"},
		{"nothing", "hikvision", "", "", "missing"},
	} {
		before := r.opts.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_input_refused_total{input=%q,reason=%q}`, c.input, c.reason)).Get()
		status, text := r.do(t, http.MethodPost, "/api/belfry/v1/in/"+c.input, c.body, "Content-Type", c.contentType)
		require.Contains(t, []int{400, 413}, status, "%s: %s", c.name, text)
		require.Equal(t, before+1, r.opts.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_input_refused_total{input=%q,reason=%q}`, c.input, c.reason)).Get(), "%s: %s", c.name, text)
		status, text = r.do(t, http.MethodPost, "/api/belfry/v1/in/hikvision", good)
		require.Equal(t, 200, status, text)
	}
	list := `[{"camera":"A","kind":"fire"},{"camera":"B"},{"camera":"C","kind":"井盖缺失"}]`
	status, text := r.do(t, http.MethodPost, "/api/belfry/v1/in/camera", list)
	require.Equal(t, 400, status)
	require.JSONEq(t, `{"error":"partial write: 1 refused, 4 samples stored; line 2: missing: want kind, what the camera has seen; there is none (nor type, label, event_type, …)",
		"samples":4,"events":2,"refused":[{"line":2,"reason":"missing","detail":"want kind, what the camera has seen; there is none (nor type, label, event_type, …)"}]}`, text)
	events, _ := r.events(t, "?asset=A&asset=B,C")
	require.Len(t, events, 2)
}

func TestNumberPlatesAreNowhereOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	plates := []string{"渝A12345", "渝B99K88", "京A·88888", "沪C7D8E9"}
	t.Run("posted", func(t *testing.T) {
		r := run(t, dir, `inputs: {mqtt: {listen: "127.0.0.1:0", topics: [{match: "frigate/events", decoder: frigate}]}}`)
		put(t, dir, "anpr.xml", alert("ANPR", "<channelName>闸口 京A·88888</channelName><ANPR><licensePlate>渝A12345</licensePlate><confidenceLevel>97</confidenceLevel></ANPR>"))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "plate.jpg"), append(testJPEG(50), "渝A12345"...), 0o600))
		in := r.URL() + "/api/belfry/v1/in/"
		require.Contains(t, curl(t, "-F", "anpr.xml=@"+dir+"/anpr.xml;type=text/xml", "-F", "licensePlatePicture.jpg=@"+dir+"/plate.jpg;type=image/jpeg", in+"hikvision"), " 200")
		require.Contains(t, curl(t, "-d", `{"camera":"渝B99K88","kind":"illegal_parking","id":"渝B99K88","plate":"渝B99K88","description":"车辆渝B99K88违停","snapshot":"http://x/渝B99K88.jpg"}`, in+"camera?note=沪C7D8E9"), " 200")
		require.Contains(t, curl(t, "-d", `{"camera":"C","kind":"fire","plate":"渝A12345",`, in+"camera"), " 400")
		said, code := publish(t, r.mqtt.addr.String(), "-q", "1", "-t", "frigate/events", "-m",
			`{"type":"new","after":{"id":"9-z","camera":"gate","label":"car","start_time":1777864500.5,"sub_label":["沪C7D8E9",0.9],"recognized_license_plate":"沪C7D8E9","has_snapshot":true}}`)
		require.Zero(t, code, said)
		events, _ := r.events(t, "")
		require.Len(t, events, 3)
		for _, e := range events {
			require.Empty(t, e.Snapshot)
			_, text := r.do(t, http.MethodGet, "/api/belfry/v1/events/"+e.ID, "")
			for _, plate := range plates {
				require.NotContains(t, text, plate)
			}
		}
	})
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, plate := range append(plates, "A12345", "B99K88", "C7D8E9") {
			require.False(t, bytes.Contains(data, []byte(plate)), "%s is in %s", plate, path)
		}
		return nil
	}))
}

func TestEventsAndCamerasAreThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	const text = "inputs: {camera: {heartbeat_timeout: 3s}}"
	t.Run("before", func(t *testing.T) {
		r := run(t, dir, text)
		require.Contains(t, curl(t, "-d", `{"camera":"CAM-1","kind":"fallen_tree","id":"e1"}`, r.URL()+"/api/belfry/v1/in/camera"), " 200")
	})
	r := run(t, dir, text)
	require.Contains(t, curl(t, "-d", `{"camera":"CAM-1","kind":"fallen_tree","id":"e1"}`, r.URL()+"/api/belfry/v1/in/camera?asset=CAM-1"), " 200")
	require.Contains(t, curl(t, "-d", `{"camera":"CAM-2","kind":"heartbeat"}`, r.URL()+"/api/belfry/v1/in/camera"), " 200")
	events, _ := r.events(t, "")
	require.Len(t, events, 1)
	require.Eventually(t, func() bool { return r.sampleOf(t, `count(camera_up == 0)`) == "2" }, time.Minute, 50*time.Millisecond)
}

func TestKindsAndMappingsAreReloaded(t *testing.T) {
	dir := t.TempDir()
	r := run(t, dir, "")
	post := func(id string) shown {
		require.Contains(t, curl(t, "-d", fmt.Sprintf(`{"camera":"CAM-1","kind":"滑板车","id":%q}`, id), r.URL()+"/api/belfry/v1/in/camera"), " 200")
		events, _ := r.events(t, "?limit=1")
		return events[0]
	}
	require.Equal(t, "unknown", post("1").Kind)
	r.opts.Read = func() (*config.Config, error) {
		return config.Parse(filepath.Join(dir, "belfry.yml"), []byte("listen: 127.0.0.1:0\ndata_dir: data\n"+
			"inputs: {camera: {kinds: [{id: scooter, name: Scooter, zh: 滑板车, domain: parking, severity: info, team: volunteers}]}}"))
	}
	_, err := r.Reload(t.Context())
	require.NoError(t, err)
	got := post("2")
	require.Equal(t, "scooter Scooter 滑板车 volunteers", strings.Join([]string{got.Kind, got.KindName, got.KindNameZH, got.Team}, " "))

	r.opts.Read = func() (*config.Config, error) {
		return config.Parse(filepath.Join(dir, "belfry.yml"), []byte("inputs:\n  camera:\n    mappings: {camera: {a: nonsense}}"))
	}
	_, err = r.Reload(t.Context())
	require.ErrorContains(t, err, `belfry.yml:3: inputs.camera: mappings: camera: "a" is mapped to "nonsense", which is no kind`)
	require.Equal(t, "scooter", post("3").Kind, "the running configuration stays")
}

func TestADamagedDatabaseOfEventsDoesNotKeepBelfryFromStarting(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "data", "events"), 0o700))
	put(t, filepath.Join(dir, "data", "events"), "events.db", strings.Repeat("this was a database once. ", 1000))
	r := run(t, dir, "")
	require.Contains(t, curl(t, "-d", `{"camera":"CAM-1","kind":"fire"}`, r.URL()+"/api/belfry/v1/in/camera"), " 200")
	events, _ := r.events(t, "")
	require.Len(t, events, 1)
	files, err := filepath.Glob(filepath.Join(dir, "data", "events", "events.db.damaged-*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
}

func TestWithoutRoomOnTheDiskCamerasAreToldToComeAgain(t *testing.T) {
	r := run(t, t.TempDir(), "disk_reserve: 1000TB\n")
	said := curl(t, "-d", `{"camera":"CAM-1","kind":"fire"}`, r.URL()+"/api/belfry/v1/in/camera")
	require.Contains(t, said, " 503")
	require.Contains(t, said, "the disk is full")
	events, _ := r.events(t, "")
	require.Empty(t, events)
}

func TestACameraMayHaveItsTokenInTheAddress(t *testing.T) {
	secret, hash := access.NewToken()
	reader, readerHash := access.NewToken()
	dir := t.TempDir()
	r := run(t, dir, fmt.Sprintf("auth: {tokens: [{name: cameras, hash: %q, scopes: [write]}, {name: wall, hash: %q, scopes: [read]}]}",
		config.FormatHash(hash), config.FormatHash(readerHash)))
	in := r.URL() + "/api/belfry/v1/in/camera"
	require.Contains(t, curl(t, "-d", `{"camera":"C","kind":"fire"}`, in), " 401")
	require.Contains(t, curl(t, "-d", `{"camera":"C","kind":"fire"}`, in+"?token="+secret), " 200")
	require.Contains(t, curl(t, "-u", "camera:"+secret, "-d", `{"camera":"C","kind":"fight"}`, in), " 200")
	require.Contains(t, curl(t, r.URL()+"/api/belfry/v1/events?token="+secret), " 401")
	require.Contains(t, curl(t, "-u", ":"+secret, r.URL()+"/api/belfry/v1/events"), " 403")
	seen := curl(t, "-u", ":"+reader, r.URL()+"/api/belfry/v1/events")
	require.Contains(t, seen, "fire_smoke")
	labels := curl(t, "-u", ":"+reader, "-G", "--data-urlencode", `query={asset="C"}`, r.URL()+"/api/v1/query")
	require.NotContains(t, seen+labels, secret)
}
