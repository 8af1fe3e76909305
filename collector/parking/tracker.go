package parking

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/collector/reading"
)

// Tracker derives series from readings of bays and car parks. Restore comes
// before the first reading; Run keeps series fresh. Derive, DeriveWrite and Run
// may go on at the same time.
type Tracker struct {
	opts Options
	keys *keyCache

	mu     sync.RWMutex
	places map[string]*place
	lots   map[string]*lot
	// shared are the places with several sources.
	shared map[*place]struct{}

	dueMu sync.Mutex
	due   []*place

	untracked *metrics.Counter
	touched   atomic.Uint64 // nobody reads it
	refreshed int64         // when the series last got samples, for Run alone
}

// New returns a Tracker that knows nothing yet.
func New(o Options) *Tracker {
	t := &Tracker{
		opts: o.withDefaults(), keys: newKeyCache(),
		places: map[string]*place{}, lots: map[string]*lot{}, shared: map[*place]struct{}{},
		untracked: o.Metrics.GetOrCreateCounter(`belfry_parking_untracked_total`),
	}
	o.Metrics.NewGauge(`belfry_parking_bays`, func() float64 {
		t.mu.RLock()
		defer t.mu.RUnlock()
		return float64(len(t.places))
	})
	return t
}

// lot is a car park. Times are in milliseconds.
type lot struct {
	reading.Level // it is never settled

	mu       sync.Mutex
	capacity float64
	known    int64 // when the capacity was said; 0: never
}

// target is what the readings of a key are about; the zero target is nothing of
// this room.
type target struct {
	bay   *bay
	lot   *lot
	asset string
}

// Derive adds what follows from a batch of messages, whose keys are those of
// reading.LabelSpeller, to the same batch.
func (t *Tracker) Derive(b *reading.Batch, out *reading.Builder) {
	n := len(b.Points) // out adds more
	var now int64
	for i := range n {
		p := b.Points[i]
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			if !bytes.HasPrefix(b.Bytes(f.Name), []byte("parking_")) {
				continue
			}
			if now == 0 {
				now = t.opts.Now().UnixMilli()
			}
			t.point(b, p, reading.LabelSpeller{}, now, out)
			break
		}
	}
}

// DeriveWrite adds what follows from a batch in another format's spelling to the
// batch of out. Where the store has not followed the levels of bays, it costs a look
// at each key.
func (t *Tracker) DeriveWrite(b *reading.Batch, sp reading.Speller, out *reading.Builder) {
	if b.Followed {
		t.deriveLevels(b, sp, out)
		return
	}
	var now int64
	var mentioned [ahead]int
	n, touched := 0, uint64(0)
	look := func() {
		if now == 0 {
			now = t.opts.Now().UnixMilli()
		}
		touched ^= t.keys.lookAhead(b, mentioned[:n])
		for _, i := range mentioned[:n] {
			t.point(b, b.Points[i], sp, now, out)
		}
		n = 0
	}
	for i := range b.Points {
		if !mentionsParking(b.Bytes(b.Points[i].Key)) {
			continue
		}
		mentioned[n] = i
		if n++; n == ahead {
			look()
		}
	}
	if n > 0 {
		look()
		t.touched.Store(touched)
	}
}

// deriveLevels is DeriveWrite for what the store has followed.
func (t *Tracker) deriveLevels(b *reading.Batch, sp reading.Speller, out *reading.Builder) {
	if len(b.Levels) == 0 {
		return
	}
	now := t.opts.Now().UnixMilli()
	for _, l := range b.Levels {
		switch of := l.Of.(type) {
		case *bay:
			if p := b.Points[l.Point]; l.Field >= 0 {
				t.readBay(of, p.Time, b.Fields[int(p.First)+l.Field].Value, now, out)
			}
		case *lot:
			t.point(b, b.Points[l.Point], sp, now, out)
		}
	}
}

// Follow is the level of a series from which something follows.
func (t *Tracker) Follow(series labels.Labels) *reading.Level {
	asset := series.Get("asset")
	if asset == "" {
		return nil
	}
	switch series.Get(model.MetricNameLabel) {
	case bayOccupied:
		source := series.Get("source")
		if source == "" {
			source = t.opts.Source
		}
		if at := t.place(strings.Clone(asset), strings.Clone(source), strings.Clone(series.Get("lot"))); at.bay != nil {
			return &at.bay.Level
		}
	case lotCapacity, lotOccupied, lotFree:
		if l := t.lot(strings.Clone(asset)); l != nil {
			return &l.Level
		}
	}
	return nil
}

// ahead is how many keys are looked up together: finding one waits for memory
// several times, and loads that do not depend on each other wait together.
const ahead = 16

// mentionsParking looks where line protocol and remote write have the name of
// the metric: at the beginning, or behind the first label's name.
func mentionsParking(key []byte) bool {
	const word = "parking_"
	if len(key) <= len(word) {
		return false
	}
	return string(key[:len(word)]) == word ||
		len(key) > behindName+len(word) && key[behindName] == 'p' && string(key[behindName:behindName+len(word)]) == word
}

// behindName is where the value of the first label is in remote write, whose
// name is __name__: behind tag and length of the label, tag and length of its
// name, the name, tag and length of the value.
const behindName = 2 + 2 + len("__name__") + 2

// point looks at one point, whose time may be one that the store refuses.
func (t *Tracker) point(b *reading.Batch, p reading.Point, sp reading.Speller, now int64, out *reading.Builder) {
	if p.Time > now+t.opts.Early.Milliseconds() || p.Time < now-t.opts.Late.Milliseconds() {
		return
	}
	key := b.Bytes(p.Key)
	var counts lotCounts
	var of *target
	fields := b.Fields[p.First : p.First+p.Count]
	for i := range fields {
		f := &fields[i]
		kind := t.keys.kind(key, b.Bytes(f.Name), sp)
		if kind == kindOther {
			continue
		}
		at := t.keys.target(key, b.Bytes(f.Name), kind, sp, t.resolve)
		switch {
		case kind == kindBay && at.bay != nil:
			t.readBay(at.bay, p.Time, f.Value, now, out)
		case at.lot != nil && !math.IsNaN(f.Value):
			of = at
			counts.set(kind, f.Value)
		}
	}
	if of != nil {
		of.lot.read(of.asset, p.Time, counts, out)
	}
}

func (t *Tracker) readBay(b *bay, time int64, v float64, now int64, out *reading.Builder) {
	s, ok := stateOf(v)
	if !ok || b.Stays(time, v, now+t.opts.Early.Milliseconds()) {
		return
	}
	if b.place.forgotten.Load() {
		b.place.mu.Lock()
		lot := b.lot
		b.place.mu.Unlock()
		if b = t.place(b.place.asset, b.source, lot).bay; b == nil {
			return
		}
	}
	p := b.place
	p.mu.Lock()
	defer p.mu.Unlock()
	before := b.n
	t.read(p.asset, b, time, s, now, out)
	if b.n > before && s == taken && now-time > refreshInterval.Milliseconds() {
		t.soon(p)
	}
}

// soon has a place refreshed without waiting for the others: its newest sample
// is too old to be seen.
func (t *Tracker) soon(p *place) {
	t.dueMu.Lock()
	defer t.dueMu.Unlock()
	t.due = append(t.due, p)
}

// lotCounts are the numbers that one point says of a car park; negative: it does
// not.
type lotCounts struct {
	capacity, occupied, free float64
	has                      [kinds]bool
}

func (c *lotCounts) set(k kind, v float64) {
	c.has[k] = true
	switch k {
	case kindCapacity:
		c.capacity = v
	case kindLotOccupied:
		c.occupied = v
	case kindLotFree:
		c.free = v
	}
}

// read remembers the capacity, and adds how full the car park is.
func (l *lot) read(asset string, at int64, c lotCounts, out *reading.Builder) {
	l.mu.Lock()
	capacity := l.capacity
	if c.has[kindCapacity] {
		capacity = c.capacity
		if at >= l.known {
			l.capacity, l.known = capacity, at
		}
	}
	l.mu.Unlock()
	if capacity <= 0 {
		return
	}
	out.Begin(at)
	out.Label("asset", asset)
	switch {
	case c.has[kindLotOccupied]:
		out.Value(lotRatio, c.occupied/capacity)
	case c.has[kindLotFree] && c.free <= capacity:
		out.Value(lotOccupied, capacity-c.free)
		out.Value(lotRatio, (capacity-c.free)/capacity)
	}
}

// resolve finds or makes what a series is about.
func (t *Tracker) resolve(metric []byte, labels []reading.Label) target {
	var asset, source, lot string
	labels, err := t.opts.Redact(labels)
	if err != nil {
		return target{}
	}
	for _, l := range labels {
		var into *string
		switch string(l.Name) {
		case "asset":
			into = &asset
		case "source":
			into = &source
		case "lot":
			into = &lot
		default:
			continue
		}
		*into = string(l.Value)
	}
	if asset == "" {
		return target{}
	}
	if string(metric) != bayOccupied {
		return target{lot: t.lot(asset), asset: asset}
	}
	if source == "" {
		source = t.opts.Source
	}
	return t.place(asset, source, lot)
}

func (t *Tracker) lot(asset string) *lot {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lots[asset]
	if l == nil && t.room() {
		l = &lot{}
		l.Of = l
		t.lots[asset] = l
	}
	return l
}

// room says whether one more can be tracked.
func (t *Tracker) room() bool {
	if len(t.lots)+len(t.places) < t.opts.maxPlaces {
		return true
	}
	t.untracked.Inc()
	return false
}

func (t *Tracker) place(asset, source, lot string) target {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.places[asset]
	if p == nil {
		if !t.room() {
			return target{}
		}
		p = &place{asset: asset}
		t.places[asset] = p
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.bays {
		if b.source == source {
			if lot != "" {
				b.lot = lot
			}
			return target{bay: b}
		}
	}
	const mostSources = 16
	if len(p.bays) == mostSources {
		t.untracked.Inc()
		return target{}
	}
	p.bays = append(p.bays, p.newBay(source, lot))
	if len(p.bays) > 1 {
		t.shared[p] = struct{}{}
	}
	return target{bay: p.bays[len(p.bays)-1]}
}
