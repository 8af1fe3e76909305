package tsdb

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

// Listener hears of what is written by Append and is not Belfry's own.
type Listener interface {
	// Listen is asked for each series when it is met for the first time, and now and
	// then again. Series of one device have one Pulse; nil: nobody minds.
	Listen(series labels.Labels) *Pulse
}

// Pulse is that of one device, which speaks with a Voice for each of its keys. A
// sample that is newer than all of the device before is a sign of life. While the
// device rests, a sign is only noted in its voice, so that a sample needs no other
// memory than that of its own key. All methods are safe for concurrent use; times are
// in milliseconds.
type Pulse struct {
	// Beat is told of signs of life while the device does not rest, possibly by
	// several goroutines at once. It must be quick.
	Beat func(now int64)
	// Late is how old a sign of life may be, unless it is less than an hour.
	Late atomic.Int64

	until atomic.Int64 // Rest

	mu     sync.Mutex
	before sign // what is known of signs by no voice
	voices []*Voice
}

// sign is a sample's time, and when it came.
type sign struct{ newest, heard int64 }

// precedes says whether s is of an older sample than other, or came later for the
// same.
func (s sign) precedes(other sign) bool {
	return s.newest < other.newest || s.newest == other.newest && s.heard > other.heard
}

func later(a, b sign) sign {
	if a.precedes(b) {
		return b
	}
	return a
}

// Voice is a key by which a device speaks. The zero Voice is nobody's.
type Voice struct {
	pulse atomic.Pointer[Pulse]
	// sign is the newest sample, and how late it came, in one number.
	sign  atomic.Uint64
	until atomic.Int64 // of the pulse, or before
}

const (
	// lateBits are enough for signs of an hour. Others are never a voice's.
	lateBits = 22
	hour     = 3_600_000
	// gone is until when a voice rests that is no longer its pulse's. awake is before
	// any time.
	gone  = math.MinInt64
	awake = gone + 1
)

func (v *Voice) last() sign { return unpack(v.sign.Load()) }

func unpack(packed uint64) sign {
	newest := int64(packed >> lateBits)
	return sign{newest, newest + int64(packed&(1<<lateBits-1))}
}

func (s sign) pack() uint64 { return uint64(s.newest)<<lateBits | uint64(s.heard-s.newest) }

// Hear is told of a sample at time t, which came now. It is on the way of every
// sample.
func (v *Voice) Hear(t, now int64) {
	t = min(t, now) // a device whose clock is fast is heard now
	packed := v.sign.Load()
	if t <= int64(packed>>lateBits) {
		return
	}
	p := v.pulse.Load()
	if p == nil {
		return
	}
	s := sign{t, now}
	if now-t > hour {
		if now-t <= p.Late.Load() {
			p.attend(v, s, true)
		}
		return
	}
	for !v.sign.CompareAndSwap(packed, s.pack()) {
		if packed = v.sign.Load(); t <= int64(packed>>lateBits) {
			return // another sample of now
		}
	}
	// Rest changes until first, then looks at sign.
	if now >= v.until.Load() && !p.rests(v, now) {
		p.attend(v, s, false)
	}
}

// rests says whether another voice has ended the rest and the next one has begun.
func (p *Pulse) rests(v *Voice, now int64) bool {
	own, until := v.until.Load(), p.until.Load()
	if own == gone || now >= until || !v.until.CompareAndSwap(own, until) {
		return false
	}
	if p.until.Load() == until {
		return true
	}
	v.until.CompareAndSwap(until, awake) // Rest may have looked at v before
	return false
}

// attend looks at a sign that its voice has not only to note. keep says that it is not in
// the voice.
func (p *Pulse) attend(v *Voice, s sign, keep bool) {
	p.mu.Lock()
	first := p.before.precedes(s)
	for _, other := range p.voices {
		first = first && (other == v && !keep || !s.precedes(other.last()))
	}
	if keep || v.until.Load() == gone {
		p.before = later(p.before, s)
	}
	p.mu.Unlock()
	if first && s.heard >= p.until.Load() {
		p.Beat(s.heard)
	}
}

// Rest has signs of life only noted until then.
func (p *Pulse) Rest(until int64) {
	until = max(until, awake)
	if p.until.Swap(until) <= until {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range p.voices {
		v.until.Store(until)
	}
}

// Last is the time of the newest sample, and when it came; 0: there was none.
func (p *Pulse) Last() (newest, heard int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.last()
	return s.newest, s.heard
}

// last is Last. The caller holds mu.
func (p *Pulse) last() sign {
	s := p.before
	for _, v := range p.voices {
		s = later(s, v.last())
	}
	return s
}

// Set is for what was known before any voice spoke. With heard of 0 it is as if
// there had been no sign, but only newer samples are signs.
func (p *Pulse) Set(newest, heard int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = sign{newest, heard}
}

// TurnBack has what came later come now, as the clock was set back.
func (p *Pulse) TurnBack(now int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.last()
	p.before = sign{min(s.newest, now), min(s.heard, now)}
	for _, v := range p.voices {
		for packed := v.sign.Load(); unpack(packed).heard > now; packed = v.sign.Load() {
			s := unpack(packed)
			v.sign.CompareAndSwap(packed, sign{min(s.newest, now), now}.pack())
		}
	}
}

// Join makes a voice the device's, unless it is another's. It is not moved after.
func (p *Pulse) Join(v *Voice) {
	p.mu.Lock()
	if v.pulse.CompareAndSwap(nil, p) {
		p.voices = append(p.voices, v)
	}
	p.mu.Unlock()
	if v.until.Load() == gone {
		v.Leave()
	}
}

// Leave has the pulse remember what the voice said, and not the voice.
func (v *Voice) Leave() {
	v.until.Store(gone)
	p := v.pulse.Load()
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	v.until.Store(gone) // Rest may have looked at it since
	if i := slices.Index(p.voices, v); i >= 0 {
		p.before = later(p.before, v.last())
		p.voices = slices.Delete(p.voices, i, i+1)
	}
}

// Listen has a Listener hear of all that is appended. It is called before the
// first Append, if at all.
func (s *Store) Listen(l Listener) { s.listener = l }

// listen finds the pulse of a new entry, or of one whose fields so far have none.
func (a *appending) listen(e *seriesEntry, lset labels.Labels) {
	if a.store.listener == nil || e.voice.pulse.Load() != nil {
		return
	}
	if p := a.store.listener.Listen(lset); p != nil {
		p.Join(&e.voice)
	}
}

// hear tells the device of a sample that was stored, unless that is the end of a
// series.
func (a *appending) hear(e *seriesEntry, t int64, v float64) {
	if !value.IsStaleNaN(v) {
		e.voice.Hear(t, a.now)
	}
}
