package camera

import (
	"fmt"
	"strings"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

// hikvision decodes EventNotificationAlert, in XML or JSON, alone or in a
// multipart message with pictures, as cameras and recorders of Hikvision and
// those built alike post it (ISAPI, chapter "Alarm Event Receiving": listening
// mode, and the messages of /ISAPI/Event/notification/alertStream).
type hikvision struct{ base }

// Decode implements input.Decoder.
func (d *hikvision) Decode(m *input.Message, b *reading.Builder) {
	out := newSink(m, b)
	defer out.flush(d.Instants)
	msg := takeApart(m, d.MaxPicture)
	n := 0
	for _, s := range msg.sections {
		pictures := s.pictures
		s.documents(func(doc document, err error) {
			n++
			out.Part(n)
			if err != nil {
				refuse(out, err, doc.raw)
				return
			}
			if d.document(out, doc, pictures) {
				pictures = nil
			}
		})
	}
	for _, err := range msg.problems {
		refuse(out, err, nil)
	}
}

// document decodes one of them, and says whether it was an event.
func (d *hikvision) document(out *sink, doc document, pictures []picture) bool {
	o, ok := doc.value.(object)
	if !ok {
		refuse(out, bad(reading.ReasonBadType, "want an EventNotificationAlert; got something that is no object"), doc.raw)
		return false
	}
	if inner := first(field(o, "EventNotificationAlert", "SmartEvent")); inner != nil {
		o = inner
	} else if strings.HasPrefix(doc.name, "SubscribeEvent") || doc.name == "ResponseStatus" {
		return false // said by the device before its first event
	}
	eventType := text(o, "eventType")
	dev := device{
		serial:  text(o, "deviceSerialNo", "serialNumber", "deviceSerial", "deviceID"),
		mac:     text(o, "macAddress"),
		ip:      text(o, "ipAddress", "ipv4Address"),
		channel: text(o, "channelID", "dynChannelID"),
	}
	if serial := text(within(o, "Extensions"), "serialNumber"); dev.serial == "" && serial != "" {
		dev.serial = serial
	}
	if eventType == "" && (dev.mac == "" && dev.ip == "" || strings.EqualFold(text(o, "eventState"), "active") || doc.name != "" && doc.name != "EventNotificationAlert") {
		refuse(out, bad(reading.ReasonMissing, "want eventType in an EventNotificationAlert; there is none"), doc.raw)
		return false
	}
	asset, ok := asAsset(out, d.asset(out.m, dev),
		"the message does not say which camera it is from (ipAddress, macAddress, a serial number); add ?asset=NAME to the address that it posts to", doc.raw)
	if !ok {
		return false
	}
	beat := isHeartbeat(eventType, text(o, "eventState"))
	d.seen(out, Hikvision, "", asset, beat)
	if beat {
		return false
	}
	d.event(out, o, doc, asset, dev.channel, eventType, pictures)
	return true
}

// isHeartbeat knows the two forms: the type heartBeat, and the end of a loss of
// video that there never was.
func isHeartbeat(eventType, state string) bool {
	switch strings.ToLower(strings.ReplaceAll(eventType, " ", "")) {
	case "heartbeat", "keepalive", "":
		return true
	case "videoloss":
		return strings.EqualFold(state, "inactive")
	}
	return false
}

func (d *hikvision) event(out *sink, o object, doc document, asset, channel, eventType string, pictures []picture) {
	at, given := out.m.Received, true
	if written := text(o, "dateTime"); written != "" {
		t, ok := parseTime(written, d.Zone)
		if !ok {
			refuse(out, bad(reading.ReasonBadTimestamp, "dateTime is no time: %q", written[:min(len(written), 60)]), doc.raw)
			return
		}
		if given = t >= clockUnset; given {
			at = t
		}
	}
	description := text(o, "eventDescription")
	s := &sighting{at: at, plate: hasPlate(o), message: doc.raw, Event: reading.Event{
		Vendor: Hikvision, Asset: asset, Time: at, Updated: at, Confidence: -1, Description: description, Raw: d.scrubbed(doc),
	}}
	if strings.EqualFold(eventType, "duration") { // goes on: of which event?
		if of := text(within(o, "DurationList", "Duration"), "relationEvent"); of != "" {
			eventType = of
		}
	}
	s.VendorKind = eventType
	s.words = hikvisionWords(o, eventType, description)
	if rule := ruleOf(o); rule != "" && !d.Kinds.mapped(Hikvision, eventType) {
		s.VendorKind = eventType + "/" + rule
	}
	s.Box, s.Confidence = d.target(o, asset)
	s.Snapshot = snapshotOf(o)
	d.identify(s, o, channel, eventType, given)
	d.attach(&s.Event, pictures)
	d.emit(out, s)
}

func (d *hikvision) scrubbed(doc document) []byte {
	if doc.name != "" {
		return scrubXML(doc.raw)
	}
	return scrubJSON(doc.raw, nil)
}

// hikvisionWords are what the event may be called, the most telling first. What
// an algorithm of one's own on the camera (AI open platform) has found is in
// the name of its rule, or in the description.
func hikvisionWords(o object, eventType, description string) []string {
	entry := within(o, "DetectionRegionList", "DetectionRegionEntry")
	target := text(entry, "detectionTarget")
	if target == "" {
		target = text(o, "targetType", "detectionTarget")
	}
	if captured := within(o, "CaptureResult"); target == "" && captured != nil {
		for _, kind := range []string{"Vehicle", "NonMotor", "Human", "Face"} {
			if field(captured, kind) != nil {
				target = kind
				break
			}
		}
	}
	var words []string
	if target != "" {
		words = append(words, eventType+"/"+target)
	}
	if aid := text(within(o, "AID"), "aidType", "AIDType"); aid != "" {
		words = append(words, aid)
	}
	if e := text(o, "subEventType", "eventSubType"); e != "" {
		words = append(words, eventType+"/"+e, e)
	}
	words = append(words, eventType)
	if rule := ruleOf(o); rule != "" {
		words = append(words, rule)
	}
	return append(words, description, strings.TrimSuffix(strings.TrimSuffix(description, " alarm"), "告警"))
}

// ruleOf is what the people who set the camera up call what it looks for.
func ruleOf(o object) string {
	if rule := text(o, "ruleName", "ruleCustomName", "alarmName", "labelName", "algorithmName"); rule != "" {
		return rule
	}
	rule := ""
	search(o, func(inner object) bool {
		rule = text(inner, "ruleName", "ruleCustomName", "labelName", "targetName")
		return rule == ""
	})
	return rule
}

// target finds where the camera saw what it reports, and how sure it is: of
// several targets, of the one that it is most sure of.
func (d *hikvision) target(o object, asset string) (where *reading.Box, confidence float64) {
	confidence = -1
	search(o, func(inner object) bool {
		sure := -1.0
		if v, ok := number(inner, "confidence", "confidenceLevel", "detectionConfidence", "targetConfidence"); ok {
			if f, ok := asFraction(v); ok {
				sure = f
			}
		}
		b := d.rectangle(inner, asset)
		switch {
		case sure > confidence:
			confidence = sure
			if b != nil {
				where = b
			}
		case where == nil:
			where = b
		}
		return true
	})
	return where, confidence
}

// rectangle is that of a target, in fractions or, on older devices, in
// thousandths.
func (d *hikvision) rectangle(o object, asset string) *reading.Box {
	r := first(field(o, "TargetRect", "targetRect", "Rect", "rect", "FaceRect"))
	if r == nil {
		return nil
	}
	x, okX := number(r, "x")
	y, okY := number(r, "y")
	w, okW := number(r, "width", "w")
	h, okH := number(r, "height", "h")
	if !okX || !okY || !okW || !okH {
		return nil
	}
	f := config.CameraFrame{Width: 1000, Height: 1000}
	if max(x, y, w, h) > 1000 {
		f = d.frame(asset)
	}
	return box(x, y, w, h, f)
}

// snapshotOf is where the device keeps a picture.
func snapshotOf(o object) string {
	names := []string{"bkgUrl", "backgroundImageURL", "detectionPictureURL", "picUrl", "pictureURL", "imageURL", "visiblePicURL", "URL"}
	if s := text(o, names...); s != "" {
		return reference(s)
	}
	found := ""
	search(o, func(inner object) bool {
		found = text(inner, names...)
		return found == ""
	})
	return reference(found)
}

// identify says of which event the message is. Most have no name: an alarm is
// posted again and again while it lasts, and once more when it is over.
func (d *hikvision) identify(s *sighting, o object, channel, eventType string, given bool) {
	if id := text(o, "UUID", "uuid", "uid", "eventUUID", "alarmID", "eventID"); id != "" {
		s.ID = id
		switch strings.ToLower(text(o, "persistentEventStatus")) {
		case "started", "start":
			s.Phase = reading.PhaseBegin
		case "ongoing":
			s.Phase = reading.PhaseUpdate
		case "ended", "end":
			s.Phase, s.End = reading.PhaseEnd, s.Time
		}
		return
	}
	kind, _ := d.Kinds.Find(Hikvision, s.words...)
	switch kind.ID {
	case kindPlate, "access_control", "people_counting", "face":
		s.ID = contentID(s.Raw)
		if !given {
			s.Within = d.within()
		}
		return
	}
	name := eventType
	if kind.ID != KindUnknown && s.VendorKind != eventType {
		name += "/" + kind.ID
	} else if kind.ID == KindUnknown {
		name = s.VendorKind
	}
	s.ID = fmt.Sprintf("%s/%s", orOne(channel), name)
	s.Within = d.within()
	s.Phase = reading.PhaseUpdate
	if strings.EqualFold(text(o, "eventState"), "inactive") {
		s.Phase, s.End = reading.PhaseEnd, s.Time
		s.at = 0
	}
}

func orOne(channel string) string {
	if channel == "" {
		return "1"
	}
	return channel
}
