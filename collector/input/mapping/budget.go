package mapping

import (
	"errors"
	"time"
)

const (
	// maxTicks is how often the loops of a mapping's expressions may turn for one
	// message.
	maxTicks = 1_000_000
	// maxTime is how long one message may take, and maxBodyTime all of one body.
	maxTime     = time.Second
	maxBodyTime = 10 * time.Second
	// clockTicks is how many turns of a loop there are between two looks at the
	// clock, and clockRuns how many expressions.
	clockTicks = 16
	clockRuns  = 16
	// longestMade is the longest text in bytes that expressions may make of
	// others, and tickBytes how many bytes of such a text count like one turn of a
	// loop: otherwise a loop makes gigabytes in a second.
	longestMade = 1 << 20
	tickBytes   = 64
)

var errTooLong = errors.New("the expressions take too long for a message of this size")

// budget bounds what expressions may do. The clock comes on top of the count
// for functions that take longer the longer their lists are.
type budget struct {
	ticks    int
	runs     int
	deadline time.Time
	body     time.Time
	over     bool
}

func (b *budget) beginBody(now time.Time) { b.body = now.Add(maxBodyTime) }

func (b *budget) begin(now time.Time) {
	b.ticks, b.over = 0, false
	b.deadline = now.Add(maxTime)
	if b.body.Before(b.deadline) {
		b.deadline = b.body
	}
}

// tick is called in each turn of a loop; the virtual machine makes an error of
// the panic.
func (b *budget) tick(...any) any {
	b.ticks++
	if b.ticks > maxTicks || (b.ticks%clockTicks == 0 && b.late()) {
		b.end()
	}
	return nil
}

// text is called before a text of so many bytes is made.
func (b *budget) text(size int) {
	b.ticks += size / tickBytes
	if size > longestMade || b.ticks > maxTicks || (size > tickBytes*clockTicks && b.late()) {
		b.end()
	}
}

func (b *budget) end() {
	b.over = true
	panic(errTooLong)
}

// run is called for each expression; it returns false where there is no time
// left for it.
func (b *budget) run() bool {
	if b.runs++; b.runs%clockRuns == 0 {
		b.over = b.over || b.late()
	}
	return !b.over
}

func (b *budget) late() bool { return time.Now().After(b.deadline) }
