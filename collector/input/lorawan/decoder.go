package lorawan

import (
	"fmt"
	"math"
	"sync"

	"github.com/VictoriaMetrics/metrics"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

// Options of a decoder. Metrics and Frames are required.
type Options struct {
	// Catalog knows the assets of devices; it may be nil.
	Catalog func() *catalog.Catalog
	Metrics *metrics.Set
	// Frames is shared by all decoders, and outlives them.
	Frames *Frames
	Config config.LoRaWAN
}

// NewChirpStack decodes events of ChirpStack 4, in JSON.
func NewChirpStack(o Options) input.Decoder { return newDecoder(o, chirpstack{}) }

// NewTTS decodes messages of The Things Stack 3, in JSON.
func NewTTS(o Options) input.Decoder { return newDecoder(o, tts{}) }

// Trace implements input.Traced.
func (d *decoder) Trace(note func(input.Note)) input.Decoder {
	traced := newDecoder(d.opts, d.server)
	traced.note = note
	return traced
}

func (d *decoder) tell(why input.Omission, field string) {
	if d.note != nil {
		d.note(input.Note{Why: why, Field: field})
	}
}

// server is one network server's spelling of events.
type server interface {
	name() string
	read(m *input.Message, v map[string]any) (*event, *refusal)
}

type decoder struct {
	opts    Options
	server  server
	rules   *rules
	devices devices
	scratch sync.Pool        // *fields
	note    func(input.Note) // may be nil

	undecoded *metrics.Counter
	events    map[kind]*metrics.Counter
}

func newDecoder(o Options, s server) *decoder {
	d := &decoder{opts: o, server: s, rules: newRules(o.Config), devices: devices{catalog: o.Catalog}}
	d.scratch.New = func() any { return &fields{rules: d.rules, others: o.Config.Others, note: d.note} }
	d.undecoded = o.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_lorawan_undecoded_total{server=%q}`, s.name()))
	d.events = map[kind]*metrics.Counter{}
	for _, k := range kinds() {
		d.events[k] = o.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_lorawan_events_total{server=%q,event=%q}`, s.name(), k))
	}
	return d
}

// eventLabel is the URL's parameter with which ChirpStack says what it posts.
const eventLabel = "event"

// Decode implements input.Decoder.
func (d *decoder) Decode(m *input.Message, out *reading.Builder) {
	out.Uncommon(eventLabel)
	if isProtobuf(m.Body) {
		out.Refuse(reading.ReasonUnsupported, "this is not JSON; set the integration's payload encoding to JSON instead of Protobuf")
		return
	}
	jsontext.Each(m.Body, func(p jsontext.Part) bool {
		out.Part(p.N)
		if p.Err != nil {
			jsontext.Refuse(out, p.Err, p.Raw)
			return true
		}
		v, ok := p.Value.(map[string]any)
		if !ok {
			out.RefuseRaw(reading.ReasonBadType, "want an object, an event; got "+jsontext.Kind(p.Value), p.Raw)
			return true
		}
		e, r := d.server.read(m, v)
		if r != nil {
			out.RefuseRaw(r.reason, r.detail, p.Raw)
			return true
		}
		d.take(m, e, p.Raw, out)
		return true
	})
}

// isProtobuf tells ChirpStack's other encoding: nearly all events begin with
// their deduplication id, a text of 36 characters in field 1.
func isProtobuf(body []byte) bool {
	return len(body) > 2 && body[0] == 1<<3|2 && body[1] == 36
}

func (d *decoder) take(m *input.Message, e *event, raw []byte, out *reading.Builder) {
	d.events[e.kind].Inc()
	if e.time == 0 {
		e.time = m.Received
	}
	asset, domain := d.asset(m, e)
	switch e.kind {
	case kindUp, kindIntegration:
		d.uplink(m, e, asset, domain, raw, out)
	case kindStatus:
		out.Begin(e.time)
		out.Label("asset", asset)
		if !math.IsNaN(e.battery) {
			out.Value("device_battery_percent", e.battery)
		}
		out.Value("lorawan_margin_db", e.margin)
	case kindJoin:
		d.opts.Frames.Joined(e.device(), e.session, e.time)
		d.tell(input.OmittedEvent, string(e.kind))
	default:
		d.tell(input.OmittedEvent, string(e.kind))
	}
}

// device is the name under which frames are counted.
func (e *event) device() string {
	if e.eui != "" {
		return e.eui
	}
	return e.name
}

// asset is what the catalog has for the device, or what the topic or URL says,
// or the device's own number.
func (d *decoder) asset(m *input.Message, e *event) (id, domain string) {
	if a := d.devices.asset(e.device()); a != nil {
		return a.ID, a.Domain
	}
	if id = m.Label("asset"); id == "" || sameEUI(id, e.eui) {
		id = e.device()
	}
	if c := d.devices.loaded(); c != nil {
		if a, ok := c.Asset(id); ok {
			domain = a.Domain
		}
	}
	return id, domain
}

func sameEUI(text, eui string) bool {
	got, ok := readEUI(text)
	return ok && got == eui
}

func (d *decoder) uplink(m *input.Message, e *event, asset, domain string, raw []byte, out *reading.Builder) {
	if e.undecoded {
		d.undecoded.Inc()
		d.tell(input.OmittedUndecoded, e.device())
	}
	f := d.scratch.Get().(*fields)
	defer func() {
		f.reset()
		d.scratch.Put(f)
	}()
	f.event, f.domain = e, domain
	switch e.object.(type) {
	case nil:
	case map[string]any, []any:
		f.walk(e.object)
	default:
		out.RefuseRaw(reading.ReasonBadType, "decoded fields: want an object; got "+jsontext.Kind(e.object), raw)
	}
	if !math.IsNaN(e.battery) {
		f.add(sample{"device_battery_percent", nil, e.battery})
	}
	f.radio(&e.radio)
	f.flush(asset, e.time, out)
	d.frame(m, e, asset, raw, out)
	f.past(asset, out)
	if f.refused != nil {
		out.RefuseRaw(f.refused.reason, f.refused.detail, raw)
	}
	out.Skip(f.skipped)
}

// frame says how many uplinks were lost, where the event has a frame counter.
func (d *decoder) frame(m *input.Message, e *event, asset string, raw []byte, out *reading.Builder) {
	switch {
	case !e.framed:
		return
	case e.uncounted != nil:
		out.RefuseRaw(reading.ReasonBadType, "frame counter: want a whole number; got "+jsontext.Show(e.uncounted), raw)
		return
	}
	lost, ok := d.opts.Frames.Seen(frame{device: e.device(), session: e.session, count: e.count, time: e.time, now: m.Received})
	if ok {
		out.Begin(m.Received)
		out.Label("asset", asset)
		out.Value("lorawan_uplinks_lost_total", lost)
	}
}

func (f *fields) radio(r *radio) {
	if r.gateways == 0 {
		return
	}
	f.add(sample{"device_rssi_dbm", nil, r.rssi})
	if r.hasSNR {
		f.add(sample{"device_snr_db", nil, r.snr})
	}
	f.add(sample{"lorawan_gateways", nil, float64(r.gateways)})
	if r.spreadingFactor > 0 {
		f.add(sample{"lorawan_spreading_factor", nil, r.spreadingFactor})
	}
}

// flush hands out the samples: those without labels as one point, each other
// one as its own.
func (f *fields) flush(asset string, ms int64, out *reading.Builder) {
	begun := false
	for _, s := range f.samples {
		if len(s.labels) > 0 {
			continue
		}
		if !begun {
			out.Begin(ms)
			out.Label("asset", asset)
			begun = true
		}
		out.Value(s.metric, s.value)
	}
	for _, s := range f.samples {
		if len(s.labels) == 0 {
			continue
		}
		out.Begin(ms)
		out.Label("asset", asset)
		for _, l := range s.labels {
			out.Label(l.name, l.value)
		}
		out.Value(s.metric, s.value)
	}
	clear(f.samples)
	f.samples = f.samples[:0]
}

// past hands out readings that the device has kept while it was out of reach,
// at their own times.
func (f *fields) past(asset string, out *reading.Builder) {
	for _, record := range f.history {
		v, _ := record.(map[string]any)
		ms, ok := pastTime(v)
		if !ok {
			f.skipped++
			continue
		}
		delete(v, "timestamp")
		delete(v, "time")
		f.walk(v)
		f.flush(asset, ms, out)
	}
}
