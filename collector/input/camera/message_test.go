package camera_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/collector/reading"
)

// jpeg looks like one, from its first byte to its last.
func jpeg(n int) []byte {
	return bytes.Join([][]byte{[]byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"), bytes.Repeat([]byte("x"), n), []byte("\xff\xd9")}, nil)
}

func golden(t testing.TB, file string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return body
}

// form is a multipart message; parts are name, type and content in turns.
func form(t testing.TB, kind string, parts ...any) *input.Message {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	require.NoError(t, w.SetBoundary("MIME_boundary"))
	for i := 0; i < len(parts); i += 3 {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename=%q`, parts[i], parts[i]))
		if parts[i+1] != "" {
			h.Set("Content-Type", parts[i+1].(string))
		}
		p, err := w.CreatePart(h)
		require.NoError(t, err)
		switch content := parts[i+2].(type) {
		case string:
			_, err = p.Write([]byte(content))
		case []byte:
			_, err = p.Write(content)
		}
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return &input.Message{Body: body.Bytes(), ContentType: kind + "; boundary=MIME_boundary"}
}

func TestPicturesComeWithTheirEvents(t *testing.T) {
	alert := golden(t, "hikvision/fielddetection.xml")
	small, large := jpeg(100), jpeg(5000)
	for name, m := range map[string]*input.Message{
		"form-data":         form(t, "multipart/form-data", "fielddetection", "text/xml", alert, "thumb.jpg", "image/jpeg", small, "detectionPicture.jpg", "image/jpeg", large),
		"mixed":             form(t, "multipart/mixed", "a", "application/xml; charset=UTF-8", alert, "b", "image/pjpeg", large),
		"without types":     form(t, "multipart/form-data", "a", "", alert, "b", "", large),
		"pictures in front": form(t, "multipart/form-data", "b", "image/jpeg", large, "a", "text/xml", alert),
	} {
		t.Run(name, func(t *testing.T) {
			got := newCity(t).decode(t, camera.Hikvision, m)
			require.Empty(t, got.refusals())
			require.Len(t, got.Events, 1)
			require.True(t, bytes.Equal(large, got.Events[0].Picture))
			require.Equal(t, "image/jpeg", got.Events[0].PictureType)
		})
	}
}

func TestMultipartIsTakenAsDevicesWriteIt(t *testing.T) {
	m := form(t, "multipart/form-data", "a", "application/xml", golden(t, "hikvision/fielddetection.xml"), "b", "image/jpeg", jpeg(10))
	for _, header := range []string{"multipart/form-data, boundary=MIME_boundary", `multipart/form-data;boundary="MIME_boundary"`, "multipart/form-data", "", "application/octet-stream"} {
		got := newCity(t).decode(t, camera.Hikvision, &input.Message{Body: m.Body, ContentType: header})
		require.Empty(t, got.refusals(), header)
		require.Len(t, got.Events, 1, header)
		require.NotNil(t, got.Events[0].Picture, header)
	}
	unix := &input.Message{Body: bytes.ReplaceAll(m.Body, []byte("\r\n"), []byte("\n")), ContentType: m.ContentType}
	require.Len(t, newCity(t).decode(t, camera.Hikvision, unix).Events, 1)
	stream := &input.Message{Body: bytes.TrimSuffix(m.Body, []byte("--MIME_boundary--\r\n")), ContentType: m.ContentType} // never closed
	got := newCity(t).decode(t, camera.Hikvision, stream)
	require.Empty(t, got.refusals())
	require.NotNil(t, got.Events[0].Picture)
}

func TestBrokenMultipartIsRefusedAndWhatIsWholeIsTaken(t *testing.T) {
	alert := golden(t, "hikvision/fielddetection.xml")
	m := form(t, "multipart/form-data", "a", "application/xml", alert, "b", "image/jpeg", jpeg(3000))
	for name, c := range map[string]struct {
		body        []byte
		contentType string
		events      int
		want        string
	}{
		"another boundary":  {m.Body, "multipart/form-data; boundary=other", 0, `1 syntax: no part begins with the boundary "other"`},
		"no boundary":       {[]byte("hello"), "multipart/form-data", 0, "1 syntax: the message is multipart/form-data, but names no boundary between its parts, nor has one"},
		"cut in a picture":  {m.Body[:len(m.Body)-500], m.ContentType, 1, "1 incomplete: part 2, a picture, is cut off; the event is taken without it"},
		"cut in the text":   {m.Body[:600], m.ContentType, 0, "1 syntax: line 13, column 8: no XML: it ends in the middle"},
		"a picture alone":   {jpeg(100), "image/jpeg", 0, "1 unsupported: a picture alone, without a message that says what it shows"},
		"pictures only":     {form(t, "", "b", "image/jpeg", jpeg(10)).Body, m.ContentType, 0, "1 missing: no part is a message in XML or JSON"},
		"nothing":           {nil, m.ContentType, 0, `1 syntax: no part begins with the boundary "MIME_boundary"`},
		"nothing at all":    {nil, "", 0, "1 missing: the message is empty"},
		"text and text":     {[]byte("<a>b</a>c"), "", 0, "1 bad_type: want an EventNotificationAlert; got something that is no object|2 syntax: text outside of an element: \"c\""},
		"a bad neighbour":   {form(t, "", "a", "", "<Event", "b", "", alert).Body, m.ContentType, 1, "1 syntax: line 1, column 7: no XML: it ends in the middle"},
		"neither, nor":      {[]byte("\xff\xd0\x80\x80\x81"), "", 0, "1 invalid_utf8: the text is neither in UTF-8 nor in GB 18030 (GBK)"},
		"a hundred parts":   {form(t, "", manyParts(101)...).Body, m.ContentType, 0, "1 too_large"},
		"a broken property": {[]byte(`{"ipAddress":"1.2.3.4","eventType":["VMD"]}`), "", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := newCity(t).decode(t, camera.Hikvision, &input.Message{Body: c.body, ContentType: c.contentType})
			require.Len(t, got.Events, c.events)
			if strings.HasSuffix(c.want, "too_large") {
				require.Contains(t, strings.Join(got.refusals(), "|"), "body_too_large: more than 100 parts; the rest is not taken")
				return
			}
			require.Equal(t, c.want, strings.Join(got.refusals(), "|"))
		})
	}
}

func manyParts(n int) (parts []any) {
	for range n {
		parts = append(parts, "x", "", "y")
	}
	return parts
}

func TestLargePicturesAndStrangeOnesAreLeftOut(t *testing.T) {
	c := newCity(t, func(o *camera.Options) { o.MaxPicture = 1000 })
	alert := golden(t, "hikvision/fielddetection.xml")
	got := c.decode(t, camera.Hikvision, form(t, "multipart/form-data", "a", "text/xml", alert, "b", "image/jpeg", jpeg(1001), "c", "image/jpeg", "<html>"))
	require.Nil(t, got.Events[0].Picture)
	got = c.decode(t, camera.Hikvision, form(t, "multipart/form-data", "a", "text/xml", alert, "b", "image/svg+xml", "no picture"))
	require.Nil(t, got.Events[0].Picture)
	require.EqualValues(t, 1, c.set.GetOrCreateCounter(`belfry_camera_pictures_dropped_total{reason="too_large"}`).Get())
	require.EqualValues(t, 1, c.set.GetOrCreateCounter(`belfry_camera_pictures_dropped_total{reason="unreadable"}`).Get())
}

func TestPicturesInJSONAreTakenOutOfIt(t *testing.T) {
	picture := jpeg(3000)
	body := fmt.Sprintf(`{"camera":"CAM-9","kind":"fire","time":1777864802,"image":%q,"thumb":"data:image/png;base64,AAAA","feature":%q}`,
		base64.StdEncoding.EncodeToString(picture), base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("f"), 4000)))
	got := newCity(t).decode(t, camera.Generic, &input.Message{Body: []byte(body)})
	require.True(t, bytes.Equal(picture, got.Events[0].Picture))
	require.JSONEq(t, `{"camera":"CAM-9","kind":"fire","time":1777864802,"image":"(removed)","thumb":"(removed)","feature":"(removed)"}`, string(got.Events[0].Raw))
	got = newCity(t).decode(t, camera.Generic, form(t, "multipart/form-data",
		"camera", "", "CAM-9", "kind", "", "fire", "time", "", "1777864802", "picture.jpg", "image/jpeg", picture))
	require.Empty(t, got.refusals())
	require.True(t, bytes.Equal(picture, got.Events[0].Picture))
	require.Equal(t, "fire_smoke", got.Events[0].Kind)
}

func TestNoPlateIsInAnythingThatIsMade(t *testing.T) {
	plates := []string{"渝A12345", "渝B99K88", "ABC1234", "京A·88888", "京A88888", "99,99"}
	picture := jpeg(100)
	var messages []*input.Message
	names := []string{camera.Hikvision, camera.Hikvision, camera.Frigate, camera.Frigate, camera.Generic}
	for i, file := range []string{"hikvision/anpr.xml", "hikvision/mixed_target.json", "frigate/events.car.json", "frigate/reviews.alert.json", "camera/plate.json"} {
		m := &input.Message{Body: golden(t, file)}
		if names[i] != camera.Frigate {
			m = form(t, "multipart/form-data", "event", "", golden(t, file), "licensePlatePicture.jpg", "image/jpeg", picture, "detectionPicture.jpg", "image/jpeg", picture)
		}
		messages = append(messages, m)
	}
	vehicle := bytes.Replace(golden(t, "hikvision/fielddetection.xml"), []byte("fielddetection</eventType>"), []byte("vehicledetection</eventType>"), 1)
	messages, names = append(messages, form(t, "multipart/form-data", "e", "", vehicle, "p", "image/jpeg", picture)), append(names, camera.Hikvision)
	for i, m := range messages {
		got := newCity(t).decode(t, names[i], m)
		require.Empty(t, got.refusals())
		require.Len(t, got.Events, 1)
		require.Nil(t, got.Events[0].Picture, "the picture of event %d", i)
		said := got.spelled(t) + got.Events[0].Snapshot
		for _, plate := range plates {
			require.NotContains(t, said, plate)
		}
	}
}

func TestTheCameraIsFoundInTheCatalog(t *testing.T) {
	assets, err := catalog.Parse("catalog.yml", []byte(`assets:
  - {id: CAM-BY-IP, external: {ip: 10.20.0.64}}
  - {id: CAM-BY-MAC, external: {mac: "C0-56-E3-01-02-04"}}
  - {id: CAM-BY-SERIAL, external: {serial: DS-7608N0120260101CCWR000000001/34}}
  - {id: CAM-OF-RECORDER, external: {channel: NVR-1/34}}
  - {id: CAM-BY-SENDER, external: {ip: 10.20.0.99}}
  - {id: CAM-FRIGATE, external: {frigate: front_door}}
  - {id: CAM-GENERIC, external: {camera: BOX-1}}
`))
	require.NoError(t, err)
	c := newCity(t, func(o *camera.Options) { o.Catalog = func() *catalog.Catalog { return assets } })
	asset := func(decoder, file string, m input.Message) string {
		m.Body = golden(t, file)
		got := c.decode(t, decoder, &m)
		require.Empty(t, got.refusals())
		require.NotEmpty(t, got.Events)
		return got.Events[0].Asset
	}
	named := func(name string) input.Message {
		return input.Message{Labels: []input.Label{{Name: "asset", Value: name}}}
	}
	require.Equal(t, "CAM-BY-IP", asset(camera.Hikvision, "hikvision/fielddetection.xml", input.Message{}))
	require.Equal(t, "CAM-7", asset(camera.Hikvision, "hikvision/fielddetection.xml", named("CAM-7")))
	require.Equal(t, "CAM-BY-MAC", asset(camera.Hikvision, "hikvision/aiop.json", input.Message{}))
	require.Equal(t, "CAM-BY-SERIAL", asset(camera.Hikvision, "hikvision/recorder_channel.xml", input.Message{}))
	require.Equal(t, "CAM-OF-RECORDER", asset(camera.Hikvision, "hikvision/recorder_channel.xml", named("NVR-1")))
	require.Equal(t, "CAM-BY-SENDER", asset(camera.Hikvision, "hikvision/bad_no_camera.json", input.Message{Sender: "10.20.0.99:41022"}))
	require.Equal(t, "CAM-FRIGATE", asset(camera.Frigate, "frigate/events.new.json", input.Message{Topic: "frigate/events"}))
	require.Equal(t, "CAM-GENERIC", asset(camera.Generic, "camera/objects.json", named("ANOTHER")))
	require.Equal(t, "BY-URL", asset(camera.Generic, "camera/one.json", named("BY-URL")), "CAM-9 is not in the catalog")
}

func TestTwoThingsInOneSecondAreNoConflict(t *testing.T) {
	c := newCity(t)
	say := func(confidence float64) decoded {
		return c.decode(t, camera.Generic, &input.Message{Body: fmt.Appendf(nil, `{"camera":"CAM-9","kind":"fire","time":1777864802,"confidence":%v}`, confidence)})
	}
	up := `camera_up{asset="CAM-9"} 1 @2026-05-04T13:06:40.000Z`
	sample := `camera_event_confidence{asset="CAM-9",kind="fire_smoke"} 0.5 @2026-05-04T03:20:02.000Z`
	first, second, again := say(0.5), say(0.6), say(0.5)
	require.Equal(t, []string{up, sample}, first.samples(t))
	require.Equal(t, []string{up}, second.samples(t), "the series has a value there already")
	require.Equal(t, []string{up, sample}, again.samples(t), "the same is no conflict")
	require.Len(t, second.Events, 1)
}

func TestUnknownKindsAreKeptAndCounted(t *testing.T) {
	c := newCity(t)
	got := c.decode(t, camera.Hikvision, &input.Message{Body: golden(t, "hikvision/unknown.xml")})
	require.Equal(t, "unknown spaceshipLanding", got.Events[0].Kind+" "+got.Events[0].VendorKind)
	require.EqualValues(t, 1, c.set.GetOrCreateCounter(`belfry_camera_unknown_kinds_total{vendor="hikvision"}`).Get())
}

func TestEndsAndBeginningsOfGenericEvents(t *testing.T) {
	c := newCity(t)
	var phases []string
	for _, body := range []string{
		`{"camera":"C","kind":"fire","id":"1","state":"start","time":1777864802}`,
		`{"camera":"C","kind":"fire","id":"1","phase":"ongoing","time":1777864803,"start_time":1777864802}`,
		`{"camera":"C","kind":"fire","id":"1","start_time":1777864802,"end_time":1777864810}`,
		`{"camera":"C","kind":"fire","action":"stop","time":"20260504T112005+0800"}`,
		`{"camera":"C","kind":"fire","time":"2026/05/04 11:20:05"}`,
	} {
		e := c.decode(t, camera.Generic, &input.Message{Body: []byte(body)}).Events[0]
		id, _, _ := strings.Cut(e.ID, "-")
		phases = append(phases, fmt.Sprintf("%s %q %s %s %s", id, e.Phase, stamp(e.Time)[11:19], stamp(e.Updated)[11:19], stamp(max(e.End, 1))[11:19]))
	}
	require.Equal(t, []string{
		`1 "begin" 03:20:02 03:20:02 00:00:00`,
		`1 "update" 03:20:02 03:20:03 00:00:00`,
		`1 "end" 03:20:02 03:20:02 03:20:10`,
		`fire "end" 03:20:05 03:20:05 03:20:05`,
		`content "" 03:20:05 03:20:05 00:00:00`,
	}, phases)
}

func TestMessagesThatWouldTakeTooLongAreRefused(t *testing.T) {
	c := newCity(t)
	for name, body := range map[string]string{
		"things": `{"camera":"C","objects":[` + strings.TrimSuffix(strings.Repeat(`{"kind":"fire"},`, 1001), ",") + `]}`,
		"fields": `{"camera":"C","objects":[{"kind":"fire"}]` + func() string {
			var b strings.Builder
			for i := range 600 {
				_, _ = fmt.Fprintf(&b, `,"f%d":1`, i)
			}
			return b.String()
		}() + `}`,
	} {
		got := c.decode(t, camera.Generic, &input.Message{Body: []byte(body)})
		require.Equal(t, []string{"1 body_too_large: more than 1000 things in a message, or more than 500 fields around them"}, got.refusals(), name)
	}
	many := "<EventNotificationAlert>" + strings.Repeat("<a/>", 100_001) + "</EventNotificationAlert>"
	got := c.decode(t, camera.Hikvision, &input.Message{Body: []byte(many)})
	require.Equal(t, []string{"1 body_too_large: more than 100000 elements in one message"}, got.refusals())
}

func TestEventsOfFrigateAreOfItsCamerasWhateverThePrefix(t *testing.T) {
	c := newCity(t)
	for _, topic := range []string{"frigate/events", "city/frigate-2/events", "events", ""} {
		got := c.decode(t, camera.Frigate, &input.Message{Body: golden(t, "frigate/events.new.json"), Topic: topic})
		require.Equal(t, "front_door", got.Events[0].Asset, topic)
	}
	for _, topic := range []string{"frigate/front_door/person", "frigate/front_door/person/snapshot", "frigate/restart", "frigate/tracked_object_update"} {
		got := c.decode(t, camera.Frigate, &input.Message{Body: jpeg(10), Topic: topic})
		require.Equal(t, decoded{&reading.Batch{Raw: got.Raw}}.spelled(t), got.spelled(t), "%s is passed over", topic)
	}
	require.NotEmpty(t, c.decode(t, camera.Frigate, &input.Message{Body: []byte("hm"), Topic: "frigate/available"}).refusals())
	require.NotEmpty(t, c.decode(t, camera.Frigate, &input.Message{Body: []byte("hm"), Topic: "frigate/x/status/detect"}).refusals())
	require.NotEmpty(t, c.decode(t, camera.Frigate, &input.Message{Body: []byte("{}"), Topic: "frigate/stats"}).refusals())
	require.NotEmpty(t, c.decode(t, camera.Frigate, &input.Message{Body: []byte("{"), Topic: "frigate/stats"}).refusals())
}

func TestWhenFrigateStopsItsCamerasAreDown(t *testing.T) {
	c := newCity(t)
	say := func(topic, body string) []string {
		return c.decode(t, camera.Frigate, &input.Message{Body: []byte(body), Topic: topic, Labels: []input.Label{{Name: "district", Value: "yuzhong"}}}).samples(t)
	}
	up := func(name string, v int) string {
		return fmt.Sprintf(`camera_up{asset=%q,district="yuzhong"} %d @2026-05-04T13:06:40.000Z`, name, v)
	}
	require.Equal(t, []string{up("a", 1)}, say("f1/a/status/detect", "online"))
	require.Equal(t, []string{up("b", 1)}, say("f1/b/status/detect", "online"))
	require.Equal(t, []string{up("c", 1)}, say("f2/stats", `{"cameras":{"c":{"camera_fps":5}}}`))
	require.Equal(t, []string{up("b", 0)}, say("f1/b/status/record", "offline"))
	require.Empty(t, say("f1/available", "online"))
	require.Equal(t, []string{up("a", 0)}, say("f1/available", "offline"), "b is down already, and c another Frigate's")
	require.Equal(t, []string{up("c", 0)}, say("f2/stats", `{"cameras":{"c":{"camera_fps":0}}}`))
	require.Empty(t, say("f2/c/status/detect", "disabled"))
	require.Empty(t, say("f2/stats", `{"cameras":{"c":{"camera_fps":0}}}`), "it is switched off, and not down")
	require.Equal(t, []string{up("c", 1)}, say("f2/c/status/detect", "online"))
}

func TestACameraThatNeverWorkedIsDown(t *testing.T) {
	c := newCity(t)
	down := func(name string) []string {
		return []string{fmt.Sprintf(`camera_up{asset=%q} 0 @2026-05-04T13:06:40.000Z`, name)}
	}
	say := func(decoder, topic, body string) []string {
		return c.decode(t, decoder, &input.Message{Body: []byte(body), Topic: topic}).samples(t)
	}
	require.Equal(t, down("deadcam"), say(camera.Frigate, "frigate/stats", `{"cameras":{"deadcam":{"camera_fps":0}}}`))
	require.Equal(t, down("cam99"), say(camera.Frigate, "frigate/cam99/status/detect", "offline"))
	require.Equal(t, down("HB2"), say(camera.Generic, "", `{"camera":"HB2","status":"offline"}`))
	require.Empty(t, say(camera.Frigate, "other/available", "offline"), "of its cameras nothing is known")
	require.Empty(t, say(camera.Frigate, "frigate/new/status/detect", "disabled"))
	require.Empty(t, say(camera.Frigate, "frigate/stats", `{"cameras":{"new":{"camera_fps":0}}}`))
}

// TestNoPasswordIsInAnythingThatIsMade has boxes that call a camera by the
// address of its stream.
func TestNoPasswordIsInAnythingThatIsMade(t *testing.T) {
	for address, want := range map[string]string{
		`rtsp://u:secret@10.0.0.9/1`:               "rtsp://10.0.0.9/1",
		`rtsp:\/\/u:secret@10.0.0.9\/1`:            "rtsp://10.0.0.9/1",
		`rtsp://u:p@secret@10.0.0.9:554/1`:         "rtsp://10.0.0.9:554/1",
		`rtsp://u:a/secret@10.0.0.9/1`:             "rtsp://10.0.0.9/1",
		`http://10.0.0.9:80/1@2x?usr=a&pwd=secret`: "http://10.0.0.9:80/1@2x?usr=a&pwd=***",
	} {
		for _, body := range []string{
			`{"source":"URL","predictions":[{"class":"fire","confidence":0.5,"description":"of URL"},{"class":"smoke"}]}`,
			`{"camera":"URL","kind":"fire","snapshot":"URL","id":"URL"}`,
			`{"camera":"URL","status":"offline"}`,
			`{"camera":"URL","kind":"fire","confidence":"URL"}`,
		} {
			body = strings.ReplaceAll(body, "URL", address)
			got := newCity(t).decode(t, camera.Generic, &input.Message{Body: []byte(body)})
			said := got.spelled(t)
			for _, r := range got.Refusals {
				said += string(r.Raw)
			}
			require.Contains(t, said, fmt.Sprintf("asset=%q", want), body)
			require.NotContains(t, said, "secret", body)
		}
	}
	assets, err := catalog.Parse("catalog.yml", []byte(`assets: [{id: CAM-1, external: {camera: "rtsp://10.0.0.9/1"}}]`))
	require.NoError(t, err)
	c := newCity(t, func(o *camera.Options) { o.Catalog = func() *catalog.Catalog { return assets } })
	got := c.decode(t, camera.Generic, &input.Message{Body: []byte(`{"source":"rtsp://u:secret@10.0.0.9/1","kind":"fire"}`)})
	require.Equal(t, "CAM-1", got.Events[0].Asset)
}

func TestKindsAreFoundUnderTheNamesThatBoxesUse(t *testing.T) {
	c := newCity(t)
	for body, want := range map[string]string{
		`{"camera":"C","eventName":"fire"}`:                                   "fire_smoke",
		`{"camera":"C","AlertType":"Missing manhole cover"}`:                  "manhole_cover_missing",
		`{"Code":"CrossRegionDetection","action":"Start","channel":"C"}`:      "intrusion",
		`{"code":0,"msg":"ok","data":{"camera":"C","kind":"fire"}}`:           "fire_smoke",
		`{"camera":"C","kind":["fire"]}`:                                      "fire_smoke",
		`{"camera":"C","id":"1","kind":["fire","井盖缺失"],"confidence":0.5}`:     "fire_smoke manhole_cover_missing",
		`{"camera":"C","kind":["fire",["x"],"noise"]}`:                        `fire_smoke noise|1 bad_type: want texts in the list kind; got a list`,
		`{"camera":"C","kind":{"name":"fire"}}`:                               `|1 bad_type: want a text as kind, or a list of texts; got an object`,
		`{"camera":"C","kind":["heartbeat"]}`:                                 "",
		`{"camera":"C","objects":[{"label":["fire","noise"]},{"label":"x"}]}`: "fire_smoke noise unknown",
	} {
		got := c.decode(t, camera.Generic, &input.Message{Body: []byte(body)})
		var kinds []string
		ids := map[string]bool{}
		for _, e := range got.Events {
			kinds, ids[e.ID] = append(kinds, e.Kind), true
		}
		said := strings.Join(kinds, " ")
		if refusals := got.refusals(); len(refusals) > 0 {
			said += "|" + strings.Join(refusals, "|")
		}
		require.Equal(t, want, said, body)
		require.Len(t, ids, len(kinds), "each is an event of its own")
	}
}

func TestAConfidenceALittleOverOneIsNoPercentage(t *testing.T) {
	for given, want := range map[string]float64{"1": 1, "1.2": -1, "1.99": -1, "2": 0.02, "93": 0.93, `"1.2%"`: 0.012, "0.2": 0.2, "101": -1} {
		got := newCity(t).decode(t, camera.Generic, &input.Message{Body: []byte(`{"camera":"C","kind":"fire","confidence":` + given + `}`)})
		require.InDelta(t, want, got.Events[0].Confidence, 1e-9, given)
		if want < 0 {
			require.Contains(t, got.refusals()[0], "bad_number: want confidence from 0 to 1, or in percent from 2 to 100; got "+given)
		}
	}
}
