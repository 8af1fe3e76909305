package demo

import (
	"strconv"
	"time"
)

// row is one line of a recording: everything but its time.
type row struct {
	after  time.Duration // since the recording began
	line   string        // measurement, tags and fields
	values int
}

// recording is real data, ordered by time. It can be played again and again,
// since each pass lasts for length.
type recording struct {
	rows   []row
	length time.Duration
}

// replay plays a recording from an instant on, speed times as fast as it was,
// and from its beginning again when it is over.
type replay struct {
	recording
	began time.Time
	speed float64

	pass int64
	next int
}

// appendDue appends the lines that are due up to an instant, with the time at
// which each was due, and says how many values they hold.
func (r *replay) appendDue(dst []byte, until time.Time) (lines []byte, values int) {
	for {
		next := r.rows[r.next]
		at := r.began.Add(r.scaled(time.Duration(r.pass)*r.length + next.after))
		if at.After(until) {
			return dst, values
		}
		dst = append(dst, next.line...)
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, at.UnixMilli()*int64(time.Millisecond), 10)
		dst = append(dst, '\n')
		values += next.values
		if r.next++; r.next == len(r.rows) {
			r.next, r.pass = 0, r.pass+1
		}
	}
}

func (r *replay) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / r.speed)
}
