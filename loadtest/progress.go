package loadtest

import (
	"fmt"
	"io"
	"time"
)

// Progress shows a run to somebody: on a terminal one line that changes, and
// anywhere else a plain line every ten seconds.
type Progress struct {
	w        io.Writer
	terminal bool
	shown    time.Duration
}

// NewProgress writes to w.
func NewProgress(w io.Writer, terminal bool) *Progress {
	return &Progress{w: w, terminal: terminal}
}

// Show shows the snapshot. What cannot be written is not shown.
func (p *Progress) Show(s Snapshot) {
	const every = 10 * time.Second
	line := fmt.Sprintf("%4.0fs  %11d acknowledged  %9.0f samples/s  p99 %7.1f ms  again %d  refused %d  lost %d",
		s.Elapsed.Seconds(), s.Acknowledged, s.PerSecond, float64(s.P99.Microseconds())/1000, s.Retries, s.Refused, s.Lost)
	switch {
	case p.terminal:
		_, _ = fmt.Fprintf(p.w, "\r%s\x1b[K", line)
	case s.Elapsed-p.shown >= every-every/20:
		p.shown = s.Elapsed
		_, _ = fmt.Fprintln(p.w, line)
	}
}

// Clear removes the line from a terminal.
func (p *Progress) Clear() {
	if p.terminal {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}
