package watch

import (
	"encoding/binary"
	"math"

	"github.com/prometheus/prometheus/model/labels"
)

// appendLabels appends labels so that equal ones give equal bytes.
func appendLabels(b []byte, lset labels.Labels) []byte {
	b = binary.AppendUvarint(b, uint64(lset.Len()))
	lset.Range(func(l labels.Label) {
		for _, s := range [...]string{l.Name, l.Value} {
			b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
		}
	})
	return b
}

// appendState appends the state of a track: its times, of a group what it has
// gathered, and the model's own.
func (k *track) appendState(b []byte) ([]byte, error) {
	b = binary.AppendVarint(b, k.first)
	b = binary.AppendVarint(b, k.last)
	if g := k.group; g != nil {
		b = g.append(b)
	}
	if k.model == nil {
		return append(b, 0), nil
	}
	return k.model.AppendBinary(append(b, 1))
}

func (g *group) append(b []byte) []byte {
	b = binary.AppendVarint(b, g.instant)
	b = binary.AppendVarint(b, g.newest)
	b = binary.AppendUvarint(b, uint64(g.quiet))
	b = append(b, bit(g.open), bit(g.grown))
	b = binary.AppendUvarint(b, uint64(len(g.channels)))
	for _, c := range g.channels {
		b = appendLabels(b, c.labels)
		b = binary.AppendUvarint(b, uint64(c.place))
		b = binary.AppendVarint(b, c.last)
		b = binary.AppendUvarint(b, uint64(c.missed))
		b = append(b, bit(c.has))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.value))
	}
	return b
}

func bit(yes bool) byte {
	if yes {
		return 1
	}
	return 0
}

// decoder takes a state apart; after an error all that it returns is zero.
type decoder struct {
	b      []byte
	broken bool
}

func (d *decoder) take(n int) []byte {
	if d.broken || n < 0 || n > len(d.b) {
		d.broken = true
		return nil
	}
	taken := d.b[:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) varint() int64 {
	n, used := binary.Varint(d.b)
	if used <= 0 {
		d.broken = true
	}
	d.take(max(used, 0))
	return n
}

// count reads a number that is at most most.
func (d *decoder) count(most int) int {
	n, used := binary.Uvarint(d.b)
	if used <= 0 || n > uint64(most) {
		d.broken = true
		return 0
	}
	d.take(used)
	return int(n)
}

func (d *decoder) bit() bool {
	b := d.take(1)
	return len(b) == 1 && b[0] == 1
}

func (d *decoder) float() float64 {
	if b := d.take(8); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

func (d *decoder) text() string { return string(d.take(d.count(len(d.b)))) }

func (d *decoder) labels() labels.Labels {
	b := labels.NewScratchBuilder(8)
	for range d.count(len(d.b)) {
		name := d.text()
		b.Add(name, d.text())
	}
	b.Sort()
	return b.Labels()
}

func (d *decoder) group() *group {
	g := &group{instant: d.varint(), newest: d.varint(), quiet: d.count(missedInstants)}
	g.open, g.grown = d.bit(), d.bit()
	for range d.count(mostChannels) {
		c := &channel{labels: d.labels(), place: d.count(mostChannels), last: d.varint(), missed: d.count(missedInstants)}
		c.has = d.bit()
		c.value = d.float()
		g.channels = append(g.channels, c)
	}
	return g
}
