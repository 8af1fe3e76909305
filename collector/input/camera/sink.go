package camera

import (
	"strings"
	"sync"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/camera/presence"
	"github.com/belfry-city/belfry/collector/plate"
	"github.com/belfry-city/belfry/collector/reading"
)

// sink is where the decoding of one message leads to.
type sink struct {
	*reading.Builder
	m    *input.Message
	part int
	// pending are the samples of the message: of several things of one kind in
	// one picture, the one that the camera is most sure of counts.
	pending []pending
	seen    map[string]bool // assets
}

type pending struct {
	asset, kind string
	at          int64
	value       float64
	part        int
}

func newSink(m *input.Message, b *reading.Builder) *sink {
	return &sink{Builder: b, m: m, part: 1, seen: map[string]bool{}}
}

// Part is the Builder's.
func (s *sink) Part(n int) {
	s.part = n
	s.Builder.Part(n)
}

func (s *sink) sample(asset, kind string, at int64, value float64) {
	for i := range s.pending {
		p := &s.pending[i]
		if p.asset == asset && p.kind == kind && p.at == at {
			p.value = max(p.value, value)
			return
		}
	}
	s.pending = append(s.pending, pending{asset, kind, at, value, s.part})
}

// flush gives the samples to the Builder.
func (s *sink) flush(i *Instants) {
	for _, p := range s.pending {
		if !i.take(p.asset, p.kind, p.at, p.value) {
			continue
		}
		s.Builder.Part(p.part)
		s.Begin(p.at)
		s.Label("asset", p.asset)
		s.Label("kind", p.kind)
		s.Value("camera_event_confidence", p.value)
	}
}

// seen tells the presence of a sign of life.
func (d *base) seen(out *sink, vendor, source, asset string, heartbeat bool) {
	if out.seen[asset] {
		return
	}
	out.seen[asset] = true
	d.Presence.Seen(out.Builder, d.signOf(out, vendor, source, asset, heartbeat))
}

// lost tells the presence that a camera is down.
func (d *base) lost(out *sink, vendor, source, asset string) {
	d.Presence.Lost(out.Builder, d.signOf(out, vendor, source, asset, true))
}

func (d *base) signOf(out *sink, vendor, source, asset string, heartbeat bool) presence.Sign {
	return presence.Sign{
		Asset: asset, Vendor: vendor, Source: source, Labels: kept(out.m.Labels), Heartbeat: heartbeat, At: out.m.Received,
	}
}

// kept are labels as they are stored. The presence writes them to a file.
func kept(labels []input.Label) (all []input.Label) {
	var plain []reading.Label
	for _, l := range labels {
		plain = append(plain, reading.Label{Name: []byte(l.Name), Value: []byte(l.Value)})
	}
	left, _ := plate.Redactor{}.Labels(plain)
	for _, l := range left {
		all = append(all, input.Label{Name: string(l.Name), Value: string(l.Value)})
	}
	return all
}

// Instants remembers the newest instant of each series of events. A camera that
// counts in seconds reports two people in the same one; a series holds one
// value at an instant, so that the second would be refused as a conflict. It is
// safe for concurrent use.
type Instants struct {
	mu   sync.Mutex
	last map[[2]string]instant
}

type instant struct {
	at    int64
	value float64
}

// maxInstants bounds the memory; forgetting costs no more than a conflict.
const maxInstants = 100_000

// NewInstants returns an empty memory.
func NewInstants() *Instants { return &Instants{last: map[[2]string]instant{}} }

// take says whether the value can be stored: whether there is no other at that
// instant.
func (i *Instants) take(asset, kind string, at int64, value float64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := [2]string{strings.Clone(asset), kind}
	if old, ok := i.last[key]; ok && old.at == at {
		return old.value == value
	} else if ok && old.at > at {
		return true
	}
	if len(i.last) >= maxInstants {
		clear(i.last)
	}
	i.last[key] = instant{at, value}
	return true
}
