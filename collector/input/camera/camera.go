package camera

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/camera/presence"
	"github.com/belfry-city/belfry/collector/plate"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

// Options of the decoders; all are required unless it says otherwise.
type Options struct {
	Config config.Camera
	Kinds  *Kinds
	// MaxPicture bounds a picture that is kept, in bytes; 0 keeps none.
	MaxPicture int
	Catalog    func() *catalog.Catalog
	// Zone is that of times without one.
	Zone *time.Location
	// Presence is told of each sign of life.
	Presence *presence.Presence
	// Instants is what the decoders of one Belfry remember of what they have
	// reported; it outlives a reload.
	Instants *Instants
	Metrics  *metrics.Set
}

// anyFrame is the name of the frame of all cameras that have none of their own.
const anyFrame = "*"

// base is what the decoders have in common.
type base struct{ Options }

// Settings are the options that the decoder was made of.
func (d *base) Settings() Options { return d.Options }

// within is how far apart messages of one condition may be, to be one event.
func (d *base) within() int64 { return d.Config.SameEventWithin.Milliseconds() }

// Decoders returns the decoders by the names that URLs and topics have for
// them.
func Decoders(o Options) map[string]input.Decoder {
	b := base{o}
	return map[string]input.Decoder{Hikvision: &hikvision{b}, Frigate: &frigate{b}, Generic: &generic{b}}
}

// sighting is what a message says of one event, before it becomes one.
type sighting struct {
	reading.Event
	words []string // what the vendor calls it, the most telling first
	at    int64    // of the sample; 0: none
	plate bool     // a plate was read; no picture is kept
	// message is where it is from: a plate that it names is looked for in all else.
	message []byte
}

// emit gives an event and its sample to out.
func (d *base) emit(out *sink, s *sighting) {
	kind, known := d.Kinds.Find(s.Vendor, s.words...)
	if !known {
		d.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_camera_unknown_kinds_total{vendor=%q}`, s.Vendor)).Inc()
	}
	e := s.Event
	for _, t := range []*string{&e.ID, &e.VendorKind, &e.Description} {
		*t = string(withoutPasswords([]byte(*t)))
	}
	if s.ID = without(e.ID); s.ID != e.ID {
		e.ID = contentID(e.Raw) // a plate is no name for what is kept
	}
	plate.Redactor{}.EventOf(&e, s.message)
	e.Kind, e.Domain, e.Team = kind.ID, kind.Domain, kind.Team
	if e.Severity == "" {
		e.Severity = kind.Severity
	}
	if s.plate || kind.ID == kindPlate || bytes.Contains(e.Raw, []byte(plate.Mark)) {
		e.Snapshot = ""
		if e.Picture != nil {
			d.dropped("plate")
		}
		e.Picture, e.PictureType = nil, ""
	}
	confidence := e.Confidence
	if confidence < 0 {
		confidence = 1 // the camera reports it as a fact
	}
	if s.at != 0 {
		out.sample(e.Asset, e.Kind, s.at, confidence)
	}
	out.Event(e)
}

func (d *base) dropped(why string) {
	d.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_camera_pictures_dropped_total{reason=%q}`, why)).Inc()
}

// attach gives e the picture that shows most.
func (d *base) attach(e *reading.Event, pictures []picture) {
	best := -1
	for i, p := range pictures {
		switch {
		case plateKey(p.name):
			d.dropped("plate")
		case p.tooLarge || len(p.data) > d.MaxPicture:
			d.dropped("too_large")
		case p.contentType == "":
			d.dropped("unreadable")
		case best < 0 || len(p.data) > len(pictures[best].data):
			best = i
		}
	}
	if best >= 0 {
		e.Picture, e.PictureType = pictures[best].data, pictures[best].contentType
	}
}

// without is text without number plates and passwords.
func without(text string) string {
	return string(plate.Redactor{}.Text(withoutPasswords([]byte(text))))
}

// maxAsset is how long the name of a camera may be, in bytes.
const maxAsset = 200

// asAsset makes an asset's name fit to be kept. ok is false where the message
// does not say which camera it is from, or calls it by a text that is no name;
// that is refused then.
func asAsset(out *sink, asset, missing string, raw []byte) (_ string, ok bool) {
	switch asset = without(asset); {
	case asset == "":
		refuse(out, bad(reading.ReasonMissing, "%s", missing), raw)
	case len(asset) > maxAsset:
		refuse(out, bad(reading.ReasonTooLong, "the name of the camera has %d bytes; want at most %d", len(asset), maxAsset), raw)
	default:
		return asset, true
	}
	return "", false
}

// contentID names an event by what was said of it, for senders that give it no
// name: the same message again is the same event. raw must have been scrubbed.
func contentID(raw []byte, more ...string) string {
	h := sha256.New()
	h.Write(raw)
	for _, m := range more {
		h.Write([]byte{0})
		h.Write([]byte(m))
	}
	return "content-" + hex.EncodeToString(h.Sum(nil)[:12])
}

// asFraction makes a confidence of what is written as a fraction, in percent
// or in thousandths. 1.2 is a slip rather than 1.2 %, which no camera reports.
func asFraction(v float64) (float64, bool) {
	const leastPercent = 2
	switch {
	case math.IsNaN(v) || v < 0 || v > 1000:
		return 0, false
	case v <= 1:
		return v, true
	case v < leastPercent:
		return 0, false
	case v <= 100:
		return v / 100, true
	default:
		return v / 1000, true
	}
}

// box makes fractions of a box in pixels of the frame. What is no box, or lies
// outside, is nil.
func box(x, y, w, h float64, f config.CameraFrame) *reading.Box {
	if x > 1 || y > 1 || w > 1 || h > 1 {
		if f.Width <= 0 || f.Height <= 0 {
			return nil
		}
		x, w, y, h = x/f.Width, w/f.Width, y/f.Height, h/f.Height
	}
	x, y = max(x, 0), max(y, 0)
	w, h = min(w, 1-x), min(h, 1-y)
	if !(w > 0 && h > 0) || math.IsInf(x, 0) || math.IsInf(y, 0) {
		return nil
	}
	round := func(v float64) float64 { return math.Round(v*1e5) / 1e5 }
	return &reading.Box{X: round(x), Y: round(y), Width: round(w), Height: round(h)}
}

func (d *base) frame(names ...string) config.CameraFrame {
	for _, n := range append(names, anyFrame) {
		if f, ok := d.Config.Frames[n]; ok && n != "" {
			return f
		}
	}
	return config.CameraFrame{}
}
