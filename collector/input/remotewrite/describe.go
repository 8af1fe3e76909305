package remotewrite

import (
	"fmt"
	"strings"

	"github.com/belfry-city/belfry/collector/reading"
)

const (
	// maxDescribed is how many bytes Describe returns, about.
	maxDescribed = 300
	// keptSymbols and keptBytes are how much memory a Parser keeps.
	keptSymbols = 1 << 16
	keptBytes   = 4 << 20
)

// Release forgets the request, and memory that only a huge one needs.
func (p *Parser) Release() {
	p.body, p.series = nil, series{}
	if cap(p.symbols) > keptSymbols {
		p.symbols = nil
	}
	if cap(p.arena) > keptBytes {
		p.arena = nil
	}
	if cap(p.scratch) > keptBytes {
		p.scratch = nil
	}
}

// Describe words the labels of a series of the request, by its number, for
// messages: name{label="value"}, or name{…} where they cannot be read. It is slow,
// and the Parser can only be released afterwards.
func (p *Parser) Describe(number uint32) string {
	p.pos, p.line, p.arena = 0, 0, p.arena[:0]
	var b reading.Batch
	for p.line < number {
		p.arena = p.arena[:0]
		if !p.nextSeries(&b) {
			return ""
		}
		b.Reset()
	}
	raw := p.body
	if p.version == V2 {
		raw = p.arena
	}
	key := p.series.key
	if key.Len == 0 {
		return p.describeBroken()
	}
	return describeKey(raw[key.Off : key.Off+key.Len])
}

// describeBroken looks for the name in what can be read of the labels.
func (p *Parser) describeBroken() string {
	named := func(l reading.Label) bool { return string(l.Name) == metricName && len(l.Value) > 0 }
	for i := 0; i+1 < len(p.refs) && p.version == V2; i += 2 {
		name, err := p.symbol(p.refs[i])
		value, bad := p.symbol(p.refs[i+1])
		if err != nil || bad != nil {
			continue
		}
		if l := (reading.Label{Name: withoutLength(name), Value: withoutLength(value)}); named(l) {
			return shortened(l.Value) + "{…}"
		}
	}
	m := p.body[:p.series.to]
	for pos := p.series.from; pos < len(m) && p.version == V1; {
		f, err := readField(m, pos)
		if err != nil {
			break
		}
		if l, err := readLabel(m[f.from:f.to]); f.number == fieldLabels && err == nil && named(l) {
			return shortened(l.Value) + "{…}"
		}
		pos = f.next
	}
	return ""
}

func shortened(text []byte) string { return string(text[:min(len(text), maxDescribed)]) }

func describeKey(key []byte) string {
	var name string
	var ls strings.Builder
	for pos := 0; pos < len(key) && ls.Len() < maxDescribed; {
		f, err := readField(key, pos)
		if err != nil {
			break
		}
		if l, err := readLabel(key[f.from:f.to]); err == nil && string(l.Name) == metricName {
			name = shortened(l.Value)
		} else if err == nil {
			if ls.Len() > 0 {
				ls.WriteByte(',')
			}
			fmt.Fprintf(&ls, "%s=%q", l.Name[:min(len(l.Name), maxDescribed)], l.Value[:min(len(l.Value), maxDescribed)])
		}
		pos = f.next
	}
	return fmt.Sprintf("%s{%s}", name, ls.String())
}
