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
	counters []counter
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
	return b.bytes
}

func (r *Rounds) encode(streams []*city.Stream, round int) body {
	var b body
	at := r.opt.Start.Add(time.Duration(round) * r.opt.Step)
	for _, s := range streams {
		first := len(b.bytes)
		b.bytes = r.encoder.AppendLine(b.bytes, s, at)
		if len(b.bytes) == first {
			continue
		}
		b.times = append(b.times, uint32(len(b.bytes)-1-timestampWidth))
		b.findCounters(s, first, at, r.growth(s))
	}
	return b
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

// findCounters notes the stream's counters that grow, in the line that begins
// at first.
func (b *body) findCounters(s *city.Stream, first int, at time.Time, growth []float64) {
	now, _ := s.Read(at, nil)
	for i, f := range s.Fields {
		if !f.Counter || f.Decimals != 0 || growth[i] <= 0 {
			continue
		}
		text := f.Name + "=" + strconv.FormatInt(int64(now[i]), 10) + "i"
		where := lastIndex(b.bytes[first:], text)
		b.counters = append(b.counters, counter{
			at:    uint32(first + where + len(f.Name) + 1),
			width: uint32(len(text) - len(f.Name) - 2),
			value: int64(now[i]),
			step:  int64(growth[i]),
		})
	}
}

func lastIndex(b []byte, text string) int {
	for i := len(b) - len(text); i >= 0; i-- {
		if string(b[i:i+len(text)]) == text {
			return i
		}
	}
	panic("influx: a field is not in its own line")
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
