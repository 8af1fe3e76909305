package influx

import (
	"fmt"
	"strconv"
	"time"

	"github.com/belfry-city/belfry/loadtest/city"
)

// RoundsOptions say how a city's readings are cut into requests.
type RoundsOptions struct {
	// Lines is the most lines in one request.
	Lines int
	// Ready is how many rounds are encoded beforehand. They are sent in turn,
	// with the timestamps and counters of the round in hand patched into them.
	// When they are sent again, the last digit of each measured value is drawn
	// anew: a database would compress mere repetition far too well.
	// 0 encodes each request when it is sent, which costs the generator's CPU
	// but follows the city exactly, faults included.
	Ready int
	// Start is the city's time in the first round that is encoded beforehand,
	// Step what lies between two.
	Start time.Time
	Step  time.Duration
}

// Rounds are the requests in which every stream of a city reports once. Their
// parts may be used concurrently, each by one goroutine at a time.
type Rounds struct {
	encoder *Encoder
	opt     RoundsOptions
	parts   []part
}

// part is the same streams in every round.
type part struct {
	streams []*city.Stream
	samples int
	metrics map[string]int
	ready   []body
	scratch []byte
}

// body is an encoded request and what is patched in it.
type body struct {
	bytes    []byte
	times    []uint32 // where each line's timestamp is
	digits   []digit
	counters []counter
}

// digit is the last one of a measured value.
type digit struct {
	at       uint32
	original byte
}

// counter is a whole number that grows by step with each reuse of its body.
type counter struct {
	at, width uint32
	value     int64
	step      int64
}

// NewRounds cuts the streams into parts and encodes what is to be ready.
func NewRounds(streams []*city.Stream, encoder *Encoder, opt RoundsOptions) (*Rounds, error) {
	switch {
	case opt.Lines < 1:
		return nil, fmt.Errorf("cutting readings into requests: %d lines a request; want at least 1", opt.Lines)
	case opt.Ready < 0:
		return nil, fmt.Errorf("cutting readings into requests: %d rounds ready; want 0 or more", opt.Ready)
	case len(streams) == 0:
		return nil, fmt.Errorf("cutting readings into requests: there are no streams")
	}
	r := &Rounds{encoder: encoder, opt: opt}
	for len(streams) > 0 {
		n := min(opt.Lines, len(streams))
		p := part{streams: streams[:n], metrics: map[string]int{}}
		for _, s := range p.streams {
			p.samples += len(s.Fields)
			for i := range s.Fields {
				p.metrics[s.Metric(i)]++
			}
		}
		for v := range opt.Ready {
			p.ready = append(p.ready, r.encode(p.streams, v))
		}
		r.parts = append(r.parts, p)
		streams = streams[n:]
	}
	return r, nil
}

// Parts is how many requests make a round.
func (r *Rounds) Parts() int { return len(r.parts) }

// Samples is how many values one part carries, as long as no device is silent.
func (r *Rounds) Samples(part int) int { return r.parts[part].samples }

// Metrics is how many values of each metric one part carries.
func (r *Rounds) Metrics(part int) map[string]int { return r.parts[part].metrics }

// Body is the part's request in a round in which the readings are of the
// instant given. It is valid until the next call for the same part.
func (r *Rounds) Body(part int, round int64, at time.Time) []byte {
	p := &r.parts[part]
	if len(p.ready) == 0 {
		p.scratch = p.scratch[:0]
		for _, s := range p.streams {
			p.scratch = r.encoder.AppendLine(p.scratch, s, at)
		}
		return p.scratch
	}
	b := &p.ready[round%int64(len(p.ready))]
	b.patch(at, round/int64(len(p.ready)))
	if round < int64(len(p.ready)) {
		b.restore()
	} else {
		b.vary(uint64(round)<<16 | uint64(part))
	}
	return b.bytes
}

func (r *Rounds) encode(streams []*city.Stream, round int) body {
	var b body
	var spans []span
	at := r.opt.Start.Add(time.Duration(round) * r.opt.Step)
	for _, s := range streams {
		spans = spans[:0]
		b.bytes = r.encoder.appendLine(b.bytes, s, at, &spans)
		if len(spans) == 0 {
			continue // silent
		}
		b.times = append(b.times, uint32(len(b.bytes)-1-timestampWidth))
		growth := r.growth(s)
		for i, f := range s.Fields {
			switch {
			case f.Decimals > 0:
				b.digits = append(b.digits, digit{uint32(spans[i].to - 1), b.bytes[spans[i].to-1]})
			case f.Counter && growth[i] > 0:
				b.addCounter(spans[i], growth[i])
			}
		}
	}
	return b
}

func (b *body) addCounter(s span, growth float64) {
	digits := b.bytes[s.from : s.to-1] // without the i of an integer
	value, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		panic(err) // it has just been formatted
	}
	b.counters = append(b.counters, counter{at: uint32(s.from), width: uint32(len(digits)), value: value, step: int64(growth)})
}

// growth is by how much each field grows in a cycle. It is the same for all
// rounds of the cycle, so that a counter never falls from one to the next.
func (r *Rounds) growth(s *city.Stream) []float64 {
	from, _ := s.Read(r.opt.Start, nil)
	to, _ := s.Read(r.opt.Start.Add(time.Duration(r.opt.Ready)*r.opt.Step), nil)
	if len(from) != len(to) {
		return make([]float64, len(s.Fields))
	}
	for i := range to {
		to[i] -= from[i]
	}
	return to
}

func (b *body) patch(at time.Time, cycle int64) {
	var digits [timestampWidth]byte
	putDigits(digits[:], at.UnixMilli()*int64(time.Millisecond))
	for _, off := range b.times {
		copy(b.bytes[off:off+timestampWidth], digits[:])
	}
	for i := range b.counters {
		c := &b.counters[i]
		putDigits(b.bytes[c.at:c.at+c.width], c.value+cycle*c.step)
	}
}

// vary draws the last digit of each measured value, the same for the same seed.
func (b *body) vary(seed uint64) {
	state := seed*0x9e3779b97f4a7c15 | 1
	for _, d := range b.digits {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		b.bytes[d.at] = byte('0' + state>>32%10)
	}
}

// restore undoes vary, for a round that is sent once more in another run.
func (b *body) restore() {
	for _, d := range b.digits {
		b.bytes[d.at] = d.original
	}
}

// putDigits writes v right-aligned. A number that has outgrown its width stays
// at nines: a counter that stands still is better than one that falls.
func putDigits(dst []byte, v int64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
	if v > 0 {
		for i := range dst {
			dst[i] = '9'
		}
	}
}
