package camera

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// frigate decodes what Frigate (frigate.video) publishes over MQTT:
// <prefix>/events, <prefix>/reviews, and, for camera_up, <prefix>/available,
// <prefix>/stats and <prefix>/<camera>/status/<role>. Other topics of it, of
// which a subscription to <prefix>/# brings many, are passed over.
type frigate struct{ base }

// Decode implements input.Decoder.
func (d *frigate) Decode(m *input.Message, b *reading.Builder) {
	out := newSink(m, b)
	defer out.flush(d.Instants)
	levels := strings.Split(m.Topic, "/")
	last := levels[len(levels)-1]
	prefix := strings.Join(levels[:len(levels)-1], "/")
	switch {
	case m.Topic == "" || last == "events" || last == "reviews":
		d.changes(out, prefix)
	case last == "available":
		d.available(out, prefix)
	case last == "stats":
		d.stats(out, prefix)
	case len(levels) >= 3 && levels[len(levels)-2] == "status":
		source := strings.Join(levels[:len(levels)-3], "/")
		d.status(out, source, levels[len(levels)-3], last)
	}
}

// changes decodes messages with the state of an event or review before and
// after a change.
func (d *frigate) changes(out *sink, prefix string) {
	n := 0
	jsontext.Each(out.m.Body, func(p jsontext.Part) bool {
		n++
		out.Part(n)
		if p.Err != nil {
			refuse(out, p.Err, p.Raw)
			return true
		}
		o, _ := p.Value.(object)
		after := first(field(o, "after"))
		if after == nil {
			refuse(out, bad(reading.ReasonMissing, "want a message of Frigate, an object with type and after; got %s", jsontext.Kind(p.Value)), p.Raw)
			return true
		}
		d.change(out, prefix, text(o, "type"), after, p.Raw)
		return true
	})
}

func (d *frigate) change(out *sink, prefix, changed string, after object, raw []byte) {
	camera, id := text(after, "camera"), text(after, "id")
	if camera == "" || id == "" {
		refuse(out, bad(reading.ReasonMissing, "want camera and id in after; one of them is missing"), raw)
		return
	}
	start, okStart := seconds(after, "start_time")
	if !okStart {
		refuse(out, bad(reading.ReasonBadTimestamp, "start_time is no time in seconds: %s", jsontext.Show(field(after, "start_time"))), raw)
		return
	}
	asset, ok := asAsset(out, d.cameraAsset(out.m, camera), "want camera in after; there is none", raw)
	if !ok {
		return
	}
	d.seen(out, Frigate, prefix, asset, false)
	if v, is := field(after, "false_positive").(bool); is && v {
		return
	}
	s := &sighting{plate: hasPlate(after), message: raw, Event: reading.Event{
		Vendor: Frigate, Asset: asset, ID: id, Time: start, Updated: start, Confidence: -1,
	}}
	switch changed {
	case "new":
		s.Phase = reading.PhaseBegin
	case "end":
		s.Phase = reading.PhaseEnd
	default:
		s.Phase = reading.PhaseUpdate
	}
	if end, ok := seconds(after, "end_time"); ok {
		s.End, s.Updated = end, end
	}
	if data := first(field(after, "data")); text(after, "label") == "" && data != nil {
		d.review(s, after, data)
	} else if !d.object(s, after, camera) {
		refuse(out, bad(reading.ReasonMissing, "want label in after; there is none"), raw)
		return
	}
	s.Raw = scrubJSON(raw, frigatePrivate(s.plate || d.vehicles(after)))
	d.emit(out, s)
}

// object is a thing that Frigate follows.
func (d *frigate) object(s *sighting, after object, camera string) bool {
	label := text(after, "label")
	if label == "" {
		return false
	}
	sub := d.subLabel(after)
	s.VendorKind = label
	if sub != "" {
		s.words = append(s.words, sub)
		s.VendorKind = label + "/" + sub
	}
	for _, zone := range texts(field(after, "entered_zones")) {
		s.words = append(s.words, label+"@"+zone)
	}
	s.words = append(s.words, label)
	score, ok := number(after, "top_score", "score")
	if f, fits := asFraction(score); ok && fits {
		s.Confidence = f
	}
	s.at = s.Time
	if frame, ok := seconds(after, "frame_time"); ok {
		s.at = frame
		s.Updated = max(s.Updated, frame)
	}
	s.Box = d.box(after, s.Asset, camera)
	if has, _ := field(after, "has_snapshot").(bool); has && !s.plate {
		s.Snapshot = strings.TrimSuffix(d.Config.FrigateURL, "/") + "/api/events/" + url.PathEscape(s.ID) + "/snapshot.jpg"
	}
	if zones := texts(field(after, "entered_zones")); len(zones) > 0 {
		s.Description = fmt.Sprintf("%s in %s", label, strings.Join(zones, ", "))
	}
	return true
}

// box is in pixels of the picture in which Frigate detects, whose size no
// message says.
func (d *frigate) box(after object, asset, camera string) *reading.Box {
	corners, _ := field(within(after, "snapshot"), "box").([]any)
	if b, ok := field(after, "box").([]any); ok {
		corners = b
	}
	if len(corners) != 4 {
		return nil
	}
	var c [4]float64
	for i := range c {
		v, ok := jsontext.Number(corners[i])
		if !ok {
			return nil
		}
		c[i] = v
	}
	return box(c[0], c[1], c[2]-c[0], c[3]-c[1], d.frame(asset, camera))
}

// review is what Frigate has put together for people to look at: all that went
// on in front of one camera at a time.
func (d *frigate) review(s *sighting, after, data object) {
	objects := texts(field(data, "objects"))
	for i, o := range objects {
		objects[i] = strings.TrimSuffix(o, "-verified")
	}
	slices.Sort(objects)
	objects = slices.Compact(objects)
	audio := texts(field(data, "audio"))
	severity := text(after, "severity")
	s.VendorKind = strings.TrimSuffix("review/"+severity, "/")
	s.Description = strings.Join(append(slices.Clone(objects), audio...), ", ")
	zones := texts(field(data, "zones"))
	if len(zones) > 0 {
		s.Description += " in " + strings.Join(zones, ", ")
	}
	var words []string
	for _, o := range append(objects, audio...) {
		for _, z := range zones {
			words = append(words, o+"@"+z)
		}
		words = append(words, o)
	}
	s.words = d.gravestFirst(words)
	s.at = s.Time
	if !s.plate && !d.vehicles(after) {
		s.Snapshot = text(after, "thumb_path")
	}
}

// gravestFirst puts the word of the gravest kind in front.
func (d *frigate) gravestFirst(words []string) []string {
	gravity := func(word string) int {
		kind, _ := d.Kinds.Find(Frigate, word)
		return slices.Index([]string{"critical", "warning", "info"}, kind.Severity) & 3 // unknown (-1) comes last
	}
	words = slices.Clone(words)
	slices.SortStableFunc(words, func(a, b string) int { return gravity(a) - gravity(b) })
	return words
}

// subLabel is what Frigate has found out about a thing, such as the name of a
// parcel service. Of a vehicle it may be the plate, so it is taken only where
// something is mapped to it; of a person it is a name, and not taken either.
func (d *frigate) subLabel(after object) string {
	sub := text(after, "sub_label")
	if pair, ok := field(after, "sub_label").([]any); ok && len(pair) > 0 {
		sub, _ = jsontext.Text(pair[0])
	}
	if sub == "" {
		return ""
	}
	if d.Kinds.mapped(Frigate, sub) {
		return sub
	}
	return ""
}

// vehicles says whether something in it may have a number plate.
func (d *frigate) vehicles(after object) bool {
	labels := append(texts(field(within(after, "data"), "objects")), text(after, "label"))
	return slices.ContainsFunc(labels, func(l string) bool {
		switch strings.TrimSuffix(l, "-verified") {
		case "car", "truck", "bus", "motorcycle", "vehicle", "license_plate":
			return true
		}
		return false
	})
}

// frigatePrivate says what else is left out of a message about vehicles: where
// plugins and people write plates, and what a language model made of a picture.
func frigatePrivate(vehicles bool) func(string) bool {
	return func(name string) bool {
		switch name {
		case "sub_label", "sub_labels", "metadata", "description":
			return vehicles
		case "thumbnail":
			return true
		}
		return false
	}
}

func texts(v any) (all []string) {
	l, _ := v.([]any)
	for _, element := range l {
		if t, ok := jsontext.Text(element); ok && t != "" {
			all = append(all, t)
		}
	}
	return all
}

// seconds is a time as Python writes it.
func seconds(o object, name string) (ms int64, ok bool) {
	v, is := number(o, name)
	if !is || !(v > 0 && v < 1e11) {
		return 0, false
	}
	return int64(v * 1000), true
}

// cameraAsset is the asset of one of Frigate's cameras: what has its name as
// external id `frigate` in the catalog, or what the topic or URL of a message
// about one camera says, or the name itself.
func (d *frigate) cameraAsset(m *input.Message, camera string) string {
	if a := d.lookUp(camera, Frigate); a != "" {
		return a
	}
	if m != nil && m.Label("asset") != "" {
		return m.Label("asset")
	}
	return camera
}

// available is whether Frigate itself runs, and so its cameras' detection.
func (d *frigate) available(out *sink, source string) {
	switch state := string(bytes.TrimSpace(out.m.Body)); state {
	case "online":
	case "offline", "stopped":
		d.Presence.SourceLost(out.Builder, source, out.m.Received)
	default:
		refuse(out, bad(reading.ReasonSyntax, "want online, offline or stopped; got %q", state[:min(len(state), 40)]), nil)
	}
}

// status is that of one role (detect, record, audio) of a camera's streams.
func (d *frigate) status(out *sink, source, camera, role string) {
	asset := d.cameraAsset(nil, camera)
	switch state := string(bytes.TrimSpace(out.m.Body)); {
	case state == "disabled" && role == "detect":
		d.Presence.SwitchOff(asset)
	case state == "online":
		d.seen(out, Frigate, source, asset, true)
	case state == "offline" && role != "audio":
		d.lost(out, Frigate, source, asset)
	case state == "offline", state == "disabled":
	default:
		refuse(out, bad(reading.ReasonSyntax, "want online, offline or disabled; got %q", state[:min(len(state), 40)]), nil)
	}
}

// stats are published every minute, with the frames that each camera delivers.
func (d *frigate) stats(out *sink, source string) {
	v, err := jsontext.Decode(out.m.Body)
	if err != nil {
		refuse(out, err, out.m.Body)
		return
	}
	o, _ := v.(object)
	cameras, _ := field(o, "cameras").(object)
	if cameras == nil {
		refuse(out, bad(reading.ReasonMissing, "want cameras in the statistics; there are none"), out.m.Body)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(cameras)) {
		of, _ := cameras[name].(object)
		fps, ok := number(of, "camera_fps")
		switch asset := d.cameraAsset(nil, name); {
		case !ok:
		case fps > 0:
			d.seen(out, Frigate, source, asset, true)
		case !d.Presence.IsOff(asset): // which delivers none either
			d.lost(out, Frigate, source, asset)
		}
	}
}
