package demo

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/belfry-city/belfry/alerting/pager"
)

// terminal tells people what happens. On a real one, the last two lines are
// how things stand, and stay there; elsewhere that is a line now and then.
type terminal struct {
	speech
	out   io.Writer
	width func() int // columns; nil where it is no real terminal

	mu     sync.Mutex
	pinned []string
}

// plainWidth is how wide text is where nobody says.
const plainWidth = 120

func (t *terminal) columns() int {
	if t.width == nil {
		return plainWidth
	}
	if w := t.width(); w > 0 {
		return w
	}
	return plainWidth
}

func (t *terminal) every() time.Duration {
	if t.width == nil {
		return 10 * time.Second
	}
	return time.Second
}

// show writes lines above the pinned ones, which become pin.
func (t *terminal) show(lines, pin []string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.showLocked(lines, pin)
}

func (t *terminal) showLocked(lines, pin []string) error {
	var b bytes.Buffer
	if n := len(t.pinned); n > 0 {
		b.WriteByte('\r')
		if n > 1 {
			fmt.Fprintf(&b, "\x1b[%dA", n-1)
		}
		b.WriteString("\x1b[J")
	}
	for _, line := range lines {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	t.pinned = nil
	if t.width != nil {
		t.pinned = pin
		b.WriteString(strings.Join(pin, "\n"))
	}
	if _, err := t.out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("show on the terminal: %w", err)
	}
	return nil
}

// Write shows log lines, so that they do not tear what is pinned.
func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for line := range strings.Lines(string(p)) {
		lines = append(lines, t.paint(dim, plain(line)))
	}
	return len(p), t.showLocked(lines, t.pinned)
}

// preparing is told to who waits in front of a terminal.
func (t *terminal) preparing() error {
	if t.width == nil {
		return nil
	}
	return t.show([]string{t.paint(dim, t.past)}, nil)
}

func (t *terminal) start(o opening) error {
	after := t.stop
	if o.duration > 0 {
		after = fmt.Sprintf(t.stopAfter, o.duration)
	}
	fate := t.removedAtEnd
	if o.kept {
		fate = t.kept
	}
	lines := []string{t.paint(bold, t.title) + "  " + t.promise, ""}
	lines = append(lines, t.titled([][2]string{
		{t.address, t.paint(bold, o.url) + "  (" + t.addressSays + ")"},
		{t.devices, t.paint(bold, o.mqtt) + "  (MQTT)" + t.comma + t.paint(bold, o.hj212) + "  (HJ 212)"},
		{t.ask, "curl '" + o.url + "/api/v1/query?query=tunnel_co_ppm'"},
		{"", "mosquitto_pub -p " + port(o.mqtt) + " -q 1 -t " + tryTopic + " -m 'gas ch4_lel_percent=55'"},
		{t.real, fmt.Sprintf(t.realSays, figure(o.speed))},
		{t.simulated, fmt.Sprintf(t.simulatedSays, grouped(o.assets))},
		{t.dataDir, o.dataDir + "  (" + fate + ")"},
		{t.end, after},
	})...)
	return t.show(append(lines, "", t.firstPage, ""), nil)
}

// titled writes lines with a title in front of each.
func (t *terminal) titled(lines [][2]string) []string {
	widest := 0
	for _, line := range lines {
		widest = max(widest, columns(line[0]))
	}
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = "  " + t.paint(dim, left(line[0], widest)) + "  " + line[1]
	}
	return out
}

func (t *terminal) page(p pager.Page) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.showLocked(append(t.speech.page(&p), ""), t.pinned)
}

func (t *terminal) status(p progress) error {
	parts := []string{
		fmt.Sprintf(t.perSecond, grouped(int(math.Round(p.perSecond)))),
		fmt.Sprintf(t.series, grouped(p.series)),
		fmt.Sprintf(t.pagesAndOpen, grouped(p.pages), grouped(p.open())),
	}
	if p.refused > 0 {
		parts = append(parts, fmt.Sprintf(t.refused, grouped(p.refused)))
	}
	ran := left(clock(p.ran), 6)
	if t.width == nil {
		if p.trouble != nil {
			parts = append(parts, t.notStored+": "+plain(p.trouble.Error()))
		}
		return t.show([]string{ran + joined(parts...)}, nil)
	}
	most := t.columns() - 3 // the terminal itself writes ^C behind
	line := ran + joined(append(parts, t.howToStop)...)
	if columns(line) > most {
		line = cut(ran+joined(parts...), most)
	}
	switch {
	case p.trouble != nil:
		line = t.paint(red, cut(ran+t.notStored+": "+plain(p.trouble.Error()), most))
	case p.openBy["critical"] > 0:
		line = t.paint(red, line)
	case p.open() > 0:
		line = t.paint(yellow, line)
	default:
		line = t.paint(green, line)
	}
	return t.show(nil, []string{t.paint(dim, strings.Repeat("─", most/columns("─"))), line})
}

func (t *terminal) stopping() error { return t.show(nil, []string{t.phrases.stopping}) }

func (t *terminal) finish(c closing) error { return t.show(t.summaryOf(c, t.columns()), nil) }
