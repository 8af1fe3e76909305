package camera

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

// generic decodes the JSON of any AI box: one object for an event or, in a
// list inside of it, several; also as fields of a form, with pictures as its
// files. docs/inputs/camera.md has the fields.
type generic struct{ base }

// Decode implements input.Decoder.
func (d *generic) Decode(m *input.Message, b *reading.Builder) {
	out := newSink(m, b)
	defer out.flush(d.Instants)
	msg := takeApart(m, d.MaxPicture)
	n := 0
	for _, s := range msg.sections {
		s.documents(func(doc document, err error) {
			n++
			out.Part(n)
			switch o, isObject := doc.value.(object); {
			case err != nil:
				refuse(out, err, doc.raw)
			case doc.name != "":
				refuse(out, bad(reading.ReasonUnsupported, "want JSON; got XML (that of Hikvision is posted to in/hikvision)"), doc.raw)
			case !isObject:
				refuse(out, bad(reading.ReasonBadType, "want an object with camera and kind; got %s", jsontext.Kind(doc.value)), doc.raw)
			default:
				d.document(out, o, doc.raw, s.pictures)
				s.pictures = nil
			}
		})
	}
	for _, err := range msg.problems {
		refuse(out, err, nil)
	}
}

// document decodes one object. What a list in it does not say of each thing,
// the object says of all.
func (d *generic) document(out *sink, o object, raw []byte, pictures []picture) {
	for _, wrapper := range []string{"data", "event", "alarm", "payload", "params", "body"} {
		inner, is := field(o, wrapper).(object)
		if is && len(kindWords(o)) == 0 {
			o = merged(o, inner, wrapper)
		}
	}
	for _, name := range []string{"objects", "detections", "targets", "events", "alarms", "results", "predictions", "data"} {
		elements, is := field(o, name).([]any)
		if !is {
			continue
		}
		d.things(out, o, name, elements, raw, pictures)
		return
	}
	d.one(out, o, raw, pictures, func(id string) string { return id })
}

const (
	maxThings = 1000 // in one message
	maxFields = 500  // that all of them share
)

// things decodes the elements of the list in o that has the name.
func (d *generic) things(out *sink, o object, name string, elements []any, raw []byte, pictures []picture) {
	things := list(elements)
	if len(things) < len(elements) {
		refuse(out, bad(reading.ReasonBadType, "want objects in the list %s; got something else", name), raw)
	}
	if len(things) > maxThings || len(o) > maxFields {
		refuse(out, bad(reading.ReasonTooLarge, "more than %d things in a message, or more than %d fields around them", maxThings, maxFields), raw)
		return
	}
	if len(elements) == 0 { // a look at which nothing was found
		d.sign(out, o, "heartbeat", raw)
	}
	shared := small(o)
	for i, thing := range things {
		whole := merged(shared, thing, name)
		if i == 0 { // which gets the picture
			whole = merged(o, thing, name)
		}
		encoded, err := json.Marshal(whole)
		if err != nil {
			encoded = nil // a number beyond float64
		}
		own := text(thing, idNames()...)
		d.one(out, whole, encoded, pictures, func(id string) string {
			if own != "" {
				return own
			}
			return id + "/" + strconv.Itoa(i+1)
		})
		pictures = nil
	}
}

// small is o without what would be much if each thing in a list had it.
func small(o object) object {
	all := object{}
	for name, v := range o {
		switch v := v.(type) {
		case string:
			if len(v) > longText {
				continue
			}
		case []any:
			continue
		case object:
			if v = small(v); len(v) > 16 {
				continue
			}
			all[name] = v
			continue
		}
		all[name] = v
	}
	return all
}

// merged is outer with the fields of inner in front, and without the field that
// inner came from.
func merged(outer, inner object, without string) object {
	all := maps.Clone(outer)
	for name := range all {
		if strings.EqualFold(name, without) {
			delete(all, name)
		}
	}
	maps.Copy(all, inner)
	return all
}

func idNames() []string {
	return []string{"id", "event_id", "eventId", "eventID", "uuid", "alarm_id", "alarmId", "track_id", "trackId", "obj_tracking_id"}
}

// cameraOf is what o calls the camera.
func cameraOf(o object) string {
	names := []string{
		"camera", "camera_id", "cameraId", "camera_sn", "device", "device_id", "deviceId", "device_sn", "deviceSn", "deviceSerial",
		"sn", "serial", "serial_number", "channel", "channel_id", "channelId", "source", "camera_name", "cameraName", "device_name", "deviceName",
	}
	for _, name := range names {
		if t := text(o, name); t != "" {
			return t
		}
		if t := text(first(field(o, name)), "id", "sn", "serial", "code", "name"); t != "" {
			return t
		}
	}
	return ""
}

func (d *generic) assetOf(m *input.Message, o object) string {
	if a := text(o, "asset"); a != "" {
		return a
	}
	camera := string(withoutPasswords([]byte(cameraOf(o)))) // it may be a stream's address
	if a := d.lookUp(camera, Generic, "serial", "serialNumber", "sn", "device_id", "deviceID"); a != "" {
		return a
	}
	dev := device{serial: camera, mac: text(o, "mac", "mac_address", "macAddress", "camera_mac"), ip: text(o, "ip", "ip_address", "ipAddress", "camera_ip")}
	if a := d.listed(dev, ""); a != "" && m.Label("asset") == "" {
		return a
	}
	return d.asset(m, dev)
}

// one decodes what o says of one thing. name makes the name of the event out
// of that in o, or of its content.
func (d *generic) one(out *sink, o object, raw []byte, pictures []picture, name func(string) string) {
	if list, kinds := kindList(o); kinds != nil {
		d.several(out, o, list, kinds, raw, pictures, name)
		return
	}
	words := kindWords(o)
	if what := lifeSign(o, words); what != "" {
		d.sign(out, o, what, raw)
		return
	}
	if kind := field(o, "kind"); len(words) == 0 && kind != nil {
		refuse(out, bad(reading.ReasonBadType, "want a text as kind, or a list of texts; got %s", jsontext.Show(kind)), raw)
		return
	}
	if len(words) == 0 {
		refuse(out, bad(reading.ReasonMissing, "want kind, what the camera has seen; there is none (nor type, label, event_type, …)"), raw)
		return
	}
	asset, ok := asAsset(out, d.assetOf(out.m, o), "want camera; there is none, nor an asset in the address", raw)
	if !ok {
		return
	}
	d.seen(out, Generic, "", asset, false)
	at, given, err := d.timeOf(o, out.m.Received, "time", "timestamp", "ts", "datetime", "date_time", "event_time", "eventTime", "alarm_time", "alarmTime", "created_at", "capture_time")
	if err != nil {
		refuse(out, err, raw)
		return
	}
	start, started, err := d.timeOf(o, at, "start_time", "startTime", "begin_time", "beginTime")
	if err != nil {
		refuse(out, err, raw)
		return
	}
	if started && !given {
		at, given = start, true
	}
	s := &sighting{at: at, words: words, plate: hasPlate(o), message: raw, Event: reading.Event{
		Vendor: Generic, Asset: asset, Time: min(start, at), Updated: at, VendorKind: d.telling(words), Confidence: -1,
		Description: text(o, "description", "desc", "message", "msg", "title", "remark"), Raw: scrubJSON(raw, nil),
	}}
	if severity := text(o, "severity"); severity == "critical" || severity == "warning" || severity == "info" {
		s.Severity = severity
	}
	d.phase(s, o, name, given)
	d.confidence(s, out, o, raw)
	if s.Phase == reading.PhaseEnd && s.Confidence < 0 {
		s.at = 0
	}
	d.pictures(s, o, pictures)
	var boxErr error
	if s.Box, boxErr = d.boxOf(o, asset); boxErr != nil {
		refuse(out, boxErr, raw)
	}
	d.emit(out, s)
}

// lifeSign says whether a message is about the camera itself: heartbeat,
// offline, or "".
func lifeSign(o object, words []string) string {
	if beat, _ := field(o, "heartbeat").(bool); beat {
		return "heartbeat"
	}
	if len(words) == 0 {
		words = []string{text(o, "status", "state")}
	}
	switch plain(words[0]) {
	case "heartbeat", "keepalive", "alive", "ping", "online", "心跳", "在线":
		return "heartbeat"
	case "offline", "离线":
		return "offline"
	}
	return ""
}

func (d *generic) sign(out *sink, o object, what string, raw []byte) {
	asset, ok := asAsset(out, d.assetOf(out.m, o), "want camera in a heartbeat; there is none, nor an asset in the address", raw)
	switch {
	case !ok:
	case what == "offline":
		d.lost(out, Generic, "", asset)
	default:
		d.seen(out, Generic, "", asset, true)
	}
}

// timeOf reads the first of the fields that is there; otherwise stands in where
// none is, or the camera's clock has never been set.
func (d *generic) timeOf(o object, otherwise int64, names ...string) (ms int64, given bool, err error) {
	for _, n := range names {
		written := field(o, n)
		if written == nil || written == "" {
			continue
		}
		t, isText := jsontext.Text(written)
		ms, ok := parseTime(t, d.Zone)
		if !isText || !ok {
			return 0, false, bad(reading.ReasonBadTimestamp, "%s is no time: %s", n, jsontext.Show(written))
		}
		if ms < clockUnset {
			return otherwise, false, nil
		}
		return ms, true, nil
	}
	return otherwise, false, nil
}

func (d *generic) phase(s *sighting, o object, name func(string) string, given bool) {
	switch plain(text(o, "phase", "state", "action", "event_state", "eventState", "event_action", "status")) {
	case "begin", "start", "started", "new", "open", "active", "raised", "firing", "开始":
		s.Phase = reading.PhaseBegin
	case "update", "ongoing", "updated", "continue", "持续":
		s.Phase = reading.PhaseUpdate
	case "end", "ended", "stop", "stopped", "close", "closed", "inactive", "cleared", "resolved", "结束":
		s.Phase = reading.PhaseEnd
	}
	if end, ended, err := d.timeOf(o, 0, "end_time", "endTime"); err == nil && ended {
		s.Phase, s.End = reading.PhaseEnd, max(end, s.Time)
	}
	if s.Phase == reading.PhaseEnd {
		s.End = max(s.End, s.Updated)
	}
	switch id := text(o, idNames()...); {
	case id != "":
		s.ID = name(id)
	case s.Phase != reading.PhaseOnce:
		s.ID, s.Within = name(s.VendorKind), d.within()
	default:
		s.ID = name(contentID(s.Raw))
		if !given {
			s.Within = d.within()
		}
	}
}

func (d *generic) confidence(s *sighting, out *sink, o object, raw []byte) {
	written := field(o, "confidence", "score", "probability", "conf", "similarity")
	if written == nil {
		return
	}
	v, ok := jsontext.Number(written)
	percent := false
	if t, is := written.(string); is && !ok {
		if number, found := strings.CutSuffix(strings.TrimSpace(t), "%"); found {
			v, ok = jsontext.Number(number)
			percent = true
		}
	}
	_, isBool := written.(bool)
	if percent {
		v /= 100
	}
	f, fits := asFraction(v)
	if !ok || isBool || !fits || v > 100 || percent && v > 1 {
		refuse(out, bad(reading.ReasonBadNumber, "want confidence from 0 to 1, or in percent from 2 to 100; got %s; the event is kept without it", jsontext.Show(written)), raw)
		s.at = 0
		return
	}
	s.Confidence = f
}

// pictures takes a picture or where there is one out of the fields that may
// hold either.
func (d *generic) pictures(s *sighting, o object, files []picture) {
	for _, n := range []string{
		"snapshot", "snapshot_url", "snapshotUrl", "image_url", "imageUrl", "picture_url", "pictureUrl", "pic_url", "picUrl", "photo_url",
		"image", "picture", "photo", "pic", "img", "image_base64", "imageBase64", "base64_img", "picture_base64", "snapshot_base64", "url",
	} {
		t := text(o, n)
		if t == "" {
			continue
		}
		if data := fromBase64(t); data != nil {
			files = append(files, picture{name: n, contentType: pictureType(data), data: data})
		} else if s.Snapshot == "" && strings.ContainsAny(t, "./") {
			s.Snapshot = reference(t)
		}
	}
	d.attach(&s.Event, files)
}

// fromBase64 returns the picture in text, or nil where there is none.
func fromBase64(text string) []byte {
	if after, found := strings.CutPrefix(text, "data:"); found {
		_, text, _ = strings.Cut(after, ",")
	} else if len(text) < 64 {
		return nil
	}
	text = strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == ' ' {
			return -1
		}
		return r
	}, text)
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if data, err := enc.DecodeString(text); err == nil && isPicture(data) {
			return data
		}
	}
	return nil
}

// boxOf reads a box: [x, y, width, height], an object with these names, or with
// the corners x1, y1, x2, y2; in fractions or pixels.
func (d *generic) boxOf(o object, asset string) (*reading.Box, error) {
	written := field(o, "box", "bbox", "bounding_box", "boundingBox", "rect", "xywh", "xyxy", "region")
	flat := written == nil
	if flat {
		if _, okX := number(o, "x"); !okX {
			return nil, nil
		}
		written = o // x, y, w, h beside the others
	}
	f := d.frameOf(o, asset, !flat || field(o, "w") != nil)
	corners := plain(text(o, "box_format", "bbox_format")) == "xyxy" || field(o, "xyxy") != nil
	var c [4]float64
	switch v := written.(type) {
	case []any:
		if len(v) != 4 {
			return nil, badBox(written)
		}
		for i := range c {
			n, ok := jsontext.Number(v[i])
			if !ok {
				return nil, badBox(written)
			}
			c[i] = n
		}
	case object:
		for i, names := range [][]string{{"x", "x1", "left", "xmin", "left_x"}, {"y", "y1", "top", "ymin", "top_y"}, {"w", "width", "x2", "right", "xmax"}, {"h", "height", "y2", "bottom", "ymax"}} {
			n, ok := number(v, names...)
			if !ok {
				return nil, badBox(written)
			}
			c[i] = n
		}
		if _, sized := number(v, "width", "w"); !sized {
			corners = true
		}
	default:
		return nil, badBox(written)
	}
	if corners {
		c[2], c[3] = c[2]-c[0], c[3]-c[1]
	}
	return box(c[0], c[1], c[2], c[3], f), nil
}

func badBox(v any) error {
	return bad(reading.ReasonBadType, "want a box [x, y, width, height]; got %s; the event is kept without it", jsontext.Show(v))
}

// frameOf is the size of the picture in which boxes are given. bare is whether
// width and height beside the box are that.
func (d *generic) frameOf(o object, asset string, bare bool) config.CameraFrame {
	of := first(field(o, "frame", "image_size", "frame_size", "resolution"))
	if of == nil {
		of = o
	} else {
		bare = true
	}
	widths, heights := []string{"image_width", "imageWidth", "frame_width", "img_w"}, []string{"image_height", "imageHeight", "frame_height", "img_h"}
	if bare {
		widths, heights = append(widths, "width"), append(heights, "height")
	}
	w, okW := number(of, widths...)
	h, okH := number(of, heights...)
	if okW && okH && w > 1 && h > 1 {
		return config.CameraFrame{Width: w, Height: h}
	}
	var f config.CameraFrame
	if n, _ := fmt.Sscanf(strings.ToLower(text(o, "resolution", "frame", "image_size")), "%gx%g", &f.Width, &f.Height); n == 2 {
		return f
	}
	return d.frame(asset, cameraOf(o))
}
