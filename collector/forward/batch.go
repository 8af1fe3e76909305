package forward

import (
	"time"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

// reasonNotFinite is why a value cannot be sent.
const reasonNotFinite tail.Reason = "not_finite"

// skips counts samples that are not sent.
type skips struct {
	unwanted, unfit, histograms, unknown, notFinite int
}

// batch is what is sent at once, and where the log has been read to behind it.
type batch struct {
	most      int // lines
	mostBytes int
	encoder   line.Encoder

	seq   uint64
	lines []byte
	count int
	since time.Time // when the first line was added
	skips

	end   tail.Position
	known bool // false while there is no position to go on from
	err   error
}

var _ tail.Sink[string] = (*batch)(nil)

func (b *batch) reset(most, mostBytes int, encoder line.Encoder) {
	*b = batch{lines: b.lines[:0], most: most, mostBytes: mostBytes, encoder: encoder}
}

// Full implements tail.Sink.
func (b *batch) Full() bool { return b.count >= b.most || len(b.lines) >= b.mostBytes }

// Sample implements tail.Sink.
func (b *batch) Sample(spelling string, v float64, t int64) {
	if !b.encoder.Carries(v) {
		b.notFinite++
		return
	}
	if b.count == 0 {
		b.since = time.Now()
	}
	b.lines = line.AppendSample(b.lines, spelling, v, t)
	b.count++
}

// Skip implements tail.Sink.
func (b *batch) Skip(why tail.Reason, n int) {
	switch why {
	case tail.ReasonUnwanted:
		b.unwanted += n
	case tail.ReasonUnfit:
		b.unfit += n
	case tail.ReasonHistogram:
		b.histograms += n
	case tail.ReasonUnknown:
		b.unknown += n
	}
}
